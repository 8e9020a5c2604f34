"""ICMP and ICMPv6: echo, errors, redirects. Errors are limited in rate, as in every stack (RFC 1812, 4.3.2.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND

if TYPE_CHECKING:
    from dsrcheck.lab.host import Host, Interface
    from dsrcheck.lab.packets import Packet

# What is wrong: type and code in ICMP (RFC 792, RFC 1191) and in ICMPv6 (RFC 4443).
ERRORS = {
    "network": ((3, 0), (1, 0)),
    "host": ((3, 1), (1, 3)),
    "protocol": ((3, 2), (4, 1)),
    "port": ((3, 3), (1, 4)),
    "size": ((3, 4), (2, 0)),
    "ttl": ((11, 0), (3, 0)),
}
ECHO_REPLY, REDIRECT, ECHO, UNREACHABLE = 0, 5, 8, 3
TOO_BIG6, ECHO6, ECHO_REPLY6 = 2, 128, 129
REDIRECT6 = 137
QUOTE = 548  # octets of the quoted IPv4 packet: Linux fills the error to 576
QUOTE6 = 1184  # what an ICMPv6 redirect has room for: 1280 less its headers and options


class Icmp:
    """The ICMP layer of a host. `heard` is called with each echo reply: who answered, identifier, sequence number."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.heard: list[Callable[[bytes, int, int], None]] = []
        self.deaf = False
        self._last: dict[tuple[str, bytes, bytes], int] = {}

    def ping(self, dst: bytes, identifier: int, sequence: int, src: bytes | None = None, octets: int = 56) -> None:
        """Send an echo request."""
        src = src or self.host.source_for(dst)
        if src is not None:
            self._echo(True, src, dst, identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big"), bytes(octets))

    def _echo(self, request: bool, src: bytes, dst: bytes, rest: bytes, body: bytes) -> None:
        if len(dst) == 4:
            message = packets.icmp(ECHO if request else ECHO_REPLY, 0, rest, body)
            ident = self.host.next_ident(dst)
            octets = packets.ipv4(src, dst, packets.ICMP, message, self.host.ttl, ident, not request)
        else:
            kind = ECHO6 if request else ECHO_REPLY6
            octets = packets.ipv6(src, dst, packets.ICMP6, packets.icmp6(src, dst, kind, 0, rest, body), self.host.ttl)
        self.host.send(octets, src, dst)

    def input(self, interface: Interface, packet: Packet) -> None:
        """An ICMP message for this host."""
        at, frame = packet.transport, packet.frame
        kind, code = frame[at], frame[at + 1]
        rest, body = frame[at + 4 : at + 8], frame[at + 8 : packet.end]
        four = packet.version == 4
        if kind == (ECHO if four else ECHO6):
            wait = self.host.delay(20, 60)
            self.host.clock.at(self.host.clock.now + wait, self._echo, False, packet.dst, packet.src, rest, body)
        elif kind == (ECHO_REPLY if four else ECHO_REPLY6):
            for listener in self.heard:
                listener(packet.src, rest[0] << 8 | rest[1], rest[2] << 8 | rest[3])
        elif self.deaf:
            return
        elif (kind, code) == ERRORS["size"][0 if four else 1]:
            mtu = rest[2] << 8 | rest[3] if four else int.from_bytes(rest, "big")
            self.host.tcp.too_big(body, mtu)
        elif (kind, code) in ((3, 3), (3, 2)) if four else (kind, code) == (1, 4):
            self.host.udp.refused(body)

    def error(self, about: Packet, interface: Interface, what: str, mtu: int = 0) -> None:
        """Tell the sender of a packet what went wrong with it; never about ICMP errors, groups or broadcasts."""
        four = about.version == 4
        kinds = (ECHO, ECHO_REPLY) if four else (ECHO6, ECHO_REPLY6)
        icmp = about.protocol in (packets.ICMP, packets.ICMP6)
        if about.dst_mac[0] & 1 or (icmp and about.frame[about.transport] not in kinds):
            return
        if self._limited(what, about.src, about.dst, SECOND // 10 if what == "size" else SECOND):
            return
        src = about.dst if self.host.is_local(about.dst) else interface.source_for(about.src)
        kind, code = ERRORS[what][0 if four else 1]
        if four:
            message = packets.icmp(kind, code, mtu.to_bytes(4, "big"), about.ip[:QUOTE])
            octets = packets.ipv4(src, about.src, packets.ICMP, message, 64, self.host.next_ident(about.src), True)
        else:
            message = packets.icmp6(src, about.src, kind, code, mtu.to_bytes(4, "big"), about.ip[:1232])
            octets = packets.ipv6(src, about.src, packets.ICMP6, message)
        self.host.send(octets, src, about.src)

    def redirect(self, about: Packet, interface: Interface, hop: bytes) -> None:
        """Tell a sender that could reach `hop` itself of the shorter way, unless send_redirects is off."""
        near = interface.same_subnet(about.src, hop) if len(hop) == 4 else interface.on_link(about.src)
        if not near or not self.host.sysctl("send_redirects", interface):
            return
        if self._limited("redirect", about.src, about.dst, 20 * MILLISECOND):
            return
        if len(hop) == 16:
            self._redirect6(about, interface, hop)
            return
        src = interface.source_for(about.src)
        message = packets.icmp(REDIRECT, 1, hop, about.ip[:QUOTE])
        octets = packets.ipv4(src, about.src, packets.ICMP, message, 64, self.host.next_ident(about.src), True)
        self.host.send(octets, src, about.src)

    def _redirect6(self, about: Packet, interface: Interface, hop: bytes) -> None:
        """The same in IPv6 (RFC 4861, 4.5 and 8.2): a router is told of by its link-local address, or not at all."""
        if hop != about.dst and not packets.is_link_local(hop):
            return
        mac = interface.neighbours.mac(hop)
        quoted = about.ip[:QUOTE6]
        quoted += bytes(-len(quoted) % 8)
        options = (b"\x02\x01" + mac if mac else b"") + bytes([4, 1 + len(quoted) // 8]) + bytes(6) + quoted
        src = packets.link_local(interface.mac)
        message = packets.icmp6(src, about.src, REDIRECT6, 0, bytes(4), hop + about.dst + options)
        self.host.send(packets.ipv6(src, about.src, packets.ICMP6, message, 255), src, about.src)

    def _limited(self, what: str, src: bytes, dst: bytes, pause: int) -> bool:
        now = self.host.clock.now
        last = self._last.get((what, src, dst))
        if last is not None and now < last + pause:
            return True
        self._last[what, src, dst] = now
        return False
