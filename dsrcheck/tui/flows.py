"""Every flow of the capture in a table: sorted, filtered, opened as a ladder."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from textual import on, work
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from dsrcheck.flowview import flow_key
from dsrcheck.live import Snapshot
from dsrcheck.records import dataclass
from dsrcheck.report.words import many
from dsrcheck.rules.expression import Expression, ExpressionError
from dsrcheck.text import printable
from dsrcheck.tui.actions import FLOWS, bindings_of
from dsrcheck.tui.flowfilter import FlowFilter, NameSuggester, compile_filter
from dsrcheck.tui.flowtable import flow_columns
from dsrcheck.tui.signs import COLOURS, FAINT
from dsrcheck.tui.table import Column, Int64, Table
from dsrcheck.tui.view import View
from dsrcheck.tui.wireshark import flow_filter


class FlowsView(View):
    """The table, above it the filter and how many flows it lets through."""

    VIEW = FLOWS
    BINDINGS = bindings_of(FLOWS)

    @dataclass
    class Listed(Message):
        """The flows of a snapshot as columns, those that the filter holds for, in their order; made in a worker."""

        snapshot: Snapshot
        filter: FlowFilter
        condition: Expression | None
        columns: tuple[Column, ...]
        order: Int64

    def __init__(self) -> None:
        super().__init__()
        self.condition: Expression | None = None
        """What the flows must fulfil; None: all are shown."""
        self.following = False
        self._filter: FlowFilter | None = None
        self._columns: tuple[Column, ...] = ()
        self._sorted_by: tuple[int, bool] = (0, False)

    def body(self) -> Iterable[Widget]:
        """Filter, what is wrong with it or how many flows it holds for, table."""
        with Horizontal(id="filterbar"):
            yield Static("filter", id="filterlabel")
            yield Input(
                placeholder="e.g. flow.state == 'reset' or reply.through_balancer", id="filter", compact=True,
                suggester=NameSuggester(),
            )  # fmt: skip
        yield Static(id="verdict")
        yield Table(id="flows", empty="no flows")

    @property
    def table(self) -> Table:
        return self.query_one("#flows", Table)

    def on_mount(self) -> None:
        """The keys work on the table until the filter is asked for."""
        super().on_mount()
        self.table.focus()

    def draw(self, snapshot: Snapshot) -> None:
        """List the flows, in a worker."""
        self.list_flows(snapshot, None, (), self.condition, self._sorted_by)

    def _list_again(self) -> None:
        """The same flows by another filter, in another order."""
        if self.snapshot is not None:
            self.list_flows(self.snapshot, self._filter, self._columns, self.condition, self._sorted_by)

    @work(thread=True, exclusive=True, group="flows", description="flows")
    def list_flows(
        self, snapshot: Snapshot, kept: FlowFilter | None, columns: tuple[Column, ...], condition: Expression | None,
        sorted_by: tuple[int, bool],
    ) -> None:  # fmt: skip
        """Make the columns, if there are none of this snapshot yet; filter and sort."""
        filtered = kept or FlowFilter(snapshot.analysis.sides)
        columns = columns or flow_columns(snapshot.analysis.sides)
        rows = filtered.rows(condition) if condition else np.arange(len(snapshot.analysis.sides.scene.flows))
        number, down = sorted_by
        order = rows[np.argsort(columns[number].values[rows], kind="stable")] if number or down else rows
        if not get_current_worker().is_cancelled:
            self.post_message(self.Listed(snapshot, filtered, condition, columns, order[::-1] if down else order))

    @on(Listed)
    def show_flows(self, event: Listed) -> None:
        """Draw them."""
        if event.snapshot is not self.snapshot:
            return
        self._filter, self._columns = event.filter, event.columns
        self.table.show(event.columns, event.order, self._sorted_by)
        self.table.show_column(self._sorted_by[0])
        if self.following:
            self.table.action_to_end(1)
        everything = len(event.snapshot.analysis.sides.scene.flows)
        shown = (
            many(everything, "flow")
            if event.condition is None
            else f"{len(event.order):,} of {many(everything, 'flow')}"
        )
        folded = event.snapshot.analysis.sides.scene.legs.totals.get("folded_legs", 0)
        more = f"; {many(folded, 'one-way stream')} of few frames kept as totals only" if folded else ""
        sign = "✓ " if event.condition else ""
        self._tell(Content.assemble((sign, COLOURS["pass"]), (shown + more, FAINT)))

    def _tell(self, text: Content) -> None:
        self.query_one("#verdict", Static).update(text)

    # ---- the filter ----

    def filter_by(self, text: str) -> None:
        """Show the flows for which a condition holds."""
        bar = self.query_one("#filter", Input)
        if bar.value == text:
            self._apply(text)
        bar.value = text

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        """Tell at once whether it is valid; filter when it is."""
        self._apply(event.value)

    def _apply(self, text: str) -> None:
        bar = self.query_one("#filter", Input)
        bar.remove_class("valid", "invalid")
        if not text.strip():
            self.condition = None
            self._list_again()
            return
        try:
            condition = compile_filter(text)
        except ExpressionError as error:
            bar.add_class("invalid")
            hint = f": did you mean {error.suggestion}?" if error.suggestion else ""
            meant = printable(error.text[error.start : error.start + error.length], 24)
            self._tell(
                Content.assemble(("✗ ", COLOURS["error"]), (meant, "bold"), f"  {printable(error.message)}{hint}")
            )
            return
        bar.add_class("valid")
        self.condition = condition
        self._list_again()

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        """Back to the table."""
        self.table.focus()

    def action_filter(self) -> None:
        """Ask for a condition."""
        self.query_one("#filter", Input).focus()

    def leave_bar(self, bar: Input) -> None:
        """Escape in the filter takes it away."""
        if bar.id == "filter":
            bar.value = ""
            self.table.focus()
        else:
            super().leave_bar(bar)

    # ---- the table ----

    def find(self, needle: str, step: int) -> bool:
        """The next flow with a text in one of its cells."""
        return self.table.find(needle, step)

    def focus_main(self) -> None:
        """The table has the keys."""
        self.table.focus()

    @on(Table.Chosen)
    def chosen(self, event: Table.Chosen) -> None:
        """Draw its ladder."""
        self.program.show_ladder(event.row)

    @on(Table.HeadingPressed)
    def heading_pressed(self, event: Table.HeadingPressed) -> None:
        """Sort by it; once more: the other way round."""
        number, down = self._sorted_by
        self._sort((event.column, not down if event.column == number else False))

    def action_sort(self, step: int) -> None:
        """Sort by the next column."""
        number, down = self._sorted_by
        self._sort(((number + step) % max(len(self._columns), 1), down))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        number, down = self._sorted_by
        self._sort((number, not down))

    def _sort(self, by: tuple[int, bool]) -> None:
        self._sorted_by = by
        self._list_again()

    def action_open(self) -> None:
        """Draw the ladder of the flow under the cursor."""
        self.table.choose()

    def action_follow(self) -> None:
        """Stay at the newest flow."""
        self.following = not self.following
        self.notify(f"following the newest row: {'on' if self.following else 'off'}", markup=False)
        if self.following:
            self.table.action_to_end(1)

    def action_copy_filter(self) -> None:
        """Copy a filter for the flow."""
        if self.snapshot is not None and self.table.row >= 0:
            self.program.copy(flow_filter(flow_key(self.snapshot.analysis.sides.scene.flows, self.table.row)))
