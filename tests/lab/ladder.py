"""Frames as a packet ladder: a line a frame, in names, so that a test reads like a trace.

    client1 > *        who-has vip tell client1
    balancer > client1 vip is-at balancer
    client1 > balancer client1 > vip ttl 64 S
    balancer > server1 client1 > vip ttl 63 S
    server1 > client1  vip > client1 ttl 64 SA

Flags as tcpdump writes them, P left out; `data` is a segment with payload, whatever its flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dsrcheck.lab import Truth, packets
from dsrcheck.lab.packets import Packet

FLAGS = ((packets.SYN, "S"), (packets.FIN, "F"), (packets.RST, "R"), (packets.ACK, "A"))


def names_of(truth: Truth) -> dict[bytes, str]:
    """MACs and addresses of a run, packed, to the names of their hosts."""
    names: dict[bytes, str] = {packets.BROADCAST: "*"}
    for host in truth.hosts:
        names |= {packets.mac(mac): host.name for mac in host.macs}
        names |= {packets.ip(address): host.name for address in host.addresses}
    if truth.vip is not None:
        names[packets.ip(truth.vip)] = "vip"
    return names


def line(frame: bytes, names: Mapping[bytes, str]) -> str:
    """One frame as a line."""
    packet = Packet(frame)

    def mac(octets: bytes) -> str:
        return names.get(octets, "group" if octets[0] & 1 else packets.mac_text(octets))

    def ip(octets: bytes) -> str:
        return names.get(octets) or packets.ip_text(octets)

    where = f"{mac(packet.src_mac)} > {mac(packet.dst_mac)}"
    if packet.ethertype == packets.ETHERTYPE_ARP:
        operation, hardware, sender, _, target = packet.arp
        said = f"who-has {ip(target)} tell {ip(sender)}" if operation == 1 else f"{ip(sender)} is-at {mac(hardware)}"
        return f"{where:24}{said}"
    said = f"{ip(packet.src)} > {ip(packet.dst)} ttl {packet.ttl} "
    if packet.protocol == packets.TCP:
        said += "data" if packet.payload else "".join(letter for bit, letter in FLAGS if packet.tcp_flags & bit)
    elif packet.protocol == packets.UDP:
        said += "udp"
    elif packet.protocol == packets.IPIP:
        inner = packets.ethernet(packet.dst_mac, packet.src_mac, frame[packet.transport : packet.end])
        said += "ipip " + line(inner, names)[24:]
    elif packet.protocol in (packets.ICMP, packets.ICMP6):
        said += f"icmp {frame[packet.transport]}/{frame[packet.transport + 1]}"
    else:
        said += f"protocol {packet.protocol}"
    return f"{where:24}{said}"


def ladder(frames: Iterable[tuple[int, bytes]], names: Mapping[bytes, str]) -> list[str]:
    """Frames as lines."""
    return [line(frame, names) for _, frame in frames]


def expect(frames: Iterable[tuple[int, bytes]], names: Mapping[bytes, str], wanted: str) -> None:
    """Assert that the first frames are those of a ladder written down; the space between its columns is free."""
    lines = [" ".join(text.split()) for text in wanted.strip().splitlines()]
    seen = [" ".join(text.split()) for text in ladder(frames, names)][: len(lines)]
    assert seen == lines
