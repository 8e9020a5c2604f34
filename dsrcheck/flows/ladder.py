"""The ladder of a flow: who takes part, in the order of the path, and an arrow for each frame.

Hosts are MACs; where frames lack them (`tcpdump -i any`, raw IP), the addresses stand for hosts. Roles are told from
outside, by MAC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from dsrcheck.addresses import BROADCAST_MAC, ip_text, mac_text
from dsrcheck.flows.marks import Kind, Mark, Sighting
from dsrcheck.flows.reread import ICMP, TCP, Address, FlowFrame
from dsrcheck.kernel.decode import TUNNELS
from dsrcheck.records import dataclass

HEAD, TAIL, NOTABLE = 30, 10, 40
"""Frames of a long flow that are shown: the first, the last, and those between that tell something."""
SHOW_LIMIT = 200_000
"""Frames shown when all are asked for."""
HOST_LIMIT = 6
"""Hosts with a column of their own; further ones share the last, so that 80 columns do."""

FLAG_NAMES = ((2, "SYN"), (1, "FIN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"), (64, "ECE"), (128, "CWR"))
ICMP_NAMES = {
    (ICMP, 0): "echo reply", (ICMP, 3): "unreachable", (ICMP, 4): "source quench", (ICMP, 5): "redirect",
    (ICMP, 8): "echo request", (ICMP, 11): "time exceeded", (ICMP, 12): "parameter problem",
    (58, 1): "unreachable", (58, 2): "packet too big", (58, 3): "time exceeded", (58, 4): "parameter problem",
    (58, 128): "echo request", (58, 129): "echo reply", (58, 137): "redirect",
}  # fmt: skip

HostKey = int | Address
"""A MAC, or an address where frames have no MACs."""


@dataclass(frozen=True)
class LadderHost:
    """One column. `name`: its MAC or address; `role`: as told from outside, else what its place shows; may be empty."""

    name: str
    role: str


@dataclass(frozen=True)
class Rung:
    """One frame. `time`: nanoseconds since the flow's first. `source`, `target`: positions in `Ladder.hosts`.

    `macs`, `addresses`: of the sender and of the receiver, as text (no MAC: empty).
    """

    number: int
    time: int
    source: int
    target: int
    kind: Kind
    reset: bool
    text: str
    macs: tuple[str, str]
    addresses: tuple[str, str]


@dataclass(frozen=True)
class FlowRung(Rung):
    """A frame of a flow. `text`: what it is, and what it is beside those before it; `label`: what it is alone.

    `frame`: as decoded, without its payload; `mark`: how it relates to those before.
    """

    label: str
    frame: FlowFrame
    mark: Mark


@dataclass(frozen=True)
class Skipped:
    """Frames left out of a long ladder."""

    frames: int


@dataclass(frozen=True)
class Ladder:
    """All that a drawing needs. `frames`: how many there are, shown or not."""

    hosts: tuple[LadderHost, ...]
    rungs: tuple[FlowRung | Skipped, ...]
    frames: int


@dataclass(frozen=True)
class _Row:
    """What is kept of a frame: the columns it will stand in are not known before the last one has come."""

    place: int
    time: int
    frame: FlowFrame
    mark: Mark


class LadderBuilder:
    """Takes the marked frames of a flow, in order, and keeps those that will be shown."""

    def __init__(self, roles: Mapping[int, str], everything: bool = False) -> None:
        self._roles = roles
        self._everything = everything
        self._frames = 0
        self._first_time = 0
        self._first: list[_Row] = []
        self._notable: list[_Row] = []
        self._last: deque[_Row] = deque()
        self._by_mac = _Path()
        self._by_address = _Path()
        self._all_macs = True

    def add(self, frame: FlowFrame, mark: Mark) -> None:
        """Take in the next frame."""
        if not self._frames:
            self._first_time = frame.time
        self._all_macs &= frame.macs == 3
        inbound = frame.inbound != frame.about
        self._by_mac.add(frame.src_mac, frame.dst_mac, inbound)
        self._by_address.add(frame.src, frame.dst, inbound)
        row = _Row(self._frames, frame.time - self._first_time, replace(frame, payload=b""), mark)
        self._frames += 1
        if len(self._first) < (SHOW_LIMIT if self._everything else HEAD):
            self._first.append(row)
            return
        self._last.append(row)
        if len(self._last) > TAIL:
            middle = self._last.popleft()
            if len(self._notable) < NOTABLE and _is_notable(middle.frame, middle.mark):
                self._notable.append(middle)

    def ladder(self) -> Ladder:
        """The ladder of the frames so far."""
        path = self._by_mac if self._all_macs else self._by_address
        columns = {key: min(place, HOST_LIMIT - 1) for place, key in enumerate(path.order)}
        rungs: list[FlowRung | Skipped] = []
        following = 0
        for row in (*self._first, *self._notable, *self._last):
            if row.place > following:
                rungs.append(Skipped(row.place - following))
            following = row.place + 1
            rungs.append(self._rung(row, columns))
        return Ladder(self._hosts(path), tuple(rungs), self._frames)

    def _rung(self, row: _Row, columns: dict[HostKey, int]) -> FlowRung:
        frame, mark = row.frame, row.mark
        macs, addresses = (frame.src_mac, frame.dst_mac), (frame.src, frame.dst)
        ends: tuple[HostKey, HostKey] = macs if self._all_macs else addresses
        source, target = (columns.get(end, HOST_LIMIT - 1) for end in ends)
        reset = bool(frame.flags & 4) and not frame.about
        text, label = _describe(frame, mark), _contents(frame)
        shown = mac_text(macs[0]) if macs[0] else "", mac_text(macs[1]) if macs[1] else ""
        sides = ip_text(*frame.src), ip_text(*frame.dst)
        return FlowRung(
            frame.number, row.time, source, target, mark.kind, reset, text, shown, sides, label, frame, mark
        )

    def _hosts(self, path: _Path) -> tuple[LadderHost, ...]:
        hosts = [LadderHost(_name(key), self._role(path, key)) for key in path.order[:HOST_LIMIT]]
        others = len(path.order) - HOST_LIMIT
        if others > 0:
            hosts[-1] = LadderHost(f"{others + 1 + path.forgotten:,} others", "others")
        return tuple(hosts)

    def _role(self, path: _Path, key: HostKey) -> str:
        if isinstance(key, int) and key in self._roles:
            return self._roles[key]
        if key == BROADCAST_MAC:
            return "everybody"
        if not isinstance(key, int):
            return "client" if key == path.opener else "service"
        return "client side" if key == path.opener else ""


class _Path:
    """Hosts in the order of the path: of each inbound hop the sender stands before the receiver."""

    LIMIT = 64

    def __init__(self) -> None:
        self.order: list[HostKey] = []
        self.opener: HostKey | None = None
        self.forgotten = 0
        self._edges: set[tuple[HostKey, HostKey]] = set()

    def add(self, source: HostKey, target: HostKey, inbound: bool) -> None:
        """Place the hosts of a frame."""
        if not inbound:
            source, target = target, source
        elif self.opener is None:
            self.opener = source
        if (source, target) in self._edges or len(self._edges) >= self.LIMIT**2:
            return
        self._edges.add((source, target))
        if len(self.order) >= self.LIMIT:
            self.forgotten += len({source, target} - set(self.order))
            return
        if source not in self.order:
            self.order.insert(self.order.index(target) if target in self.order and inbound else len(self.order), source)
        if target not in self.order:
            self.order.append(target)


def _name(key: HostKey) -> str:
    return mac_text(key) if isinstance(key, int) else ip_text(*key)


def _is_notable(frame: FlowFrame, mark: Mark) -> bool:
    """Whether a frame in the midst of a long flow tells something: SYN, FIN, RST, ICMP, repeats, order, loss."""
    if mark.kind in (Kind.HOP, Kind.TWIN):
        return False
    return frame.about or mark.kind is not Kind.NEW or mark.gap > 0 or bool(frame.protocol == TCP and frame.flags & 7)


def _describe(frame: FlowFrame, mark: Mark) -> str:
    """One line about a frame: what it is, and what it is beside those before it."""
    parts = [_contents(frame)]
    if mark.kind is Kind.HOP and mark.before is not None:
        parts = [f"same packet as {mark.of}", *_changes(mark.before, frame)]
    elif mark.kind is Kind.TWIN:
        parts = [f"mirror's copy of {mark.of}"]
    elif mark.kind is Kind.AGAIN:
        parts.append(f"RETRANSMISSION of {mark.of}" if mark.of else "RETRANSMISSION")
    elif mark.kind is Kind.LATE:
        parts.append("LATE: fills a gap")
    elif mark.kind is Kind.KEEP_ALIVE:
        parts.append("keep-alive")
    if mark.gap:
        parts.append(f"{mark.gap:,} bytes MISSING before")
    if frame.tunnel and mark.kind not in (Kind.HOP, Kind.TWIN):
        parts.append(_tunnel(frame))
    return ", ".join(parts)


def _contents(frame: FlowFrame) -> str:
    if frame.fragment:
        return f"fragment at {frame.fragment}, len {frame.payload_length}"
    if (frame.protocol, frame.icmp_type) in ICMP_NAMES and frame.protocol in (ICMP, 58):
        name = ICMP_NAMES[frame.protocol, frame.icmp_type]
        if not frame.about:
            return f"{name} {frame.icmp_word & 0xFFFF}" if "echo" in name else name
        size = frame.icmp_word & 0xFFFF if frame.protocol == ICMP else frame.icmp_word
        too_big = (frame.protocol, frame.icmp_type, frame.icmp_code) == (ICMP, 3, 4) or name == "packet too big"
        detail = f"code {frame.icmp_code}" + (f", MTU {size}" if too_big else "")
        return f"ICMP {name} ({detail}) from {ip_text(*frame.src)} about a packet of this flow"
    first = " (first fragment)" if frame.more_fragments else ""
    if frame.protocol == ICMP or frame.protocol == 58:
        return f"ICMP type {frame.icmp_type} code {frame.icmp_code}{first}"
    if frame.protocol != TCP:
        return f"len {frame.payload_length}{first}"
    words = [" ".join(name for bit, name in FLAG_NAMES if frame.flags & bit) or "no flags"]
    if frame.payload_length:
        words.append(f"seq {frame.relative_seq} len {frame.payload_length}")
    if frame.flags & 16 and not frame.flags & 2:
        words.append(f"ack {frame.relative_ack}")
    if frame.mss:
        words.append(f"MSS {frame.mss}")
    return " ".join(words) + first


def _tunnel(frame: FlowFrame) -> str:
    return f"{TUNNELS[frame.tunnel]} to {ip_text(*frame.outer_dst)}"


def _changes(before: Sighting, frame: FlowFrame) -> list[str]:
    """What happened to a packet from one place to the next; MACs are in the columns."""
    changes = []
    if before.ttl != frame.ttl:
        changes.append(f"TTL {before.ttl} to {frame.ttl}")
    if before.vlan != frame.vlan:
        changes.append(f"VLAN {before.vlan & 0xFFF or 'none'} to {frame.vlan & 0xFFF or 'none'}")
    if before.interface != frame.interface:
        changes.append(f"interface {before.interface} to {frame.interface}")
    if (before.tunnel, before.outer_src, before.outer_dst) != (frame.tunnel, frame.outer_src, frame.outer_dst):
        changes.append(_tunnel(frame) if frame.tunnel else f"out of {TUNNELS[before.tunnel]}")
    return changes
