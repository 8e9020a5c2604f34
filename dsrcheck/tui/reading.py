"""Reads captures again for what the fold does not keep: the frames of one flow, the bytes of one frame.

Called in workers. What cannot be read is told by FlowError or CaptureError.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.capture import open_capture
from dsrcheck.findings import FrameRef
from dsrcheck.flows.ladder import HOST_LIMIT, FlowRung, Ladder, LadderBuilder, LadderHost
from dsrcheck.flows.marks import Mark, Marker
from dsrcheck.flows.reread import LATEST, FlowError, FlowFrame, FlowKey, check_rereadable, flow_frames
from dsrcheck.flows.summary import flow_totals
from dsrcheck.flows.table import PORT_PROTOCOLS, distinct
from dsrcheck.flowview import flow_key, flow_span, host_roles
from dsrcheck.kernel.decode import Frame
from dsrcheck.live import KeptFile, Snapshot
from dsrcheck.records import dataclass
from dsrcheck.report.model import Step
from dsrcheck.report.steps import flow_steps
from dsrcheck.topology.model import Vip

FORWARD = 2
"""The step from the balancer to the server."""


@dataclass(frozen=True)
class Picture:
    """One flow, and the flows that are the same conversation under other addresses.

    row: of the flow asked for; rows: of all that are drawn. steps: the step table. step_of: for each rung of the ladder
    the position of its step, None where it has none. capture_of: interface -> position of its capture. state: of the
    flow in a few words; seconds: from its first frame to its last
    """

    row: int
    rows: tuple[int, ...]
    client: str
    ladder: Ladder
    steps: tuple[Step, ...]
    step_of: tuple[int | None, ...]
    capture_of: tuple[int, ...]
    state: str
    seconds: float


@dataclass(frozen=True)
class FrameBytes:
    """One frame as captured. `number`: in its capture. `interface`: name, or number as text."""

    capture: int
    number: int
    time: int
    data: bytes
    original: int
    link_type: int
    interface: str


def read_picture(snapshot: Snapshot, row: int, everything: bool = False) -> Picture:
    """The ladder of a flow (row), its steps, and which frame is which step. Raises FlowError, CaptureError."""
    analysis = snapshot.analysis
    s, flows = analysis.sides, analysis.sides.scene.flows
    steps = flow_steps(s, row, analysis.report.findings)
    related = distinct(flows.of_leg[np.array(list(steps), np.int64)]).tolist() if steps else []
    rows = tuple(dict.fromkeys([row, *related]))
    front = int(s.roles.flow[s.roles.row[next(iter(steps))]]) if steps else row
    builder = LadderBuilder(host_roles(s.scene, s.topology, front), everything)
    streams = [_marked(snapshot, each, front) for each in rows]
    for frame, mark in heapq.merge(*streams, key=lambda pair: (pair[0].time, pair[0].number)):
        builder.add(frame, mark)
    ladder = builder.ladder()
    if steps and all(step.step != FORWARD for step in steps.values()):
        ladder = _with_bypassed_balancer(ladder, s.topology.vips[int(s.roles.vip[s.roles.row[next(iter(steps))]])])
    places = {_key_of_leg(snapshot, leg): place for place, leg in enumerate(steps)}
    step_of = tuple(
        places.get(_key_of_frame(rung.frame)) if isinstance(rung, FlowRung) else None for rung in ladder.rungs
    )
    client = s.scene.book.text(int(flows.client[front]))
    captures = tuple(known.capture for known in s.scene.legs.interfaces)
    totals = flow_totals(s.scene.columns, flows)
    state, seconds = totals.state(row), (totals.last_time[row] - totals.first_time[row]) / 1e9
    if totals.progressed[row] and not totals.answered[row]:
        state += ", replies not in this capture, but acknowledged by the client"
    return Picture(row, rows, client, ladder, tuple(steps.values()), step_of, captures, state, float(seconds))


def read_frame(snapshot: Snapshot, frame: FrameRef) -> FrameBytes:
    """The bytes of a frame. Raises FlowError when it is in no file (any more), CaptureError."""
    found = read_frames(snapshot, (frame,)).get(frame)
    if found is None:
        raise FlowError(f"frame {frame.number:,} is in none of the files")
    return found


def read_frames(snapshot: Snapshot, frames: Iterable[FrameRef]) -> dict[FrameRef, FrameBytes]:
    """The bytes of some frames, those that are in a file; each file is read once. Raises FlowError, CaptureError."""
    found: dict[FrameRef, FrameBytes] = {}
    wanted = set(frames)
    for capture in sorted({frame.capture for frame in wanted}):
        for file in _files(snapshot, capture):
            past = file.first_frame - 1
            numbers = sorted(frame.number - past for frame in wanted if frame.capture == capture)
            numbers = [number for number in numbers if 1 <= number <= (file.frames or LATEST)]
            for inside, read in _bytes_of(file.path, numbers):
                frame = FrameRef(capture, inside + past)
                found[frame] = replace(read, capture=capture, number=frame.number)
    return found


def _bytes_of(path: str, numbers: list[int]) -> Iterator[tuple[int, FrameBytes]]:
    """Some frames of a file by their numbers in it."""
    if not numbers:
        return
    check_rereadable(path)
    waiting = deque(numbers)
    with open_capture(path) as opened:
        for batch in opened.batches():
            while waiting and waiting[0] < batch.first_number + batch.count:
                at = waiting.popleft() - batch.first_number
                if at < 0:
                    continue
                start, interface = batch.offset[at], opened.interfaces[batch.interface[at]]
                data = bytes(batch.data[start : start + batch.captured[at]])
                name, number = interface.name or str(interface.index), at + batch.first_number
                yield number, FrameBytes(
                    0, number, batch.time[at], data, batch.original[at], interface.link_type, name
                )  # fmt: skip
            if not waiting:
                return


def flow_of_frame(snapshot: Snapshot, found: FrameBytes) -> int | None:
    """Row of the flow that a frame belongs to, None for one that belongs to none, such as ARP."""
    frame, flows = Frame(), snapshot.analysis.sides.scene.flows
    reach = frame.decode(found.data, 0, len(found.data), found.original, found.link_type)
    if reach < 3 or not frame.ip_version:
        return None
    high, low = (
        np.array([frame.src_high, frame.dst_high], np.uint64),
        np.array([frame.src_low, frame.dst_low], np.uint64),
    )
    src, dst = flows.ends.book.find(high, low).tolist()
    ways = ((src, frame.src_port, dst, frame.dst_port), (dst, frame.dst_port, src, frame.src_port))
    has_ports = frame.protocol in PORT_PROTOCOLS
    for client, client_port, service, service_port in ways:
        rows = (flows.client == client) & (flows.service == service) & (flows.protocol == frame.protocol)
        if has_ports:
            rows &= (flows.client_port == client_port) & (flows.service_port == service_port)
        if rows.any():
            return int(np.flatnonzero(rows)[0])
    return None


def _with_bypassed_balancer(ladder: Ladder, vip: Vip) -> Ladder:
    """The ladder with the VIP's balancer between the others, to show that no frame came by it."""
    balancers = {mac_text(mac) for mac in vip.balancer_macs}
    hosts = ladder.hosts
    if not balancers or not 1 <= len(hosts) < HOST_LIMIT or any(host.name in balancers for host in hosts):
        return ladder
    balancer = vip.balancers[0]
    role = f"balancer {balancer.name or ', '.join(balancer.addresses[:2])}".strip()
    rungs = tuple(
        replace(rung, source=rung.source + (rung.source > 0), target=rung.target + (rung.target > 0))
        if isinstance(rung, FlowRung)
        else rung
        for rung in ladder.rungs
    )
    return replace(ladder, hosts=(hosts[0], LadderHost(mac_text(balancer.macs[0]), role), *hosts[1:]), rungs=rungs)


def _files(snapshot: Snapshot, capture: int) -> tuple[KeptFile, ...]:
    """Where the frames of a capture are: of several captures each is a file of its own."""
    captures = snapshot.analysis.sides.scene.legs.captures
    if len(captures) > 1:
        return (KeptFile(captures[capture].path),)
    return snapshot.files


def _marked(snapshot: Snapshot, row: int, front: int) -> Iterator[tuple[FlowFrame, Mark]]:
    """The frames of one flow out of all captures, each with what it is beside those before it."""
    scene = snapshot.analysis.sides.scene
    flows = scene.flows
    key = flow_key(flows, row)
    if (
        row != front and flows.service[row] == flows.client[front]
    ):  # an answer from elsewhere: the client stays the client
        key = FlowKey(key.protocol, key.service, key.service_port, key.client, key.client_port)
    marker = Marker()
    captures = range(len(scene.legs.captures))
    for frame in heapq.merge(*(_frames(snapshot, capture, row, key) for capture in captures), key=lambda f: f.time):
        yield frame, marker.mark(frame)


def _frames(snapshot: Snapshot, capture: int, row: int, key: FlowKey) -> Iterator[FlowFrame]:
    """The frames of one flow in one capture; interfaces are numbered as in the analysis."""
    scene = snapshot.analysis.sides.scene
    interfaces = [number for number, known in enumerate(scene.legs.interfaces) if known.capture == capture]
    first, last = flow_span(scene, row, key) if len(scene.legs.captures) == 1 else (1, LATEST)
    for file in _files(snapshot, capture):
        past = file.first_frame - 1
        if first - past > (file.frames or LATEST) or last <= past:
            continue
        for frame in flow_frames(file.path, key, max(first - past, 1), last - past):
            at = interfaces[frame.interface] if frame.interface < len(interfaces) else frame.interface
            yield replace(frame, number=frame.number + past, interface=at) if past or at != frame.interface else frame


def _key_of_leg(snapshot: Snapshot, leg: int) -> tuple[object, ...]:
    ends = snapshot.analysis.sides.scene.ends
    book = ends.book
    src, dst = ((int(book.high[at]), int(book.low[at])) for at in (int(ends.src[leg]), int(ends.dst[leg])))
    return int(ends.src_mac[leg]), int(ends.dst_mac[leg]), src, dst, int(ends.tunnel[leg])


def _key_of_frame(frame: FlowFrame) -> tuple[object, ...]:
    return frame.src_mac, frame.dst_mac, frame.src, frame.dst, frame.tunnel
