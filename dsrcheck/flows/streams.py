"""TCP streams put together from segments in any order: retransmissions, overlaps, gaps, wrapping sequence numbers.

One packet may be captured several times, at each hop and as a mirror's twin: its copies carry the same sequence numbers
and simply overlap. Memory is bounded by a `Budget`; what does not fit is counted, never silently lost.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import field

from dsrcheck.records import dataclass

SEQUENCE_MASK = 0xFFFF_FFFF
HALF = 0x8000_0000
REACH = 1 << 30
"""Largest TCP window (RFC 7323, 2.3): a sequence number further away is of another connection, or nonsense."""
LATE_SYN = 1 << 16
"""A SYN that the capture holds after data is that data's own when it lies at most this many bytes before it."""
CONNECTION_LIMIT = 256
"""Connections told apart in one direction of one flow, which is a port used again and again."""
LOOK_BACK = 4
"""How many of the latest connections a segment may belong to."""


@dataclass(frozen=True)
class Gap:
    """Bytes of a stream that are in no frame of the capture, or past the captured part of theirs."""

    length: int


Piece = bytes | Gap


@dataclass(frozen=True)
class Segment:
    """What a TCP frame adds to its stream.

    seq: of the frame, 32 bits. payload: as captured. length: of the payload as declared, so that a payload cut by the
    snap length leaves a gap of known length.
    """

    seq: int
    payload: bytes = b""
    length: int = 0
    syn: bool = False
    fin: bool = False


@dataclass(frozen=True)
class Stream:
    """One direction of one connection, from its first byte known to its last.

    opened, closed: its SYN, its FIN was seen. conflicts: segments that brought other bytes than those before them at
    the same place (the first stay). dropped: bytes that were captured, but are not kept here, to bound memory.
    """

    pieces: tuple[Piece, ...]
    opened: bool = False
    closed: bool = False
    conflicts: int = 0
    dropped: int = 0

    @property
    def length(self) -> int:
        """Bytes from the first to the last, gaps included."""
        return sum(piece.length if isinstance(piece, Gap) else len(piece) for piece in self.pieces)

    @property
    def missing(self) -> int:
        """Bytes in gaps."""
        return sum(piece.length for piece in self.pieces if isinstance(piece, Gap))


@dataclass
class Budget:
    """What may still be kept: bytes, and runs of them that do not touch."""

    bytes: int = 16 << 20
    runs: int = 1 << 16


@dataclass
class ByteMap:
    """Bytes at offsets, written in any order; where two writes overlap, the first stays."""

    budget: Budget = field(default_factory=Budget)
    conflicts: int = 0
    dropped: int = 0
    _starts: list[int] = field(default_factory=list)
    _runs: list[bytearray] = field(default_factory=list)

    def write(self, start: int, data: bytes) -> None:
        """Put data at an offset (which may be negative). Costs no more than the length of the data."""
        if not data:
            return
        end = start + len(data)
        first = bisect_right(self._starts, start)
        begin = start
        if first and self._end(first - 1) > start:
            begin = min(self._end(first - 1), end)
            self._compare(first - 1, start, data)
        last = bisect_left(self._starts, end, first)
        stop = end
        if last > first and self._end(last - 1) > end:  # goes on past the end: left as it is, for it may be long
            last -= 1
            stop = self._starts[last]
            self._compare(last, start, data)
        if begin < stop:
            self._fill(first, last, begin, data[begin - start : stop - start])

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The bytes from one offset to another: runs as long as they can be, and the gaps between them."""
        at = start
        joined: list[bytearray] = []
        for place, run in zip(self._starts, self._runs, strict=True):
            if place >= end or place + len(run) <= start:
                continue
            if place > at:
                if joined:
                    yield b"".join(joined)
                    joined = []
                yield Gap(place - at)
            joined.append(run[max(start - place, 0) : end - place])
            at = min(place + len(run), end)
        if joined:
            yield b"".join(joined)
        if at < end:
            yield Gap(end - at)

    def _end(self, place: int) -> int:
        return self._starts[place] + len(self._runs[place])

    def _compare(self, place: int, start: int, data: bytes) -> None:
        """Note whether data at `start` says otherwise than a run it overlaps."""
        low = max(start, self._starts[place])
        high = min(start + len(data), self._end(place))
        run = self._starts[place]
        self.conflicts += self._runs[place][low - run : high - run] != data[low - start : high - start]

    def _fill(self, first: int, last: int, begin: int, data: bytes) -> None:
        """Write data that touches no run but those from `first` to before `last`, which lie within it."""
        middle = bytearray(data)
        for place in range(first, last):
            self._compare(place, begin, data)
            at = self._starts[place] - begin
            middle[at : at + len(self._runs[place])] = self._runs[place]
        fresh = len(middle) - sum(len(run) for run in self._runs[first:last])
        extends = first > 0 and self._end(first - 1) == begin
        runs = (not extends) - (last - first)
        if fresh > self.budget.bytes or runs > self.budget.runs:
            self.dropped += fresh
            return
        self.budget.bytes -= fresh
        self.budget.runs -= runs
        if extends:
            self._runs[first - 1] += middle
            del self._starts[first:last], self._runs[first:last]
        else:
            self._starts[first:last], self._runs[first:last] = [begin], [middle]


@dataclass
class _Connection:
    """A sequence space: offsets count from `base`, unwrapped."""

    base: int
    opened: bool
    data: ByteMap
    start: int | None = None  # offset of the first byte known
    top: int = 0  # offset after the last byte known
    near: int = 0  # offset that sequence numbers are unwrapped about
    finish: int | None = None  # offset of the FIN

    def offset(self, seq: int) -> int:
        """The offset nearest to where the connection is that a sequence number can stand for."""
        return self.near + ((seq - self.base - self.near + HALF) & SEQUENCE_MASK) - HALF

    def holds(self, seq: int) -> bool:
        return abs(self.offset(seq) - self.near) < REACH

    def reach(self, start: int, end: int) -> None:
        """Take note that all bytes up to `end` were sent; the first that is known to be one is at `start`."""
        self.near = max(self.near, end)
        if end > start and (self.start is None or start < self.start):
            self.start = start
        if self.start is not None:
            self.top = max(self.top, end)

    def pass_by(self, offset: int) -> None:
        """Take note that the sender is at an offset, without data; just past the last byte, it has sent its FIN."""
        if offset > self.top + 1:
            self.reach(offset, offset)


class Reassembler:
    """One direction of a flow: segments in, as they were captured, and a `Stream` for each connection out."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self._connections: list[_Connection] = []
        self._restarted = False
        self._stray = 0

    def add(self, segment: Segment) -> bool:
        """Take in a segment; return whether its SYN began another connection."""
        began = segment.syn and self._open(segment.seq)
        seq = (segment.seq + segment.syn) & SEQUENCE_MASK
        connection = self._connection(seq)
        if connection is None:
            self._stray += len(segment.payload)
            return began
        start = connection.offset(seq)
        end = start + max(segment.length, len(segment.payload))
        skipped = max(0, -start) if connection.opened else 0  # before the first byte: a keep-alive, or nonsense
        if end > start or segment.fin:
            connection.reach(start + skipped, end)
        else:
            connection.pass_by(start)
        connection.data.write(start + skipped, segment.payload[skipped:])
        if segment.fin:
            connection.finish = end
        return began

    def acknowledge(self, ack: int) -> None:
        """Take in what the other side has acknowledged: bytes that were sent, captured or not.

        A FIN that was not captured counts as a byte, unless it is the only one that is missing.
        """
        if self._restarted:
            self._restarted = False
            self._begin(ack, opened=False)
        connection = self._connection(ack)
        if connection is None:
            return
        if connection.start is None:
            connection.start = 0
        connection.pass_by(connection.offset(ack))

    def restart(self) -> None:
        """Take in that the other side began another connection: what it acknowledges next is of a new stream."""
        self._restarted = bool(self._connections)

    def streams(self) -> tuple[Stream, ...]:
        """The streams so far, a connection each."""
        return tuple(self._stream(connection) for connection in self._connections)

    @property
    def stray(self) -> int:
        """Captured bytes that are in no stream: outside any window, or of connections past the limit."""
        return self._stray

    def _stream(self, connection: _Connection) -> Stream:
        start, data = connection.start, connection.data
        top = connection.top if connection.finish is None else min(connection.top, connection.finish)
        pieces = tuple(data.pieces(start, top)) if start is not None else ()
        return Stream(pieces, connection.opened, connection.finish is not None, data.conflicts, data.dropped)

    def _open(self, isn: int) -> bool:
        """Find or begin the connection of a SYN; return whether it is a new one."""
        base = (isn + 1) & SEQUENCE_MASK
        if any(connection.opened and connection.base == base for connection in self._connections[-LOOK_BACK:]):
            return False
        if self._connections and not self._connections[-1].opened and not self._restarted:
            connection = self._connections[-1]
            before = (connection.start or 0) - connection.offset(base)
            if 0 <= before < LATE_SYN:
                self._rebase(connection, base)
                return False
        self._restarted = False
        self._begin(base, opened=True)
        return len(self._connections) > 1

    def _begin(self, base: int, opened: bool) -> None:
        if len(self._connections) < CONNECTION_LIMIT:
            self._connections.append(_Connection(base, opened, ByteMap(self._budget), 0 if opened else None))

    @staticmethod
    def _rebase(connection: _Connection, base: int) -> None:
        """Let offsets count from the true first byte, now that it is known."""
        shift = -connection.offset(base)
        moved = ByteMap(connection.data.budget)
        for start, run in zip(connection.data._starts, connection.data._runs, strict=True):
            moved._starts.append(start + shift)
            moved._runs.append(run)
        moved.conflicts, moved.dropped = connection.data.conflicts, connection.data.dropped
        connection.data, connection.base, connection.opened = moved, base, True
        connection.top += shift
        connection.near += shift
        if connection.finish is not None:
            connection.finish += shift
        connection.start = 0

    def _connection(self, seq: int) -> _Connection | None:
        if not self._connections:
            self._begin(seq, opened=False)
        return next((known for known in reversed(self._connections[-LOOK_BACK:]) if known.holds(seq)), None)
