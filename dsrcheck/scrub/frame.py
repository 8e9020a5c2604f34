"""One frame rewritten: MACs and addresses renamed wherever the protocols hold them, all that may tell more blanked.

What is not understood is blanked, so that nothing is given away by a protocol that nobody thought of. Tunnels are
followed as the decoder follows them.
"""

from __future__ import annotations

from typing import Literal

from dsrcheck.scrub import numbers as n
from dsrcheck.scrub.checksums import Checksum, Span, mend, total
from dsrcheck.scrub.names import Pseudonyms

Payload = Literal["blank", "cut"]
NEST_LIMIT = 8
"""Packets within packets that are followed: tunnels, and what ICMP errors quote."""
TAG_LIMIT, EXTENSION_LIMIT = 4, 8
"""VLAN tags, IPv6 extension headers that are followed, as in the decoder."""
COOKED = {n.LINK_COOKED: (4, 6, 14, 16), n.LINK_COOKED_2: (11, 12, 0, 20)}
"""Where the length of the sender's address, the address, the protocol and the packet are (tcpdump.org/linktypes)."""


def scrub_frame(names: Pseudonyms, data: bytes, link_type: int, payload: Payload = "blank") -> bytes:
    """The captured bytes of a frame with other MACs and addresses, and with its checksums mended.

    payload: `blank` it, keeping its length, or `cut` the frame where it begins (within tunnels it is blanked).
    """
    frame = _Frame(names, bytearray(data), payload)
    frame.link(link_type)
    mend(data[: len(frame.data)], frame.data, frame.checksums)
    if frame.sctp is not None:
        _mend_sctp(data, frame.data, frame.sctp)
    return bytes(frame.data)


def _mend_sctp(before: bytes, frame: bytearray, span: Span) -> None:
    """CRC32c (RFC 9260, 6.8): cannot be told from a difference, so it is made anew where it was right."""
    from dpkt.crc32c import add, done

    start, end = span

    def checksum(data: bytes) -> bytes:
        packet = data[start : start + 8] + bytes(4) + data[start + 12 : end]
        return int(done(add(0xFFFF_FFFF, packet))).to_bytes(4, "little")

    if before[start + 8 : start + 12] in (checksum(before), checksum(before)[::-1]):
        frame[start + 8 : start + 12] = checksum(bytes(frame))


class _Frame:
    """A frame being rewritten: its bytes, and the checksums that cover what changes."""

    def __init__(self, names: Pseudonyms, data: bytearray, payload: Payload) -> None:
        self.names = names
        self.data = data
        self.payload = payload
        self.checksums: list[Checksum] = []
        self.sctp: Span | None = None
        self._depth = 0

    # Bytes

    def _u16(self, at: int) -> int:
        return self.data[at] << 8 | self.data[at + 1]

    def _mac(self, at: int) -> None:
        self.data[at : at + 6] = self.names.mac(bytes(self.data[at : at + 6]))

    def _address(self, at: int, size: int) -> None:
        self.data[at : at + size] = self.names.address(bytes(self.data[at : at + size]))

    def _blank(self, at: int, end: int) -> None:
        if at < end:
            self.data[at:end] = self.names.filler(bytes(self.data[at:end]))

    def _carried(self, at: int, end: int, fragment: bool = False) -> None:
        """What a transport protocol carries. A fragment's keeps its sum: its checksum stands in another frame."""
        if at >= end:
            return
        if self.payload == "cut" and not self._depth:
            del self.data[at:]
            return
        before = int.from_bytes(self.data[at:end], "big")
        self._blank(at, end)
        if fragment and end - at >= 32 and (end - at) % 2 == 0:
            rest = before - int.from_bytes(self.data[at:end], "big")
            self.data[end - 2 : end] = (rest % 0xFFFF).to_bytes(2, "big")

    # Link layer

    def link(self, link_type: int) -> None:
        """Rewrite the whole frame."""
        end = len(self.data)
        if link_type == n.LINK_ETHERNET:
            self._ethernet(0, end)
        elif link_type in COOKED:
            self._cooked(link_type, end)
        elif link_type in (n.LINK_NULL, n.LINK_LOOP):
            self._packet(4, end)
        else:
            self._packet(0, end)

    def _ethernet(self, at: int, end: int) -> None:
        if end - at < 14:
            self._blank(at, end)
            return
        self._mac(at)
        self._mac(at + 6)
        self._network(at + 14, end, self._u16(at + 12))

    def _cooked(self, link_type: int, end: int) -> None:
        length, sender, protocol, packet = COOKED[link_type]
        if end < packet:
            self._blank(0, end)
            return
        size = self._u16(length) if link_type == n.LINK_COOKED else self.data[length]
        if size == 6:
            self._mac(sender)
            self._blank(sender + 6, sender + 8)
        else:
            self._blank(sender, sender + 8)
        self._network(packet, end, self._u16(protocol))

    def _network(self, at: int, end: int, ethertype: int) -> None:
        for _ in range(TAG_LIMIT):
            if ethertype in n.TAGS and end - at >= 4:
                ethertype = self._u16(at + 2)
                at += 4
        if ethertype <= n.LONGEST_802_3 and end - at >= 8 and self.data[at : at + 6] == n.SNAP:
            ethertype, at = self._u16(at + 6), at + 8
        elif ethertype == n.TYPE_PPPOE and end - at >= 8 and self._u16(at) == n.PPPOE_SESSION:
            ethertype, at = n.PPP_TYPES.get(self._u16(at + 6), 0), at + 8
        if ethertype in (n.TYPE_IPV4, n.TYPE_IPV6):
            self._packet(at, end, 4 if ethertype == n.TYPE_IPV4 else 6)
        elif ethertype == n.TYPE_ARP:
            self._arp(at, end)
        else:
            self._blank(at, end)

    def _arp(self, at: int, end: int) -> None:
        if end - at < 28 or self.data[at + 2 : at + 6] != n.OF_IPV4_AND_SIX_OCTETS:
            self._blank(at + 8, end)
            return
        for mac in (at + 8, at + 18):
            self._mac(mac)
            self._address(mac + 6, 4)
        self._blank(at + 28, end)

    # Network layer

    def _packet(self, at: int, end: int, version: int | None = None) -> None:
        """An IP packet, and what follows it: padding, which may hold what was in some host's memory."""
        found = self.data[at] >> 4 if at < end else 0
        size = {4: 20, 6: 40}.get(found, 0)
        if not size or found != (version or found) or end - at < size or self._depth > NEST_LIMIT:
            self._blank(at, end)
        elif found == 4:
            self._ip4(at, end)
        else:
            self._ip6(at, end)

    def _ip4(self, at: int, end: int) -> None:
        header, length = (self.data[at] & 15) * 4, self._u16(at + 2)
        if header < 20 or 0 < length < header:
            self._blank(at, end)
            return
        stop = min(end, at + length) if length else end
        self._address(at + 12, 4)
        self._address(at + 16, 4)
        self._ip_options(at + 20, min(at + header, stop))
        if header <= stop - at:
            self.checksums.append(Checksum(at + 10, ((at, at + header),)))
        flags = self._u16(at + 6)
        self._blank(stop, end)
        self._above(at + header, stop, self.data[at + 9], (at + 12, at + 20), bool(flags & 0x3FFF), flags & 0x1FFF)

    def _ip6(self, at: int, end: int) -> None:
        length = self._u16(at + 4)
        stop = min(end, at + 40 + length) if length else end
        self._address(at + 8, 16)
        self._address(at + 24, 16)
        self._blank(stop, end)
        transport, protocol, fragment = self._extensions(at + 40, stop, self.data[at + 6])
        self._above(transport, stop, protocol, (at + 8, at + 40), bool(fragment & 0xFFF9), fragment >> 3)

    def _extensions(self, at: int, end: int, header: int) -> tuple[int, int, int]:
        """Where the transport header begins, its protocol, and the field of a fragment header (0: there is none)."""
        fragment = 0
        for _ in range(EXTENSION_LIMIT + 1):
            if header not in n.EXTENSIONS or end - at < 8:
                break
            kind, header = header, self.data[at]
            size = 8
            if kind == n.FRAGMENT:
                fragment = self._u16(at + 2)
            elif kind == n.AUTHENTICATION:
                size = (self.data[at + 1] + 2) * 4
                self._blank(at + 12, min(at + size, end))
            else:
                size = (self.data[at + 1] + 1) * 8
                self._extension(kind, at, min(at + size, end))
            at += size
            if fragment >= 8:
                break
        return at, header, fragment

    def _extension(self, kind: int, at: int, stop: int) -> None:
        if kind not in (n.HOP_BY_HOP, n.DESTINATION_OPTIONS):
            self._blank(at + 8, stop)  # a routing header's addresses
            return
        at += 2
        while stop - at >= 2:
            size = 2 + self.data[at + 1] if self.data[at] else 1
            if self.data[at] == n.CILIUM_6 and size >= 18 and stop - at >= 18:
                self._address(at + 2, 16)
            elif self.data[at] not in n.PLAIN_IP6_OPTIONS:
                self._blank(at + 2, min(at + size, stop))
            at += size

    def _ip_options(self, at: int, stop: int) -> None:
        while at < stop:
            kind = self.data[at]
            size = 1 if kind < 2 or stop - at < 2 else max(2, self.data[at + 1])
            if kind == n.CILIUM_4 and size == 8 and stop - at >= 8:
                self._address(at + 4, 4)
            elif kind not in n.PLAIN_IP_OPTIONS:
                self._blank(at + 2, min(at + size, stop))
            at += size

    # What an IP packet carries; `pseudo`: where its addresses are, which the checksums cover (RFC 9293, 8200)

    def _above(self, at: int, stop: int, protocol: int, pseudo: Span, fragment: bool, offset: int) -> None:
        if at >= stop:
            return
        six = pseudo[1] - pseudo[0] == 32
        if offset:
            self._carried(at, stop, fragment=True)
        elif protocol == n.TCP:
            self._tcp(at, stop, pseudo, fragment)
        elif protocol == n.UDP:
            self._udp(at, stop, pseudo, fragment)
        elif protocol == n.SCTP:
            self.sctp = (at, stop) if stop - at >= 12 and not self._depth else None
            self._carried(at + 12, stop, fragment)
        elif protocol == (n.ICMPV6 if six else n.ICMP):
            self._icmp(at, stop, pseudo if six else (at, at), fragment)
        elif protocol in (n.IPIP, n.IPV6_IN_IP):
            self._inner(at, stop)
        elif protocol == n.GRE:
            self._gre(at, stop)
        elif protocol == n.IGMP and stop - at >= 8:
            self._covered(at, stop, at + 2, (at, at))
            self._group_reports(at, stop, 4, self.data[at] == n.IGMP_REPORT)
        elif protocol == n.VRRP:
            self._vrrp(at, stop, pseudo)
        else:
            self._carried(at, stop, fragment)

    def _covered(self, at: int, stop: int, field: int, pseudo: Span, udp: bool = False) -> None:
        if field + 2 <= stop:
            self.checksums.append(Checksum(field, (pseudo, (at, stop)), udp))

    def _tcp(self, at: int, stop: int, pseudo: Span, fragment: bool) -> None:
        if stop - at < 20:
            self._blank(at + 14, stop)
            return
        header = max(20, (self.data[at + 12] >> 4) * 4)
        self._tcp_options(at + 20, min(at + header, stop))
        self._carried(at + header, stop, fragment)
        self._covered(at, stop, at + 16, pseudo)

    def _tcp_options(self, at: int, stop: int) -> None:
        while at < stop:
            kind = self.data[at]
            size = 1 if kind < 2 or stop - at < 2 else max(2, self.data[at + 1])
            if kind not in n.PLAIN_TCP_OPTIONS:
                self._blank(at + 2, min(at + size, stop))
            at += size

    def _udp(self, at: int, stop: int, pseudo: Span, fragment: bool) -> None:
        if stop - at < 8:
            return
        port, first = self._u16(at + 2), self.data[at + 8] if stop - at >= 16 else 0
        self._covered(at, stop, at + 6, pseudo, udp=True)
        if fragment or stop - at < 16 or port not in (n.PORT_GUE, n.PORT_GLB, n.PORT_GENEVE):
            self._carried(at + 8, stop, fragment)
        elif port == n.PORT_GENEVE:
            self._geneve(at + 8, stop)
        elif first >> 6 == 1:
            self._inner(at + 8, stop)
        else:
            self._gue(at + 8, stop)

    # Tunnels

    def _inner(self, at: int, stop: int) -> None:
        self._depth += 1
        self._packet(at, stop)
        self._depth -= 1

    def _gre(self, at: int, stop: int) -> None:
        first = self.data[at]
        start = at + 4 + 4 * ((first >> 7) + (first >> 5 & 1) + (first >> 4 & 1))
        if stop - at < 4 or first & 0x40 or start > stop:
            self._carried(at, stop)
            return
        if first >> 7:
            self._covered(at, stop, at + 4, (at, at))
        self._encapsulated(start, stop, self._u16(at + 2))

    def _gue(self, at: int, stop: int) -> None:
        """Variant 0; the private data of GLB director is a list of addresses (type, index, count, and they)."""
        inner = at + 4 + (self.data[at] & 31) * 4
        hops = self.data[at + 7] if inner - at >= 8 and inner <= stop else 0
        if hops and at + 8 + hops * 4 == inner:
            for hop in range(at + 8, inner, 4):
                self._address(hop, 4)
        else:
            self._blank(at + 4, min(inner, stop))
        self._inner(inner, stop)

    def _geneve(self, at: int, stop: int) -> None:
        start = at + 8 + (self.data[at] & 63) * 4
        option = at + 8
        while option + 4 <= min(start, stop):
            size = 4 + (self.data[option + 3] & 31) * 4
            address = {12: 4, 24: 16}.get(size, 0)
            if (self._u16(option), self.data[option + 2]) == n.CILIUM_GENEVE and address and option + size <= stop:
                self._address(option + 4, address)
            else:
                self._blank(option + 4, min(option + size, start, stop))
            option += size
        self._encapsulated(start, stop, self._u16(at + 2))

    def _encapsulated(self, at: int, stop: int, ethertype: int) -> None:
        self._depth += 1
        if ethertype == n.TYPE_BRIDGED:
            self._ethernet(at, stop)
        elif ethertype in (n.TYPE_IPV4, n.TYPE_IPV6):
            self._packet(at, stop)
        else:
            self._blank(at, stop)
        self._depth -= 1

    # Control

    def _icmp(self, at: int, stop: int, pseudo: Span, fragment: bool) -> None:
        if stop - at < 8:
            return
        kind = self.data[at]
        self._covered(at, stop, at + 2, pseudo)
        if pseudo[0] != pseudo[1]:
            self._icmp6(at, stop, kind, fragment)
            return
        if kind == n.ICMP_REDIRECT:
            self._address(at + 4, 4)
        if kind in n.ICMP_ERRORS:
            self._inner(at + 8, stop)
        else:
            self._carried(at + 8, stop, fragment)

    def _icmp6(self, at: int, stop: int, kind: int, fragment: bool) -> None:
        if kind in n.ICMP6_ERRORS:
            self._inner(at + 8, stop)
        elif kind in n.NDP_OPTIONS_AT and stop - at >= n.NDP_OPTIONS_AT[kind]:
            if kind in n.ICMP6_NEIGHBOUR or kind == n.ICMP6_REDIRECT:
                self._address(at + 8, 16)
            if kind == n.ICMP6_REDIRECT:
                self._address(at + 24, 16)
            self._neighbour_options(at + n.NDP_OPTIONS_AT[kind], stop)
        elif kind in n.ICMP6_LISTENERS:
            self._group_reports(at, stop, 16, kind == n.ICMP6_REPORT)
        else:
            self._carried(at + 8, stop, fragment)

    def _neighbour_options(self, at: int, stop: int) -> None:
        """Link-layer addresses, the packet that a redirect is about; others but the MTU are blanked."""
        while stop - at >= 8 and self.data[at + 1]:
            kind, end = self.data[at], min(at + self.data[at + 1] * 8, stop)
            if kind in (1, 2):
                self._mac(at + 2)
                self._blank(at + 8, end)
            elif kind == 4:
                self._inner(at + 8, end)
            elif kind != 5:
                self._blank(at + 2, end)
            at = end
        self._blank(at, stop)

    def _group_reports(self, at: int, stop: int, size: int, records: bool) -> None:
        """IGMP (RFC 9776) and MLD (RFC 9777): one group, or with `records` many, each with the sources it wants."""
        group = at + 4 if size == 4 else at + 8
        if not records:
            if stop - group >= size:
                self._address(group, size)
            self._blank(group + size, stop)
            return
        record = at + 8
        while record + 4 + size <= stop:
            end = record + 4 + size * (1 + self._u16(record + 2))
            for place in range(record + 4, min(end, stop - size + 1), size):
                self._address(place, size)
            auxiliary = end + 4 * self.data[record + 1]
            self._blank(end, min(auxiliary, stop))
            record = auxiliary
        self._blank(record, stop)

    def _vrrp(self, at: int, stop: int, pseudo: Span) -> None:
        """VRRP (RFC 3768, 9568): the virtual addresses; a password of version 2 is blanked."""
        size, count = (16 if pseudo[1] - pseudo[0] == 32 else 4), self.data[at + 3] if stop - at >= 8 else 0
        addresses = at + 8 + size * count
        if not count or addresses > stop:
            self._blank(at, stop)
            return
        # Version 3 covers the addresses of IP by the standard, but not as all routers do it.
        alone = self.data[at] >> 4 == 2 or total(self.data, (at, stop)) == 0
        for place in range(at + 8, addresses, size):
            self._address(place, size)
        self._blank(addresses, stop)
        self._covered(at, stop, at + 6, (at, at) if alone else pseudo)
