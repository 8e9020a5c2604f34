"""The overview: the verdict, who is who, how each rule stands, what is on the wire, and what direct return saves."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Sparkline, Static
from textual.worker import get_current_worker

from dsrcheck.exchange.throughput import Load, bit_rate, loads
from dsrcheck.live import Rates, Snapshot, State
from dsrcheck.records import dataclass
from dsrcheck.report.model import Report, VipReport
from dsrcheck.tui.actions import OVERVIEW, bindings_of
from dsrcheck.tui.verdicts import VIP_LIMIT, headline, matrix, notes, ways, who_is_who
from dsrcheck.tui.view import WIDE, View


class Overview(View):
    """The first view."""

    VIEW = OVERVIEW
    BINDINGS = bindings_of(OVERVIEW)

    @dataclass
    class Counted(Message):
        """The loads of the VIPs, reckoned in a worker."""

        snapshot: Snapshot
        loads: tuple[Load, ...]

    def body(self) -> Iterable[Widget]:
        """Verdict, rates, VIPs, notes."""
        with VerticalScroll(id="overview"):
            yield Static("reading and judging ...", id="headline", markup=False)
            yield RatesPanel(id="rates")
            yield Vertical(id="vips")
            yield Static(id="notes")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the report at once; what must be reckoned follows."""
        report = snapshot.analysis.report
        self.query_one("#headline", Static).update(headline(report))
        self.query_one("#notes", Static).update(notes(report))
        self._draw_rates(snapshot)
        self._draw_vips(report, ())
        self.count(snapshot)

    def _draw_rates(self, snapshot: Snapshot) -> None:
        """Rates come first while a capture goes on, and last when it is over."""
        rates = self.query_one(RatesPanel)
        rates.draw(snapshot.seconds)
        room, vips = self.query_one("#overview", VerticalScroll), self.query_one("#vips")
        if snapshot.state is State.CAPTURING:
            room.move_child(rates, before=vips)
        else:
            room.move_child(rates, after=vips)

    def _draw_vips(self, report: Report, found: tuple[Load, ...]) -> None:
        room = self.query_one("#vips", Vertical)
        panels = list(room.query(VipPanel))
        vips = report.vips[:VIP_LIMIT]
        for panel in panels[len(vips) :]:
            panel.remove()
        for _ in range(len(vips) - len(panels)):
            panels.append(panel := VipPanel())
            room.mount(panel)
        for place, (panel, vip) in enumerate(zip(panels, vips, strict=False)):
            panel.show(vip, report, found[place] if place < len(found) else None)

    @work(thread=True, exclusive=True, group="loads", description="loads")
    def count(self, snapshot: Snapshot) -> None:
        """Reckon rates, which takes a look at every exchange."""
        found = tuple(loads(snapshot.analysis.sides))
        if not get_current_worker().is_cancelled:
            self.post_message(self.Counted(snapshot, found))

    @on(Counted)
    def show_loads(self, event: Counted) -> None:
        """Add what was reckoned."""
        if event.snapshot is self.snapshot:
            self._draw_vips(event.snapshot.analysis.report, event.loads)

    def action_open(self) -> None:
        """Go on to the findings."""
        self.program.action_show("findings")


class VipPanel(Horizontal):
    """One VIP: who is who, and beside it (below it on a narrow screen) how the rules stand."""

    def compose(self) -> ComposeResult:
        """Two texts; the style sheet puts them side by side or one below the other."""
        with Vertical(classes="left"):
            yield Static(classes="who")
            yield Static(classes="ways")
        yield Static(classes="rules")

    def show(self, vip: VipReport, report: Report, load: Load | None) -> None:
        """Draw a VIP as soon as the texts are there."""
        self._shown = vip, report, load
        if self.is_mounted:
            self.draw()

    def on_mount(self) -> None:
        """Draw what was to be shown before."""
        self.draw()

    def on_resize(self) -> None:
        """Rule names need room."""
        self.draw()

    def draw(self) -> None:
        """Draw both halves."""
        vip, report, load = self._shown
        wide = self.app.size.width >= WIDE
        who = self.query_one(".who", Static)
        who.update(who_is_who(vip, report, load, who.size.width or self.app.size.width - 2))
        self.query_one(".ways", Static).update(ways(vip, report))
        mine = [verdict for verdict in report.verdicts if verdict.vip == vip.address]
        whole = [verdict for verdict in report.verdicts if verdict.vip is None]
        self.query_one(".rules", Static).update(matrix([*mine, *whole], wide))


class RatesPanel(Vertical):
    """What came in each of the last seconds, as small curves; hidden for captures too short for a curve."""

    ROWS = (("packets", "frames"), ("requests", "request_bytes"), ("replies", "reply_bytes"), ("new flows", "flows"))

    def compose(self) -> ComposeResult:
        """A label, a curve and a number for each."""
        for title, name in self.ROWS:
            with Horizontal(classes="rate"):
                yield Static(title, classes="label")
                yield Sparkline([], id=f"curve-{name}")
                yield Static(id=f"now-{name}", classes="now")

    def draw(self, seconds: Rates) -> None:
        """Draw the curves."""
        self.display = len(seconds) > 2
        if not self.display:
            return
        for _, name in self.ROWS:
            values = getattr(seconds, name)
            self.query_one(f"#curve-{name}", Sparkline).data = values.tolist()
            last, peak = int(values[-2]), int(values.max())  # the last second may not be over
            self.query_one(f"#now-{name}", Static).update(f"{_rate(name, last)}, peak {_rate(name, peak)}")


def _rate(name: str, value: int) -> str:
    return bit_rate(value * 8) if name.endswith("bytes") else f"{value:,}/s"
