"""Failover between two balancers: VRRP adverts (RFC 3768), virtual MAC or not, gratuitous ARP when the VIP moves."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND, Timer

if TYPE_CHECKING:
    from dsrcheck.lab.forwarder.balancer import Balancer

GROUP = packets.ip("224.0.0.18")
INTERVAL = SECOND


def virtual_mac(router_id: int, version: int = 4) -> bytes:
    """The virtual router MAC (RFC 5798, 7.3)."""
    return bytes([0, 0, 0x5E, 0, 1 if version == 4 else 2, router_id])


class Failover:
    """Which of two balancers has the VIPs. `active`: this one has."""

    def __init__(self, balancer: Balancer, active: bool) -> None:
        self.balancer = balancer
        self.active = active
        self._ident = 0
        self._watch: Timer | None = None

    def start(self) -> None:
        """Take the VIPs, or watch the one that has them."""
        if self.active:
            self.take(announce=False)
        elif self.balancer.settings.adverts:
            self._watch_master(3 * INTERVAL)

    def take(self, announce: bool | None = None) -> None:
        """Become the owner of the VIPs, and tell everybody."""
        balancer = self.balancer
        settings = balancer.settings
        self.active = True
        if settings.virtual_mac:
            balancer.listen_mac(virtual_mac(settings.router_id))
        for vip in balancer.vips:
            balancer.hold(vip, virtual_mac(settings.router_id) if settings.virtual_mac else None)
        if settings.announce if announce is None else announce:
            # Pairs, some milliseconds apart, a second apart, as keepalived does.
            self._announce()
            for wait in (3 * MILLISECOND, SECOND, SECOND + 5 * MILLISECOND):
                balancer.clock.timer(wait + balancer.delay(0, 2000), self._announce)
        if settings.adverts:
            self._advertise()

    def release(self) -> None:
        """Give the VIPs up in good order: an advert with priority 0."""
        if self.active and self.balancer.settings.adverts:
            self._send(0)
        self.active = False
        for vip in self.balancer.vips:
            self.balancer.let_go(vip)

    def heard(self, packet: packets.Packet) -> None:
        """An advert of the other one."""
        if self.active or not self.balancer.settings.adverts:
            return
        priority = packet.frame[packet.transport + 2]
        skew = (256 - self.balancer.settings.priority) * SECOND // 256
        self._watch_master(skew if priority == 0 else 3 * INTERVAL + skew)

    def _watch_master(self, wait: int) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self.balancer.clock.timer(wait, lambda: None if self.active else self.take())

    def _announce(self) -> None:
        if not self.active or not self.balancer.up:
            return
        for vip in self.balancer.vips:
            self.balancer.front.neighbours.announce(vip)

    def _advertise(self) -> None:
        if self.active and self.balancer.up:
            self._send(self.balancer.settings.priority)
            self.balancer.clock.timer(INTERVAL + self.balancer.delay(0, 3000), self._advertise)

    def _send(self, priority: int) -> None:
        settings = self.balancer.settings
        vips = [vip for vip in self.balancer.vips if len(vip) == 4]
        if not vips:
            return
        head = struct.pack(">BBBBBBH", 0x21, settings.router_id, priority, len(vips), 0, INTERVAL // SECOND, 0)
        body = b"".join(vips) + bytes(8)
        total = packets.internet_checksum(head + body)
        message = head[:6] + total.to_bytes(2, "big") + body
        front = self.balancer.front
        self._ident = (self._ident + 1) & 0xFFFF
        src = front.source_for(vips[0])
        octets = packets.ipv4(src, GROUP, packets.VRRP, message, 255, self._ident, fragment=True)
        mac = virtual_mac(settings.router_id) if settings.virtual_mac else front.mac
        front.transmit(packets.multicast_mac(GROUP), octets, src_mac=mac)
