"""UDP: services bound to one address or to the wildcard, and connected clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND

if TYPE_CHECKING:
    from dsrcheck.lab.host import Host
    from dsrcheck.lab.packets import Packet

Answer = Callable[[bytes], bytes]
Heard = Callable[[bytes], None]


class Udp:
    """The UDP layer of a host.

    `services`: port to (addresses or none for the wildcard, answer). A service bound to the wildcard answers from the
    address that the route back prefers, not from the one it was asked at: the commonest fault of UDP behind DSR.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.services: dict[int, tuple[frozenset[bytes] | None, Answer]] = {}
        self.clients: dict[tuple[bytes, int, bytes, int], Heard] = {}

    def bind(self, port: int, addresses: frozenset[bytes] | None, answer: Answer) -> None:
        self.services[port] = (addresses, answer)

    def ask(self, src: bytes, src_port: int, dst: bytes, dst_port: int, question: bytes, heard: Heard) -> None:
        """Send a datagram from a connected socket; `heard` gets what comes back from just there."""
        self.clients[src, src_port, dst, dst_port] = heard
        self._send(src, src_port, dst, dst_port, question)

    def close(self, src: bytes, src_port: int, dst: bytes, dst_port: int) -> None:
        self.clients.pop((src, src_port, dst, dst_port), None)

    def input(self, packet: Packet) -> None:
        """A datagram for this host."""
        src_port, dst_port = packet.ports
        heard = self.clients.get((packet.dst, dst_port, packet.src, src_port))
        if heard is not None:
            heard(packet.payload)
            return
        addresses, answer = self.services.get(dst_port, (frozenset(), bytes))
        if addresses is not None and packet.dst not in addresses:
            interface = next((i for i in self.host.interfaces if i.mac == packet.dst_mac), self.host.interfaces[0])
            self.host.icmp.error(packet, interface, "port")
            return
        source = packet.dst if addresses is not None else (self.host.source_for(packet.src) or packet.dst)
        wait = self.host.dice.between(1, 8) * MILLISECOND
        self.host.clock.at(
            self.host.clock.now + wait, self._send, source, dst_port, packet.src, src_port, answer(packet.payload)
        )

    def refused(self, quoted: bytes) -> None:
        """ICMP port unreachable for something we sent: a connected client gives up."""

    def _send(self, src: bytes, src_port: int, dst: bytes, dst_port: int, payload: bytes) -> None:
        datagram = packets.udp(src, dst, (src_port, dst_port), payload)
        ident = self.host.next_ident(dst) if len(dst) == 4 else 0
        self.host.send(packets.packet(src, dst, packets.UDP, datagram, self.host.ttl, ident), src, dst)
