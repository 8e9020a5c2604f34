"""Makes what a page draws beside the report; reads the captures again for the frames of what was found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dsrcheck.capture import CaptureError
from dsrcheck.exchange.sides import Sides
from dsrcheck.exchange.throughput import loads, rates
from dsrcheck.findings import Finding, FrameRef
from dsrcheck.flows.reread import FlowError
from dsrcheck.illustrate.claims import claim_ladder
from dsrcheck.illustrate.ladders import flow_ladder, flow_of
from dsrcheck.illustrate.traffic import traffic
from dsrcheck.report.arrange import groups
from dsrcheck.report.illustrations import EvidenceLadder, Illustrations, MarkedRung, Throughput
from dsrcheck.report.model import Report, VipReport
from dsrcheck.report.steps import RoleLegs, role_legs

LADDER_LIMIT = 6
"""Findings with a ladder, causes first; each takes reading a capture up to its frames."""
BINS = 240
"""Points of a curve."""


def illustrate(s: Sides, report: Report) -> Illustrations:
    """What to draw of a judged capture. What cannot be read again is told in the notes."""
    legs = role_legs(s)
    ladders = _Ladders(s, report, legs)
    for group in groups(report.findings):
        if group.first.severity != "info" and group.first.vip:
            ladders.add_finding(group.first)
    for vip in report.vips:
        ladders.add_vip(vip)
    throughput = tuple(
        Throughput(vip.address, rate, load.rate_without_dsr if load.known else None)
        for vip, load, rate in zip(report.vips, loads(s), rates(s, BINS), strict=True)
    )
    return Illustrations(
        tuple(traffic(s, report, legs)), tuple(ladders.drawn), throughput, tuple(ladders.notes), ladders.elsewhere
    )


class _Ladders:
    """Collects ladders; a finding whose evidence stands in one that is drawn needs no other."""

    def __init__(self, s: Sides, report: Report, legs: RoleLegs) -> None:
        self.s = s
        self.report = report
        self.legs = legs
        self.drawn: list[EvidenceLadder] = []
        self.notes: dict[str, None] = {}
        self.elsewhere: dict[tuple[str, str | None], str] = {}
        self._shown: dict[FrameRef, str] = {}

    def add_finding(self, finding: Finding) -> None:
        """The frames around the evidence of a finding: a connection, or ARP and NDP about the VIP."""
        rule = next((self._shown[frame] for frame in finding.frames if frame in self._shown), None)
        if rule is not None:
            self.elsewhere[finding.rule, finding.vip] = rule
            return
        flows = ((flow_of(self.s, frame), frame) for frame in finding.frames)
        flow, frame = next(((flow, frame) for flow, frame in flows if flow is not None), (None, None))
        if flow is not None and frame is not None:
            self._add_flow(flow, frame, finding.vip, finding)
        elif finding.frames:
            self._add(partial(claim_ladder, self.s, finding), finding.frames[0])

    def add_vip(self, vip: VipReport) -> None:
        """How the commonest kind of connection of a VIP goes, where nothing else of it is drawn."""
        if any(ladder.vip == vip.address for ladder in self.drawn):
            return
        for table in self.report.steps:
            frame = next((step.frame for step in table.steps if step.frame), None)
            if table.vip == vip.address and frame is not None:
                self._add_flow(table.flow - 1, frame, vip.address, None)
                return

    def _add_flow(self, flow: int, frame: FrameRef, vip: str | None, finding: Finding | None) -> None:
        self._add(partial(flow_ladder, self.s, self.report, self.legs, flow, frame, vip, finding), frame)

    def _add(self, make: Callable[[], EvidenceLadder | None], frame: FrameRef) -> None:
        if len(self.drawn) >= LADDER_LIMIT:
            return
        try:
            ladder = make()
        except (FlowError, CaptureError) as error:
            self.notes[f"Without a ladder of frames: {error}"] = None
            return
        if ladder is not None:
            self.drawn.append(ladder)
            shown = (FrameRef(frame.capture, rung.rung.number) for rung in ladder.rungs if isinstance(rung, MarkedRung))
            self._shown |= dict.fromkeys(shown, ladder.rule or "")
