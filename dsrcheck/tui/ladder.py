"""The ladder: the frames of one flow as arrows between the hosts, its steps, and the frame under the cursor."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on, work
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from dsrcheck.addresses import ip_text, mac_text
from dsrcheck.capture import CaptureError
from dsrcheck.findings import FrameRef
from dsrcheck.flows.ladder import FlowRung
from dsrcheck.flows.reread import TCP, Address, FlowError
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES
from dsrcheck.flowview import flow_key
from dsrcheck.kernel.decode import TUNNELS
from dsrcheck.live import Snapshot
from dsrcheck.records import dataclass
from dsrcheck.report.model import Step
from dsrcheck.report.words import many
from dsrcheck.text import printable
from dsrcheck.tui.actions import LADDER, bindings_of
from dsrcheck.tui.drawing import Drawing
from dsrcheck.tui.picture import is_broken, step_title
from dsrcheck.tui.reading import Picture, read_picture
from dsrcheck.tui.signs import COLOURS, FAINT, STEP_COLOURS
from dsrcheck.tui.view import View
from dsrcheck.tui.wireshark import flow_filter


class LadderView(View):
    """One flow, drawn."""

    VIEW = LADDER
    BINDINGS = bindings_of(LADDER)

    @dataclass
    class Read(Message):
        """The picture of a flow, read in a worker; or why it cannot be drawn."""

        row: int
        picture: Picture | None
        trouble: str = ""

    def __init__(self, snapshot: Snapshot, row: int, frame: FrameRef | None = None) -> None:
        super().__init__()
        self.snapshot: Snapshot = snapshot
        self.row = row
        self.frame = frame
        """The frame to put the cursor on."""
        self.all_frames = False

    def body(self) -> Iterable[Widget]:
        """What flow it is, the drawing, the steps and the frame under the cursor."""
        yield Static(id="flow")
        with Container(id="split"):
            yield Drawing(id="drawing")
            with VerticalScroll(id="beside", can_focus=False):
                yield Static(id="steps")
                yield Static(id="detail")

    @property
    def drawing(self) -> Drawing:
        return self.query_one(Drawing)

    def on_mount(self) -> None:
        """Read the flow."""
        super().on_mount()
        self.drawing.focus()
        self._start()

    def refresh_from_app(self) -> None:
        """The picture stays the one it was opened with: flows of a later snapshot may have other numbers."""
        self.draw_title()

    def _start(self) -> None:
        self.query_one("#flow", Static).update(Content.styled(f"flow {self.row + 1:,}: reading ...", FAINT))
        self.drawing.loading = True
        self.read(self.snapshot, self.row, self.all_frames)

    @work(thread=True, exclusive=True, group="ladder", description="ladder")
    def read(self, snapshot: Snapshot, row: int, everything: bool) -> None:
        """Read the capture again for the frames of a flow."""
        try:
            told = self.Read(row, read_picture(snapshot, row, everything))
        except (FlowError, CaptureError, OSError) as error:
            told = self.Read(row, None, str(error))
        if not get_current_worker().is_cancelled:
            self.post_message(told)

    @on(Read)
    def show_picture(self, event: Read) -> None:
        """Draw it."""
        if event.row != self.row:
            return
        self.drawing.loading = False
        self.drawing.focus()
        if event.picture is None:
            self.query_one("#flow", Static).update(Content.styled(f"✗ {printable(event.trouble)}", COLOURS["error"]))
            return
        self.query_one("#flow", Static).update(self._about(event.picture))
        self.query_one("#steps", Static).update(step_table(event.picture.steps))
        self.drawing.show(event.picture)
        if self.frame is not None:
            self._go_to(self.frame)

    def _go_to(self, frame: FrameRef) -> None:
        picture = self.drawing.picture
        for place, rung in enumerate(picture.ladder.rungs if picture else ()):
            if isinstance(rung, FlowRung) and rung.number == frame.number and self._frame_of(rung) == frame:
                self.drawing.place = place
                return

    def _about(self, picture: Picture) -> Content:
        key = flow_key(self.snapshot.analysis.sides.scene.flows, self.row)
        ports = key.protocol in PORT_PROTOCOLS
        client, service = _end(key.client, key.client_port, ports), _end(key.service, key.service_port, ports)
        name = PROTOCOL_NAMES.get(key.protocol, str(key.protocol))
        told = f"{many(picture.ladder.frames, 'frame')}, {picture.state}, {picture.seconds:.3f} s"
        return Content.assemble((f"flow {self.row + 1:,}", "bold"), f" {name} {client} → {service}  ", (told, FAINT))

    # ---- the frame under the cursor ----

    @on(Drawing.Moved)
    def other_frame(self) -> None:
        """Tell of the frame that the cursor came to."""
        rung, picture = self.drawing.rung, self.drawing.picture
        if rung is not None and picture is not None:
            at = picture.step_of[self.drawing.place]
            self.query_one("#detail", Static).update(detail(rung, picture.steps[at] if at is not None else None))

    def _frame_of(self, rung: FlowRung) -> FrameRef:
        captures = self.drawing.picture.capture_of if self.drawing.picture else ()
        at = rung.frame.interface
        return FrameRef(captures[at] if at < len(captures) else 0, rung.number)

    @on(Drawing.Chosen)
    def action_open(self) -> None:
        """Show its layers and bytes."""
        if self.drawing.rung is not None:
            self.program.show_frame(self._frame_of(self.drawing.rung), self.snapshot)

    # ---- actions ----

    def find(self, needle: str, step: int) -> bool:
        """The next frame whose words hold a text."""
        picture = self.drawing.picture
        rungs = picture.ladder.rungs if picture else ()
        held = [
            at for at, rung in enumerate(rungs) if isinstance(rung, FlowRung) and needle.lower() in rung.text.lower()
        ]
        others = [at for at in held if (at - self.drawing.place) * step > 0]
        if held:
            self.drawing.place = (
                min(others, key=lambda at: abs(at - self.drawing.place)) if others else held[(step > 0 and 0) or -1]
            )
        return bool(held)

    def action_back(self) -> None:
        """Go back."""
        self.app.pop_screen()

    def action_steps(self) -> None:
        """Where both have no room: the steps of the flow instead of the frame."""
        self.toggle_class("-steps")

    def action_everything(self) -> None:
        """All frames, or the telling ones."""
        self.all_frames = not self.all_frames
        self._start()

    def action_step(self, by: int) -> None:
        """The flow before or after, by its number."""
        flows = len(self.snapshot.analysis.sides.scene.flows)
        row = min(max(self.row + by, 0), flows - 1)
        if row != self.row:
            self.row, self.frame = row, None
            self._start()

    def action_copy_filter(self) -> None:
        """Copy a filter for the flow."""
        self.program.copy(flow_filter(flow_key(self.snapshot.analysis.sides.scene.flows, self.row)))


def _end(address: Address, port: int, has_port: bool) -> str:
    text = ip_text(*address)
    if not has_port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def step_table(steps: tuple[Step, ...]) -> Content:
    """The steps of a flow: who sends to whom, and whether that is right."""
    if not steps:
        return Content.styled("This flow is of no balanced service.", FAINT)
    lines = []
    for step in steps:
        broken = is_broken(step)
        colour = COLOURS["fail"] if broken else STEP_COLOURS.get(step.step, "")
        verdict = f"✗ {step.verdict}" if broken else "✓" if step.verdict else ""
        lines.append(Content.assemble((f"{step_title(step):<10} ", f"bold {colour}"), (verdict, colour)))
        for mac, address in ((step.src_mac, step.src_ip), (step.dst_mac, step.dst_ip)):
            arrow = "→ " if (mac, address) == (step.dst_mac, step.dst_ip) else "  "
            lines.append(Content.assemble((f"  {arrow}", FAINT), f"{mac or 'no MAC':<17}  {address}"))
    return Content("\n").join(lines)


def detail(rung: FlowRung, step: Step | None) -> Content:
    """One frame: its ends, its fields, and what changed on the way."""
    frame = rung.frame
    ports = frame.protocol in PORT_PROTOCOLS and not frame.about and not frame.fragment
    src, dst = _end(frame.src, frame.src_port, ports), _end(frame.dst, frame.dst_port, ports)
    facts = [f"TTL {frame.ttl}", f"IP id {frame.ip_id:#06x}", f"IP length {frame.ip_length:,}"]
    if frame.protocol == TCP and not frame.about:
        facts.append(f"window {frame.window:,}")
    if frame.vlan:
        facts.append(f"VLAN {frame.vlan & 0xFFF}")
    if frame.tunnel:
        facts.append(f"in {TUNNELS[frame.tunnel]} {ip_text(*frame.outer_src)} → {ip_text(*frame.outer_dst)}")
    colour = COLOURS["fail"] if is_broken(step) else STEP_COLOURS.get(step.step, "") if step else ""
    title = f"  {step_title(step)}" if step else ""
    broken = f"  ✗ breaks {step.verdict}" if step and is_broken(step) else ""
    source = mac_text(frame.src_mac) if frame.macs & 1 else "no MAC"
    target = mac_text(frame.dst_mac) if frame.macs & 2 else "no MAC"
    return Content("\n").join([
        Content.assemble((f"frame {rung.number:,}", "bold"), (f"{title}{broken}", f"bold {colour}")),
        Content.assemble(f"  {source}  {src}"),
        Content.assemble(("→ ", FAINT), f"{target}  {dst}"),
        Content(printable(rung.text)),
        Content.styled(", ".join(facts), FAINT),
    ])  # fmt: skip
