"""One frame: everything that names somebody has another name, what is not known is blank, and nothing else changes."""

from __future__ import annotations

import ipaddress

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.capture.linktypes import SUPPORTED
from dsrcheck.scrub.frame import scrub_frame
from dsrcheck.scrub.names import Pseudonyms

CLIENT, BALANCER = bytes.fromhex("0001aabbcc01"), bytes.fromhex("0001aabbcc0a")
FROM, TO = ipaddress.ip_address("10.0.0.1").packed, ipaddress.ip_address("10.0.0.10").packed
FROM_6, TO_6 = ipaddress.ip_address("2001:db8::1").packed, ipaddress.ip_address("2001:db8::10").packed
SECRET = b"GET /secret HTTP/1.1\r\nHost: who.example\r\n\r\n"


def names() -> Pseudonyms:
    """The same names in every test."""
    return Pseudonyms("seed")


def ethernet(packet: object, kind: int = dpkt.ethernet.ETH_TYPE_IP) -> bytes:
    """A frame from client to balancer."""
    return bytes(dpkt.ethernet.Ethernet(src=CLIENT, dst=BALANCER, type=kind, data=packet))


def ip4(protocol: int, data: object, **more: int) -> dpkt.ip.IP:
    """An IPv4 packet from client to balancer."""
    return dpkt.ip.IP(src=FROM, dst=TO, p=protocol, data=data, len=20 + len(bytes(data)), **more)  # type: ignore[call-overload]


def tcp(payload: bytes = SECRET, options: bytes = b"") -> dpkt.tcp.TCP:
    """A TCP segment."""
    return dpkt.tcp.TCP(sport=40000, dport=80, seq=7, ack=9, off=5 + len(options) // 4, opts=options, data=payload)


@given(st.binary(max_size=200), st.sampled_from(sorted(SUPPORTED)), st.sampled_from(["blank", "cut"]))
def test_any_bytes_keep_their_length(data: bytes, link_type: int, payload: str) -> None:
    """Garbage is no error; blanking never changes a length, cutting never lengthens."""
    after = scrub_frame(names(), data, link_type, payload)  # type: ignore[arg-type]
    assert len(after) == len(data) if payload == "blank" else len(after) <= len(data)


@given(st.data())
def test_any_damage_to_a_real_frame_is_survived(data: st.DataObject) -> None:
    """Every length and offset field can lie."""
    good = data.draw(
        st.sampled_from(
            [ethernet(ip4(6, tcp())), ethernet(ip4(47, b"\xb0\0\x65\x58" + ethernet(ip4(6, tcp())))), arp()]
        )
    )
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(12, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(good)))])
    assert len(scrub_frame(names(), cut, 1)) == len(cut)


def test_tcp() -> None:
    """MACs, addresses and payload are others; ports, numbers, TTL stay, and both checksums are right."""
    known = names()
    after = scrub_frame(known, ethernet(ip4(6, tcp(), ttl=61, id=77)), 1)
    frame = dpkt.ethernet.Ethernet(after)
    packet, segment = frame.data, frame.data.data
    assert (frame.src, frame.dst) == (known.mac(CLIENT), known.mac(BALANCER))
    assert (packet.src, packet.dst, packet.ttl, packet.id) == (known.address(FROM), known.address(TO), 61, 77)
    assert (segment.sport, segment.dport, segment.seq, segment.ack) == (40000, 80, 7, 9)
    assert segment.data == known.filler(SECRET)
    fresh = ethernet(ip4(6, tcp(segment.data), ttl=61, id=77))  # dpkt sums anew
    rebuilt = dpkt.ethernet.Ethernet(fresh)
    rebuilt.src, rebuilt.dst, rebuilt.data.src, rebuilt.data.dst = frame.src, frame.dst, packet.src, packet.dst
    rebuilt.data.sum = rebuilt.data.data.sum = 0
    assert bytes(rebuilt) == after


def test_tcp_options_that_are_known_stay() -> None:
    """MSS and time stamps stay; what nobody knows is blanked, with its length."""
    plain = bytes.fromhex("020405b4 0101 080a 00000001 00000002".replace(" ", ""))
    after = scrub_frame(names(), ethernet(ip4(6, tcp(b"", plain + b"\xfe\x04\xab\xcd"))), 1)
    assert after[54 : 54 + len(plain)] == plain
    assert after[54 + len(plain) :][:2] == b"\xfe\x04"
    assert after[-2:] != b"\xab\xcd"


def test_cut() -> None:
    """The frame ends where the payload begins."""
    whole = ethernet(ip4(6, tcp()))
    assert len(scrub_frame(names(), whole, 1, "cut")) == len(whole) - len(SECRET)


def arp() -> bytes:
    """Who has the VIP, with padding that holds what was in memory."""
    question = dpkt.arp.ARP(sha=CLIENT, spa=FROM, tha=bytes(6), tpa=TO, op=1)
    frame = dpkt.ethernet.Ethernet(src=CLIENT, dst=b"\xff" * 6, type=dpkt.ethernet.ETH_TYPE_ARP, data=question)
    return bytes(frame) + b"old memory, 18 by."


def test_arp() -> None:
    """Sender and target have the names they have elsewhere; the padding is gone."""
    known = names()
    frame = dpkt.ethernet.Ethernet(scrub_frame(known, arp(), 1))
    assert (frame.src, frame.data.sha, frame.dst) == (known.mac(CLIENT), known.mac(CLIENT), b"\xff" * 6)
    assert (frame.data.spa, frame.data.tpa, frame.data.tha) == (known.address(FROM), known.address(TO), bytes(6))
    assert b"memory" not in bytes(frame)


@pytest.mark.parametrize("opcode", [135, 136])
def test_neighbour_discovery(opcode: int) -> None:
    """Target and link-layer address have their names, and the checksum is right."""
    known = names()
    message = bytes([opcode, 0, 0, 0, 0, 0, 0, 0]) + TO_6 + bytes([opcode - 134, 1]) + BALANCER
    sum_ = dpkt.dpkt.in_cksum(FROM_6 + TO_6 + len(message).to_bytes(4, "big") + bytes([0, 0, 0, 58]) + message)
    message = message[:2] + sum_.to_bytes(2, "big") + message[4:]
    packet = dpkt.ip6.IP6(src=FROM_6, dst=TO_6, nxt=58, plen=len(message), hlim=255, data=message)
    after = scrub_frame(known, ethernet(packet, dpkt.ethernet.ETH_TYPE_IP6), 1)[14:]
    assert after[8:40] == known.address(FROM_6) + known.address(TO_6)
    assert after[48:64] == known.address(TO_6)
    assert after[66:72] == known.mac(BALANCER)
    assert dpkt.dpkt.in_cksum(after[8:40] + len(message).to_bytes(4, "big") + bytes([0, 0, 0, 58]) + after[40:]) == 0


def test_an_icmp_error_and_what_it_quotes() -> None:
    """The packet that is quoted has the names it had as a packet of its own; a redirect's gateway has its name."""
    known = names()
    quoted = bytes(ip4(6, tcp()))
    for kind, word in ((3, bytes(4)), (5, TO)):
        message = bytes([kind, 1, 0, 0]) + word + quoted
        message = message[:2] + dpkt.dpkt.in_cksum(message).to_bytes(2, "big") + message[4:]
        after = scrub_frame(known, ethernet(ip4(1, message)), 1)[34:]
        assert after[4:8] == (known.address(TO) if kind == 5 else word)
        assert after[8:] == scrub_frame(known, ethernet(ip4(6, tcp())), 1)[14:]
        assert dpkt.dpkt.in_cksum(after) == 0


def udp(port: int, data: bytes) -> dpkt.ip.IP:
    """A UDP datagram in an IPv4 packet."""
    return ip4(17, dpkt.udp.UDP(sport=5, dport=port, ulen=8 + len(data), data=data))


@pytest.mark.parametrize(
    "carry",
    [
        lambda inner: ip4(4, inner),
        lambda inner: ip4(47, b"\0\0\x08\0" + inner),
        lambda inner: udp(6080, inner),
        lambda inner: udp(6081, b"\0\0\x08\0\0\0\x07\0" + inner),
        lambda inner: udp(19523, b"\x02\x04\0\0" + b"\0\0\0\x01" + TO + inner),
    ],
    ids=["ipip", "gre", "gue variant 1", "geneve", "glb director"],
)  # fmt: skip
def test_tunnels(carry: object) -> None:
    """The inner packet comes out as it would by itself, and no address is left as it was."""
    known = names()
    inner = bytes(ip4(6, tcp()))
    after = scrub_frame(known, ethernet(carry(inner)), 1)  # type: ignore[operator]
    assert after.endswith(scrub_frame(known, ethernet(ip4(6, tcp())), 1)[14:])
    assert FROM not in after
    assert TO not in after


def test_tags_stay() -> None:
    """VLAN tags are no secret, and what is behind them is found."""
    known = names()
    plain = ethernet(ip4(6, tcp()))
    tagged = plain[:12] + b"\x81\x00\x00\x0a" + plain[12:]
    after, untagged = scrub_frame(known, tagged, 1), scrub_frame(known, plain, 1)
    assert after == untagged[:12] + b"\x81\x00\x00\x0a" + untagged[12:]


@pytest.mark.parametrize("kind", [0x88CC, 0x2000, 0x0042, 0x8899])
def test_what_is_not_known_is_blanked(kind: int) -> None:
    """LLDP, CDP, spanning tree and whatever else may hold names."""
    after = scrub_frame(names(), ethernet(b"core-switch-7.example", kind), 1)
    assert b"switch" not in after
    assert after[12:14] == kind.to_bytes(2, "big")


def test_vrrp_addresses() -> None:
    """The virtual addresses are renamed, the password of version 2 is blanked, the checksum is right."""
    known = names()
    body = bytes([0x21, 51, 100, 1, 1, 1, 0, 0]) + TO + b"passw0rd"
    body = body[:6] + dpkt.dpkt.in_cksum(body).to_bytes(2, "big") + body[8:]
    after = scrub_frame(known, ethernet(ip4(112, body)), 1)[34:]
    assert after[8:12] == known.address(TO)
    assert b"passw0rd" not in after
    assert dpkt.dpkt.in_cksum(after) == 0


def test_fragments_keep_the_sum_of_the_whole() -> None:
    """A checksum covers fragments that are other frames: each keeps its sum, but for the addresses."""
    known = names()
    payload = bytes(range(1, 200)) * 8
    datagram = dpkt.udp.UDP(sport=5, dport=53, ulen=8 + len(payload), data=payload)
    whole = bytes(ip4(17, datagram))[20:]
    pieces = [(0, whole[:1024], 0x2000), (128, whole[1024:], 0)]
    joined = b""
    for offset, piece, more in pieces:
        packet = dpkt.ip.IP(src=FROM, dst=TO, p=17, id=9, data=piece, len=20 + len(piece))
        raw = bytearray(bytes(packet))
        raw[6:8] = (more | offset).to_bytes(2, "big")
        joined += scrub_frame(known, ethernet(bytes(raw)), 1)[34:]
    pseudo = known.address(FROM) + known.address(TO) + bytes([0, 17]) + len(whole).to_bytes(2, "big")
    assert payload[:16] not in joined
    assert dpkt.dpkt.in_cksum(pseudo + whole[:0] + joined) == 0
