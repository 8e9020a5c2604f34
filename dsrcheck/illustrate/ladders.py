"""The ladder of a connection: its first frames, read again, each with what is wrong with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding, FrameRef
from dsrcheck.flows.ladder import LadderBuilder, Rung, Skipped
from dsrcheck.flows.marks import Kind, Marker
from dsrcheck.flows.reread import FlowFrame, flow_frames
from dsrcheck.flows.table import Int64, column
from dsrcheck.flowview import flow_ends, flow_key, host_roles, protocol_name
from dsrcheck.illustrate.order import in_order_of_the_path
from dsrcheck.report.illustrations import EvidenceLadder, MarkedRung
from dsrcheck.report.model import Report
from dsrcheck.report.steps import RoleLegs, broken_rules, failing_hosts
from dsrcheck.text import printable

OPENING, AROUND = 7, 3
"""Frames that are shown: the first, and those before and after a frame of the evidence that comes later."""
RUNG_LIMIT = OPENING + 2 * AROUND + 1
LOOKED_AT = 20_000
"""Frames of a connection that are looked at for the evidence."""
EVIDENCE = ("first_frame", "rst_frame", "isn_last_frame", "last_frame")
"""Columns of the leg table whose frames rules bring as evidence."""
NEAR = 1000
"""Frames before a leg's first one that may be of its flow: later fragments, and mirrors' copies."""

Ends = tuple[str, str, str, str]
"""MAC and address of the sender, MAC and address of the receiver."""


def flow_of(s: Sides, frame: FrameRef) -> int | None:
    """The flow that a frame of evidence is of; None where no leg is known by it."""
    here = _capture_of_leg(s) == frame.capture
    for name in EVIDENCE:
        flows = s.scene.flows.of_leg[here & (s.scene.leg(name) == frame.number)]
        if len(flows) and flows[0] >= 0:
            return int(flows[0])
    return None


def _capture_of_leg(s: Sides) -> Int64:
    of_interface = np.array([interface.capture for interface in s.scene.legs.interfaces], np.int64)
    return of_interface[column(s.scene.legs.paths, "interface")[s.scene.leg("path")]]


def flow_ladder(
    s: Sides, report: Report, legs: RoleLegs, flow: int, shown: FrameRef, vip: str | None, finding: Finding | None
) -> EvidenceLadder:
    """The first frames of a flow and those around `shown`; with its other half where the balancer rewrites addresses.

    Raises FlowError for a capture that can be read only once, CaptureError.
    """
    scene, capture = s.scene, shown.capture
    path, row = report.captures[capture].path, _row_of(s, flow)
    flows = [flow, *_other_half(s, flow)]
    builder = LadderBuilder(host_roles(scene, s.topology, flow), everything=True)
    markers = {half: Marker() for half in flows}
    streams = [((frame, half) for frame in _frames_of(s, path, half, capture)) for half in flows]
    beyond = 0
    for looked_at, (frame, half) in enumerate(merge(*streams, key=lambda pair: pair[0].number), 1):
        builder.add(frame, markers[half].mark(frame))
        beyond += frame.number > shown.number
        if looked_at >= LOOKED_AT or (looked_at >= RUNG_LIMIT and beyond >= AROUND):
            break
    ladder = builder.ladder()
    hosts, rungs = in_order_of_the_path(ladder.hosts, (rung for rung in ladder.rungs if isinstance(rung, Rung)))
    client, service = flow_ends(scene.flows, flow)
    here = np.isin(scene.flows.of_leg, flows) & (_capture_of_leg(s) == capture)
    return EvidenceLadder(
        finding.rule if finding else None,
        vip,
        f"{protocol_name(scene.flows, flow)} {client} to {service}",
        hosts,
        tuple(_marked(
            rungs, _breaks_by_ends(s, report, legs, row) if row is not None else {}, finding, shown,
            int(scene.leg_at("frames", here).sum()),
        )),
        # Of several captures, each numbers its flows by itself.
        f"dsrcheck flow {shlex.quote(printable(path))} {flow + 1}" if len(report.captures) == 1 else None,
    )  # fmt: skip


def _frames_of(s: Sides, path: str, flow: int, capture: int) -> Iterator[FlowFrame]:
    legs = np.flatnonzero((s.scene.flows.of_leg == flow) & (_capture_of_leg(s) == capture))
    first = int(s.scene.leg_at("first_frame", legs).min()) if len(legs) else 1
    last = int(s.scene.leg_at("last_frame", legs).max()) if len(legs) else 0
    return flow_frames(path, flow_key(s.scene.flows, flow), first - NEAR, last + NEAR)


def _row_of(s: Sides, flow: int) -> int | None:
    """The exchange that a flow belongs to, from either side of the balancer."""
    legs = np.flatnonzero((s.scene.flows.of_leg == flow) & (s.roles.row >= 0))
    return int(s.roles.row[legs[0]]) if len(legs) else None


def _other_half(s: Sides, flow: int) -> list[int]:
    """nat and proxy: the flow between balancer and server that belongs to the client's, or the other way round."""
    pairs = [pair for vip in s.topology.vips for pair in vip.flow_pairs.items() if flow in pair]
    return [other for pair in pairs[:1] for other in pair if other != flow]


def _breaks_by_ends(s: Sides, report: Report, legs: RoleLegs, row: int) -> Mapping[Ends, tuple[str, ...]]:
    """What each leg of an exchange breaks."""
    ends, book = s.scene.ends, s.scene.book
    failing = failing_hosts(report.findings, s.topology.vips[int(s.roles.vip[row])].address)
    return {
        (
            mac_text(int(ends.src_mac[leg])), book.text(int(ends.src[leg])),
            mac_text(int(ends.dst_mac[leg])), book.text(int(ends.dst[leg])),
        ): broken_rules(s, row, leg, role, failing)
        for leg, role in legs.of_row(row)
    }  # fmt: skip


def _marked(
    rungs: Sequence[Rung], broken: Mapping[Ends, tuple[str, ...]], finding: Finding | None, shown: FrameRef, frames: int
) -> Iterator[MarkedRung | Skipped]:
    """The rungs to show with what is wrong with them, and how many of all `frames` are left out between and after."""
    place = next((place for place, rung in enumerate(rungs) if rung.number == shown.number), 0)
    around = range(place - AROUND, place + AROUND + 1) if place + AROUND >= RUNG_LIMIT else range(RUNG_LIMIT)
    following = 0
    for place, rung in enumerate(rungs):
        if place >= OPENING and place not in around:
            continue
        if place > following:
            yield Skipped(place - following)
        following = place + 1
        ends = rung.macs[0], rung.addresses[0], rung.macs[1], rung.addresses[1]
        breaks = () if rung.kind is Kind.TWIN else broken.get(ends, ())
        evidence = finding is not None and FrameRef(shown.capture, rung.number) in finding.frames
        yield MarkedRung(rung, breaks, evidence)
    if frames > following:
        yield Skipped(frames - following)
