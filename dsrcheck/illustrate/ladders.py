"""The ladder of a connection: its first frames, read again, each with what is wrong with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

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
from dsrcheck.report.steps import broken_rules, failing_hosts, role_legs
from dsrcheck.text import printable

RUNG_LIMIT = 14
NEAR = 1000
"""Frames before a leg's first one that may be of its flow: later fragments, and mirrors' copies."""

Ends = tuple[str, str, str, str]
"""MAC and address of the sender, MAC and address of the receiver."""


def flow_of(s: Sides, frame: FrameRef) -> int | None:
    """The flow that a frame is of, if it is the first of a leg, as evidence most often is."""
    legs = np.flatnonzero((s.scene.leg("first_frame") == frame.number) & (_capture_of_leg(s) == frame.capture))
    flows = s.scene.flows.of_leg[legs]
    return int(flows[0]) if len(flows) and flows[0] >= 0 else None


def _capture_of_leg(s: Sides) -> Int64:
    of_interface = np.array([interface.capture for interface in s.scene.legs.interfaces], np.int64)
    return of_interface[column(s.scene.legs.paths, "interface")[s.scene.leg("path")]]


def flow_ladder(
    s: Sides, report: Report, flow: int, capture: int, vip: str | None, finding: Finding | None
) -> EvidenceLadder:
    """The first frames of a flow, and of its other half where the balancer rewrites addresses.

    Raises FlowError for a capture that can be read only once, CaptureError.
    """
    scene, path = s.scene, report.captures[capture].path
    row = _row_of(s, flow)
    flows = [flow, *_other_half(s, flow)]
    builder = LadderBuilder(host_roles(scene, s.topology, flow))
    markers = {half: Marker() for half in flows}
    frames = sorted(
        ((frame, half) for half in flows for frame in islice(_frames_of(s, path, half, capture), RUNG_LIMIT)),
        key=lambda pair: pair[0].number,
    )
    for frame, half in frames[:RUNG_LIMIT]:
        builder.add(frame, markers[half].mark(frame))
    ladder = builder.ladder()
    # So few frames are all shown: there is nothing skipped between them.
    hosts, rungs = in_order_of_the_path(ladder.hosts, [rung for rung in ladder.rungs if isinstance(rung, Rung)])
    client, service = flow_ends(scene.flows, flow)
    legs = np.flatnonzero(np.isin(scene.flows.of_leg, flows) & (_capture_of_leg(s) == capture))
    left = int(scene.leg("frames")[legs].sum()) - len(frames[:RUNG_LIMIT])
    return EvidenceLadder(
        finding.rule if finding else None,
        vip,
        f"{protocol_name(scene.flows, flow)} {client} to {service}",
        hosts,
        _marked(rungs, _breaks_by_ends(s, report, row) if row is not None else {}, finding, capture, left),
        # Of several captures, each numbers its flows by itself.
        f"dsrcheck flow {shlex.quote(printable(path))} {flow + 1}" if len(report.captures) == 1 else None,
    )


def _frames_of(s: Sides, path: str, flow: int, capture: int) -> Iterator[FlowFrame]:
    legs = np.flatnonzero((s.scene.flows.of_leg == flow) & (_capture_of_leg(s) == capture))
    first = int(s.scene.leg("first_frame")[legs].min()) if len(legs) else 1
    last = int(s.scene.leg("last_frame")[legs].max()) if len(legs) else 0
    return flow_frames(path, flow_key(s.scene.flows, flow), first - NEAR, last + NEAR)


def _row_of(s: Sides, flow: int) -> int | None:
    """The exchange that a flow belongs to, from either side of the balancer."""
    legs = np.flatnonzero((s.scene.flows.of_leg == flow) & (s.roles.row >= 0))
    return int(s.roles.row[legs[0]]) if len(legs) else None


def _other_half(s: Sides, flow: int) -> list[int]:
    """nat and proxy: the flow between balancer and server that belongs to the client's, or the other way round."""
    pairs = [pair for vip in s.topology.vips for pair in vip.flow_pairs.items() if flow in pair]
    return [other for pair in pairs[:1] for other in pair if other != flow]


def _breaks_by_ends(s: Sides, report: Report, row: int) -> Mapping[Ends, tuple[str, ...]]:
    """What each leg of an exchange breaks."""
    ends, book = s.scene.ends, s.scene.book
    failing = failing_hosts(report.findings, s.topology.vips[int(s.roles.vip[row])].address)
    return {
        (
            mac_text(int(ends.src_mac[leg])), book.text(int(ends.src[leg])),
            mac_text(int(ends.dst_mac[leg])), book.text(int(ends.dst[leg])),
        ): broken_rules(s, row, leg, role, failing)
        for leg, role in role_legs(s).of_row(row)
    }  # fmt: skip


def _marked(
    rungs: Iterable[Rung], broken: Mapping[Ends, tuple[str, ...]], finding: Finding | None, capture: int, left: int
) -> tuple[MarkedRung | Skipped, ...]:
    """The rungs with what is wrong with them; last, how many frames of the flow are not shown."""
    marked: list[MarkedRung | Skipped] = []
    for rung in rungs:
        ends = rung.macs[0], rung.addresses[0], rung.macs[1], rung.addresses[1]
        breaks = () if rung.kind is Kind.TWIN else broken.get(ends, ())
        evidence = finding is not None and FrameRef(capture, rung.number) in finding.frames
        marked.append(MarkedRung(rung, breaks, evidence))
    return (*marked, *([Skipped(left)] if left > 0 else []))
