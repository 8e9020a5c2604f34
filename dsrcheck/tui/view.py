"""What all views are: a screen with a title, a search bar and a footer, that draws one snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, Static

from dsrcheck.live import Snapshot, State
from dsrcheck.report.words import many, octets, verdict_words
from dsrcheck.tui.actions import CLAIMS, FINDINGS, FLOWS, OVERVIEW
from dsrcheck.tui.signs import COLOURS, FAINT, SIGNS

if TYPE_CHECKING:
    from dsrcheck.tui.app import DsrcheckApp

TABS = (OVERVIEW, FINDINGS, FLOWS, CLAIMS)
WIDE = 120
"""Columns from which views put things side by side."""


class Title(Static):
    """The first line: the verdict, what is watched, and the views there are."""

    def draw(self, snapshot: Snapshot | None, name: str, view: str) -> None:
        """Lay the line out for the width there is."""
        width = self.app.size.width
        tabs = Content("  ").join(self._tab(number, tab, view) for number, tab in enumerate(TABS, 1))
        badge = self._badge(snapshot)
        room = max(width - len(tabs) - len(badge) - 5, 0)
        shown = name if cell_len(name) <= room else f"…{name[len(name) - max(room - 1, 0) :]}" if room else ""
        gap = " " * max(width - 3 - len(badge) - cell_len(shown) - len(tabs), 1)
        self.update(Content.assemble(" ", badge, " ", (shown, "bold"), gap, tabs, " "))

    def _badge(self, snapshot: Snapshot | None) -> Content:
        if snapshot is None:
            return Content.styled(" reading ", "reverse")
        report = snapshot.analysis.report
        word, _ = verdict_words(report)
        return Content.styled(f" {SIGNS[report.verdict]} {word} ", f"bold reverse {COLOURS[report.verdict]}")

    def _tab(self, number: int, tab: str, view: str) -> Content:
        if tab == view:
            return Content.styled(f"{number} {tab.capitalize()}", "bold underline")
        return Content.assemble((str(number), "bold"), (f" {tab.capitalize()}", FAINT))


class Status(Static):
    """The line below: how a capture goes on, and what is in trouble. Hidden where there is nothing to say."""

    def draw(self, snapshot: Snapshot | None, newest: Snapshot | None, frozen: bool) -> None:
        """Say it."""
        parts = list(_status(snapshot, newest, frozen)) if snapshot and newest else []
        self.display = bool(parts)
        self.update(Content.assemble(" ", Content("   ").join(parts)))


def _status(snapshot: Snapshot, newest: Snapshot, frozen: bool) -> Iterable[Content]:
    if newest.state is State.CAPTURING:
        yield Content.styled("● capturing", "$success")
    elif newest.state is State.FAILED:
        yield Content.styled("✗ stopped", "bold $error")
    elif newest.state is State.INTERRUPTED:
        yield Content("■ stopped")
    if frozen:
        yield Content.styled(f"❄ frozen, +{newest.frames - snapshot.frames:,} new", "bold $accent")
    if newest.trouble:
        yield Content.styled(f"✗ {newest.trouble}", "bold $error")
    if newest.state is State.CAPTURING or newest.trouble:
        yield Content(f"{many(snapshot.frames, 'frame')}, {octets(snapshot.bytes)}")
    if newest.dropped:
        yield Content.styled(f"! {newest.dropped:,} dropped", "$warning")
    if snapshot.aged.legs and snapshot.idle is not None:
        idle = f"{snapshot.idle:g}"
        yield Content.styled(f"{many(snapshot.aged.legs, 'leg')} idle for {idle} s kept as totals", FAINT)


class View(Screen[None]):
    """One view. Subclasses say what they are made of (`body`), and draw a snapshot (`draw`).

    What takes long runs in a thread (`@work`), which posts a message when it is done and never touches a widget. Each
    has a description: without one Textual puts all arguments into words, and a snapshot is a million numbers.
    """

    VIEW: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # Textual declares it like that

    def __init__(self) -> None:
        super().__init__()
        self.snapshot: Snapshot | None = None
        """What is drawn."""
        self._needle = ""

    @property
    def program(self) -> DsrcheckApp:
        """The application."""
        return cast("DsrcheckApp", self.app)

    def compose(self) -> ComposeResult:
        """Title, status, the view's own, search bar, footer."""
        yield Title(id="title")
        yield Status(id="status")
        yield from self.body()
        yield Input(placeholder="search", id="search", compact=True)
        yield Footer(show_command_palette=False)

    def body(self) -> Iterable[Widget]:
        """The widgets between title and footer."""
        raise NotImplementedError

    def draw(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        raise NotImplementedError

    def find(self, needle: str, step: int) -> bool:
        """Go to the next (1) or previous (-1) place where a text stands; whether there is one."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Begin without the search bar."""
        self.query_one("#search", Input).display = False
        self.query_one(Status).display = False

    @on(events.ScreenResume)
    def catch_up(self) -> None:
        """Draw what came while another view was shown."""
        self.refresh_from_app()

    def on_resize(self) -> None:
        """Lay the title out anew."""
        self.draw_title()

    def refresh_from_app(self) -> None:
        """Draw the app's snapshot, if it is another than the one that is drawn."""
        self.draw_title()
        shown = self.program.shown
        if shown is not None and shown is not self.snapshot:
            self.snapshot = shown
            self.draw(shown)

    def draw_title(self) -> None:
        """Draw title and status."""
        if not self.is_mounted:
            return
        app = self.program
        self.query_one(Title).draw(app.shown, app.watch_name, self.VIEW)
        self.query_one(Status).draw(app.shown, app.newest, app.frozen)

    # ---- search ----

    def action_search(self) -> None:
        """Ask for a text."""
        bar = self.query_one("#search", Input)
        bar.display = True
        bar.focus()

    def action_again(self, step: int) -> None:
        """Search on."""
        if not self._needle:
            self.action_search()
        elif not self.find(self._needle, step):
            self.notify(Content(f"{self._needle!r} stands nowhere here").plain, severity="warning", markup=False)

    @on(Input.Submitted, "#search")
    def search_for(self, event: Input.Submitted) -> None:
        """Go to the first hit."""
        self._needle = event.value.strip()
        self.close_bar(event.input)
        if self._needle:
            self.action_again(1)

    def close_bar(self, bar: Input) -> None:
        """Hide a bar, and give the keys back to what they were with."""
        bar.display = False
        self.focus_main()

    def focus_main(self) -> None:
        """Put the focus where the keys of the view work."""
        for widget in self.focus_chain:
            if not isinstance(widget, Input):
                widget.focus()
                return

    def on_key(self, event: events.Key) -> None:
        """Escape leaves a bar without doing anything."""
        if event.key == "escape" and isinstance(self.focused, Input):
            event.stop()
            event.prevent_default()
            self.leave_bar(self.focused)

    def leave_bar(self, bar: Input) -> None:
        """Give a bar up."""
        self.close_bar(bar)
