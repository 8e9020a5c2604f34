"""The application: from view to view, captures that go on, trouble, and terminals of any kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dsrcheck.capture import CaptureError
from dsrcheck.live import Aged, Snapshot, State
from dsrcheck.tui.actions import ACTIONS, VIEWS, bindings_of
from dsrcheck.tui.app import DsrcheckApp
from dsrcheck.tui.flows import FlowsView
from dsrcheck.tui.frame import FrameView
from dsrcheck.tui.ladder import LadderView
from tests.tui.pilot import (
    LARGE,
    ROOT,
    catalogue,
    drive,
    press,
    screen_text,
    settle,
    snapshot_of,
    type_text,
    watch_files,
)

ARP = str(ROOT / "pcaps/real-ipvs-arp-problem/capture.pcap")
BACK = str(ROOT / "pcaps/real-ipvs-return-through-balancer/capture.pcap")


class Scripted:
    """A watch that yields what a test gives it, when the test says so."""

    name = "eth0"

    def __init__(self, *first: Snapshot) -> None:
        self.waiting = list(first)
        self.more = threading.Event()
        self.ended = False
        self.stopped = False
        self.saved: list[str] = []

    def give(self, *snapshots: Snapshot, last: bool = False) -> None:
        """Hand on more."""
        self.waiting += snapshots
        self.ended |= last
        self.more.set()

    def snapshots(self) -> Iterator[Snapshot]:
        while True:
            while self.waiting:
                yield self.waiting.pop(0)
            if self.ended or self.stopped:
                return
            self.more.wait()
            self.more.clear()

    def stop(self) -> None:
        self.stopped = True
        self.more.set()

    def save(self, path: str | PathLike[str]) -> None:
        self.saved.append(str(path))


async def arrive(pilot: Pilot[None], app: DsrcheckApp, snapshot: Snapshot) -> None:
    """Wait until a snapshot has come to the application: its thread goes on, so there is no worker to wait for."""
    while app.newest is not snapshot:
        await pilot.pause()
    await pilot.pause()


def test_two_keys_from_a_finding_to_the_layers_of_its_frame() -> None:
    """Enter goes to the frames, Enter to the layers; l to the ladder, with the cursor on the frame; back by Escape."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "2", "enter", "enter")
        assert isinstance(app.screen, FrameView)
        assert app.screen.frame.number == 7
        await press(pilot, "l")
        assert isinstance(app.screen, LadderView)
        assert app.screen.drawing.rung is not None
        assert app.screen.drawing.rung.number == 7
        await press(pilot, "escape", "escape")
        assert app.current_mode == "findings"

    drive(watch_files([BACK]), script)


def test_the_flows_of_a_finding() -> None:
    """f shows the flows that break the rule of the finding; Escape in the filter shows all again."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "2", "down", "f")
        assert isinstance(app.screen, FlowsView)
        assert "✓ 74 of 74 flows" in screen_text(app)  # DSR101: every request goes past the balancer
        await press(pilot, "f", "escape")
        assert app.screen.query_one("#filter", Input).value == ""
        assert "✓" not in screen_text(app).splitlines()[2]

    drive(watch_files([ARP]), script)


def test_the_filter_tells_at_once_whether_it_is_valid() -> None:
    """While it is typed: what is wrong and where; the table keeps what it showed."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "3", "f")
        await type_text(pilot, "flow.framez > 12")
        assert "✗ flow.framez" in screen_text(app)
        assert "did you mean flow.frames?" in screen_text(app)
        await press(pilot, "home", *["right"] * 9, "delete", "delete")
        await type_text(pilot, "es")
        assert "of 74 flows" in screen_text(app)
        assert not app.screen.query_one("#filter", Input).has_class("invalid")

    drive(watch_files([ARP]), script)


def test_freeze_counts_what_is_new() -> None:
    """Frozen, the screens stand still and say how much is new; thawed, they show the newest."""
    first = snapshot_of(BACK, state=State.CAPTURING, frames=1000)
    second = snapshot_of(BACK, state=State.CAPTURING, frames=1234)
    watch = Scripted(first)

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await arrive(pilot, app, first)
        assert "● capturing" in screen_text(app)
        await pilot.press("z")
        watch.give(second)
        await arrive(pilot, app, second)
        assert app.shown is first
        assert "❄ frozen, +234 new" in screen_text(app)
        await pilot.press("z")
        await pilot.pause()
        assert app.shown is second
        assert "frozen" not in screen_text(app)
        watch.stop()

    drive_live(watch, script)


def drive_live(watch: Scripted, script: object, size: tuple[int, int] = LARGE) -> DsrcheckApp:
    """As `drive`, over a watch whose thread runs on: nothing can be waited for before the script."""
    import asyncio

    async def run() -> DsrcheckApp:
        app = DsrcheckApp(watch, watch_files, catalogue())
        async with app.run_test(size=size, notifications=True) as pilot:
            try:
                await script(pilot, app)  # type: ignore[operator]
            finally:
                watch.stop()
        return app

    return asyncio.run(run())


def test_trouble_is_told_on_every_view() -> None:
    """dumpcap died: what was seen stays, the state and the reason stand on the second line."""
    died = snapshot_of(
        BACK, state=State.FAILED, trouble="dumpcap ended: the interface eth0 went down", dropped=17, frames=1458
    )
    watch = Scripted(died)

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await arrive(pilot, app, died)
        for key in "1234":
            await pilot.press(key)
            await pilot.pause()
            line = screen_text(app).splitlines()[1]
            assert "✗ stopped" in line
            assert "the interface eth0 went down" in line
            assert "17 dropped" in line

    drive_live(watch, script)


def test_what_was_aged_is_told() -> None:
    """Legs that are kept as totals only are counted on the status line."""
    aged = snapshot_of(BACK, state=State.CAPTURING, aged=Aged(3, 100, 1000), idle=300.0)
    watch = Scripted(aged)

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await arrive(pilot, app, aged)
        assert "3 legs idle for 300 s kept as totals" in screen_text(app)

    drive_live(watch, script)


def test_a_capture_cut_midway_is_told(tmp_path: Path) -> None:
    """What could be read is judged; that it is cut, and where, stands on the second line."""
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(Path(BACK).read_bytes()[:20_000])

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        lines = screen_text(app).splitlines()
        assert "✗ cut at byte 20000" in lines[1]
        assert "✗ FAIL" in lines[0]

    drive(watch_files([str(cut)]), script, LARGE)


def test_a_capture_that_cannot_be_read_ends_the_program() -> None:
    """There is nothing to show: the reason is handed to the command line."""

    class Unreadable(Scripted):
        def snapshots(self) -> Iterator[Snapshot]:
            raise CaptureError("x.pcap", "no capture")

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await pilot.pause()

    app = drive(Unreadable(), script)
    assert isinstance(app.failure, CaptureError)


def test_another_capture_is_opened_and_a_bad_one_is_told() -> None:
    """o asks for a name; what cannot be read leaves the screens as they are."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "o")
        app.screen.query_one("#path", Input).value = str(ROOT / "pyproject.toml")
        await press(pilot, "enter")
        assert app.failure is None
        assert app.watch_name == ARP
        assert "pyproject.toml" in screen_text(app)  # in passing
        assert "DSR301" in screen_text(app)
        await press(pilot, "o")
        app.screen.query_one("#path", Input).value = BACK
        await press(pilot, "enter")
        assert app.watch_name == BACK
        assert "DSR202" in screen_text(app)

    drive(watch_files([ARP]), script)


def test_save_writes_where_the_user_says() -> None:
    """w asks for a name; Escape writes nothing."""
    shown = snapshot_of(BACK, state=State.CAPTURING)
    watch = Scripted(shown)

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await arrive(pilot, app, shown)
        await pilot.press("w", "escape")
        await pilot.press("w")
        app.screen.query_one("#path", Input).value = "seen.pcapng"
        await pilot.press("enter")
        while not watch.saved:
            await pilot.pause()

    drive_live(watch, script)
    assert watch.saved == ["seen.pcapng"]


def test_the_evidence_of_a_finding_is_written(tmp_path: Path) -> None:
    """e writes the frames of the rule, as many as the finding names, for Wireshark."""
    target = tmp_path / "evidence.pcapng"

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "2", "e")
        app.screen.query_one("#path", Input).value = str(target)
        await press(pilot, "enter")

    drive(watch_files([BACK]), script)
    named = next(finding for finding in snapshot_of(BACK).analysis.report.findings if finding.rule == "DSR202").frames
    assert snapshot_of(str(target)).frames == len(named)


def test_a_filter_is_copied() -> None:
    """y puts a display filter on the clipboard, on every view that has something under a cursor."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "3", "y")
        socket = "ip.addr == 203.0.113.11 && ip.addr == 192.168.10.100 && tcp.port == 54362 && tcp.port == 80"
        assert app.clipboard == socket
        await press(pilot, "2", "y")
        assert app.clipboard.startswith("frame.number in {7")
        await press(pilot, "4", "y")
        assert app.clipboard == "arp.src.proto_ipv4 == 192.168.10.100 || arp.dst.proto_ipv4 == 192.168.10.100"

    drive(watch_files([BACK]), script)


def test_search_goes_on_with_the_last_text() -> None:
    """/ asks, > goes on; what stands nowhere is told."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, "3", "slash")
        await type_text(pilot, "203.0.113.1")
        await press(pilot, "enter")
        assert isinstance(app.screen, FlowsView)
        rows = [app.screen.table.row]
        await press(pilot, "greater_than_sign")
        rows.append(app.screen.table.row)
        assert rows == [1, 2]  # the first row, where the cursor was, holds it too
        await press(pilot, "slash")
        await type_text(pilot, "nowhere")
        await press(pilot, "enter")
        assert "stands nowhere" in screen_text(app)

    drive(watch_files([BACK]), script)


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (1, 1), (300, 100)])
def test_a_terminal_may_be_resized(size: tuple[int, int]) -> None:
    """To anything, on any view, and back."""

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        for keys in ("1", "2", "4", "3 enter", "enter"):
            await press(pilot, *keys.split())
            await pilot.resize_terminal(*size)
            await settle(pilot)
            await pilot.resize_terminal(80, 24)
            await settle(pilot)
        assert "frame 6" in screen_text(app)

    drive(watch_files([BACK]), script)


def test_without_colour_the_signs_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves no colour on the screen, and the verdict on it."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        assert app.no_color
        strips = app.screen._compositor.render_strips()
        colours = {
            colour.triplet
            for strip in strips
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and colour.triplet is not None
        }
        grey = {triplet for triplet in colours if max(triplet) - min(triplet) <= 2}
        assert "✗ FAIL" in screen_text(app)
        assert colours - grey == set()

    drive(watch_files([ARP]), script)


def test_hostile_names_and_payloads_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A file name with an escape sequence and markup: shown escaped, on the title, the status and in messages."""
    path = tmp_path / "[red]a\x1b[2Jb.pcap"
    path.write_bytes(Path(BACK).read_bytes()[:20_000])

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        for keys in ("1", "2", "3", "4", "3 enter", "enter"):
            await press(pilot, *keys.split())
            shown = screen_text(app)
            assert "\x1b" not in shown
            assert "[red]a\\x1b[2Jb.pcap" in shown

    drive(watch_files([str(path)]), script, LARGE)


def test_every_action_is_there_and_said_once() -> None:
    """What the list promises the application or the view can do; a key means one thing on a view."""
    views = {
        "overview": "Overview", "findings": "Findings", "flows": "FlowsView", "claims": "ClaimsView",
        "ladder": "LadderView", "frame": "FrameView",
    }  # fmt: skip
    import dsrcheck.tui.app as module

    for action in ACTIONS:
        name = action.action.removeprefix("app.").partition("(")[0]
        owners = (
            [DsrcheckApp] if action.action.startswith("app.") else [getattr(module, views[v]) for v in action.views]
        )
        assert owners
        assert all(hasattr(owner, f"action_{name}") for owner in owners), action
    for view in VIEWS:
        keys = [key for binding in bindings_of(view) for key in binding.key.split(",")]  # type: ignore[union-attr]
        assert len(keys) == len(set(keys)), view
