"""Packets as built and read back; dpkt is the oracle."""

from __future__ import annotations

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.lab import packets
from dsrcheck.lab.packets import Packet

A4, B4 = packets.ip("10.0.0.1"), packets.ip("10.0.0.10")
A6, B6 = packets.ip("2001:db8::1"), packets.ip("2001:db8::10")
MAC_A, MAC_B = packets.mac("00:01:aa:bb:cc:01"), packets.mac("00:01:aa:bb:cc:0a")
pairs = st.sampled_from([(A4, B4), (A6, B6)])


def test_a_mac_of_seven_octets_is_refused() -> None:
    """The article's MACs had seven, which is no MAC."""
    with pytest.raises(ValueError, match="six octets"):
        packets.mac("00:01:aa:bb:cc:dd:01")


@given(st.binary(max_size=3000))
def test_the_internet_checksum_is_dpkts(octets: bytes) -> None:
    """One number modulo 65535 is the ones' complement sum (of all but nothing and zeros, where both forms are zero)."""
    assert packets.internet_checksum(octets) in {dpkt.in_cksum(octets), 0xFFFF ^ (0 if any(octets) else 0xFFFF)}
    if any(octets):
        assert packets.internet_checksum(octets) == dpkt.in_cksum(octets)


@given(pairs, st.binary(max_size=200), st.integers(1, 255), st.integers(0, 65535))
def test_tcp_reads_back_in_dpkt(pair: tuple[bytes, bytes], payload: bytes, ttl: int, ident: int) -> None:
    """Addresses, ports, numbers, payload and checksum are what dpkt reads and computes."""
    src, dst = pair
    segment = packets.tcp(src, dst, (1024, 80), (7, 9), packets.ACK | packets.PSH, 502, b"\x01\x01\x01\x01", payload)
    frame = packets.ethernet(MAC_B, MAC_A, packets.packet(src, dst, packets.TCP, segment, ttl, ident))
    read = dpkt.ethernet.Ethernet(frame)
    assert (read.src, read.dst, read.data.src, read.data.dst) == (MAC_A, MAC_B, src, dst)
    assert (read.data.data.sport, read.data.data.dport, read.data.data.seq, read.data.data.ack) == (1024, 80, 7, 9)
    assert bytes(read.data.data.data) == payload
    was, read.data.data.sum = read.data.data.sum, 0
    pseudo = dpkt.in_cksum(packets._pseudo_header(src, dst, packets.TCP, len(segment)) + bytes(read.data.data))
    assert was == pseudo


@given(st.integers(2, 255), st.integers(0, 65535), st.binary(max_size=40))
def test_a_hop_lowers_ttl_and_keeps_the_header_sound(ttl: int, ident: int, payload: bytes) -> None:
    """The incremental update of RFC 1624 gives the checksum that a whole computation gives."""
    before = packets.ipv4(A4, B4, packets.UDP, payload, ttl, ident)
    after = packets.lower_ttl(before)
    assert after == packets.ipv4(A4, B4, packets.UDP, payload, ttl - 1, ident)


@given(pairs, st.binary(min_size=1, max_size=64))
def test_rewriting_there_and_back_is_nothing(pair: tuple[bytes, bytes], payload: bytes) -> None:
    """Network address translation undone is the packet that was."""
    src, dst = pair
    segment = packets.tcp(src, dst, (1024, 80), (7, 9), packets.ACK, 502, b"", payload)
    was = packets.packet(src, dst, packets.TCP, segment, 64, 5)
    other = packets.rewrite(was, dst, src, 4000, 8080, sequence=(5, -5))
    assert packets.rewrite(other, src, dst, 1024, 80, sequence=(-5, 5)) == was


def test_a_tagged_frame_is_taken_apart() -> None:
    """The tag moves everything by four octets, and padding is cut off by the IP length."""
    segment = packets.udp(A4, B4, (53, 1024), b"hello")
    frame = packets.ethernet(MAC_B, MAC_A, packets.packet(A4, B4, packets.UDP, segment), vlan=10) + bytes(9)
    packet = Packet(frame)
    assert (packet.vlan, packet.src, packet.dst, packet.ports, packet.payload) == (10, A4, B4, (53, 1024), b"hello")
