"""Building frames with dpkt, and reading them back. Addresses are the packed octets, as they stand in the packet.

IP packets and TCP segments, by far the most, are put together with struct: dpkt takes fifty microseconds for one.
"""

from __future__ import annotations

import ipaddress
import struct

import dpkt

ETHERTYPE_IP = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_VLAN = 0x8100
ETHERTYPE_IP6 = 0x86DD
ICMP, IPIP, TCP, UDP, IP6_IN_IP, ICMP6, VRRP = 1, 4, 6, 17, 41, 58, 112
BROADCAST = b"\xff" * 6
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ANY4 = bytes(4)


def mac(text: str) -> bytes:
    """The six octets of a MAC address in text. Raises ValueError."""
    octets = bytes.fromhex(text.replace(":", "").replace("-", ""))
    if len(octets) != 6:
        raise ValueError(f"a MAC address has six octets, {text!r} has {len(octets)}")
    return octets


def mac_text(octets: bytes) -> str:
    """Six octets as text, with colons."""
    return octets.hex(":")


def ip(text: str) -> bytes:
    """The 4 or 16 octets of an address in text. Raises ValueError."""
    return ipaddress.ip_address(text).packed


def ip_text(octets: bytes) -> str:
    """4 or 16 octets as the usual text of an address."""
    return str(ipaddress.ip_address(octets))


def link_local(hardware: bytes) -> bytes:
    """The IPv6 link-local address of a MAC address (RFC 4291, appendix A)."""
    return bytes.fromhex("fe80000000000000") + bytes([hardware[0] ^ 2]) + hardware[1:3] + b"\xff\xfe" + hardware[3:]


def is_link_local(address: bytes) -> bool:
    """Whether an address is in fe80::/10."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


def solicited_node(address: bytes) -> bytes:
    """The solicited-node multicast address (RFC 4291, 2.7.1)."""
    return bytes.fromhex("ff0200000000000000000001ff") + address[13:]


def multicast_mac(address: bytes) -> bytes:
    """The Ethernet group address of an IP multicast address (RFC 1112, 6.4; RFC 2464, 7)."""
    if len(address) == 4:
        return b"\x01\x00\x5e" + bytes([address[1] & 0x7F]) + address[2:]
    return b"\x33\x33" + address[12:]


def is_multicast(address: bytes) -> bool:
    """Whether an IP address names a group."""
    return address[0] == 0xFF if len(address) == 16 else 224 <= address[0] <= 239


def ethernet(dst: bytes, src: bytes, packet: bytes, vlan: int | None = None, ethertype: int | None = None) -> bytes:
    """A frame around an IP packet (or what `ethertype` says), tagged if there is a VLAN, never padded."""
    if ethertype is None:
        ethertype = ETHERTYPE_IP if packet[0] >> 4 == 4 else ETHERTYPE_IP6
    tag = struct.pack(">HH", ETHERTYPE_VLAN, vlan) if vlan is not None else b""
    return b"%b%b%b%b%b" % (dst, src, tag, ethertype.to_bytes(2, "big"), packet)


def arp(operation: int, sender_mac: bytes, sender: bytes, target_mac: bytes, target: bytes) -> bytes:
    """An ARP message (RFC 826) for Ethernet and IPv4."""
    return bytes(dpkt.arp.ARP(op=operation, sha=sender_mac, spa=sender, tha=target_mac, tpa=target))


def internet_checksum(octets: bytes) -> int:
    """The checksum of RFC 1071: the ones' complement sum is the whole taken as one number modulo 65535."""
    total = int.from_bytes(octets if len(octets) % 2 == 0 else octets + b"\0", "big") % 0xFFFF
    return 0xFFFF ^ (total or 0xFFFF)


def ipv4(
    src: bytes, dst: bytes, protocol: int, payload: bytes, ttl: int = 64, ident: int = 0, fragment: bool = False
) -> bytes:
    """An IPv4 packet; don't-fragment unless `fragment` is allowed."""
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0 if fragment else 0x4000, ttl, protocol, 0, src, dst
    )
    total = internet_checksum(head)
    return b"%b%b%b%b" % (head[:10], total.to_bytes(2, "big"), head[12:], payload)


def ipv6(src: bytes, dst: bytes, protocol: int, payload: bytes, hop_limit: int = 64) -> bytes:
    """An IPv6 packet without extension headers."""
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), protocol, hop_limit, src, dst) + payload


def packet(src: bytes, dst: bytes, protocol: int, payload: bytes, ttl: int = 64, ident: int = 0) -> bytes:
    """An IP packet of the addresses' family."""
    if len(dst) == 4:
        return ipv4(src, dst, protocol, payload, ttl, ident)
    return ipv6(src, dst, protocol, payload, ttl)


def _pseudo_header(src: bytes, dst: bytes, protocol: int, length: int) -> bytes:
    if len(dst) == 4:
        return struct.pack(">4s4sBBH", src, dst, 0, protocol, length)
    return struct.pack(">16s16sII", src, dst, length, protocol)


def checksum(src: bytes, dst: bytes, protocol: int, segment: bytes) -> int:
    """The transport checksum over pseudo header and segment (RFC 9293, 3.1; RFC 8200, 8.1)."""
    return internet_checksum(_pseudo_header(src, dst, protocol, len(segment)) + segment)


def partial_checksum(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """What a host leaves in the field when the NIC is to finish it: the sum of the pseudo header, not complemented."""
    return 0xFFFF ^ internet_checksum(_pseudo_header(src, dst, protocol, length))


def tcp(
    src: bytes,
    dst: bytes,
    ports: tuple[int, int],
    numbers: tuple[int, int],
    flags: int,
    window: int,
    options: bytes = b"",
    payload: bytes = b"",
    offload: bool = False,
) -> bytes:
    """A TCP segment. `ports`: source and destination. `numbers`: sequence and acknowledgement."""
    off = (20 + len(options)) << 2
    head = struct.pack(">HHIIBBHHH", *ports, *numbers, off, flags, window, 0, 0)
    if offload:
        total = partial_checksum(src, dst, TCP, 20 + len(options) + len(payload))
    else:
        total = checksum(src, dst, TCP, b"%b%b%b" % (head, options, payload))
    return b"%b%b\x00\x00%b%b" % (head[:16], total.to_bytes(2, "big"), options, payload)


def udp(src: bytes, dst: bytes, ports: tuple[int, int], payload: bytes) -> bytes:
    """A UDP datagram."""
    datagram = dpkt.udp.UDP(sport=ports[0], dport=ports[1], ulen=8 + len(payload), data=payload)
    datagram.sum = checksum(src, dst, UDP, bytes(datagram)) or 0xFFFF
    return bytes(datagram)


def icmp(kind: int, code: int, rest: bytes, body: bytes) -> bytes:
    """An ICMP message; `rest` is the second word of its header (MTU, gateway, identifier and sequence)."""
    head = struct.pack(">BBH", kind, code, 0) + rest + body
    return struct.pack(">BBH", kind, code, internet_checksum(head)) + rest + body


def icmp6(src: bytes, dst: bytes, kind: int, code: int, rest: bytes, body: bytes) -> bytes:
    """An ICMPv6 message, its checksum over the pseudo header."""
    head = struct.pack(">BBH", kind, code, 0) + rest + body
    return struct.pack(">BBH", kind, code, checksum(src, dst, ICMP6, head)) + rest + body


class Packet:
    """A frame taken apart, as far as the lab needs it: no copy of the payload, offsets into the frame instead.

    `network`: offset of the IP header or ARP message; `transport`: of what follows the IP header; `end`: where the IP
    packet ends (padding cut off). For ARP and the unknown `version` is 0.
    """

    __slots__ = (
        "dst",
        "dst_mac",
        "end",
        "ethertype",
        "frame",
        "network",
        "protocol",
        "src",
        "src_mac",
        "transport",
        "ttl",
        "version",
        "vlan",
    )

    def __init__(self, frame: bytes) -> None:
        self.frame = frame
        self.dst_mac = frame[:6]
        self.src_mac = frame[6:12]
        self.vlan: int | None = None
        at = 12
        ethertype = frame[12] << 8 | frame[13]
        if ethertype == ETHERTYPE_VLAN:
            self.vlan = (frame[14] << 8 | frame[15]) & 0xFFF
            at = 16
            ethertype = frame[16] << 8 | frame[17]
        self.ethertype = ethertype
        self.network = at = at + 2
        self.version = 0
        self.src = self.dst = b""
        self.ttl = self.protocol = self.transport = 0
        self.end = len(frame)
        if ethertype == ETHERTYPE_IP:
            self.version = 4
            self.transport = at + ((frame[at] & 15) << 2)
            self.ttl, self.protocol = frame[at + 8], frame[at + 9]
            self.src, self.dst = frame[at + 12 : at + 16], frame[at + 16 : at + 20]
            self.end = at + (frame[at + 2] << 8 | frame[at + 3])
        elif ethertype == ETHERTYPE_IP6:
            self.version = 6
            self.transport = at + 40
            self.ttl, self.protocol = frame[at + 7], frame[at + 6]
            self.src, self.dst = frame[at + 8 : at + 24], frame[at + 24 : at + 40]
            self.end = at + 40 + (frame[at + 4] << 8 | frame[at + 5])

    @property
    def ip(self) -> bytes:
        """The IP packet, without link header and padding."""
        return self.frame[self.network : self.end]

    @property
    def ports(self) -> tuple[int, int]:
        """Source and destination port; only for TCP and UDP."""
        frame, at = self.frame, self.transport
        return frame[at] << 8 | frame[at + 1], frame[at + 2] << 8 | frame[at + 3]

    @property
    def tcp_flags(self) -> int:
        return self.frame[self.transport + 13]

    @property
    def payload(self) -> bytes:
        """What TCP or UDP carry."""
        header = (self.frame[self.transport + 12] >> 4) << 2 if self.protocol == TCP else 8
        return self.frame[self.transport + header : self.end]

    @property
    def arp(self) -> tuple[int, bytes, bytes, bytes, bytes]:
        """Of an ARP message: operation, sender MAC, sender, target MAC, target."""
        at, frame = self.network, self.frame
        return (
            frame[at + 6] << 8 | frame[at + 7],
            frame[at + 8 : at + 14],
            frame[at + 14 : at + 18],
            frame[at + 18 : at + 24],
            frame[at + 24 : at + 28],
        )


def lower_ttl(packet: bytes, by: int = 1) -> bytes:
    """The IP packet one hop on; of IPv4 the header checksum is brought up to date (RFC 1624)."""
    if packet[0] >> 4 == 6:
        return b"%b%c%b" % (packet[:7], packet[7] - by, packet[8:])
    total = (packet[10] << 8 | packet[11]) + (by << 8)
    total = (total + (total >= 0xFFFF)) & 0xFFFF
    return b"%b%c%b%b%b" % (packet[:8], packet[8] - by, packet[9:10], total.to_bytes(2, "big"), packet[12:])


def rewrite(
    packet: bytes,
    src: bytes | None = None,
    dst: bytes | None = None,
    src_port: int | None = None,
    dst_port: int | None = None,
    ident: int | None = None,
    ttl: int | None = None,
    sequence: tuple[int, int] = (0, 0),
    offload: bool = False,
) -> bytes:
    """The IP packet with other addresses, ports, id or TTL, `sequence` and acknowledgement moved, sums made anew."""
    four = packet[0] >> 4 == 4
    header = (packet[0] & 15) << 2 if four else 40
    protocol = packet[9] if four else packet[6]
    old_src, old_dst = (packet[12:16], packet[16:20]) if four else (packet[8:24], packet[24:40])
    src, dst = src or old_src, dst or old_dst
    body = bytearray(packet[header:])
    if protocol in (TCP, UDP):
        if src_port is not None:
            body[0:2] = src_port.to_bytes(2, "big")
        if dst_port is not None:
            body[2:4] = dst_port.to_bytes(2, "big")
        if protocol == TCP and any(sequence):
            for at, move in zip((4, 8), sequence, strict=True):
                moved = (int.from_bytes(body[at : at + 4], "big") + move) & 0xFFFFFFFF
                body[at : at + 4] = moved.to_bytes(4, "big")
        at = 16 if protocol == TCP else 6
        body[at : at + 2] = b"\0\0"
        if offload:
            total = partial_checksum(src, dst, protocol, len(body))
        else:
            total = checksum(src, dst, protocol, bytes(body))
        body[at : at + 2] = total.to_bytes(2, "big")
    if not four:
        limit = packet[7] if ttl is None else ttl
        return packet[:7] + bytes([limit]) + src + dst + bytes(body)
    head = bytearray(packet[:header])
    head[12:16], head[16:20], head[10:12] = src, dst, b"\0\0"
    if ident is not None:
        head[4:6] = ident.to_bytes(2, "big")
    if ttl is not None:
        head[8] = ttl
    head[10:12] = internet_checksum(bytes(head)).to_bytes(2, "big")
    return bytes(head + body)
