"""The findings, worst first: what is wrong, who the culprit is, why, how to mend it, and the frames that show it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from textual import on, work
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from dsrcheck.capture import CaptureError
from dsrcheck.findings import Finding, FrameRef
from dsrcheck.flows.reread import FlowError
from dsrcheck.live import Snapshot
from dsrcheck.records import dataclass
from dsrcheck.report.model import by_severity
from dsrcheck.report.words import culprit, many
from dsrcheck.rules.explain import PLATFORM_TITLES
from dsrcheck.text import printable
from dsrcheck.tui.actions import FINDINGS, bindings_of
from dsrcheck.tui.reading import FrameBytes, read_frames
from dsrcheck.tui.signs import COLOURS, FAINT, SIGNS
from dsrcheck.tui.summary import frame_summary
from dsrcheck.tui.table import Column, Table
from dsrcheck.tui.view import View

if TYPE_CHECKING:
    from dsrcheck.rules import Rule

TONES = {"error": "bad", "warning": "odd", "info": ""}


class Findings(View):
    """A list, and the finding under the cursor in full."""

    VIEW = FINDINGS
    BINDINGS = bindings_of(FINDINGS)

    @dataclass
    class FramesRead(Message):
        """The frames of a finding, read in a worker: what each is, in a line; or why they cannot be read."""

        finding: Finding
        frames: dict[FrameRef, FrameBytes]
        trouble: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.findings: tuple[Finding, ...] = ()
        self._drawn: Finding | None = None

    def body(self) -> Iterable[Widget]:
        """The list; the frames of one and its text."""
        yield Table(id="list", empty="no findings")
        with Vertical(id="one"):
            with VerticalScroll(id="text", can_focus=False):
                yield Static(id="finding")
            yield Table(id="frames", empty="no frames")

    @property
    def table(self) -> Table:
        return self.query_one("#list", Table)

    @property
    def frames(self) -> Table:
        return self.query_one("#frames", Table)

    @property
    def finding(self) -> Finding | None:
        """The one under the cursor."""
        row = self.table.row
        return self.findings[row] if 0 <= row < len(self.findings) else None

    def draw(self, snapshot: Snapshot) -> None:
        """List the findings; the cursor stays with its finding."""
        was = self.finding
        self.findings = by_severity(snapshot.analysis.report.findings)
        self.table.show(_columns(self.findings))
        if was is not None:
            same = [row for row, finding in enumerate(self.findings) if _key(finding) == _key(was)]
            if same:
                self.table.go_to(same[0])
        self._draw_finding()

    @on(Table.Moved, "#list")
    def other_finding(self) -> None:
        """Show what is under the cursor."""
        self._draw_finding()

    def _draw_finding(self) -> None:
        finding = self.finding
        if finding is self._drawn and finding is not None:
            return
        self._drawn = finding
        self.query_one("#finding", Static).update(finding_text(finding, len(self.findings)))
        self.query_one("#text", VerticalScroll).scroll_home(animate=False)
        self._draw_frames(finding, {})
        if finding is not None and finding.frames and self.snapshot is not None:
            self.read(self.snapshot, finding)

    def _draw_frames(self, finding: Finding | None, read: dict[FrameRef, FrameBytes]) -> None:
        frames = finding.frames if finding else ()
        self.frames.display = bool(frames)
        several = self.snapshot is not None and len(self.snapshot.analysis.report.captures) > 1
        self.frames.show(_frame_columns(frames, read, several))

    @work(thread=True, exclusive=True, group="frames", description="frames")
    def read(self, snapshot: Snapshot, finding: Finding) -> None:
        """Look at the frames, to say in a line what each is."""
        try:
            told = self.FramesRead(finding, read_frames(snapshot, finding.frames))
        except (FlowError, CaptureError, OSError) as error:
            told = self.FramesRead(finding, {}, str(error))
        if not get_current_worker().is_cancelled:
            self.post_message(told)

    @on(FramesRead)
    def show_frames(self, event: FramesRead) -> None:
        """Say it."""
        if event.finding is self._drawn:
            self._draw_frames(event.finding, event.frames)

    # ---- actions ----

    def find(self, needle: str, step: int) -> bool:
        """Look in the whole text of each finding."""
        held = [
            row for row, finding in enumerate(self.findings) if needle.lower() in finding_text(finding, 0).plain.lower()
        ]
        if not held:
            return False
        here = self.table.row
        others = [row for row in held if (row - here) * step > 0]
        self.table.go_to(min(others, key=lambda row: abs(row - here)) if others else held[0 if step > 0 else -1])
        return True

    @on(Table.Chosen)
    def chosen(self, event: Table.Chosen) -> None:
        """A row was clicked twice."""
        self._open(event.table is self.frames)

    def action_open(self) -> None:
        """From the list to the frames; from a frame to its layers."""
        self._open(self.focused is self.frames)

    def _open(self, frame: bool) -> None:
        if self.finding is None:
            return
        if frame:
            self.program.show_frame(self._frame())
        elif self.finding.frames:
            self.frames.focus()
        else:
            self.notify("no single frame shows this finding", markup=False)

    def on_key(self, event: object) -> None:
        """Escape leaves the frames for the list."""
        super().on_key(event)  # type: ignore[arg-type]
        if getattr(event, "key", "") == "escape" and self.focused is self.frames:
            self.table.focus()

    def _frame(self) -> FrameRef | None:
        row = self.frames.row
        return self.finding.frames[row] if self.finding and 0 <= row < len(self.finding.frames) else None

    def action_ladder(self) -> None:
        """Draw the flow of the frame."""
        self.program.show_ladder_of_frame(self._frame())

    def action_flows(self) -> None:
        """Show the flows that break the rule."""
        rule = self._rule()
        if rule is None or rule.subject != "exchange":
            self.notify("this rule does not judge flow by flow", markup=False)
            return
        broken = f"not ({rule.expect.text})"
        self.program.show_flows(f"({rule.when.text}) and {broken}" if rule.when else broken)

    def action_evidence(self) -> None:
        """Ask where to, and write the frames that the rule's findings stand on."""
        if self.finding is not None and self.snapshot is not None:
            self.program.ask_for_evidence(self.snapshot, self.finding.rule)

    def _rule(self) -> Rule | None:
        return self.program.rules.get(self.finding.rule) if self.finding else None

    def action_copy_filter(self) -> None:
        """Copy the filter that shows the frames."""
        if self.finding and self.finding.wireshark_filters:
            self.program.copy(self.finding.wireshark_filters[0])


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.rule, finding.vip, finding.subject


def _columns(findings: tuple[Finding, ...]) -> tuple[Column, ...]:
    rows = np.arange(len(findings))

    def column(title: str, text: Iterable[str], tone: bool = False, right: bool = False) -> Column:
        cells = [printable(cell) for cell in text]
        width = max([len(title), *map(len, cells)])
        tones = [TONES[finding.severity] if tone else "faint" if finding.because_of else "" for finding in findings]
        return Column(title, rows, cells.__getitem__, width, right, tones.__getitem__)

    several = len({finding.vip for finding in findings if finding.vip}) > 1
    vips = [column("VIP", (finding.vip or "" for finding in findings))] if several else []
    return (
        column("", (SIGNS[finding.severity] for finding in findings), tone=True),
        column("rule", (finding.rule for finding in findings), tone=True),
        column("what", (("└ " if finding.because_of else "") + finding.name for finding in findings)),
        column("times", (f"{finding.count:,}" if finding.count else "" for finding in findings), right=True),
        *vips,
        column("culprit", (culprit(finding) for finding in findings)),
    )


def finding_text(finding: Finding | None, findings: int) -> Content:
    """Everything that is known of one finding."""
    if finding is None:
        return Content.styled("" if findings else "Nothing is wrong as far as this capture shows.", FAINT)
    several = f"  {finding.count:,} times" if finding.count > 1 else ""
    colour = COLOURS[finding.severity]
    lines = [
        Content.assemble(
            (f"{SIGNS[finding.severity]} {finding.severity}  ", f"bold {colour}"),
            (printable(f"{finding.rule} {finding.name}"), "bold"), f"{several}",
            (f"  VIP {printable(finding.vip)}" if finding.vip else "", FAINT),
        ),
        Content(""),
        Content(printable(finding.message)),
    ]  # fmt: skip
    who = culprit(finding)
    if who:
        lines.append(Content.assemble(("culprit  ", FAINT), (printable(who), f"bold {colour}")))
    if finding.because_of:
        lines.append(Content.assemble(("cause    ", FAINT), f"follows from {finding.because_of}"))
    lines += [Content(""), Content.assemble(("why  ", FAINT), printable(" ".join(finding.why.split())))]
    for platform, text in finding.remedy.items():
        lines += [Content(""), Content.styled(f"mend: {PLATFORM_TITLES.get(platform, platform)}", "bold")]
        lines += _remedy(text)
    if finding.wireshark_filters:
        lines += [Content(""), Content.assemble(("Wireshark  ", FAINT), printable(finding.wireshark_filters[0]))]
    if finding.frames:
        lines.append(Content.styled(f"{many(len(finding.frames), 'frame')} to look at: Enter", FAINT))
    return Content("\n").join(lines)


def _remedy(text: str) -> Iterable[Content]:
    """Paragraphs flow; indented lines are commands and stand out."""
    paragraph: list[str] = []
    for line in [*text.strip("\n").split("\n"), " "]:
        if line.strip() and not line[:1].isspace():
            paragraph.append(line.strip())
            continue
        if paragraph:
            yield Content(printable(" ".join(paragraph)))
            paragraph = []
        if line.strip():
            yield Content.styled(f"  {printable(line.strip())}", "$accent")


def _frame_columns(frames: tuple[FrameRef, ...], read: dict[FrameRef, FrameBytes], several: bool) -> tuple[Column, ...]:
    rows = np.arange(len(frames))
    numbers = [f"{frame.number:,}" for frame in frames]
    told = [frame_summary(read[frame]) if frame in read else "" for frame in frames]
    captures = [Column("capture", rows, lambda row: str(frames[row].capture + 1), 7, right=True)] if several else []
    return (
        *captures,
        Column("frame", rows, numbers.__getitem__, max([5, *map(len, numbers)]), right=True),
        Column("what it is", rows, told.__getitem__, max([10, *map(len, told)])),
    )
