"""Packets made by hand, byte by byte from the RFCs. Checksums are left 0: the kernel reads none."""

from __future__ import annotations

import ipaddress
import struct

CLIENT, VIP, BALANCER, SERVER, GATEWAY = "10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.0.100", "10.0.0.254"
CLIENT6, VIP6, BALANCER6, SERVER6 = "2001:db8::1", "2001:db8::a", "2001:db8::b", "2001:db8::64"
CLIENT_MAC, BALANCER_MAC, SERVER_MAC = "00:01:aa:bb:cc:01", "00:01:aa:bb:cc:0a", "00:01:aa:bb:cc:64"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac(text: str) -> bytes:
    """Return the six octets of a MAC address."""
    return bytes.fromhex(text.replace(":", ""))


def mac_number(text: str) -> int:
    """Return a MAC address as the number that the kernel gives."""
    return int.from_bytes(mac(text), "big")


def halves(text: str) -> tuple[int, int]:
    """Return an IP address as the two numbers that the kernel gives."""
    address = ipaddress.ip_address(text)
    number = int(address) | (0xFFFF << 32 if address.version == 4 else 0)
    return number >> 64, number & (1 << 64) - 1


def packed(text: str) -> bytes:
    """Return the octets of an IP address."""
    return ipaddress.ip_address(text).packed


def ether(payload: bytes, kind: int | None = None, src: str = CLIENT_MAC, dst: str = BALANCER_MAC) -> bytes:
    """Return an Ethernet frame; without a `kind`, of IPv4 or IPv6 as the payload begins."""
    return mac(dst) + mac(src) + struct.pack(">H", ethertype(payload) if kind is None else kind) + payload


def ethertype(packet: bytes) -> int:
    """Return the ethertype of an IP packet."""
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def tag(number: int, payload: bytes, kind: int | None = None) -> bytes:
    """Return what follows the ethertype of a VLAN tag."""
    return struct.pack(">HH", number, ethertype(payload) if kind is None else kind) + payload


def ip4(
    protocol: int,
    payload: bytes = b"",
    src: str = CLIENT,
    dst: str = VIP,
    *,
    ttl: int = 64,
    tos: int = 0,
    identity: int = 7,
    fragment: int = 0x4000,
    options: bytes = b"",
    length: int | None = None,
) -> bytes:
    """Return an IPv4 packet (RFC 791)."""
    words = 5 + len(options) // 4
    total = words * 4 + len(payload) if length is None else length
    fixed = struct.pack(">BBHHHBBH", 0x40 | words, tos, total, identity, fragment, ttl, protocol, 0)
    return fixed + packed(src) + packed(dst) + options + payload


def ip6(
    following: int,
    payload: bytes = b"",
    src: str = CLIENT6,
    dst: str = VIP6,
    *,
    hops: int = 64,
    traffic_class: int = 0,
    length: int | None = None,
) -> bytes:
    """Return an IPv6 packet (RFC 8200)."""
    fixed = struct.pack(
        ">IHBB", 6 << 28 | traffic_class << 20, len(payload) if length is None else length, following, hops
    )
    return fixed + packed(src) + packed(dst) + payload


def tcp(
    payload: bytes = b"",
    src: int = 40000,
    dst: int = 80,
    *,
    seq: int = 1000,
    ack: int = 0,
    flags: int = 2,
    window: int = 501,
    options: bytes = b"",
) -> bytes:
    """Return a TCP segment (RFC 9293)."""
    words = 5 + len(options) // 4
    return struct.pack(">HHIIBBHHH", src, dst, seq, ack, words << 4, flags, window, 0, 0) + options + payload


def udp(payload: bytes = b"", src: int = 40000, dst: int = 53, *, length: int | None = None) -> bytes:
    """Return a UDP datagram (RFC 768)."""
    return struct.pack(">HHHH", src, dst, 8 + len(payload) if length is None else length, 0) + payload


def icmp(kind: int, code: int, word: int, payload: bytes = b"") -> bytes:
    """Return an ICMP or ICMPv6 message (RFC 792, 4443)."""
    return struct.pack(">BBHI", kind, code, 0, word) + payload


def arp(opcode: int, sender_mac: str, sender: str, target: str, target_mac: str = "00:00:00:00:00:00") -> bytes:
    """Return an ARP message for Ethernet and IPv4 (RFC 826)."""
    fixed = struct.pack(">HHBBH", 1, 0x0800, 6, 4, opcode)
    return fixed + mac(sender_mac) + packed(sender) + mac(target_mac) + packed(target)


def gre(payload: bytes, kind: int | None = None, flags: int = 0) -> bytes:
    """Return a GRE packet (RFC 2784, 2890) with the optional fields that `flags` announces."""
    options = bytes(4 * (flags >> 15 & 1) + 4 * (flags >> 13 & 1) + 4 * (flags >> 12 & 1))
    return struct.pack(">HH", flags, ethertype(payload) if kind is None else kind) + options + payload


def gue(payload: bytes, options: bytes = b"") -> bytes:
    """Return a GUE variant 0 packet (draft-ietf-intarea-gue)."""
    return struct.pack(">BBH", len(options) // 4, 4 if payload[0] >> 4 == 4 else 41, 0) + options + payload


def geneve(payload: bytes, kind: int | None = None, options: bytes = b"") -> bytes:
    """Return a Geneve packet (RFC 8926)."""
    fixed = struct.pack(">BBHI", len(options) // 4, 0, ethertype(payload) if kind is None else kind, 42 << 8)
    return fixed + options + payload
