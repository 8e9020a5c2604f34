"""Health checks: ARP, ping, TCP connect or HTTP to the real address, or TCP to the VIP through the server's MAC."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsrcheck.lab.forwarder.settings import Server
from dsrcheck.lab.http import HttpClient

if TYPE_CHECKING:
    from dsrcheck.lab.connection import Connection
    from dsrcheck.lab.forwarder.balancer import Balancer

PING_ID = 0x1DEA


class _Knock:
    """Opens a connection and closes it."""

    def __init__(self, told: Callable[[bool], None]) -> None:
        self.told = told

    def opened(self, connection: Connection) -> None:
        self.told(True)
        connection.close()

    def data(self, connection: Connection, payload: bytes) -> None:
        """Nobody asked for any."""

    def finished(self, connection: Connection) -> None:
        connection.close()

    def failed(self, connection: Connection, why: str) -> None:
        self.told(False)


class Health:
    """Checks every server of a balancer again and again; `up` says which may get connections."""

    def __init__(self, balancer: Balancer) -> None:
        self.balancer = balancer
        self.up = {server.name: True for server in balancer.settings.servers}
        self.misses = {server.name: 0 for server in balancer.settings.servers}
        self._round = 0
        self._pings: dict[int, Server] = {}
        balancer.icmp.heard.append(self._pong)

    def start(self) -> None:
        """Begin, the servers a little apart from one another."""
        settings = self.balancer.settings
        if settings.check == "none":
            return
        for place, server in enumerate(settings.servers):
            begin = settings.check_every * place // len(settings.servers) + self.balancer.delay(0, 50_000)
            self.balancer.clock.timer(begin, lambda server=server: self._again(server))  # type: ignore[misc]

    def _again(self, server: Server) -> None:
        settings = self.balancer.settings
        if self.balancer.up:
            self._check(server, settings.check)
        self.balancer.clock.timer(settings.check_every, lambda: self._again(server))

    def _check(self, server: Server, kind: str) -> None:
        answered = [False]

        def told(good: bool) -> None:
            answered[0] = answered[0] or good

        balancer = self.balancer
        if kind == "ping":
            self._round += 1
            self._pings[self._round & 0xFFFF] = server
            balancer.icmp.ping(server.address, PING_ID, self._round & 0xFFFF)
        elif kind == "arp":
            route = balancer.route(server.address)
            if route is not None:
                route.interface.neighbours.solicit(server.address, b"")
        elif kind == "tcp":
            balancer.tcp.connect(server.address, balancer.settings.services[0].port, _Knock(told))
        elif kind == "http":
            service = balancer.settings.services[0]
            asked = HttpClient(balancer, server.address, [200], done=lambda how: told(how == "done"))
            balancer.tcp.connect(server.address, service.port, asked)
        elif kind == "vip":
            service = balancer.settings.services[0]
            balancer.probe(server, service.vip, service.port, _Knock(told))
        balancer.clock.timer(
            balancer.settings.check_timeout, lambda: self._judge(server, answered[0] or self._alive(server, kind))
        )

    def _alive(self, server: Server, kind: str) -> bool:
        """Whether a ping or ARP check has been answered."""
        if kind == "ping":
            return server not in self._pings.values()
        if kind == "arp":
            route = self.balancer.route(server.address)
            asked = self.balancer.clock.now - self.balancer.settings.check_timeout
            return route is not None and route.interface.neighbours.heard.get(server.address, -1) >= asked
        return False

    def _pong(self, address: bytes, identifier: int, sequence: int) -> None:
        if identifier == PING_ID:
            self._pings.pop(sequence, None)

    def _judge(self, server: Server, good: bool) -> None:
        if good:
            self.misses[server.name], self.up[server.name] = 0, True
            return
        self._pings = {n: s for n, s in self._pings.items() if s is not server}
        self.misses[server.name] += 1
        if self.misses[server.name] >= self.balancer.settings.fall:
            self.up[server.name] = False
