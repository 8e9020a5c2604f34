"""Reads a capture again for the frames of one flow: what the fold does not keep.

A flow is its inner five-tuple in either direction; later IP fragments follow the first one of their packet, and ICMP
errors belong to the flow that they quote.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from dsrcheck.capture import open_capture
from dsrcheck.kernel.decode import Frame
from dsrcheck.records import dataclass
from dsrcheck.text import printable

Address = tuple[int, int]
"""An IP address as the kernel has it: (high, low)."""
Path = tuple[int, ...]

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
ECHOES = {(ICMP, 0), (ICMP, 8), (ICMPV6, 128), (ICMPV6, 129)}
HELD_FRAGMENTS = 1024
"""Later fragments kept in wait for their first one, which some senders send last."""
PACKETS_OF_FLOW = 4096
"""Fragmented packets of the flow remembered by their identification."""
LATEST = 1 << 62


class FlowError(Exception):
    """A flow cannot be shown; one line that says why, safe for a terminal."""


@dataclass(frozen=True)
class FlowKey:
    """A two-way five-tuple. Of ICMP echo both ports are the identifier; of other ICMP, its type and code."""

    protocol: int
    client: Address
    client_port: int
    service: Address
    service_port: int


@dataclass(frozen=True)
class FlowFrame:
    """One frame of a flow, as the kernel decodes it (units there).

    inbound: runs from the client to the service; of an ICMP error, whether the packet it quotes does.
    about: an ICMP error about a packet of the flow, not the flow's own.
    header: bytes of the transport header. fragment: bytes of the IP payload before this one's, 0 but in later
    fragments, whose `head` is the frame of the first one (0 when that is not in the capture).
    relative_seq, relative_ack: counted from the initial sequence number, or so that the first one seen is 1.
    payload: the captured bytes of it.
    """

    number: int
    time: int
    interface: int
    macs: int
    src_mac: int
    dst_mac: int
    vlan: int
    tunnel: int
    outer_src: Address
    outer_dst: Address
    src: Address
    dst: Address
    protocol: int
    src_port: int
    dst_port: int
    ttl: int
    outer_ttl: int
    ip_id: int
    ip_length: int
    fragment: int
    head: int
    more_fragments: bool
    inbound: bool
    about: bool
    header: int
    flags: int
    seq: int
    ack: int
    relative_seq: int
    relative_ack: int
    window: int
    ts_val: int
    ts_ecr: int
    mss: int
    icmp_type: int
    icmp_code: int
    icmp_word: int
    payload_length: int
    payload: bytes

    @cached_property
    def path(self) -> Path:
        """What differs between the places where one packet passes by."""
        return (self.interface, self.vlan, self.src_mac, self.dst_mac, self.tunnel, *self.outer_src, *self.outer_dst)

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """What stays as one packet is passed on: all but MACs, tags, tunnels, TTL and checksums."""
        start = self.payload[:16] if len(self.payload) >= min(16, self.payload_length) else b""
        return (
            self.src, self.dst, self.protocol, self.src_port, self.dst_port, self.ip_id, self.ip_length, self.fragment,
            self.seq, self.ack, self.flags, self.window, self.ts_val, self.ts_ecr,
            self.icmp_type, self.icmp_code, self.icmp_word, start,
        )  # fmt: skip


def check_rereadable(path: str | os.PathLike[str]) -> None:
    """Raise FlowError for what can be read only once, such as standard input. What is not there others will tell."""
    name = os.fsdecode(path)
    try:
        regular = name != "-" and stat.S_ISREG(os.stat(name).st_mode)
    except OSError:
        return
    if not regular:
        which = "standard input" if name == "-" else printable(name)
        raise FlowError(f"{which} can be read only once, but a flow is read again: save the capture to a file")


def flow_frames(path: str | os.PathLike[str], key: FlowKey, first: int = 1, last: int = LATEST) -> Iterator[FlowFrame]:
    """The frames of one flow, in order; only those numbered from `first` to `last` are looked at.

    Fragments that were captured before the first one of their packet follow it.
    Raises FlowError when the path is no file, CaptureError when it cannot be read.
    """
    check_rereadable(path)
    search = _Search(key)
    with open_capture(path) as capture:
        for batch in capture.batches():
            if batch.first_number > last:
                return
            if batch.first_number + batch.count <= first:
                continue
            data = batch.data if isinstance(batch.data, bytes | bytearray) else bytes(batch.data)
            for row in _candidates(data, batch.offset, batch.captured, search.needles, batch.count):
                number = batch.first_number + row
                link_type = capture.interfaces[batch.interface[row]].link_type
                yield from search.look(
                    data, batch.offset[row], batch.captured[row], batch.original[row], link_type,
                    number, batch.time[row], batch.interface[row],
                )  # fmt: skip


def _candidates(
    data: bytes | bytearray, offset: array[int], captured: array[int], needles: tuple[bytes, ...], count: int
) -> Iterator[int]:
    """Rows of a batch whose bytes hold both addresses: finding bytes is much cheaper than decoding."""
    for row in range(count):
        start = offset[row]
        end = start + captured[row]
        if all(data.find(needle, start, end) >= 0 for needle in needles):
            yield row


def _wire_address(address: Address) -> bytes:
    high, low = address
    if high == 0 and low >> 32 == 0xFFFF:
        return (low & 0xFFFF_FFFF).to_bytes(4, "big")
    return (high << 64 | low).to_bytes(16, "big")


class _Search:
    """Decodes frames one by one and keeps what later ones need: fragmented packets, and first sequence numbers."""

    def __init__(self, key: FlowKey) -> None:
        self.key = key
        self.needles = tuple({_wire_address(key.client), _wire_address(key.service)})
        self._frame = Frame()
        self._packets: OrderedDict[tuple[Address, Address, int], tuple[int, int, bool]] = OrderedDict()
        self._held: OrderedDict[int, FlowFrame] = OrderedDict()  # later fragments, by frame number
        self._bases: dict[bool, int] = {}  # inbound -> sequence number that counts as 0

    def look(
        self, data: bytes | bytearray, offset: int, captured: int, original: int, link_type: int,
        number: int, time: int, interface: int,
    ) -> Iterator[FlowFrame]:  # fmt: skip
        """The frame, if it is the flow's, and fragments before it that now turn out to be."""
        frame = self._frame
        reach = frame.decode(data, offset, captured, original, link_type)
        if reach < 3 or not frame.ip_version:
            return
        src, dst = (frame.src_high, frame.src_low), (frame.dst_high, frame.dst_low)
        if frame.fragment_offset:
            yield from self._later_fragment(data, src, dst, number, time, interface)
            return
        found = self._match(src, dst, reach)
        if frame.more_fragments:
            yield from self._first_fragment(data, src, dst, number, time, interface, found)
        elif found is not None:
            inbound, about = found
            yield self._made(data, src, dst, number, time, interface, inbound, about)

    def _match(self, src: Address, dst: Address, reach: int) -> tuple[bool, bool] | None:
        """(inbound, about) of a frame of the flow, None for others."""
        frame, key = self._frame, self.key
        if frame.quoted and frame.quoted_protocol == key.protocol:
            quoted_src = (frame.quoted_src_high, frame.quoted_src_low)
            quoted_dst = (frame.quoted_dst_high, frame.quoted_dst_low)
            inbound = self._direction(quoted_src, frame.quoted_src_port, quoted_dst, frame.quoted_dst_port)
            if inbound is not None:
                return inbound, True
        if frame.protocol != key.protocol:
            return None
        ports = self._ports() if reach == 4 else (0, 0)
        inbound = self._direction(src, ports[0], dst, ports[1])
        return None if inbound is None else (inbound, False)

    def _ports(self) -> tuple[int, int]:
        frame = self._frame
        if frame.protocol not in (ICMP, ICMPV6):
            return frame.src_port, frame.dst_port
        if (frame.protocol, frame.icmp_type) in ECHOES:
            return frame.icmp_id, frame.icmp_id
        return frame.icmp_type, frame.icmp_code

    def _direction(self, src: Address, src_port: int, dst: Address, dst_port: int) -> bool | None:
        key = self.key
        if (src, src_port, dst, dst_port) == (key.client, key.client_port, key.service, key.service_port):
            return True
        if (src, src_port, dst, dst_port) == (key.service, key.service_port, key.client, key.client_port):
            return False
        return None

    def _first_fragment(
        self, data: bytes | bytearray, src: Address, dst: Address, number: int, time: int, interface: int,
        found: tuple[bool, bool] | None,
    ) -> Iterator[FlowFrame]:  # fmt: skip
        packet = (src, dst, self._frame.ip_id)
        if found is None:
            self._packets.pop(packet, None)  # the identification is used again, by another flow
            return
        inbound, about = found
        made = self._made(data, src, dst, number, time, interface, inbound, about)
        self._packets[packet] = (number, made.header, inbound)
        self._packets.move_to_end(packet)
        if len(self._packets) > PACKETS_OF_FLOW:
            self._packets.popitem(last=False)
        yield made
        for held in [held for held in self._held.values() if (held.src, held.dst, held.ip_id) == packet]:
            del self._held[held.number]
            yield replace(held, head=number, header=made.header, inbound=inbound)

    def _later_fragment(
        self, data: bytes | bytearray, src: Address, dst: Address, number: int, time: int, interface: int
    ) -> Iterator[FlowFrame]:
        frame = self._frame
        packet = (src, dst, frame.ip_id)
        if packet in self._packets:
            head, header, inbound = self._packets[packet]
            yield self._made(data, src, dst, number, time, interface, inbound, False, head, header)
            return
        if frame.protocol != self.key.protocol:
            return
        # A flow of fragments without a first one has the halves of their identification for ports.
        orphan = self._direction(src, frame.ip_id & 0xFFFF, dst, frame.ip_id >> 16)
        if orphan is not None:
            yield self._made(data, src, dst, number, time, interface, orphan, False)
        elif {src, dst} == {self.key.client, self.key.service}:
            self._held[number] = self._made(data, src, dst, number, time, interface, False, False)
            if len(self._held) > HELD_FRAGMENTS:
                self._held.popitem(last=False)

    def _made(
        self, data: bytes | bytearray, src: Address, dst: Address, number: int, time: int, interface: int,
        inbound: bool, about: bool, head: int = 0, header: int = 0,
    ) -> FlowFrame:  # fmt: skip
        frame = self._frame
        start = frame.payload_offset
        relative_seq, relative_ack = (0, 0) if about or frame.fragment_offset else self._relative(inbound)
        return FlowFrame(
            number=number, time=time, interface=interface, macs=frame.macs, src_mac=frame.src_mac,
            dst_mac=frame.dst_mac, vlan=frame.vlan, tunnel=frame.tunnel,
            outer_src=(frame.outer_src_high, frame.outer_src_low),
            outer_dst=(frame.outer_dst_high, frame.outer_dst_low),
            src=src, dst=dst, protocol=frame.protocol, src_port=frame.src_port, dst_port=frame.dst_port,
            ttl=frame.ttl, outer_ttl=frame.outer_ttl, ip_id=frame.ip_id, ip_length=frame.ip_length,
            fragment=frame.fragment_offset, head=head, more_fragments=bool(frame.more_fragments),
            inbound=inbound, about=about,
            header=header or (0 if frame.fragment_offset else self._header_length(data)),
            flags=frame.tcp_flags, seq=frame.seq, ack=frame.ack,
            relative_seq=relative_seq, relative_ack=relative_ack, window=frame.window,
            ts_val=frame.ts_val, ts_ecr=frame.ts_ecr, mss=frame.mss,
            icmp_type=frame.icmp_type, icmp_code=frame.icmp_code, icmp_word=frame.icmp_word,
            payload_length=frame.payload_length, payload=bytes(data[start : start + frame.payload_captured]),
        )  # fmt: skip

    def _header_length(self, data: bytes | bytearray) -> int:
        """Bytes of the transport header; of TCP, found backwards from where the payload begins."""
        frame = self._frame
        if frame.protocol != TCP:
            return 12 if frame.protocol == 132 else 8
        ports = frame.src_port.to_bytes(2, "big") + frame.dst_port.to_bytes(2, "big") + frame.seq.to_bytes(4, "big")
        for length in range(20, 61, 4):
            at = frame.payload_offset - length
            if at >= 0 and data[at : at + 8] == ports and (data[at + 12] >> 4) * 4 == length:
                return length
        return 20

    def _relative(self, inbound: bool) -> tuple[int, int]:
        frame = self._frame
        if frame.protocol != TCP or not frame.tcp_flags:
            return 0, 0
        syn, ack, rst = frame.tcp_flags & 2, frame.tcp_flags & 16, frame.tcp_flags & 4
        if syn:
            if self._bases.get(inbound, frame.seq) != frame.seq and not ack:
                self._bases.pop(not inbound, None)  # another connection
            self._bases[inbound] = frame.seq
        elif inbound not in self._bases and not rst:
            self._bases[inbound] = frame.seq - 1
        other = not inbound
        if ack and other not in self._bases and frame.ack and not rst:
            self._bases[other] = frame.ack - 1
        seq = (frame.seq - self._bases.get(inbound, frame.seq)) & 0xFFFF_FFFF
        return seq, (frame.ack - self._bases.get(other, frame.ack)) & 0xFFFF_FFFF if ack else 0
