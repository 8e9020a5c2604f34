"""Routers: the gateway of the segment, and one that hides several clients behind one address (RFC 3022)."""

from __future__ import annotations

from dsrcheck.lab import packets
from dsrcheck.lab.clock import Clock
from dsrcheck.lab.host import Host, Interface
from dsrcheck.lab.packets import Packet


class Router(Host):
    """Passes packets on between its interfaces; sends redirects, as routers do unless told otherwise."""

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        super().__init__(name, clock, seed)
        self.sysctls.update({"all.ip_forward": 1, "all.send_redirects": 1})


class NatRouter(Router):
    """A router whose second interface has the only address that the world sees."""

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        super().__init__(name, clock, seed)
        self._out: dict[tuple[int, bytes, int, bytes, int], int] = {}
        self._back: dict[tuple[int, int, bytes, int], tuple[bytes, int]] = {}

    @property
    def public(self) -> bytes:
        """The one address outside."""
        return next(iter(self.interfaces[1].addresses))

    def forward(self, interface: Interface, packet: Packet) -> None:
        """Out: the source becomes ours, with a port of ours."""
        if interface is not self.interfaces[0] or packet.protocol not in (packets.TCP, packets.UDP):
            super().forward(interface, packet)
            return
        if packet.ttl <= 1:
            self.icmp.error(packet, interface, "ttl")
            return
        src_port, dst_port = packet.ports
        key = (packet.protocol, packet.src, src_port, packet.dst, dst_port)
        port = self._out.get(key)
        if port is None:
            port = self._out[key] = 20_000 + len(self._out)
            self._back[packet.protocol, port, packet.dst, dst_port] = (packet.src, src_port)
        octets = packets.rewrite(packets.lower_ttl(packet.ip), src=self.public, src_port=port, offload=self.offload)
        self.send(octets, self.public, packet.dst)

    def deliver(self, interface: Interface, packet: Packet) -> None:
        """Back: the destination becomes the client's again."""
        if packet.protocol in (packets.TCP, packets.UDP):
            src_port, dst_port = packet.ports
            inside = self._back.get((packet.protocol, dst_port, packet.src, src_port))
            if inside is not None:
                octets = packets.rewrite(
                    packets.lower_ttl(packet.ip), dst=inside[0], dst_port=inside[1], offload=self.offload
                )
                self.send(octets, packet.src, inside[0])
                return
        super().deliver(interface, packet)
