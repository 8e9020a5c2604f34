"""Makes what a page draws beside the report; reads the captures again for the frames of what was found."""

from __future__ import annotations

from dsrcheck.capture import CaptureError
from dsrcheck.exchange.sides import Sides
from dsrcheck.exchange.throughput import loads, rates
from dsrcheck.findings import Finding
from dsrcheck.flows.reread import FlowError
from dsrcheck.illustrate.claims import claim_ladder
from dsrcheck.illustrate.ladders import flow_ladder, flow_of
from dsrcheck.illustrate.traffic import traffic
from dsrcheck.report.arrange import groups
from dsrcheck.report.illustrations import EvidenceLadder, Illustrations, Throughput
from dsrcheck.report.model import Report, VipReport

LADDER_LIMIT = 6
"""Findings with a ladder, causes first; each takes reading a capture up to its frames."""
BINS = 240
"""Points of a curve."""


def illustrate(s: Sides, report: Report) -> Illustrations:
    """What to draw of a judged capture. What cannot be read again is told in the notes."""
    ladders = _Ladders(s, report)
    for group in groups(report.findings):
        if group.first.severity != "info" and group.first.vip:
            ladders.add_finding(group.first)
    for vip in report.vips:
        ladders.add_vip(vip)
    throughput = tuple(
        Throughput(vip.address, rate, load.rate_without_dsr if load.known else None)
        for vip, load, rate in zip(report.vips, loads(s), rates(s, BINS), strict=True)
    )
    return Illustrations(tuple(traffic(s, report)), tuple(ladders.drawn), throughput, tuple(ladders.notes))


class _Ladders:
    """Collects ladders: one a connection, however many findings stand on it."""

    def __init__(self, s: Sides, report: Report) -> None:
        self.s = s
        self.report = report
        self.drawn: list[EvidenceLadder] = []
        self.notes: dict[str, None] = {}
        self._known: set[int | str | None] = set()

    def add_finding(self, finding: Finding) -> None:
        """The frames around the evidence of a finding: its first connection, or ARP and NDP about the VIP."""
        flows = ((flow_of(self.s, frame), frame.capture) for frame in finding.frames)
        flow, capture = next(((flow, capture) for flow, capture in flows if flow is not None), (None, 0))
        if flow is not None:
            self._add_flow(flow, capture, finding.vip, finding)
        elif finding.vip not in self._known and len(self.drawn) < LADDER_LIMIT:
            made = claim_ladder(self.s, finding)
            self.drawn += [made] if made else []
            self._known.add(finding.vip)

    def add_vip(self, vip: VipReport) -> None:
        """How the commonest kind of connection of a VIP goes, where nothing else of it is drawn."""
        if any(ladder.vip == vip.address for ladder in self.drawn):
            return
        for table in self.report.steps:
            frame = next((step.frame for step in table.steps if step.frame), None)
            if table.vip == vip.address and frame:
                self._add_flow(table.flow - 1, frame.capture, vip.address, None)
                return

    def _add_flow(self, flow: int, capture: int, vip: str | None, finding: Finding | None) -> None:
        if flow in self._known or len(self.drawn) >= LADDER_LIMIT:
            return
        self._known.add(flow)
        try:
            self.drawn.append(flow_ladder(self.s, self.report, flow, capture, vip, finding))
        except (FlowError, CaptureError) as error:
            self.notes[f"Without a ladder of frames: {error}"] = None
