"""The application: it lets a watch run in a thread, hands its snapshots to the views, and goes from view to view.

A burst of snapshots is coalesced: the thread leaves the newest one and posts one message, however many came meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.segment import Segments
from rich.traceback import Traceback
from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen

from dsrcheck.capture import CaptureError
from dsrcheck.evidence import write_evidence
from dsrcheck.findings import FrameRef
from dsrcheck.flows.reread import FlowError
from dsrcheck.live import Snapshot, State, Watch
from dsrcheck.output import whole_file
from dsrcheck.records import dataclass
from dsrcheck.report.words import many
from dsrcheck.rules import Rule, RuleError
from dsrcheck.text import printable
from dsrcheck.topology.declared import TopologyError
from dsrcheck.tui.actions import ACTIONS, CLAIMS, FINDINGS, FLOWS, OVERVIEW, actions_of
from dsrcheck.tui.claims import ClaimsView
from dsrcheck.tui.dialogs import AskPath, Help, default_name
from dsrcheck.tui.findings import Findings
from dsrcheck.tui.flows import FlowsView
from dsrcheck.tui.frame import FrameView
from dsrcheck.tui.ladder import LadderView
from dsrcheck.tui.overview import Overview
from dsrcheck.tui.reading import flow_of_frame, read_frame
from dsrcheck.tui.themes import DARK, LIGHT, OWN_COLOURS, THEMES
from dsrcheck.tui.view import View

Open = Callable[[Sequence[str]], Watch]
"""How another capture is opened."""


class DsrcheckApp(App[None]):
    """The terminal interface of a watch."""

    TITLE = "dsrcheck"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        OVERVIEW: Overview, FINDINGS: Findings, FLOWS: FlowsView, CLAIMS: ClaimsView,
    }  # fmt: skip
    DEFAULT_MODE = OVERVIEW
    BINDINGS: ClassVar[list[BindingType]] = [action.binding() for action in ACTIONS if not action.views]

    @dataclass
    class Arrived(Message):
        """A snapshot lies ready."""

        watch: Watch

    @dataclass
    class Broken(Message):
        """There is nothing to watch, and why."""

        watch: Watch
        error: Exception

    @dataclass
    class LadderFound(Message):
        """The flow of a frame; None: it is of no flow. Or why the frame cannot be read."""

        snapshot: Snapshot
        frame: FrameRef
        row: int | None
        trouble: str = ""

    @dataclass
    class Told(Message):
        """What a worker has to say."""

        text: str
        severity: str = "information"

    def __init__(self, watch: Watch, open_captures: Open, rules: Iterable[Rule] = (), theme: str | None = None) -> None:
        super().__init__()
        self.watch_source = watch
        self.open_captures = open_captures
        self.rules = {rule.id: rule for rule in rules}
        self.newest: Snapshot | None = None
        self.shown: Snapshot | None = None
        """What the views draw: the newest snapshot, or the one they were frozen at."""
        self.frozen = False
        self.failure: Exception | None = None
        """Why nothing could be read, where nothing could."""
        self._opening: Watch | None = None
        self._waiting: dict[int, Snapshot] = {}  # by the id of their watch
        self._lock = threading.Lock()
        for look in THEMES:
            self.register_theme(look)
        self.theme = theme or DARK

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that only our own themes have."""
        return OWN_COLOURS

    @property
    def watch_name(self) -> str:
        """What is watched."""
        return self.watch_source.name

    # ---- snapshots ----

    def on_mount(self) -> None:
        """Begin to watch."""
        self.follow_watch(self.watch_source)

    @work(thread=True, group="watch", description="watch", exit_on_error=False)
    def follow_watch(self, watch: Watch) -> None:
        """Take every snapshot; say so once for all that came since the last was taken up."""
        try:
            for snapshot in watch.snapshots():
                with self._lock:
                    posted = id(watch) in self._waiting
                    self._waiting[id(watch)] = snapshot
                if not posted:
                    self.post_message(self.Arrived(watch))
        except (CaptureError, TopologyError, RuleError, OSError) as error:
            self.post_message(self.Broken(watch, error))

    @on(Arrived)
    def take(self, event: Arrived) -> None:
        """Show the newest snapshot, unless the screen is to stand still."""
        with self._lock:
            snapshot = self._waiting.pop(id(event.watch), None)
        if snapshot is not None and event.watch is self._opening:
            self.watch_source.stop()
            self.watch_source, self._opening, self.frozen = event.watch, None, False
        if snapshot is None or event.watch is not self.watch_source:
            return
        self.newest = snapshot
        if not self.frozen or self.shown is None:
            self.shown = snapshot
        self.redraw()

    @on(Broken)
    def broken(self, event: Broken) -> None:
        """A capture that cannot be read: leave when there is nothing else, else say so and stay with what is shown."""
        if event.watch is self.watch_source and self.shown is None:
            self.failure = event.error
            self.exit(return_code=1)
        else:
            self.tell(str(event.error), "error")

    def redraw(self) -> None:
        """Let the view on the screen draw what is to be shown."""
        for screen in self.screen_stack:
            if isinstance(screen, View):
                screen.refresh_from_app()
        self.refresh_bindings()

    def tell(self, text: str, severity: str = "information") -> None:
        """Say something in passing."""
        self.notify(printable(text), severity=severity, markup=False)  # type: ignore[arg-type]

    @on(Told)
    def told(self, event: Told) -> None:
        """Say what a worker has to say."""
        self.tell(event.text, event.severity)

    # ---- from view to view ----

    def action_show(self, view: str) -> None:
        """Show one of the views that are always there."""
        if isinstance(self.screen, View):
            self.switch_mode(view)

    def show_flows(self, condition: str) -> None:
        """Show the flows for which a condition holds."""
        self.switch_mode(FLOWS)
        self.call_after_refresh(self._filter_flows, condition)

    def _filter_flows(self, condition: str) -> None:
        if isinstance(self.screen, FlowsView):
            self.screen.filter_by(condition)

    def show_ladder(self, row: int, frame: FrameRef | None = None, snapshot: Snapshot | None = None) -> None:
        """Draw a flow."""
        shown = snapshot or self.shown
        if shown is not None and row >= 0:
            self.push_screen(LadderView(shown, row, frame))

    def show_frame(self, frame: FrameRef | None, snapshot: Snapshot | None = None) -> None:
        """Show one frame."""
        shown = snapshot or self.shown
        if shown is not None and frame is not None:
            self.push_screen(FrameView(shown, frame))

    def show_ladder_of_frame(self, frame: FrameRef | None, snapshot: Snapshot | None = None) -> None:
        """Draw the flow that a frame is of, once it is found."""
        shown = snapshot or self.shown
        if shown is not None and frame is not None:
            self.find_flow(shown, frame)

    @work(thread=True, exclusive=True, group="flow of frame", description="flow of frame")
    def find_flow(self, snapshot: Snapshot, frame: FrameRef) -> None:
        """Read a frame to tell its flow."""
        try:
            row = flow_of_frame(snapshot, read_frame(snapshot, frame))
        except (FlowError, CaptureError, OSError) as error:
            self.post_message(self.LadderFound(snapshot, frame, None, str(error)))
        else:
            self.post_message(self.LadderFound(snapshot, frame, row))

    @on(LadderFound)
    def draw_found(self, event: LadderFound) -> None:
        """Draw it, or say why not."""
        if event.row is None:
            self.tell(event.trouble or f"frame {event.frame.number:,} is of no flow: Enter shows its layers", "warning")
        else:
            self.show_ladder(event.row, event.frame, event.snapshot)

    # ---- actions ----

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is for captures that go on is only there while one does."""
        live = {known.action.removeprefix("app.") for known in ACTIONS if known.live}
        if action in live:
            return self.newest is not None and (self.newest.state is State.CAPTURING or self.frozen)
        return True

    def action_freeze(self) -> None:
        """Stand still, or show the newest again."""
        self.frozen = not self.frozen
        if not self.frozen:
            self.shown = self.newest
        self.redraw()

    def action_stop(self) -> None:
        """End the capture; the screens stay."""
        self.watch_source.stop()

    def action_save(self) -> None:
        """Ask where to, and write what was seen."""
        self.push_screen(AskPath("Save the frames seen so far to", default_name(self.watch_name)), self._save_to)

    def _save_to(self, path: str | None) -> None:
        if path:
            self.save(self.watch_source, path)

    @work(thread=True, group="save", description="save")
    def save(self, watch: Watch, path: str) -> None:
        """Write what was seen."""
        try:
            watch.save(path)
        except (OSError, CaptureError, FlowError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.post_message(self.Told(f"{path}: {why}", "error"))
        else:
            self.post_message(self.Told(f"saved to {path}"))

    def ask_for_evidence(self, snapshot: Snapshot, rule: str) -> None:
        """Ask where to, and write the frames of a rule's findings."""
        if len(snapshot.files) != 1 or snapshot.files[0].first_frame != 1:
            self.tell("evidence is taken from one capture file; w saves what was seen to one", "warning")
            return

        def answered(path: str | None) -> None:
            if path:
                self.write_evidence(snapshot, rule, path)

        self.push_screen(AskPath(f"Write the frames of {rule} to", f"{rule}.pcapng"), answered)

    @work(thread=True, group="evidence", description="evidence")
    def write_evidence(self, snapshot: Snapshot, rule: str, path: str) -> None:
        """Write the frames of a rule's findings, whole or not at all."""
        try:
            with whole_file(Path(path)) as stream:
                frames = write_evidence(snapshot.files[0].path, snapshot.analysis, stream, [rule])
        except (OSError, CaptureError, FlowError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.post_message(self.Told(f"{path}: {why}", "error"))
        else:
            told = f"{many(frames, 'frame')} written to {path}" if frames else f"no single frame shows {rule}"
            self.post_message(self.Told(told))

    def action_open_capture(self) -> None:
        """Ask which, and watch that instead."""
        self.push_screen(AskPath("Open a capture", captures=True), self._open)

    def _open(self, path: str | None) -> None:
        if not path:
            return
        try:
            watch = self.open_captures([path])
        except (CaptureError, TopologyError, RuleError, FlowError, OSError) as error:
            self.tell(str(error), "error")
            return
        self._opening = watch  # it takes the place of what is watched when there is something to show
        self.follow_watch(watch)

    def action_toggle_dark(self) -> None:
        """Change between dark and light."""
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_help(self) -> None:
        """Tell what each key does."""
        if isinstance(self.screen, View):
            self.push_screen(Help(self.screen.VIEW))

    def copy(self, text: str) -> None:
        """Put a text on the clipboard of the terminal (OSC 52), and say so: not every terminal lets it through."""
        self.copy_to_clipboard(text)
        self.tell(f"copied: {text}")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The actions of the view, for the command palette."""
        view = screen.VIEW if isinstance(screen, View) else ""
        for action in actions_of(view):
            name = action.action.removeprefix("app.")
            if name == "command_palette" or not self.check_action(name, ()):
                continue
            yield SystemCommand(action.title, action.help, self._runner(action.action))

    def _runner(self, action: str) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self.run_action, action, self if action.startswith("app.") else self.screen)

        return run

    def _fatal_error(self) -> None:
        """End on a fault of the program with where it was: Textual would print all locals, and a snapshot is huge."""
        self.bell()
        self._exit_renderables.append(Segments(self.console.render(Traceback(width=None), self.console.options)))
        self._close_messages_no_wait()

    async def action_quit(self) -> None:
        """Leave; the capture ends."""
        self.watch_source.stop()
        self.exit()
