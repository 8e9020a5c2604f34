"""What a frame of a flow is beside those before it: the same packet one hop on, a mirror's twin, a retransmission."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import field
from enum import Enum
from typing import NamedTuple

from dsrcheck.flows.reread import TCP, Address, FlowFrame
from dsrcheck.records import dataclass

TWIN_WINDOW = 1_000_000
"""A mirror delivers the copies of a frame within this time (ns) ..."""
SAME_PACKET_WINDOW = 100_000_000
"""... or this, where an IP identification proves them copies: a retransmission has another, and waits longer."""
PACKETS_REMEMBERED = 4096
SEGMENTS_REMEMBERED = 4096
HOLES_REMEMBERED = 64
PLACES_REMEMBERED = 128
FIN, SYN, RST = 1, 2, 4
HALF, MASK = 0x8000_0000, 0xFFFF_FFFF


class Kind(Enum):
    """How a frame relates to one before it."""

    NEW = "new"
    HOP = "hop"
    """The same packet, seen elsewhere or with another TTL: somebody passed it on."""
    TWIN = "twin"
    """The same frame, delivered again by a mirror."""
    AGAIN = "again"
    """The same data (or SYN, or FIN) was in an earlier packet: a retransmission."""
    LATE = "late"
    """Data that fills a gap: it was sent before what came before it, or sent again after a loss not captured."""
    KEEP_ALIVE = "keep-alive"


class Sighting(NamedTuple):
    """Where a packet was seen, and in what shape (as in `FlowFrame`)."""

    number: int
    time: int
    interface: int
    vlan: int
    ttl: int
    tunnel: int
    outer_src: Address
    outer_dst: Address


@dataclass(frozen=True)
class Mark:
    """What a frame is. `of`: number of the frame it repeats (0: none, or forgotten), whose packet began with frame
    `packet`. `before`: where a packet that is passed on was seen before. `gap`: bytes of the stream that are missing
    before this frame's."""

    kind: Kind
    packet: int
    of: int = 0
    before: Sighting | None = None
    gap: int = 0


@dataclass
class _Seen:
    """A packet: its first frame's number, where it was seen last, and first at each place (path and TTL)."""

    packet: int
    last: Sighting
    places: dict[tuple[int, ...], Sighting]


@dataclass
class _Progress:
    """How far one direction has come, the holes below (start, end), and which frame carried a segment first."""

    top: int
    holes: list[tuple[int, int]] = field(default_factory=list)
    carried: OrderedDict[tuple[int, int], int] = field(default_factory=OrderedDict)


class Marker:
    """Marks the frames of one flow, in order; remembers only the latest packets."""

    def __init__(self) -> None:
        self._packets: OrderedDict[tuple[object, ...], _Seen] = OrderedDict()
        self._progress: dict[bool, _Progress] = {}

    def mark(self, frame: FlowFrame) -> Mark:
        """What this frame is; call it once for each."""
        seen = self._packets.get(frame.identity)
        if seen is not None:
            repeated = self._repeated(seen, frame)
            if repeated is not None:
                return repeated
        self._remember(frame)
        if frame.protocol != TCP or frame.about or frame.fragment or frame.flags & RST:
            if seen is not None:  # the same bytes once more, sent anew
                return Mark(Kind.AGAIN, frame.number, seen.packet)
            return Mark(Kind.NEW, frame.number)
        return self._segment(frame)

    def _repeated(self, seen: _Seen, frame: FlowFrame) -> Mark | None:
        """How a frame repeats its packet; None when the sender has sent the same bytes again, which starts anew."""
        place = (*frame.path, frame.ttl)
        twin = seen.places.get(place)
        if twin is None:
            before, seen.last = seen.last, _sighting(frame)
            if len(seen.places) < PLACES_REMEMBERED:
                seen.places[place] = seen.last
            return Mark(Kind.HOP, seen.packet, before.number, before)
        window = SAME_PACKET_WINDOW if frame.ip_id else TWIN_WINDOW
        if abs(frame.time - twin.time) < window:
            return Mark(Kind.TWIN, seen.packet, twin.number)
        return None

    def _remember(self, frame: FlowFrame) -> None:
        first = _sighting(frame)
        self._packets[frame.identity] = _Seen(frame.number, first, {(*frame.path, frame.ttl): first})
        self._packets.move_to_end(frame.identity)
        if len(self._packets) > PACKETS_REMEMBERED:
            self._packets.popitem(last=False)

    def _segment(self, frame: FlowFrame) -> Mark:
        syn, fin = bool(frame.flags & SYN), bool(frame.flags & FIN)
        length = frame.payload_length + syn + fin
        progress = self._progress.get(frame.inbound)
        known = progress is not None and (frame.seq, length) in progress.carried
        if progress is None or (syn and not known):
            self._progress[frame.inbound] = progress = _Progress((frame.seq + length) & MASK)
            progress.carried[frame.seq, length] = frame.number
            return Mark(Kind.NEW, frame.number)
        ahead = _distance(frame.seq, progress.top)
        if ahead == -1 and frame.payload_length <= 1 and not syn and not fin:
            return Mark(Kind.KEEP_ALIVE, frame.number)
        if not length:
            return Mark(Kind.NEW, frame.number)
        first = progress.carried.setdefault((frame.seq, length), frame.number)
        if len(progress.carried) > SEGMENTS_REMEMBERED:
            progress.carried.popitem(last=False)
        end = (frame.seq + length) & MASK
        if _distance(end, progress.top) > 0:
            gap = max(ahead, 0)
            if gap and len(progress.holes) < HOLES_REMEMBERED:
                progress.holes.append((progress.top, frame.seq))
            progress.top = end
            return Mark(Kind.NEW, frame.number, gap=gap)
        if _fill(progress.holes, frame.seq, end):
            return Mark(Kind.LATE, frame.number)
        return Mark(Kind.AGAIN, frame.number, first if first != frame.number else 0)


def _sighting(frame: FlowFrame) -> Sighting:
    return Sighting(
        frame.number, frame.time, frame.interface, frame.vlan, frame.ttl, frame.tunnel, frame.outer_src, frame.outer_dst
    )


def _distance(seq: int, top: int) -> int:
    return ((seq - top + HALF) & MASK) - HALF


def _fill(holes: list[tuple[int, int]], start: int, end: int) -> bool:
    """Take a segment out of the holes; return whether it was in one."""
    filled = False
    for hole in list(holes):
        low, high = hole
        if _distance(end, low) > 0 and _distance(high, start) > 0:
            filled = True
            holes.remove(hole)
            if _distance(start, low) > 0:
                holes.append((low, start))
            if _distance(high, end) > 0 and len(holes) < HOLES_REMEMBERED:
                holes.append((end, high))
    return filled
