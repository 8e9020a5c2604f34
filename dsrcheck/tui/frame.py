"""One frame: its layers, as tshark or dpkt dissects it, and its bytes; a field's bytes stand out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, Tree
from textual.widgets.tree import TreeNode
from textual.worker import get_current_worker

from dsrcheck.capture import CaptureError
from dsrcheck.findings import FrameRef
from dsrcheck.flows.reread import FlowError
from dsrcheck.live import Snapshot
from dsrcheck.records import dataclass
from dsrcheck.text import printable
from dsrcheck.tui.actions import FRAME, bindings_of
from dsrcheck.tui.dissect import Dissection, Field, Layer, dissect
from dsrcheck.tui.reading import FrameBytes, read_frame
from dsrcheck.tui.signs import COLOURS, FAINT
from dsrcheck.tui.summary import frame_summary
from dsrcheck.tui.view import View
from dsrcheck.tui.wireshark import frame_filter

PER_LINE = 16
HEX_LIMIT = 65_536
"""Bytes of a frame that are shown."""

Part = Layer | Field


class FrameView(View):
    """Layers and bytes of one frame."""

    VIEW = FRAME
    BINDINGS = bindings_of(FRAME)
    AUTO_FOCUS: ClassVar[str | None] = "#layers"

    @dataclass
    class Read(Message):
        """The frame, read in a worker; or why it cannot be read."""

        frame: FrameRef
        found: FrameBytes | None
        trouble: str = ""

    @dataclass
    class Dissected(Message):
        """Its layers, which take longer."""

        frame: FrameRef
        dissection: Dissection

    def __init__(self, snapshot: Snapshot, frame: FrameRef) -> None:
        super().__init__()
        self.snapshot: Snapshot = snapshot
        self.frame = frame
        self._found: FrameBytes | None = None
        self._layers: tuple[Layer, ...] = ()

    def body(self) -> Iterable[Widget]:
        """What it is, its layers, its bytes."""
        yield Static(id="about")
        layers: Tree[Part] = Tree("frame", id="layers")
        layers.show_root = False
        layers.guide_depth = 2
        layers.auto_expand = False
        with Container(id="split"):
            yield layers
            with VerticalScroll(id="bytes", can_focus=False):
                yield Static(id="hex")

    @property
    def parts(self) -> Tree[Part]:
        return self.query_one("#layers", Tree)

    def on_mount(self) -> None:
        """Read the frame."""
        super().on_mount()
        self._start()

    def refresh_from_app(self) -> None:
        """A frame stays what it is."""
        self.draw_title()

    def focus_main(self) -> None:
        """The layers have the keys."""
        self.parts.focus()

    def _start(self) -> None:
        self._tell(Content.styled("reading ...", FAINT))
        self.read(self.snapshot, self.frame)

    def _tell(self, text: Content) -> None:
        several = len(self.snapshot.analysis.report.captures) > 1
        of = f" of capture {self.frame.capture + 1}" if several else ""
        self.query_one("#about", Static).update(Content.assemble((f"frame {self.frame.number:,}{of}  ", "bold"), text))

    @work(thread=True, exclusive=True, group="frame", description="frame")
    def read(self, snapshot: Snapshot, frame: FrameRef) -> None:
        """Read the bytes, then have them dissected."""
        worker = get_current_worker()
        try:
            found = read_frame(snapshot, frame)
        except (FlowError, CaptureError, OSError) as error:
            self.post_message(self.Read(frame, None, str(error)))
            return
        if worker.is_cancelled:
            return
        self.post_message(self.Read(frame, found))
        dissection = dissect(found)
        if not worker.is_cancelled:
            self.post_message(self.Dissected(frame, dissection))

    @on(Read)
    def show_bytes(self, event: Read) -> None:
        """Show the bytes; the layers are still to come."""
        if event.frame != self.frame:
            return
        self._found = event.found
        self.parts.clear()
        if event.found is None:
            self._tell(Content.styled(f"✗ {printable(event.trouble)}", COLOURS["error"]))
            self.query_one("#hex", Static).update("")
            return
        self._tell(Content.assemble(frame_summary(event.found), (f"   {_facts(event.found)}", FAINT)))
        self.parts.root.add_leaf("dissecting ...")
        self.query_one("#hex", Static).update(hex_lines(event.found.data))

    @on(Dissected)
    def show_layers(self, event: Dissected) -> None:
        """Show the layers: all open where they fit, else the innermost."""
        if event.frame != self.frame:
            return
        tree = self.parts
        tree.clear()
        self._layers = event.dissection.layers
        fits = sum(1 + len(layer.fields) for layer in self._layers) <= tree.size.height
        for layer in self._layers:
            node = tree.root.add(Text(layer.title, "bold"), layer, expand=fits or layer is self._layers[-1])
            for field in layer.fields:
                node.add_leaf(Text("  " * field.depth + field.text), field)
        self._tell_source(event.dissection.source)
        tree.cursor_line = 0

    def _tell_source(self, source: str) -> None:
        if self._found is not None:
            facts = f"   {_facts(self._found)}, dissected by {source}"
            self._tell(Content.assemble(frame_summary(self._found), (facts, FAINT)))

    @on(Tree.NodeHighlighted)
    def mark_bytes(self, event: Tree.NodeHighlighted[Part]) -> None:
        """Let the bytes of a field stand out."""
        part = event.node.data
        if self._found is None or part is None:
            return
        self.query_one("#hex", Static).update(hex_lines(self._found.data, part.start, part.length))
        if part.length:
            self.query_one("#bytes", VerticalScroll).scroll_to(y=max(part.start // PER_LINE - 2, 0), animate=False)

    # ---- actions ----

    def find(self, needle: str, step: int) -> bool:
        """The next line of the layers that holds a text."""
        nodes: list[TreeNode[Part]] = [node for layer in self.parts.root.children for node in (layer, *layer.children)]
        cursor = self.parts.cursor_node
        here = next((at for at, node in enumerate(nodes) if node is cursor), -1)
        held = [at for at, node in enumerate(nodes) if needle.lower() in str(node.label).lower()]
        others = [at for at in held if (at - here) * step > 0]
        if held:
            node = nodes[min(others, key=lambda at: abs(at - here)) if others else held[0 if step > 0 else -1]]
            if node.parent is not None:
                node.parent.expand()
            self.call_after_refresh(self.parts.move_cursor, node)
        return bool(held)

    def action_back(self) -> None:
        """Go back."""
        self.app.pop_screen()

    def action_step(self, by: int) -> None:
        """The frame before or after, as the capture has them."""
        number = self.frame.number + by
        if number >= 1:
            self.frame = FrameRef(self.frame.capture, number)
            self._start()

    def action_ladder(self) -> None:
        """Draw its flow."""
        self.program.show_ladder_of_frame(self.frame, self.snapshot)

    def action_copy_filter(self) -> None:
        """Copy a filter for the frame."""
        self.program.copy(frame_filter(self.frame))


def _facts(found: FrameBytes) -> str:
    seconds, rest = divmod(found.time, 1_000_000_000)
    time = f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{rest:09d} UTC"
    cut = f", {len(found.data):,} captured" if len(found.data) < found.original else ""
    return f"{time}, {found.original:,} bytes{cut}, interface {printable(found.interface)}"


def hex_lines(data: bytes, start: int = 0, length: int = 0) -> Content:
    """Sixteen bytes a line with their text; some of them stand out."""
    parts: list[tuple[str, str]] = []
    end = start + length
    for at in range(0, min(len(data), HEX_LIMIT), PER_LINE):
        row = data[at : at + PER_LINE]
        parts.append((f"{at:04x}  ", FAINT))
        parts += [
            (f"{byte:02x}{'  ' if place == 7 else ' '}", _tone(at + place, start, end))
            for place, byte in enumerate(row)
        ]
        parts.append((" " * (3 * (PER_LINE - len(row)) + (len(row) < 8) + 1), ""))
        parts += [
            (chr(byte) if 0x20 <= byte < 0x7F else "·", _tone(at + place, start, end)) for place, byte in enumerate(row)
        ]
        parts.append(("\n", ""))
    if len(data) > HEX_LIMIT:
        parts.append((f"... {len(data) - HEX_LIMIT:,} more bytes", FAINT))
    return Content.assemble(*_joined(parts)).rstrip()


def _tone(at: int, start: int, end: int) -> str:
    return "reverse" if start <= at < end else ""


def _joined(parts: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Neighbours of one tone as one part."""
    text, tone = "", ""
    for piece, of in parts:
        if of != tone:
            yield text, tone
            text, tone = "", of
        text += piece
    yield text, tone
