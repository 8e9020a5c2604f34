"""The widget that draws a picture: hosts on top, frames below, one of them under the cursor."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dsrcheck.flows.ladder import FlowRung
from dsrcheck.records import dataclass
from dsrcheck.tui.picture import Layout, Line, body, heading, lay_out
from dsrcheck.tui.reading import Picture


class Drawing(ScrollView, can_focus=True):
    """Draws a picture: the hosts stay on top, the frames scroll below, one of them under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"drawing--{name}" for name in (
            "cursor", "role", "name", "faint", "line", "words", "plain", "bad", "odd",
            "step1", "step2", "step3", "step4",
        )
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("home,g", "to_end(-1)", "First", show=False),
        Binding("end,G", "to_end(1)", "Last", show=False),
    ]

    place: reactive[int] = reactive(-1, init=False)
    """Position of the frame under the cursor among the rungs; -1: none."""

    @dataclass
    class Moved(Message):
        """Another frame is under the cursor."""

        place: int

    @dataclass
    class Chosen(Message):
        """A frame was opened."""

        place: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture: Picture | None = None
        self._head: list[Line] = []
        self._body: list[Line] = []

    def show(self, picture: Picture) -> None:
        """Draw another picture, from its first frame."""
        self.picture = picture
        rungs = picture.ladder.rungs
        self.set_reactive(Drawing.place, next((at for at, rung in enumerate(rungs) if isinstance(rung, FlowRung)), -1))
        self._lay_out()
        self.scroll_to(y=0, animate=False, force=True)
        self.post_message(self.Moved(self.place))

    def on_resize(self) -> None:
        """Spread the lifelines over the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        if self.picture is None or not self.size.width:
            return
        layout: Layout = lay_out(self.picture, self.scrollable_content_region.width - 1)
        self._head, self._body = heading(self.picture, layout), body(self.picture, layout)
        self.virtual_size = Size(self.size.width, len(self._head) + len(self._body))
        self._keep_in_view()
        self.refresh()

    @property
    def rung(self) -> FlowRung | None:
        """The frame under the cursor."""
        if self.picture is None or not 0 <= self.place < len(self.picture.ladder.rungs):
            return None
        rung = self.picture.ladder.rungs[self.place]
        return rung if isinstance(rung, FlowRung) else None

    def render_line(self, y: int) -> Strip:
        """A line of the heading, or of the frames below it."""
        head = len(self._head)
        lines, at = (self._head, y) if y < head else (self._body, round(self.scroll_offset.y) + y - head)
        line = lines[at] if at < len(lines) else Line(())
        chosen = line.rung is not None and line.rung == self.place
        background = self.get_component_rich_style("drawing--cursor") if chosen else self.rich_style
        segments = [Segment(text, background + self._tone(tone)) for text, tone in line.parts]
        return Strip(segments).adjust_cell_length(self.size.width, background)

    def _tone(self, name: str) -> Any:
        return self.get_component_rich_style(f"drawing--{name}", partial=True) if name else self.rich_style.null()

    def watch_place(self, _old: int, _new: int) -> None:
        """Show the frame that the cursor came to."""
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved(self.place))

    def _keep_in_view(self) -> None:
        line = next((at for at, line in enumerate(self._body) if line.rung == self.place), 0)
        room = max(self.size.height - len(self._head), 1)
        top = round(self.scroll_offset.y)
        target = min(max(top, line - room + 2), line)
        if target != top:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)

    def _places(self) -> list[int]:
        return [line.rung for line in self._body if line.rung is not None]

    def action_move(self, by: int) -> None:
        """Move the cursor by some frames."""
        places = self._places()
        if places:
            here = places.index(self.place) if self.place in places else 0
            self.place = places[min(max(here + by, 0), len(places) - 1)]

    def action_page(self, by: int) -> None:
        """Move the cursor by a window."""
        self.action_move(by * max(self.size.height - len(self._head) - 1, 1))

    def action_to_end(self, side: int) -> None:
        """Move the cursor to the first or the last frame."""
        self.action_move(side * len(self._body))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the pointer is; a second click opens."""
        at = event.get_content_offset(self)
        line = (
            round(self.scroll_offset.y) + at.y - len(self._head) if at is not None and at.y >= len(self._head) else -1
        )
        if 0 <= line < len(self._body):
            place = self._body[line].rung
            if place is not None:
                self.place = place
                if event.chain == 2:
                    self.post_message(self.Chosen(place))
