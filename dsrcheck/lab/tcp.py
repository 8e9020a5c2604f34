"""The TCP layer of a host: listeners, connections, and what becomes of segments that belong to none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MICROSECOND, MILLISECOND
from dsrcheck.lab.connection import MASK, App, Connection
from dsrcheck.lab.packets import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from dsrcheck.lab.host import Host
    from dsrcheck.lab.packets import Packet

Accept = Callable[["Connection"], App]


class Tcp:
    """The TCP layer of a host: its listeners and its connections."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.listeners: dict[tuple[bytes | None, int], Accept] = {}
        self.connections: dict[tuple[bytes, int, bytes, int], Connection] = {}
        self.mss: int | None = None  # advertised, if it is not what the interface allows
        self.syn_retries = 3
        self.silent = False  # says nothing to segments it does not know, as a firewall would have it
        self.path_mtu: dict[bytes, int] = {}
        self._port: int | None = None
        self._ready = 0

    def listen(self, port: int, accept: Accept, address: bytes | None = None) -> None:
        """Serve a port of one address, or of all."""
        self.listeners[address, port] = accept

    def connect(
        self, dst: bytes, port: int, app: App, src: bytes | None = None, src_port: int | None = None
    ) -> Connection | None:
        """Open a connection; none if there is no route."""
        src = src or self.host.source_for(dst)
        if src is None:
            return None
        connection = Connection(self, src, src_port or self.free_port(), dst, port, app)
        self.connections[connection.key] = connection
        connection.open()
        return connection

    def free_port(self) -> int:
        """The next ephemeral port."""
        if self._port is None:
            self._port = self.host.dice.between(32768, 58000)
        self._port = 32768 + (self._port - 32768 + self.host.dice.between(1, 4) * 2) % 28232
        return self._port

    def timestamp(self) -> int:
        return self.host.clock.now // MILLISECOND & MASK

    def input(self, packet: Packet) -> None:
        """A segment for this host; it is looked at a moment later, in order."""
        now = self.host.clock.now
        self._ready = max(now + 15 * MICROSECOND + self.host.dice.bits(14), self._ready + 1)
        self.host.clock.at(self._ready, self._input, packet)

    def _input(self, packet: Packet) -> None:
        ports = packet.ports
        key = (packet.dst, ports[1], packet.src, ports[0])
        connection = self.connections.get(key)
        flags = packet.tcp_flags
        if connection is not None and not (connection.state == "time-wait" and flags & SYN):
            connection.input(packet, flags)
            return
        accept = self.listeners.get((packet.dst, ports[1])) or self.listeners.get((None, ports[1]))
        if accept is not None and flags & (SYN | ACK | RST) == SYN:
            connection = Connection(self, *key, app=None)
            self.connections[key] = connection
            connection.app = accept(connection)
            connection.accept(packet)
        elif not flags & RST and not self.silent:
            self.reset(packet, flags)

    def reset(self, packet: Packet, flags: int) -> None:
        """Answer a segment that belongs to nothing (RFC 9293, 3.10.7.1)."""
        frame, at = packet.frame, packet.transport
        seq, ack = int.from_bytes(frame[at + 4 : at + 8], "big"), int.from_bytes(frame[at + 8 : at + 12], "big")
        ports = packet.ports
        if flags & ACK:
            numbers, answer = (ack, 0), RST
        else:
            numbers, answer = (0, (seq + len(packet.payload) + bool(flags & SYN) + bool(flags & FIN)) & MASK), RST | ACK
        segment = packets.tcp(
            packet.dst, packet.src, (ports[1], ports[0]), numbers, answer, 0, offload=self.host.offload
        )
        octets = packets.packet(packet.dst, packet.src, packets.TCP, segment, self.host.ttl)
        self.host.send(octets, packet.dst, packet.src)

    def too_big(self, quoted: bytes, mtu: int) -> None:
        """ICMP says that a packet of ours was too big: keep to `mtu` on that path from now on."""
        header = 20 if quoted[0] >> 4 == 4 else 40
        protocol, src, dst = (
            (quoted[9], quoted[12:16], quoted[16:20]) if header == 20 else (quoted[6], quoted[8:24], quoted[24:40])
        )
        if protocol != packets.TCP or mtu < 576:
            return
        self.path_mtu[dst] = min(mtu, self.path_mtu.get(dst, mtu))
        ports = quoted[header : header + 4]
        connection = self.connections.get((src, ports[0] << 8 | ports[1], dst, ports[2] << 8 | ports[3]))
        if connection is not None:
            connection.shrink(mtu)

    def no_route(self, packet: Packet) -> None:
        """The next hop does not answer: the connection learns it when its own timer ends."""
