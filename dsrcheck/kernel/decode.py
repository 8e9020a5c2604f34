# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
"""A frame's bytes to its fields: link layer, tunnels, IP, transport, ICMP quotes, ARP and NDP claims.

Plain Python that Cython also compiles (types in decode.pxd). A test against `end`, the position after the last captured
byte, precedes every read: compiled reads are unchecked.
"""

from __future__ import annotations

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

Buffer = bytes | bytearray | memoryview

TUNNELS = ("", "ipip", "gre", "gue", "geneve")
CLAIMS = ("", "request", "reply", "gratuitous", "probe", "announcement", "advertisement", "solicitation", "dad")

# Link types: https://www.tcpdump.org/linktypes.html. Raw IP is 12 or 14 where a file holds the platform's own number.
LINK_NULL, LINK_ETHERNET, LINK_RAW_12, LINK_RAW_14, LINK_RAW = 0, 1, 12, 14, 101
LINK_LOOP, LINK_COOKED, LINK_IPV4, LINK_IPV6, LINK_COOKED_2 = 108, 113, 228, 229, 276

TYPE_IPV4, TYPE_IPV6, TYPE_ARP, TYPE_BRIDGED, TYPE_PPPOE = 0x0800, 0x86DD, 0x0806, 0x6558, 0x8864
TYPE_TAG, TYPE_SERVICE_TAG, TYPE_OLD_TAG = 0x8100, 0x88A8, 0x9100  # 802.1Q, 802.1ad, and QinQ before 802.1ad
SNAP = 0xAAAA_0300  # DSAP, SSAP, unnumbered information, and the first octet of the OUI 0
LONGEST_802_3 = 1500  # up to here the Ethernet type field is a length, and LLC follows

HOP_BY_HOP, ICMP, IPIP, TCP, UDP, IPV6_IN_IP, ROUTING, FRAGMENT = 0, 1, 4, 6, 17, 41, 43, 44
GRE, AUTHENTICATION, ICMPV6, NO_NEXT, DESTINATION_OPTIONS, SCTP = 47, 51, 58, 59, 60, 132

# UDP ports of tunnels: GUE (Katran, Linux), GUE of GLB director, Geneve (RFC 8926).
PORT_GUE, PORT_GLB, PORT_GENEVE = 6080, 19523, 6081

ARP_OF_ETHERNET_AND_IPV4 = 0x0001_0800_0604  # hardware, protocol, and the lengths of their addresses
ARPHRD_ETHER, ARPHRD_NETLINK = 1, 824

TAG_LIMIT = 4  # VLAN tags read in a frame
EXTENSION_LIMIT = 8  # IPv6 extension headers followed
TUNNEL_LIMIT = 4  # encapsulations removed

MAPPED = 0xFFFF_0000_0000  # the low half of ::ffff:0:0/96, where IPv4 addresses lie
BROADCAST = 0xFFFF_FFFF_FFFF
NO_TARGET = 0xFFFF_FFFF_FFFF  # 255.255.255.255, mapped


def u16(data: Buffer, at: int) -> int:
    """Return the two octets at a position as a number, most significant first."""
    return data[at] << 8 | data[at + 1]


def u32(data: Buffer, at: int) -> int:
    """Return the four octets at a position as a number, most significant first."""
    a = data[at]
    b = data[at + 1]
    c = data[at + 2]
    d = data[at + 3]
    return a << 24 | b << 16 | c << 8 | d


def u48(data: Buffer, at: int) -> int:
    """Return the six octets at a position as a number, most significant first."""
    return u32(data, at) << 16 | u16(data, at + 4)


def u64(data: Buffer, at: int) -> int:
    """Return the eight octets at a position as a number, most significant first."""
    return u32(data, at) << 32 | u32(data, at + 4)


class Frame:
    """One decoded frame; reused for the next, so that no object per frame is made.

    All attributes are non-negative integers, 0 where the frame has no such field. MAC addresses have 48 bits, IP
    addresses two halves of 64 (IPv4 is mapped into ::ffff:0:0/96).

    `reach`: how far the frame could be read: 0 nothing usable; 2 link layer; 3 IP header, and then no transport header
        (it is cut, or this is a later fragment); 4 transport header too (of protocols without ports nothing is read)
    `macs`: which of `src_mac` (1) and `dst_mac` (2) the link layer has; `ethertype`: after all tags
    `vlan`: packed VLAN ids, the outermost in bits 0 to 11, the next in 12 to 23, the third in 24 to 35; 0 untagged
    `tunnel`: position in `TUNNELS` of the outermost encapsulation; `depth`: how many were removed; `outer_*`: of the
        outermost IP header, and the destination port if it carries UDP; all others are of the innermost packet
    `ip_length`: of the packet, in bytes, as declared; `fragment_offset`: in bytes; `ip_id`: of IPv6, the fragment's
    `protocol`: after extension headers; `ttl`: or hop limit
    `mss`, `ts_val`, `ts_ecr`, `has_ts`: TCP options; `tcp_flags`: the low eight bits
    `payload_length`: bytes after the transport header, as declared; `payload_offset`: where they begin in `data`;
        `payload_captured`: how many of them were captured. Of later fragments: after the IP header.
    `icmp_word`: the four bytes after the checksum; `icmp_id`: of an echo; `icmp_value`: MTU, or gateway of a redirect
    `quoted`: 1 with the `quoted_*` fields of the packet that an ICMP error is about
    `claim`: position in `CLAIMS`; `claim_mac`, `claim_high`, `claim_low`: the MAC and the address stated to be there;
        `target_mac`, `target_high`, `target_low`: whom an ARP is for; target of NDP and of an ICMPv6 redirect
    """

    def __init__(self) -> None:
        self._clear_scratch()
        self._clear_rare()
        self._clear()

    def decode(self, data: Buffer, offset: int, captured: int, original: int, link_type: int) -> int:
        """Decode the frame at `data[offset : offset + captured]` and return its `reach`.

        `original` is the frame's length on the wire in bytes, `link_type` a LINKTYPE number. Never raises: a frame that
        is not within `data`, or of an unknown link type, has reach 0.
        """
        if offset < 0 or captured <= 0 or offset > len(data) or captured > len(data) - offset:
            self._clear()
            return 0
        if cython.compiled:
            return self.decode_at(cython.address(data[0]), offset, captured, original, link_type)
        return self.decode_at(data, offset, captured, original, link_type)

    def decode_at(self, data: Buffer, offset: int, captured: int, original: int, link_type: int) -> int:
        """`decode` for a caller who knows that the frame lies within `data` (a bare pointer when compiled)."""
        self._clear()
        end = offset + captured
        at = self._link(data, offset, end, link_type)
        if at < 0:
            return 0
        self.reach = 2
        if self.ethertype == TYPE_IPV4:
            self._internet(data, at, end, offset + max(captured, original), 4)
        elif self.ethertype == TYPE_IPV6:
            self._internet(data, at, end, offset + max(captured, original), 6)
        elif self.ethertype == TYPE_ARP:
            self._arp(data, at, end)
        return self.reach

    # Life: every attribute is set anew for every frame

    def _clear(self) -> None:
        self.reach = self.src_mac = self.dst_mac = self.macs = self.vlan = self.ethertype = 0
        self.src_high = self.src_low = self.dst_high = self.dst_low = 0
        self.ip_version = self.ttl = self.protocol = self.ip_id = self.ip_length = self.dscp = 0
        self.dont_fragment = self.fragment_offset = self.more_fragments = 0
        self.src_port = self.dst_port = self.seq = self.ack = self.tcp_flags = self.window = 0
        self.mss = self.ts_val = self.ts_ecr = self.has_ts = 0
        self.payload_length = self.payload_offset = self.payload_captured = 0
        if self._rare:
            self._clear_rare()

    def _clear_rare(self) -> None:
        self._rare = 0  # 1: one of these is set
        self.tunnel = self.depth = self.outer_ttl = self.outer_dst_port = 0
        self.outer_src_high = self.outer_src_low = self.outer_dst_high = self.outer_dst_low = 0
        self.icmp_type = self.icmp_code = self.icmp_id = self.icmp_word = self.icmp_value = 0
        self.quoted = self.quoted_src_high = self.quoted_src_low = self.quoted_dst_high = self.quoted_dst_low = 0
        self.quoted_protocol = self.quoted_src_port = self.quoted_dst_port = 0
        self.claim = self.claim_mac = self.claim_high = self.claim_low = 0
        self.target_mac = self.target_high = self.target_low = 0

    def _clear_scratch(self) -> None:
        self._stop = 0  # where the IP packet ends as it declares, which may be past what was captured
        self._header = self._fragment = self._fragment_id = 0  # what _extensions found
        self._kind = self._port = 0  # what _inner found

    # Link layer: each returns where the network header begins, -1 when its own header is not whole

    def _link(self, data: Buffer, at: int, end: int, link_type: int) -> int:
        if link_type == LINK_ETHERNET:
            return self._ethernet(data, at, end)
        if link_type == LINK_COOKED:
            return self._cooked(data, at, end)
        if link_type == LINK_COOKED_2:
            return self._cooked_2(data, at, end)
        if link_type in (LINK_NULL, LINK_LOOP):
            return self._loopback(data, at, end)
        return self._raw(data, at, end, link_type)

    def _ethernet(self, data: Buffer, at: int, end: int) -> int:
        if end - at < 14:
            return -1
        self.dst_mac = u48(data, at)
        self.src_mac = u48(data, at + 6)
        self.macs = 3
        ethertype = u16(data, at + 12)
        if ethertype == TYPE_IPV4:
            self.ethertype = ethertype
            return at + 14
        return self._tags(data, at + 14, end, ethertype)

    def _cooked(self, data: Buffer, at: int, end: int) -> int:
        if end - at < 16:
            return -1
        return self._cooked_sender(data, end, u16(data, at + 2), u16(data, at + 4), at + 6, u16(data, at + 14), at + 16)

    def _cooked_2(self, data: Buffer, at: int, end: int) -> int:
        if end - at < 20:
            return -1
        return self._cooked_sender(data, end, u16(data, at + 8), data[at + 11], at + 12, u16(data, at), at + 20)

    def _cooked_sender(
        self, data: Buffer, end: int, hardware: int, length: int, sender: int, ethertype: int, at: int
    ) -> int:
        if hardware == ARPHRD_ETHER and length == 6:
            self.src_mac = u48(data, sender)
            self.macs = 1
        if hardware == ARPHRD_NETLINK:  # its protocol field is a netlink family
            return at
        return self._tags(data, at, end, ethertype)

    def _loopback(self, data: Buffer, at: int, end: int) -> int:
        if end - at < 4:
            return -1
        family = u32(data, at)
        if family > 0xFFFF:  # written by a host of the other byte order
            family = data[at] | data[at + 1] << 8 | data[at + 2] << 16
        if family == 2:
            self.ethertype = TYPE_IPV4
        elif family in (10, 24, 28, 30):  # AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS
            self.ethertype = TYPE_IPV6
        return at + 4

    def _raw(self, data: Buffer, at: int, end: int, link_type: int) -> int:
        if at >= end or link_type not in (LINK_RAW, LINK_RAW_12, LINK_RAW_14, LINK_IPV4, LINK_IPV6):
            return -1
        version = data[at] >> 4
        if version == 4 and link_type != LINK_IPV6:
            self.ethertype = TYPE_IPV4
        elif version == 6 and link_type != LINK_IPV4:
            self.ethertype = TYPE_IPV6
        return at

    def _tags(self, data: Buffer, at: int, end: int, ethertype: int) -> int:
        """Read VLAN tags, LLC/SNAP and PPPoE between the link header and the network header."""
        tags = shift = 0
        while tags < TAG_LIMIT and end - at >= 4 and is_tag(ethertype):
            number = u16(data, at) & 0xFFF
            if number and shift < 36:  # id 0 is a priority tag
                self.vlan |= number << shift
                shift += 12
            ethertype = u16(data, at + 2)
            at += 4
            tags += 1
        if ethertype <= LONGEST_802_3:
            ethertype = snap_type(data, at, end)
            at += 8
        elif ethertype == TYPE_PPPOE:
            ethertype = pppoe_type(data, at, end)
            at += 8
        self.ethertype = ethertype
        return at

    # Network layer

    def _internet(self, data: Buffer, at: int, end: int, wire_end: int, version: int) -> None:
        """Read the IP packet at `at`, and the packet within while it is a tunnel's."""
        transport = self._ip(data, at, end, wire_end, version)
        while transport >= 0:
            end = min(end, self._stop)  # what follows is padding
            at = self._inner(data, transport, end)
            if at < 0:
                self._transport(data, transport, end)
                return
            self._enter_tunnel()
            transport = self._ip(data, at, end, self._stop, data[at] >> 4)

    def _ip(self, data: Buffer, at: int, end: int, wire_end: int, version: int) -> int:
        """Read an IP header; return where its transport header begins (past `end`: cut), -1 when it is no IP header."""
        if end - at < 20 or data[at] >> 4 != version:
            return -1
        if version == 4:
            return self._ip4(data, at, end, wire_end)
        return self._ip6(data, at, end, wire_end) if end - at >= 40 else -1

    def _ip4(self, data: Buffer, at: int, end: int, wire_end: int) -> int:
        header = (data[at] & 15) * 4
        length = u16(data, at + 2)
        if header < 20 or 0 < length < header:
            return -1
        self._stop = at + length if length else max(wire_end, at + header)  # 0: segmentation offload
        self.ip_length = self._stop - at
        self.reach = 3
        self.ip_version = 4
        self.dscp = data[at + 1] >> 2
        self.ip_id = u16(data, at + 4)
        fragment = u16(data, at + 6)
        self.dont_fragment = fragment >> 14 & 1
        self.more_fragments = fragment >> 13 & 1
        self.fragment_offset = (fragment & 0x1FFF) * 8
        self.ttl = data[at + 8]
        self.protocol = data[at + 9]
        self.src_high = self.dst_high = 0
        self.src_low = MAPPED | u32(data, at + 12)
        self.dst_low = MAPPED | u32(data, at + 16)
        at += header
        if self.protocol == AUTHENTICATION and not self.fragment_offset:
            at = self._extensions(data, at, min(end, self._stop), AUTHENTICATION)
            self.protocol = self._header
        return at

    def _ip6(self, data: Buffer, at: int, end: int, wire_end: int) -> int:
        length = u16(data, at + 4)
        following = data[at + 6]
        self._stop = at + 40 + length if length or following == NO_NEXT else max(wire_end, at + 40)
        self.ip_length = self._stop - at
        self.reach = 3
        self.ip_version = 6
        self.dscp = u16(data, at) >> 6 & 63
        self.ttl = data[at + 7]
        self.src_high = u64(data, at + 8)
        self.src_low = u64(data, at + 16)
        self.dst_high = u64(data, at + 24)
        self.dst_low = u64(data, at + 32)
        at = self._extensions(data, at + 40, min(end, self._stop), following)
        self.protocol = self._header
        self.dont_fragment = 0
        self.ip_id = self._fragment_id
        self.fragment_offset = self._fragment & 0xFFF8
        self.more_fragments = self._fragment & 1
        return at

    def _extensions(self, data: Buffer, at: int, end: int, header: int) -> int:
        """Follow extension headers (RFC 8200, 4) from one of kind `header`; return where the first other header begins.

        Leaves its kind in `_header`, the fragment header's fields in `_fragment` and `_fragment_id`. When the chain is
        cut, or too long, the position returned lies past `end`.
        """
        self._fragment = self._fragment_id = 0
        for _ in range(EXTENSION_LIMIT + 1):
            self._header = header
            if not is_extension(header):
                return at
            if end - at < 8:
                break
            header = data[at]
            if self._header == FRAGMENT:
                self._fragment = u16(data, at + 2)
                self._fragment_id = u32(data, at + 4)
                at += 8
                if self._fragment >= 8:  # a later fragment: what follows is data
                    self._header = header
                    return at
            elif self._header == AUTHENTICATION:
                at += (data[at + 1] + 2) * 4
            else:
                at += (data[at + 1] + 1) * 8
        return end + 1

    # Tunnels: each returns where the inner IP header begins, -1 when there is none that is plausible

    def _inner(self, data: Buffer, at: int, end: int) -> int:
        self._port = 0
        if self.protocol == TCP or self.fragment_offset or self.depth == TUNNEL_LIMIT:
            return -1
        if self.protocol == UDP:
            return self._inner_of_udp(data, at, end)
        if self.protocol == IPIP or self.protocol == IPV6_IN_IP:
            self._kind = 1
            return self._plausible(data, at, end, 4 if self.protocol == IPIP else 6)
        if self.protocol == GRE:
            self._kind = 2
            return self._inner_of_gre(data, at, end)
        return -1

    def _inner_of_udp(self, data: Buffer, at: int, end: int) -> int:
        if end - at < 16:
            return -1
        self._port = u16(data, at + 2)
        if self._port == PORT_GUE or self._port == PORT_GLB:
            self._kind = 3
            return self._inner_of_gue(data, at + 8, end)
        if self._port == PORT_GENEVE and data[at + 8] >> 6 == 0:
            self._kind = 4
            return self._encapsulated(data, at + 16 + (data[at + 8] & 63) * 4, end, u16(data, at + 10))
        return -1

    def _inner_of_gre(self, data: Buffer, at: int, end: int) -> int:
        """GRE of RFC 2784 and 2890: version 0 and no routing, with optional checksum, key and sequence number."""
        if end - at < 4 or data[at] & 0x40 or data[at + 1] & 7:
            return -1
        options = (data[at] >> 7) + (data[at] >> 5 & 1) + (data[at] >> 4 & 1)
        return self._encapsulated(data, at + 4 + options * 4, end, u16(data, at + 2))

    def _inner_of_gue(self, data: Buffer, at: int, end: int) -> int:
        """GUE (draft-ietf-intarea-gue): variant 1 is an IP header as it is, variant 0 has a header of its own first."""
        if data[at] >> 6 == 1:
            return self._plausible(data, at, end, data[at] >> 4)
        if data[at] >> 5:  # another variant, or a control message
            return -1
        inner = at + 4 + (data[at] & 31) * 4
        if data[at + 1] == IPIP:
            return self._plausible(data, inner, end, 4)
        return self._plausible(data, inner, end, 6) if data[at + 1] == IPV6_IN_IP else -1

    def _encapsulated(self, data: Buffer, at: int, end: int, ethertype: int) -> int:
        if ethertype == TYPE_BRIDGED and end - at >= 14:
            ethertype = u16(data, at + 12)
            at += 14
            for _ in range(TAG_LIMIT):
                if end - at >= 4 and is_tag(ethertype):
                    ethertype = u16(data, at + 2)
                    at += 4
        if ethertype == TYPE_IPV4:
            return self._plausible(data, at, end, 4)
        return self._plausible(data, at, end, 6) if ethertype == TYPE_IPV6 else -1

    def _plausible(self, data: Buffer, at: int, end: int, version: int) -> int:
        """Return `at` when an IP header is there that fits its carrier, else -1."""
        if end - at < 20 or data[at] >> 4 != version:
            return -1
        if version == 4:
            least = (data[at] & 15) * 4
            length = u16(data, at + 2)
            if least < 20 or (length < least and (length or self._stop - at < 0xFFFF)):
                return -1  # a length of 0 is believed only in what offload made longer than the field can tell
        elif version == 6 and end - at >= 40:
            length = 40 + u16(data, at + 4)
        else:
            return -1
        return at if length <= self._stop - at or self.more_fragments else -1

    def _enter_tunnel(self) -> None:
        if self.depth == 0:
            self._rare = 1
            self.tunnel = self._kind
            self.outer_src_high = self.src_high
            self.outer_src_low = self.src_low
            self.outer_dst_high = self.dst_high
            self.outer_dst_low = self.dst_low
            self.outer_ttl = self.ttl
            self.outer_dst_port = self._port
        self.depth += 1

    # Transport layer

    def _transport(self, data: Buffer, at: int, end: int) -> None:
        if self.fragment_offset:
            self._payload(at, end)
        elif self.protocol == TCP:
            self._tcp(data, at, end)
        elif self.protocol == UDP:
            self._udp(data, at, end)
        elif self.protocol == SCTP:
            self._sctp(data, at, end)
        elif (self.protocol == ICMP and self.ip_version == 4) or (self.protocol == ICMPV6 and self.ip_version == 6):
            self._icmp(data, at, end)
        elif at <= end:
            self.reach = 4
            self._payload(at, end)

    def _payload(self, at: int, end: int) -> None:
        self.payload_offset = at
        self.payload_length = max(0, self._stop - at)
        self.payload_captured = max(0, min(self.payload_length, end - at))

    def _tcp(self, data: Buffer, at: int, end: int) -> None:
        if end - at < 20:
            return
        self.reach = 4
        self.src_port = u16(data, at)
        self.dst_port = u16(data, at + 2)
        self.seq = u32(data, at + 4)
        self.ack = u32(data, at + 8)
        self.tcp_flags = data[at + 13]
        self.window = u16(data, at + 14)
        header = (data[at + 12] >> 4) * 4
        if header < 20:  # malformed: where the payload begins is unknown
            return
        self._payload(at + header, end)
        if header > 20:
            self._tcp_options(data, at + 20, min(at + header, end))

    def _tcp_options(self, data: Buffer, at: int, stop: int) -> None:
        while at < stop:
            kind = data[at]
            if kind == 1:  # padding
                at += 1
                continue
            if kind == 0 or stop - at < 2:
                return
            length = data[at + 1]
            if length < 2 or length > stop - at:
                return
            if kind == 8 and length == 10:
                self.has_ts = 1
                self.ts_val = u32(data, at + 2)
                self.ts_ecr = u32(data, at + 6)
            elif kind == 2 and length == 4:
                self.mss = u16(data, at + 2)
            at += length

    def _udp(self, data: Buffer, at: int, end: int) -> None:
        if end - at < 8:
            return
        self.reach = 4
        self.src_port = u16(data, at)
        self.dst_port = u16(data, at + 2)
        length = u16(data, at + 4)
        if length >= 8:  # else offload: the IP length alone tells
            self._stop = min(self._stop, at + length)
        self._payload(at + 8, end)

    def _sctp(self, data: Buffer, at: int, end: int) -> None:
        if end - at < 12:
            return
        self.reach = 4
        self.src_port = u16(data, at)
        self.dst_port = u16(data, at + 2)
        self._payload(at + 12, end)

    # ICMP and ICMPv6 (RFC 792, 4443)

    def _icmp(self, data: Buffer, at: int, end: int) -> None:
        if end - at < 8:
            return
        self.reach = 4
        self._rare = 1
        self.icmp_type = data[at]
        self.icmp_code = data[at + 1]
        self.icmp_word = u32(data, at + 4)
        self._payload(at + 8, end)
        if self.ip_version == 4:
            self._icmp4(data, at, end)
        else:
            self._icmp6(data, at, end)

    def _icmp4(self, data: Buffer, at: int, end: int) -> None:
        kind = self.icmp_type
        if kind in (0, 8):
            self.icmp_id = self.icmp_word >> 16
        elif kind in (3, 4, 5, 11, 12):
            if kind == 5:
                self.icmp_value = self.icmp_word
            elif kind == 3 and self.icmp_code == 4:
                self.icmp_value = self.icmp_word & 0xFFFF
            self._quote(data, at + 8, end)

    def _icmp6(self, data: Buffer, at: int, end: int) -> None:
        kind = self.icmp_type
        if kind in (128, 129):
            self.icmp_id = self.icmp_word >> 16
        elif 1 <= kind <= 4:
            if kind == 2:
                self.icmp_value = self.icmp_word
            self._quote(data, at + 8, end)
        elif kind == 137:
            self._redirect(data, at, end)
        elif kind in (135, 136):
            self._neighbour(data, at, end)

    def _quote(self, data: Buffer, at: int, end: int) -> None:
        """Read the packet that an ICMP error quotes: eight bytes of its transport header are enough for the ports."""
        if end - at < 20 or data[at] >> 4 != self.ip_version:
            return
        if self.ip_version == 4:
            header = (data[at] & 15) * 4
            if header < 20:
                return
            self.quoted_src_low = MAPPED | u32(data, at + 12)
            self.quoted_dst_low = MAPPED | u32(data, at + 16)
            self.quoted_protocol = data[at + 9]
            later = u16(data, at + 6) & 0x1FFF
            at += header
        elif end - at >= 40:
            self.quoted_src_high = u64(data, at + 8)
            self.quoted_src_low = u64(data, at + 16)
            self.quoted_dst_high = u64(data, at + 24)
            self.quoted_dst_low = u64(data, at + 32)
            at = self._extensions(data, at + 40, end, data[at + 6])
            self.quoted_protocol = self._header
            later = self._fragment >> 3
        else:
            return
        self.quoted = 1
        protocol = self.quoted_protocol
        if protocol in (TCP, UDP, SCTP) and not later and end - at >= 4:
            self.quoted_src_port = u16(data, at)
            self.quoted_dst_port = u16(data, at + 2)

    def _redirect(self, data: Buffer, at: int, end: int) -> None:
        """ICMPv6 redirect (RFC 4861, 4.5): the better first hop, and the packet in a Redirected Header option."""
        if end - at < 40:
            return
        self.target_high = u64(data, at + 8)
        self.target_low = u64(data, at + 16)
        quote = self._option(data, at + 40, end, 4)
        if quote >= 0:
            self._quote(data, quote + 8, end)

    # Claims: who states by ARP (RFC 826, 5227) or NDP (RFC 4861) that an address is at a MAC

    def _arp(self, data: Buffer, at: int, end: int) -> None:
        if end - at < 28 or u48(data, at) != ARP_OF_ETHERNET_AND_IPV4:
            return
        opcode = u16(data, at + 6)
        if opcode not in (1, 2):
            return
        self._rare = 1
        self.claim_mac = u48(data, at + 8)
        self.claim_low = MAPPED | u32(data, at + 14)
        self.target_mac = u48(data, at + 18)
        self.target_low = MAPPED | u32(data, at + 24)
        own = self.claim_low == self.target_low
        if opcode == 1:
            self.claim = 4 if self.claim_low == MAPPED else 5 if own else 1
        else:
            told_to_all = self.target_low == NO_TARGET or self.dst_mac == BROADCAST
            self.claim = 3 if own or told_to_all else 2

    def _neighbour(self, data: Buffer, at: int, end: int) -> None:
        """Neighbour solicitation and advertisement; from a tunnel, or with a hop limit below 255, no claims."""
        if end - at < 24 or self.ttl != 255 or self.icmp_code or self.depth:
            return
        self.target_high = u64(data, at + 8)
        self.target_low = u64(data, at + 16)
        if self.icmp_type == 136:
            self.claim = 6
            self.claim_high = self.target_high
            self.claim_low = self.target_low
            option = self._option(data, at + 24, end, 2)
        else:
            self.claim = 7 if self.src_high or self.src_low else 8
            self.claim_high = self.src_high
            self.claim_low = self.src_low
            option = self._option(data, at + 24, end, 1)
        self.claim_mac = u48(data, option + 2) if option >= 0 else self.src_mac

    def _option(self, data: Buffer, at: int, end: int, kind: int) -> int:
        """Return where the first whole NDP option of a kind begins, -1 when there is none."""
        while end - at >= 8 and data[at + 1]:
            if data[at] == kind:
                return at
            at += data[at + 1] * 8
        return -1


def is_tag(ethertype: int) -> bool:
    """Tell whether a VLAN tag follows."""
    return ethertype in (TYPE_TAG, TYPE_SERVICE_TAG, TYPE_OLD_TAG)


def is_extension(header: int) -> bool:
    """Tell whether a number of the protocol field is an extension header that the transport header can follow."""
    return header in (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS)


def snap_type(data: Buffer, at: int, end: int) -> int:
    """Return the ethertype in an LLC/SNAP header (RFC 1042), 0 for other LLC."""
    if end - at < 8 or u32(data, at) != SNAP or u16(data, at + 4) != 0:
        return 0
    return u16(data, at + 6)


def pppoe_type(data: Buffer, at: int, end: int) -> int:
    """Return the ethertype of what a PPPoE session header (RFC 2516) carries, 0 when it is not IP."""
    if end - at < 8 or u16(data, at) != 0x1100:
        return 0
    protocol = u16(data, at + 6)
    return TYPE_IPV4 if protocol == 0x0021 else TYPE_IPV6 if protocol == 0x0057 else 0
