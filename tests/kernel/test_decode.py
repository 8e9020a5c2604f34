"""Frames made by hand from the RFCs, field by field."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.kernel import packets as p
from tests.kernel.both import versions

ETHERNET, NULL, LOOP, RAW, COOKED, COOKED_2 = 1, 0, 108, 101, 113, 276


@pytest.fixture(params=list(versions("decode").items()), ids=lambda version: version[0])
def frame(request: pytest.FixtureRequest) -> Any:
    """Return a frame of each version of the kernel that exists here."""
    return request.param[1].Frame()


def read(frame: Any, octets: bytes, link_type: int = ETHERNET, original: int | None = None) -> Any:
    """Decode one frame that stands amid other bytes."""
    data = b"\x45" * 3 + octets + b"\x60" * 5
    reach = frame.decode(data, 3, len(octets), len(octets) if original is None else original, link_type)
    assert reach == frame.reach
    return frame


def source(frame: Any) -> tuple[int, int]:
    """Return the source address."""
    return frame.src_high, frame.src_low


def destination(frame: Any) -> tuple[int, int]:
    """Return the destination address."""
    return frame.dst_high, frame.dst_low


def outer(frame: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the addresses of the outermost IP header."""
    return (frame.outer_src_high, frame.outer_src_low), (frame.outer_dst_high, frame.outer_dst_low)


# Link layer


def test_a_plain_tcp_frame(frame: Any) -> None:
    """Every field of Ethernet, IPv4 and TCP, the payload cut by the IP length and not by the padding."""
    options = bytes.fromhex("020405b4 0101080a 00000011 00000022".replace(" ", ""))
    segment = p.tcp(b"hello", 40000, 80, seq=0xFFFFFFFE, ack=77, flags=0x18, window=65535, options=options)
    read(frame, p.ether(p.ip4(6, segment, tos=0xB8, identity=0xABCD, ttl=63)) + bytes(9))
    assert (frame.reach, frame.macs, frame.vlan, frame.ethertype, frame.tunnel) == (4, 3, 0, 0x0800, 0)
    assert (frame.src_mac, frame.dst_mac) == (p.mac_number(p.CLIENT_MAC), p.mac_number(p.BALANCER_MAC))
    assert (source(frame), destination(frame)) == (p.halves(p.CLIENT), p.halves(p.VIP))
    assert (frame.ip_version, frame.ttl, frame.protocol, frame.ip_id, frame.dscp) == (4, 63, 6, 0xABCD, 46)
    assert (frame.dont_fragment, frame.more_fragments, frame.fragment_offset) == (1, 0, 0)
    assert (frame.src_port, frame.dst_port, frame.seq, frame.ack) == (40000, 80, 0xFFFFFFFE, 77)
    assert (frame.tcp_flags, frame.window, frame.mss) == (0x18, 65535, 1460)
    assert (frame.has_ts, frame.ts_val, frame.ts_ecr) == (1, 0x11, 0x22)
    assert (frame.ip_length, frame.payload_length, frame.payload_captured) == (20 + 36 + 5, 5, 5)
    assert frame.payload_offset == 3 + 14 + 20 + 36


@pytest.mark.parametrize(
    ("kind", "tags", "vlan"),
    [
        (0x8100, [10], 10),
        (0x8100, [0], 0),
        (0x8100, [0xE00A], 10),
        (0x88A8, [100, 200], 100 | 200 << 12),
        (0x9100, [1, 2, 3], 1 | 2 << 12 | 3 << 24),
        (0x88A8, [0, 7], 7),
        (0x8100, [1, 2, 3, 4], 1 | 2 << 12 | 3 << 24),
    ],
)
def test_vlan_tags(frame: Any, kind: int, tags: list[int], vlan: int) -> None:
    """Stacks of 802.1Q, 802.1ad and old QinQ tags, priority tags left out, the fourth only skipped."""
    packet = p.ip4(17, p.udp())
    inner = 0x0800
    for number in reversed(tags):
        packet, inner = p.tag(number, packet, inner), 0x8100
    read(frame, p.ether(packet, kind))
    assert (frame.reach, frame.vlan, frame.ethertype, frame.dst_port) == (4, vlan, 0x0800, 53)


def test_more_tags_than_are_read(frame: Any) -> None:
    """Five tags: the link layer is told, nothing is guessed of the rest."""
    packet = p.ip4(17, p.udp())
    inner = 0x0800
    for number in range(5):
        packet, inner = p.tag(number + 1, packet, inner), 0x8100
    read(frame, p.ether(packet, 0x8100))
    assert (frame.reach, frame.ethertype, frame.ip_version) == (2, 0x8100, 0)


def test_llc_and_snap(frame: Any) -> None:
    """802.3 frames: SNAP with OUI 0 holds an ethertype (RFC 1042), other LLC holds none."""
    packet = p.ip4(17, p.udp())
    snap = bytes.fromhex("aaaa03000000") + struct.pack(">H", 0x0800) + packet
    read(frame, p.ether(snap, len(snap)))
    assert (frame.reach, frame.ethertype, frame.dst_port) == (4, 0x0800, 53)
    read(frame, p.ether(p.tag(9, snap, len(snap)), 0x8100))
    assert (frame.reach, frame.vlan, frame.dst_port) == (4, 9, 53)
    read(frame, p.ether(bytes.fromhex("424203") + bytes(40), 43))  # spanning tree
    assert (frame.reach, frame.ethertype) == (2, 0)
    read(frame, p.ether(bytes.fromhex("aaaa0300000c2000") + packet, 60))  # Cisco's own OUI
    assert (frame.reach, frame.ethertype) == (2, 0)


def test_linux_cooked(frame: Any) -> None:
    """Linux cooked captures, both versions: a source MAC where the hardware is Ethernet, no destination MAC ever."""
    packet = p.ip4(17, p.udp())
    sender = p.mac(p.CLIENT_MAC) + bytes(2)
    read(frame, struct.pack(">HHH", 0, 1, 6) + sender + struct.pack(">H", 0x0800) + packet, COOKED)
    assert (frame.reach, frame.macs, frame.src_mac, frame.dst_mac) == (4, 1, p.mac_number(p.CLIENT_MAC), 0)
    read(frame, struct.pack(">HHH", 0, 772, 6) + sender + struct.pack(">H", 0x0800) + packet, COOKED)
    assert (frame.reach, frame.macs, frame.src_mac) == (4, 0, 0)
    read(frame, struct.pack(">HHH", 0, 1, 6) + sender + struct.pack(">H", 0x8100) + p.tag(5, packet), COOKED)
    assert (frame.reach, frame.macs, frame.vlan) == (4, 1, 5)
    second = struct.pack(">HHIHBB", 0x0800, 0, 2, 1, 0, 6) + sender
    read(frame, second + packet, COOKED_2)
    assert (frame.reach, frame.macs, frame.src_mac) == (4, 1, p.mac_number(p.CLIENT_MAC))
    netlink = struct.pack(">HHH", 0, 824, 0) + bytes(8) + struct.pack(">H", 0x0800)
    read(frame, netlink + packet, COOKED)
    assert (frame.reach, frame.ethertype) == (2, 0)


@pytest.mark.parametrize("family", [2, 10, 24, 28, 30])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("link_type", [NULL, LOOP])
def test_bsd_loopback(frame: Any, family: int, order: str, link_type: int) -> None:
    """BSD loopback: the family of any system in any byte order."""
    packet = p.ip4(17, p.udp()) if family == 2 else p.ip6(17, p.udp())
    read(frame, struct.pack(order + "I", family) + packet, link_type)
    assert (frame.reach, frame.macs, frame.ip_version) == (4, 0, 4 if family == 2 else 6)


def test_raw_ip(frame: Any) -> None:
    """Raw IP: the version nibble tells, where the link type leaves it open."""
    four, six = p.ip4(17, p.udp()), p.ip6(17, p.udp())
    for link_type, packet, version in [(101, four, 4), (101, six, 6), (12, four, 4), (14, six, 6), (228, four, 4)]:
        read(frame, packet, link_type)
        assert (frame.reach, frame.macs, frame.ip_version) == (4, 0, version)
    for link_type, packet in [(228, six), (229, four), (101, b"\x50" * 40)]:
        assert read(frame, packet, link_type).reach == 2
    assert read(frame, four, 105).reach == 0


def test_pppoe(frame: Any) -> None:
    """A PPPoE session carries IP."""
    packet = p.ip6(17, p.udp())
    read(frame, p.ether(struct.pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, 0x0057) + packet, 0x8864))
    assert (frame.reach, frame.ip_version, frame.ethertype) == (4, 6, 0x86DD)
    assert read(frame, p.ether(bytes.fromhex("110000010004c021") + packet, 0x8864)).reach == 2


# Network layer


def test_ipv4_options_and_bad_headers(frame: Any) -> None:
    """Options move the transport header; impossible header lengths are no IP."""
    read(frame, p.ether(p.ip4(17, p.udp(), options=bytes.fromhex("9a080a00000a0050"))))
    assert (frame.reach, frame.dst_port, frame.ip_length) == (4, 53, 36)
    good = p.ip4(17, p.udp())
    for bad in (b"\x44" + good[1:], b"\x65" + good[1:], good[:2] + b"\x00\x13" + good[4:], good[:19]):
        read(frame, p.ether(bad, 0x0800))
        assert (frame.reach, frame.ip_version, frame.src_low) == (2, 0, 0)
    read(frame, p.ether(p.ip4(17, p.udp(), options=bytes(8))[:22]))  # cut amid the options
    assert (frame.reach, frame.protocol, frame.dst_port) == (3, 17, 0)


def test_length_zero_of_offload(frame: Any) -> None:
    """An IP length of 0 (segmentation offload) is taken from the frame's length on the wire."""
    segment = p.tcp(b"x" * 100)
    read(frame, p.ether(p.ip4(6, segment, length=0)), original=70014)
    assert (frame.ip_length, frame.payload_length, frame.payload_captured) == (70000, 69960, 100)
    read(frame, p.ether(p.ip6(6, segment, length=0)), original=70014)
    assert (frame.ip_length, frame.payload_length, frame.payload_captured) == (70000, 69940, 100)


def test_padding_is_no_header(frame: Any) -> None:
    """A packet that ends after its IP header has no transport header, whatever the padding holds."""
    read(frame, p.ether(p.ip4(6)) + p.tcp(b"padding"))
    assert (frame.reach, frame.src_port, frame.payload_length) == (3, 0, 0)


def test_ipv4_fragments(frame: Any) -> None:
    """The first fragment has ports, the later ones have none."""
    read(frame, p.ether(p.ip4(17, p.udp(bytes(8), length=1008), fragment=0x2000, identity=99)))
    assert (frame.reach, frame.dst_port, frame.more_fragments, frame.fragment_offset) == (4, 53, 1, 0)
    assert (frame.payload_length, frame.ip_id, frame.dont_fragment) == (8, 99, 0)
    read(frame, p.ether(p.ip4(17, p.udp(bytes(8)), fragment=0x2000 | 2)))
    assert (frame.reach, frame.dst_port, frame.more_fragments, frame.fragment_offset) == (3, 0, 1, 16)
    assert (frame.payload_length, frame.payload_captured, frame.protocol) == (16, 16, 17)


def test_ipv6_extension_headers(frame: Any) -> None:
    """Hop-by-hop, routing, destination options and authentication headers lead to the transport header."""
    chain = bytes([43, 0]) + bytes(6)  # hop-by-hop, then routing
    chain += bytes([60, 1]) + bytes(14)  # routing of 16 octets, then destination options
    chain += bytes([51, 2, 0x1B, 20]) + bytes(20)  # destination options of 24 octets, then authentication
    chain += bytes([6, 4]) + bytes(22)  # authentication of 24 octets, then TCP
    read(frame, p.ether(p.ip6(0, chain + p.tcp(b"abc"), hops=3, traffic_class=0x88)))
    assert (frame.reach, frame.protocol, frame.dst_port, frame.ttl, frame.dscp) == (4, 6, 80, 3, 34)
    assert (source(frame), destination(frame)) == (p.halves(p.CLIENT6), p.halves(p.VIP6))
    assert (frame.payload_length, frame.ip_length) == (3, 40 + len(chain) + 23)
    for cut, protocol in ((4, 6), (20, 51)):  # what follows a header is known from its first octet
        read(frame, p.ether(p.ip6(0, chain)[:-cut]))
        assert (frame.reach, frame.protocol, frame.payload_length) == (3, protocol, 0)
    read(frame, p.ether(p.ip6(0, bytes(8) * 40 + p.tcp())))  # longer than any honest chain
    assert (frame.reach, frame.protocol) == (3, 0)


def test_ipv6_fragments(frame: Any) -> None:
    """An IPv6 fragment header gives identity and offset; later fragments keep the protocol and lose the ports."""
    read(frame, p.ether(p.ip6(44, struct.pack(">BBHI", 17, 0, 1, 0xDEADBEEF) + p.udp(bytes(8)))))
    assert (frame.reach, frame.dst_port, frame.ip_id, frame.more_fragments) == (4, 53, 0xDEADBEEF, 1)
    read(frame, p.ether(p.ip6(44, struct.pack(">BBHI", 60, 0, 1448, 5) + bytes(16))))
    assert (frame.reach, frame.protocol, frame.fragment_offset, frame.more_fragments) == (3, 60, 1448, 0)
    assert (frame.payload_length, frame.ip_id) == (16, 5)


def test_ipv4_authentication_header(frame: Any) -> None:
    """AH in IPv4 leads to the transport header too."""
    read(frame, p.ether(p.ip4(51, bytes([6, 4]) + bytes(22) + p.tcp())))
    assert (frame.reach, frame.protocol, frame.dst_port) == (4, 6, 80)


def test_protocols_without_ports(frame: Any) -> None:
    """VRRP and its kin: nothing is missing, no port is made up."""
    read(frame, p.ether(p.ip4(112, bytes(20))))
    assert (frame.reach, frame.protocol, frame.src_port, frame.payload_length) == (4, 112, 0, 20)
    read(frame, p.ether(p.ip6(59)) + bytes(6))
    assert (frame.reach, frame.protocol, frame.ip_length, frame.payload_length) == (4, 59, 40, 0)


# Transport layer


def test_cut_transport_headers(frame: Any) -> None:
    """A transport header that was not captured whole gives no ports."""
    for protocol, header in ((6, p.tcp()), (17, p.udp()), (132, p.udp() + bytes(4)), (1, p.icmp(8, 0, 5))):
        packet = p.ether(p.ip4(protocol, header))
        read(frame, packet[:-1], original=len(packet))
        assert (frame.reach, frame.src_port, frame.dst_port, frame.icmp_type) == (3, 0, 0, 0)
        assert read(frame, packet).reach == 4


def test_tcp_options(frame: Any) -> None:
    """Options end where they are cut, end, or lie about their length; a bad data offset leaves no payload."""
    for options, mss, has_ts in [
        ("0204058c 01030307 0402080a 00000001 00000000 00000000", 1420, 1),
        ("00000000 0204058c", 0, 0),
        ("02000000 0204058c", 0, 0),
        ("0204058c 08ff0000", 1420, 0),
        ("05010101 0204058c", 0, 0),
    ]:
        read(frame, p.ether(p.ip4(6, p.tcp(options=bytes.fromhex(options.replace(" ", ""))))))
        assert (frame.reach, frame.mss, frame.has_ts) == (4, mss, has_ts)
    whole = p.ether(p.ip4(6, p.tcp(options=bytes.fromhex("0204058c0101080a0000000100000002"))))
    read(frame, whole[:-1])
    assert (frame.reach, frame.mss, frame.has_ts) == (4, 1420, 0)
    segment = bytearray(p.tcp(b"abc"))
    segment[12] = 0x40
    read(frame, p.ether(p.ip4(6, bytes(segment))))
    assert (frame.reach, frame.dst_port, frame.payload_length, frame.payload_offset) == (4, 80, 0, 0)
    segment[12] = 0xF0
    read(frame, p.ether(p.ip4(6, bytes(segment))))
    assert (frame.reach, frame.payload_length, frame.payload_captured) == (4, 0, 0)


def test_udp_lengths(frame: Any) -> None:
    """UDP's own length is trusted within the IP packet, and not at all below its header's size."""
    for length, payload in ((12, 4), (8, 0), (0, 10), (5, 10), (60000, 10)):
        read(frame, p.ether(p.ip4(17, p.udp(bytes(10), length=length))))
        assert (frame.reach, frame.payload_length, frame.payload_captured) == (4, payload, payload)


def test_sctp_ports(frame: Any) -> None:
    """SCTP's common header."""
    read(frame, p.ether(p.ip4(132, struct.pack(">HHII", 5000, 6000, 1, 0) + bytes(16))))
    assert (frame.reach, frame.src_port, frame.dst_port, frame.payload_length) == (4, 5000, 6000, 16)


# Tunnels

INNERS = {
    4: p.ip4(6, p.tcp(b"inner"), ttl=62),
    6: p.ip6(6, p.tcp(b"inner"), hops=62),
}


def assert_inner(frame: Any, tunnel: int, outer_version: int, version: int) -> None:
    """Assert that INNERS[version] was found within a tunnel of the balancer to the server."""
    addresses = {4: (p.BALANCER, p.SERVER), 6: (p.BALANCER6, p.SERVER6)}[outer_version]
    assert (frame.reach, frame.tunnel, frame.depth, frame.outer_ttl) == (4, tunnel, 1, 61)
    assert outer(frame) == (p.halves(addresses[0]), p.halves(addresses[1]))
    assert source(frame) == p.halves(p.CLIENT if version == 4 else p.CLIENT6)
    assert (frame.ip_version, frame.ttl, frame.protocol, frame.dst_port) == (version, 62, 6, 80)
    assert (frame.payload_length, frame.payload_captured, frame.ip_length) == (5, 5, len(INNERS[version]))


def carry(outer_version: int, protocol: int, payload: bytes) -> bytes:
    """Return a frame of the balancer to the server."""
    if outer_version == 4:
        return p.ether(p.ip4(protocol, payload, p.BALANCER, p.SERVER, ttl=61))
    return p.ether(p.ip6(protocol, payload, p.BALANCER6, p.SERVER6, hops=61))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("outer_version", [4, 6])
def test_every_tunnel_in_every_pairing(frame: Any, outer_version: int, version: int) -> None:
    """IP-in-IP, GRE with all its options, GUE of both variants, Geneve, with IPv4 and IPv6 within each other."""
    inner = INNERS[version]
    bridged = p.ether(inner, src=p.SERVER_MAC, dst=p.SERVER_MAC)
    tagged = p.ether(p.tag(30, inner), 0x8100, src=p.SERVER_MAC)
    cases = [(1, 4 if version == 4 else 41, inner, 0)]
    cases += [(2, 47, p.gre(inner, flags=flags), 0) for flags in (0, 0x8000, 0x2000, 0x1000, 0xB000)]
    cases += [(2, 47, p.gre(content, 0x6558), 0) for content in (bridged, tagged)]
    cases += [(3, 17, p.udp(content, dst=port), port) for port in (6080, 19523) for content in (inner, p.gue(inner))]
    cases += [(3, 17, p.udp(p.gue(inner, bytes.fromhex("0000000102030405")), dst=19523), 19523)]
    cases += [(4, 17, p.udp(p.geneve(inner), dst=6081), 6081)]
    cases += [(4, 17, p.udp(p.geneve(bridged, 0x6558, bytes.fromhex("014b8101c0a80001")), dst=6081), 6081)]
    for tunnel, protocol, payload, port in cases:
        read(frame, carry(outer_version, protocol, payload))
        assert_inner(frame, tunnel, outer_version, version)
        assert frame.outer_dst_port == port
        assert (frame.src_mac, frame.vlan) == (p.mac_number(p.CLIENT_MAC), 0)


def test_tunnels_within_tunnels(frame: Any) -> None:
    """The outermost header is kept, the innermost packet told, and four encapsulations are the most."""
    packet = INNERS[4]
    for number in range(4):
        packet = p.ip4(4, packet, f"192.0.2.{number}", "198.51.100.1", ttl=10 + number)
    read(frame, p.ether(packet))
    assert (frame.reach, frame.tunnel, frame.depth, frame.dst_port, frame.outer_ttl) == (4, 1, 4, 80, 13)
    assert outer(frame)[0] == p.halves("192.0.2.3")
    read(frame, p.ether(p.ip4(4, packet)))
    assert (frame.depth, frame.protocol, frame.dst_port, source(frame)) == (4, 4, 0, p.halves("192.0.2.0"))


def test_implausible_tunnels_stay_ordinary_packets(frame: Any) -> None:
    """What looks like a tunnel and holds no IP packet that fits is the packet it is."""
    inner = INNERS[4]
    too_long = p.ip4(6, p.tcp(b"inner"), length=1000)
    arp = p.arp(2, p.SERVER_MAC, p.VIP, p.CLIENT)
    for protocol, payload, port in [
        (4, inner[:19], 0),
        (4, too_long, 0),
        (4, INNERS[6], 0),
        (41, inner, 0),
        (41, INNERS[6][:39], 0),
        (47, p.gre(inner, flags=1), 0),
        (47, p.gre(inner, flags=0x4000), 0),
        (47, p.gre(p.ether(arp, 0x0806), 0x6558), 0),
        (47, p.gre(inner, 0x86DD), 0),
        (17, p.udp(inner, dst=53), 53),
        (17, p.udp(too_long, dst=6080), 6080),
        (17, p.udp(b"\x20" + p.gue(inner)[1:], dst=6080), 6080),
        (17, p.udp(b"\x1f" + p.gue(inner)[1:], dst=6080), 6080),
        (17, p.udp(b"\x00\x06" + p.gue(inner)[2:], dst=6080), 6080),
        (17, p.udp(b"\x40" + p.geneve(inner)[1:], dst=6081), 6081),
        (17, p.udp(p.geneve(p.ether(arp, 0x0806), 0x6558), dst=6081), 6081),
        (17, p.udp(b"\x45" * 7, dst=6080), 6080),
    ]:
        read(frame, carry(4, protocol, payload))
        assert (frame.reach, frame.tunnel, frame.depth, frame.claim) == (4, 0, 0, 0)
        assert (source(frame), frame.protocol, frame.dst_port) == (p.halves(p.BALANCER), protocol, port)
        assert outer(frame) == ((0, 0), (0, 0))


def test_fragments_of_tunnels(frame: Any) -> None:
    """The first fragment of a tunnel packet shows the inner packet, a later one is an ordinary fragment."""
    packet = p.ip4(6, p.tcp(b"x" * 1400))
    read(frame, p.ether(p.ip4(4, packet[:1000], p.BALANCER, p.SERVER, fragment=0x2000)))
    assert (frame.reach, frame.tunnel, frame.dst_port) == (4, 1, 80)
    assert (frame.payload_length, frame.payload_captured, frame.more_fragments) == (1400, 960, 0)
    read(frame, p.ether(p.ip4(4, packet, p.BALANCER, p.SERVER, fragment=100)))
    assert (frame.reach, frame.tunnel, frame.fragment_offset, frame.protocol) == (3, 0, 800, 4)


def test_a_tunnel_cut_by_the_snap_length(frame: Any) -> None:
    """What was not captured of the inner packet does not matter, as long as its IP header is there."""
    whole = carry(4, 4, INNERS[4])
    read(frame, whole[: 14 + 20 + 20 + 10], original=len(whole))
    assert (frame.reach, frame.tunnel, frame.protocol, frame.dst_port) == (3, 1, 6, 0)


# ICMP


def test_echo(frame: Any) -> None:
    """The identifier of an echo, in both versions."""
    for packet, kind in ((p.ip4(1, p.icmp(8, 0, 0x12340002, b"ping")), 8), (p.ip4(1, p.icmp(0, 0, 0x12340002)), 0)):
        read(frame, p.ether(packet))
        assert (frame.reach, frame.icmp_type, frame.icmp_id, frame.quoted) == (4, kind, 0x1234, 0)
        assert (frame.icmp_word, frame.src_port, frame.dst_port) == (0x12340002, 0, 0)
    read(frame, p.ether(p.ip6(58, p.icmp(129, 0, 0x12340002, b"ping"))))
    assert (frame.reach, frame.icmp_type, frame.icmp_id, frame.payload_length) == (4, 129, 0x1234, 4)


def test_icmp_of_the_other_version(frame: Any) -> None:
    """ICMP in IPv6 and ICMPv6 in IPv4 are nothing that anybody sends."""
    for packet in (p.ip6(1, p.icmp(8, 0, 1)), p.ip4(58, p.icmp(136, 0, 0) + bytes(16), ttl=255)):
        read(frame, p.ether(packet))
        assert (frame.reach, frame.icmp_type, frame.claim) == (4, 0, 0)


def test_icmp_errors_quote(frame: Any) -> None:
    """Fragmentation needed, unreachable, redirect, time exceeded: MTU or gateway, and whose packet it is about."""
    quote = p.ip4(6, p.tcp(), p.VIP, p.CLIENT)[:28]
    gateway = int.from_bytes(p.packed(p.GATEWAY), "big")
    for kind, code, word, value in [(3, 4, 1400, 1400), (3, 1, 99, 0), (5, 1, gateway, gateway), (11, 0, 0, 0)]:
        read(frame, p.ether(p.ip4(1, p.icmp(kind, code, word, quote), p.GATEWAY, p.VIP)))
        assert (frame.icmp_type, frame.icmp_code, frame.icmp_value, frame.icmp_id) == (kind, code, value, 0)
        assert (frame.quoted, frame.quoted_protocol) == (1, 6)
        assert (frame.quoted_src_high, frame.quoted_src_low) == p.halves(p.VIP)
        assert (frame.quoted_dst_high, frame.quoted_dst_low) == p.halves(p.CLIENT)
        assert (frame.quoted_src_port, frame.quoted_dst_port) == (40000, 80)
        assert source(frame) == p.halves(p.GATEWAY)


def test_icmp_quotes_that_are_cut(frame: Any) -> None:
    """A quote without the first bytes of its transport header has no ports, a shorter one is none."""
    quote = p.ip4(17, p.udp(), p.VIP, p.CLIENT)
    read(frame, p.ether(p.ip4(1, p.icmp(3, 3, 0, quote[:23]))) + bytes(20))
    assert (frame.quoted, frame.quoted_protocol, frame.quoted_dst_port) == (1, 17, 0)
    read(frame, p.ether(p.ip4(1, p.icmp(3, 3, 0, quote[:19]))) + bytes(20))
    assert (frame.quoted, frame.quoted_src_low) == (0, 0)
    read(frame, p.ether(p.ip4(1, p.icmp(3, 3, 0, p.ip4(17, p.udp(), fragment=100)))))
    assert (frame.quoted, frame.quoted_dst_port) == (1, 0)


def test_icmpv6_errors_quote(frame: Any) -> None:
    """Packet too big, with an extension header in the quote, and a redirect with its Redirected Header option."""
    quote = p.ip6(60, bytes([6, 0]) + bytes(6) + p.tcp()[:8], p.VIP6, p.CLIENT6)
    read(frame, p.ether(p.ip6(58, p.icmp(2, 0, 1280, quote))))
    assert (frame.icmp_value, frame.quoted, frame.quoted_protocol, frame.quoted_dst_port) == (1280, 1, 6, 80)
    assert (frame.quoted_src_high, frame.quoted_src_low) == p.halves(p.VIP6)
    option = bytes([2, 1]) + p.mac(p.SERVER_MAC) + bytes([4, 1 + len(quote) // 8]) + bytes(6) + quote
    message = p.icmp(137, 0, 0, p.packed(p.SERVER6) + p.packed(p.VIP6) + option)
    read(frame, p.ether(p.ip6(58, message, hops=255)))
    assert (frame.target_high, frame.target_low) == p.halves(p.SERVER6)
    assert (frame.quoted, frame.quoted_dst_port, frame.claim) == (1, 80, 0)


# Claims


@pytest.mark.parametrize(
    ("claim", "opcode", "sender", "target", "dst"),
    [
        (1, 1, p.CLIENT, p.VIP, p.BROADCAST),
        (2, 2, p.VIP, p.CLIENT, p.CLIENT_MAC),
        (3, 2, p.VIP, p.VIP, p.CLIENT_MAC),
        (3, 2, p.VIP, "255.255.255.255", p.CLIENT_MAC),
        (3, 2, p.VIP, p.CLIENT, p.BROADCAST),
        (4, 1, "0.0.0.0", p.VIP, p.BROADCAST),
        (5, 1, p.VIP, p.VIP, p.BROADCAST),
    ],
)
def test_arp_claims(frame: Any, claim: int, opcode: int, sender: str, target: str, dst: str) -> None:
    """The kinds of ARP; the sender's MAC in the message may be another than the frame's."""
    read(frame, p.ether(p.arp(opcode, p.SERVER_MAC, sender, target, p.CLIENT_MAC), 0x0806, p.BALANCER_MAC, dst))
    assert (frame.reach, frame.claim, frame.ip_version) == (2, claim, 0)
    assert (frame.src_mac, frame.claim_mac) == (p.mac_number(p.BALANCER_MAC), p.mac_number(p.SERVER_MAC))
    assert (frame.claim_high, frame.claim_low) == p.halves(sender)
    assert (frame.target_high, frame.target_low) == p.halves(target)
    assert frame.target_mac == p.mac_number(p.CLIENT_MAC)


def test_arp_that_is_no_claim(frame: Any) -> None:
    """Other hardware, protocols, lengths and operations, and messages that are cut."""
    good = p.arp(2, p.SERVER_MAC, p.VIP, p.CLIENT)
    for at, octet in ((1, 15), (2, 0x86), (4, 8), (5, 16), (7, 3), (7, 0), (6, 1)):
        bad = bytearray(good)
        bad[at] = octet
        read(frame, p.ether(bytes(bad), 0x0806))
        assert (frame.reach, frame.claim, frame.claim_mac) == (2, 0, 0)
    assert read(frame, p.ether(good[:27], 0x0806)).claim == 0
    assert read(frame, p.ether(good, 0x0806)).claim == 2


def test_neighbour_discovery_claims(frame: Any) -> None:
    """Advertisements and solicitations state an address; a solicitation from :: asks whether it is taken."""
    source_option, target_option = (bytes([kind, 1]) + p.mac(p.SERVER_MAC) for kind in (1, 2))
    asked = p.packed(p.VIP6)
    server, sender = p.mac_number(p.SERVER_MAC), p.mac_number(p.CLIENT_MAC)
    for kind, options, src, claim, claimed, claim_mac in [
        (136, target_option, p.SERVER6, 6, p.VIP6, server),
        (136, b"", p.SERVER6, 6, p.VIP6, sender),
        (136, bytes([14, 1]) + bytes(6) + target_option, p.SERVER6, 6, p.VIP6, server),
        (136, bytes(8) + target_option, p.SERVER6, 6, p.VIP6, sender),
        (135, source_option, p.CLIENT6, 7, p.CLIENT6, server),
        (135, target_option, p.CLIENT6, 7, p.CLIENT6, sender),
        (135, b"", "::", 8, "::", sender),
    ]:
        read(frame, p.ether(p.ip6(58, p.icmp(kind, 0, 0x60000000, asked + options), src, hops=255)))
        assert (frame.reach, frame.claim, frame.claim_mac) == (4, claim, claim_mac)
        assert (frame.claim_high, frame.claim_low) == p.halves(claimed)
        assert (frame.target_high, frame.target_low) == p.halves(p.VIP6)


def test_neighbour_discovery_that_is_no_claim(frame: Any) -> None:
    """From beyond a router, out of a tunnel, with a code, or cut: not to be believed (RFC 4861, 7.1)."""
    message = p.icmp(136, 0, 0, p.packed(p.VIP6))
    good = p.ip6(58, message, hops=255)
    for packet in (
        p.ip6(58, message, hops=254),
        p.ip4(41, good),
        p.ip6(58, p.icmp(136, 1, 0, p.packed(p.VIP6)), hops=255),
        p.ip6(58, message[:-1], hops=255) + b"\x01",
    ):
        assert read(frame, p.ether(packet)).claim == 0
    assert read(frame, p.ether(good)).claim == 6


# The object


def test_frames_outside_of_the_data(frame: Any) -> None:
    """Offsets and lengths that do not lie within the data are a frame with nothing in it."""
    data = p.ether(p.ip4(6, p.tcp()))
    for offset, captured in ((-1, 20), (0, len(data) + 1), (1, len(data)), (len(data) + 1, 0), (0, -1), (2**62, 2**62)):
        frame.decode(data, 0, len(data), len(data), ETHERNET)
        assert frame.decode(data, offset, captured, 60, ETHERNET) == 0
        assert (frame.reach, frame.src_mac, frame.src_port) == (0, 0, 0)
    assert frame.decode(b"", 0, 0, 0, ETHERNET) == 0


def test_buffers_of_every_kind(frame: Any) -> None:
    """Bytes, a bytearray and a memoryview are read alike."""
    octets = p.ether(p.ip4(6, p.tcp()))
    for data in (octets, bytearray(octets), memoryview(octets)):
        assert frame.decode(data, 0, len(octets), len(octets), ETHERNET) == 4
        assert frame.dst_port == 80
