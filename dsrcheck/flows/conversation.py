"""What the two ends of a flow said: TCP streams or datagrams of each direction, from its marked frames."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from dsrcheck.flows.marks import FIN, RST, SYN, Kind, Mark
from dsrcheck.flows.reread import TCP, Address, FlowFrame
from dsrcheck.flows.streams import SEQUENCE_MASK, Budget, ByteMap, Piece, Reassembler, Segment, Stream
from dsrcheck.records import dataclass

ACK = 16
FRAGMENTED_REMEMBERED = 4096
DATAGRAM_LIMIT = 1 << 16


@dataclass(frozen=True)
class Datagram:
    """The payload of one packet: whole, or with gaps. `number`: frame that it was first seen in."""

    number: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Said:
    """What one end said: `streams` of TCP, a connection each; `datagrams` of any other protocol, in order of capture.

    dropped: captured bytes that are not here, to bound memory or because they fit into no stream.
    """

    streams: tuple[Stream, ...] = ()
    datagrams: tuple[Datagram, ...] = ()
    dropped: int = 0


class Conversation:
    """Collects what a flow's frames carry. A packet seen at several hops, or twice by a mirror, counts once."""

    def __init__(self, protocol: int) -> None:
        side = _TcpSide if protocol == TCP else _DatagramSide
        self._sides: dict[bool, _TcpSide | _DatagramSide] = {True: side(), False: side()}

    def add(self, frame: FlowFrame, mark: Mark) -> None:
        """Take in the next frame."""
        if frame.about:
            return
        side, other = self._sides[frame.inbound], self._sides[not frame.inbound]
        if isinstance(side, _TcpSide) and isinstance(other, _TcpSide):
            side.add(frame, other.stream)
        elif isinstance(side, _DatagramSide):
            side.add(frame, mark)

    def said(self, inbound: bool) -> Said:
        """What the client (inbound) or the service said."""
        return self._sides[inbound].said()


class _Heads:
    """The latest first fragments of a direction, and the number under which each one's packet is known."""

    def __init__(self) -> None:
        self._heads: OrderedDict[tuple[Address, Address, int], tuple[FlowFrame, int]] = OrderedDict()

    def note(self, frame: FlowFrame, packet: int) -> None:
        if not frame.more_fragments:
            return
        key = (frame.src, frame.dst, frame.ip_id)
        self._heads[key] = (replace(frame, payload=b""), packet)
        self._heads.move_to_end(key)
        if len(self._heads) > FRAGMENTED_REMEMBERED:
            self._heads.popitem(last=False)

    def find(self, frame: FlowFrame) -> tuple[FlowFrame, int] | None:
        """The first fragment of a later one, and its packet's number."""
        return self._heads.get((frame.src, frame.dst, frame.ip_id))


class _TcpSide:
    """One direction of a TCP flow."""

    def __init__(self) -> None:
        self.stream = Reassembler()
        self._heads = _Heads()

    def add(self, frame: FlowFrame, other: Reassembler) -> None:
        if frame.fragment:
            self._add_fragment(frame)
            return
        self._heads.note(frame, frame.number)
        if frame.flags & RST:  # what it carries is not of the stream (RFC 9293, 3.5.2)
            return
        syn, fin = bool(frame.flags & SYN), bool(frame.flags & FIN and not frame.more_fragments)
        if self.stream.add(Segment(frame.seq, frame.payload, frame.payload_length, syn, fin)):
            other.restart()
        if frame.flags & ACK and frame.ack:
            other.acknowledge(frame.ack)

    def _add_fragment(self, frame: FlowFrame) -> None:
        found = self._heads.find(frame)
        if found is None or found[0].flags & RST:
            return
        head = found[0]
        seq = head.seq + bool(head.flags & SYN) + frame.fragment - head.header & SEQUENCE_MASK
        fin = bool(head.flags & FIN and not frame.more_fragments)
        self.stream.add(Segment(seq, frame.payload, frame.payload_length, fin=fin))

    def said(self) -> Said:
        streams = self.stream.streams()
        return Said(streams, dropped=self.stream.stray + sum(stream.dropped for stream in streams))


class _DatagramSide:
    """One direction of a flow of datagrams; each is a `ByteMap` and the length that it should have."""

    def __init__(self) -> None:
        self._budget = Budget()
        self._heads = _Heads()
        self._datagrams: dict[int, tuple[ByteMap, int]] = {}
        self._dropped = 0

    def add(self, frame: FlowFrame, mark: Mark) -> None:
        packet, at = mark.packet if mark.kind in (Kind.HOP, Kind.TWIN) else frame.number, 0
        if frame.fragment:
            found = self._heads.find(frame)
            packet, at = (found[1], frame.fragment - found[0].header) if found else (0, 0)
        else:
            self._heads.note(frame, packet)
        if packet not in self._datagrams and (frame.fragment or len(self._datagrams) >= DATAGRAM_LIMIT):
            self._dropped += len(frame.payload)
            return
        data, length = self._datagrams.get(packet) or (ByteMap(self._budget), 0)
        data.write(at, frame.payload)
        self._datagrams[packet] = data, max(length, at + frame.payload_length)

    def said(self) -> Said:
        datagrams = tuple(
            Datagram(number, tuple(data.pieces(0, length))) for number, (data, length) in self._datagrams.items()
        )
        dropped = self._dropped + sum(data.dropped for data, _ in self._datagrams.values())
        return Said(datagrams=datagrams, dropped=dropped)
