"""A table over columns of numbers that puts only the rows on screen into words: a million rows cost as little as ten.

Textual's own DataTable holds a cell of text for every value, which takes seconds from ten thousand rows on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from rich.cells import set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dsrcheck.records import dataclass

Int64 = npt.NDArray[np.int64]
GAP = "  "
FINDABLE_VALUES = 200_000
"""Most distinct values of a column that a search puts into words."""


@dataclass(frozen=True)
class Column:
    """One column.

    values: a number a row, to sort by. text: a value in words, safe for a terminal. width: in cells. right: aligned to
    the right. tone: value -> name of a style (`good`, `bad`, `odd`, `faint`), or none. find: whether a search looks
    here
    """

    title: str
    values: npt.NDArray[Any]
    text: Callable[[int], str]
    width: int
    right: bool = False
    tone: Callable[[int], str] | None = None
    find: bool = True

    def cell(self, row: int) -> tuple[str, str]:
        """Text of exactly `width` cells, and its tone ('' for none)."""
        value = self.values[row].item()
        text = self.text(value)
        if len(text) > self.width:
            text = text[: max(self.width - 1, 0)] + "…"
        text = text.rjust(self.width) if self.right else text
        return set_cell_size(text, self.width), self.tone(value) if self.tone else ""

    def holding(self, needle: str) -> npt.NDArray[np.bool_]:
        """Which rows have a text in lower case in their cell; each distinct value is put into words once."""
        distinct, place = np.unique(self.values, return_inverse=True)
        if len(distinct) > FINDABLE_VALUES:
            return np.zeros(len(self.values), bool)
        held = np.array([needle in self.text(value).lower() for value in distinct.tolist()], bool)
        return held[place] if len(distinct) else np.zeros(len(self.values), bool)


class Table(ScrollView, can_focus=True):
    """Rows under a fixed heading, one of them under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--heading", "table--cursor", "table--good", "table--bad", "table--odd", "table--faint",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("home,g", "to_end(-1)", "First", show=False),
        Binding("end,G", "to_end(1)", "Last", show=False),
        Binding("left", "shift(-8)", "Left", show=False),
        Binding("right", "shift(8)", "Right", show=False),
    ]

    place: reactive[int] = reactive(0, init=False)
    """Position of the cursor among the rows shown."""

    @dataclass
    class Moved(Message):
        """The cursor came to another row, or other rows came under it (-1: there are none)."""

        table: Table
        row: int

        @property
        def control(self) -> Table:
            return self.table

    @dataclass
    class Chosen(Message):
        """A row was opened."""

        table: Table
        row: int

        @property
        def control(self) -> Table:
            return self.table

    @dataclass
    class HeadingPressed(Message):
        """A heading was clicked."""

        table: Table
        column: int

        @property
        def control(self) -> Table:
            return self.table

    def __init__(self, *, id: str | None = None, empty: str = "nothing here") -> None:
        super().__init__(id=id)
        self.columns: tuple[Column, ...] = ()
        self.order: Int64 = np.zeros(0, np.int64)
        self.sorted_by: tuple[int, bool] = (-1, False)
        self.empty = empty

    def show(
        self, columns: Sequence[Column], order: Int64 | None = None, sorted_by: tuple[int, bool] = (-1, False)
    ) -> None:
        """Draw other columns, or other rows of them in another order. The cursor stays on its row if that is there."""
        row = self.row
        self.columns = tuple(columns)
        count = len(columns[0].values) if columns else 0
        self.order = np.arange(count) if order is None else order
        self.sorted_by = sorted_by
        width = sum(column.width for column in columns) + len(GAP) * max(len(columns) - 1, 0)
        self.virtual_size = Size(width, len(self.order) + 1)
        found = np.flatnonzero(self.order == row)
        self.set_reactive(Table.place, int(found[0]) if len(found) else max(min(self.place, len(self.order) - 1), 0))
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    @property
    def row(self) -> int:
        """The row under the cursor, -1 where there is none."""
        return int(self.order[self.place]) if self.place < len(self.order) else -1

    def go_to(self, row: int) -> bool:
        """Put the cursor on a row; whether it is shown."""
        found = np.flatnonzero(self.order == row)
        if len(found):
            self.place = int(found[0])
        return bool(len(found))

    def find(self, needle: str, step: int = 1) -> bool:
        """Go to the next row (the one before, with step -1) that holds a text; whether there is one."""
        held = np.zeros(len(self.order), bool)
        for column in self.columns:
            if column.find:
                held |= column.holding(needle.lower())[self.order]
        places = np.flatnonzero(held)
        if not len(places):
            return False
        others = places[places > self.place] if step > 0 else places[places < self.place][::-1]
        self.place = int(others[0]) if len(others) else int(places[0 if step > 0 else -1])
        return True

    def show_column(self, number: int) -> None:
        """Scroll sideways until a column is in the window."""
        left = sum(column.width + len(GAP) for column in self.columns[:number])
        right = left + self.columns[number].width
        start, width = round(self.scroll_offset.x), self.size.width
        if left < start or right > start + width:
            self.scroll_to(x=max(right - width, 0) if right > start + width else left, animate=False, force=True)

    # ---- drawing ----

    def render_line(self, y: int) -> Strip:
        """The heading, or the row at a line of the window."""
        scroll_x, scroll_y = self.scroll_offset
        width, base = self.size.width, self.rich_style
        if y == 0:
            return self._heading().crop_extend(scroll_x, scroll_x + width, self._style("heading"))
        place = scroll_y + y - 1
        if place >= len(self.order):
            text = f" {self.empty}" if y == 1 and not len(self.order) else ""
            return Strip([Segment(text, base + self._style("faint"))]).crop_extend(0, width, base)
        return self._row(place).crop_extend(scroll_x, scroll_x + width, self._background(place))

    def _style(self, name: str) -> Any:
        return self.get_component_rich_style(f"table--{name}", partial=name not in ("heading", "cursor"))

    def _background(self, place: int) -> Any:
        return self._style("cursor") if place == self.place else self.rich_style

    def _heading(self) -> Strip:
        style = self._style("heading")
        parts = []
        for number, column in enumerate(self.columns):
            at, down = self.sorted_by
            sign = ("▾" if down else "▴") if number == at else ""
            title = column.title[: column.width - len(sign)] + sign
            parts.append(title.rjust(column.width) if column.right else title.ljust(column.width))
        return Strip([Segment(GAP.join(parts), style)])

    def _row(self, place: int) -> Strip:
        background = self._background(place)
        under_cursor = place == self.place
        segments: list[Segment] = []
        for number, column in enumerate(self.columns):
            text, tone = column.cell(int(self.order[place]))
            style = background + self._style(tone) if tone and not under_cursor else background
            segments += [Segment(GAP, background)] * (number > 0) + [Segment(text, style)]
        return Strip(segments)

    # ---- moving ----

    def watch_place(self, _old: int, _new: int) -> None:
        """Show the row that the cursor came to."""
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def _keep_in_view(self) -> None:
        """Scroll so that the row under the cursor is below the heading and above the end."""
        room = max(self.size.height - 1, 1)
        top = round(self.scroll_offset.y)
        target = min(max(top, self.place - room + 1), self.place)
        if target != top:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        """Keep the cursor in a window that became smaller."""
        self._keep_in_view()

    def action_move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self.place = min(max(self.place + by, 0), max(len(self.order) - 1, 0))

    def action_page(self, by: int) -> None:
        """Move the cursor by a window."""
        self.action_move(by * max(self.size.height - 2, 1))

    def action_to_end(self, side: int) -> None:
        """Move the cursor to the first or the last row."""
        self.place = 0 if side < 0 else max(len(self.order) - 1, 0)

    def action_shift(self, by: int) -> None:
        """Scroll sideways."""
        self.scroll_relative(x=by, animate=False)

    def choose(self) -> None:
        """Open the row under the cursor."""
        if self.row >= 0:
            self.post_message(self.Chosen(self, self.row))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the pointer is; a second click opens; a heading sorts."""
        at = event.get_content_offset(self)
        if at is None:
            return
        if at.y == 0:
            self._press_heading(at.x + round(self.scroll_offset.x))
            return
        place = round(self.scroll_offset.y) + at.y - 1
        if place < len(self.order):
            self.place = place
            if event.chain == 2:
                self.choose()

    def _press_heading(self, x: int) -> None:
        for number, column in enumerate(self.columns):
            if x < column.width + len(GAP):
                self.post_message(self.HeadingPressed(self, number))
                return
            x -= column.width + len(GAP)
