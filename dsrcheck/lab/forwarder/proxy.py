"""Full proxy: a connection to the VIP ends here, and another one, from the balancer's own address, goes to a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsrcheck.lab.connection import Connection
    from dsrcheck.lab.forwarder.balancer import Balancer


class Proxied:
    """The client's side of a proxied connection."""

    def __init__(self, balancer: Balancer, port: int) -> None:
        self.balancer = balancer
        self.port = port
        self.client: Connection | None = None
        self.server: Connection | None = None
        self.waiting = b""

    def opened(self, connection: Connection) -> None:
        """Wait for the request: only then a server is chosen."""
        self.client = connection

    def data(self, connection: Connection, payload: bytes) -> None:
        """Pass the request on, opening the other connection first."""
        if self.server is None:
            server = self.balancer.choose(connection.dst)
            if server is not None:
                self.server = self.balancer.tcp.connect(server.address, self.port, _ServerSide(self))
        if self.server is not None and self.server.state == "established":
            self.server.write(payload)
        else:
            self.waiting += payload

    def finished(self, connection: Connection) -> None:
        connection.close()
        if self.server is not None:
            self.server.close()

    def failed(self, connection: Connection, why: str) -> None:
        if self.server is not None:
            self.server.close()


class _ServerSide:
    """The server's side."""

    def __init__(self, proxied: Proxied) -> None:
        self.proxied = proxied

    def opened(self, connection: Connection) -> None:
        connection.write(self.proxied.waiting)
        self.proxied.waiting = b""

    def data(self, connection: Connection, payload: bytes) -> None:
        if self.proxied.client is not None:
            self.proxied.client.write(payload)

    def finished(self, connection: Connection) -> None:
        connection.close()

    def failed(self, connection: Connection, why: str) -> None:
        if self.proxied.client is not None:
            self.proxied.client.abort()
