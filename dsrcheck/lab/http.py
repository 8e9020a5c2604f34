"""HTTP, as much of it as moves bytes: a server that sends or takes as much as it is asked to, and a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND

if TYPE_CHECKING:
    from dsrcheck.lab.connection import Connection
    from dsrcheck.lab.host import Host

LINE = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.\n"


def body(octets: int) -> bytes:
    """So many octets of text."""
    return (LINE * (octets // len(LINE) + 1))[:octets]


class HttpServer:
    """One connection of a server: `GET /bytes/N` sends N octets, `PUT` takes them. The client closes."""

    def __init__(self, host: Host, name: str, think: tuple[int, int] = (1, 12)) -> None:
        self.host = host
        self.name = name
        self.think = think
        self.head = b""
        self.awaited: int | None = None

    def opened(self, connection: Connection) -> None:
        """Wait for the request."""

    def data(self, connection: Connection, payload: bytes) -> None:
        """Gather the request; answer when it is whole."""
        if self.awaited is None:
            self.head += payload
            if b"\r\n\r\n" not in self.head:
                return
            head, _, rest = self.head.partition(b"\r\n\r\n")
            self.awaited = _content_length(head) - len(rest)
        else:
            self.awaited -= len(payload)
        if self.awaited <= 0:
            head, self.head, self.awaited = self.head, b"", None
            wait = self.host.dice.between(self.think[0] * 1000, self.think[1] * 1000) * (MILLISECOND // 1000)
            self.host.clock.at(self.host.clock.now + wait, self._answer, connection, head.split(b"\r\n")[0])

    def _answer(self, connection: Connection, line: bytes) -> None:
        method, path = line.split(b" ")[:2]
        last = path.rpartition(b"/")[2]
        octets = int(last) if method == b"GET" and last.isdigit() else 0
        status = b"200 OK" if method == b"GET" else b"201 Created"
        head = b"HTTP/1.1 %b\r\nServer: %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        connection.write(head % (status, self.name.encode(), octets) + body(octets))

    def finished(self, connection: Connection) -> None:
        connection.close()

    def failed(self, connection: Connection, why: str) -> None:
        """The client went away."""


class HttpClient:
    """One request, or several one after the other on one connection, then the close. `done` hears how it ended."""

    def __init__(
        self,
        host: Host,
        target: bytes,
        octets: list[int],
        upload: int = 0,
        pause: int = 0,
        done: Callable[[str], None] | None = None,
    ) -> None:
        self.host = host
        self.target = target
        self.octets = octets
        self.upload = upload
        self.pause = pause
        self.done = done
        self.head = b""
        self.awaited: int | None = None
        self.connection: Connection | None = None

    def opened(self, connection: Connection) -> None:
        """Send the first request."""
        self.connection = connection
        wait = self.host.delay(300, 6000)
        self.host.clock.at(self.host.clock.now + wait, self._ask)

    def _ask(self) -> None:
        if self.connection is None or self.connection.state != "established":
            return
        name = packets.ip_text(self.target)
        host = f"[{name}]" if ":" in name else name
        fields = f"Host: {host}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
        octets = self.octets.pop(0)
        if self.upload:
            head = f"PUT /upload HTTP/1.1\r\n{fields}Content-Length: {self.upload}\r\n\r\n"
            self.connection.write(head.encode() + body(self.upload))
        else:
            self.connection.write(f"GET /bytes/{octets} HTTP/1.1\r\n{fields}\r\n".encode())

    def data(self, connection: Connection, payload: bytes) -> None:
        """Count the answer; when it is whole ask again, or close."""
        if self.awaited is None:
            self.head += payload
            if b"\r\n\r\n" not in self.head:
                return
            head, _, rest = self.head.partition(b"\r\n\r\n")
            self.awaited = _content_length(head) - len(rest)
        else:
            self.awaited -= len(payload)
        if self.awaited > 0:
            return
        self.head, self.awaited = b"", None
        if self.octets:
            self.host.clock.at(self.host.clock.now + self.pause + self.host.delay(500, 4000), self._ask)
        else:
            self.host.clock.at(self.host.clock.now + self.host.delay(300, 9000), connection.close)
            self._end("done")

    def finished(self, connection: Connection) -> None:
        connection.close()

    def failed(self, connection: Connection, why: str) -> None:
        self._end(why)

    def _end(self, how: str) -> None:
        if self.done is not None:
            self.done(how)
            self.done = None


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
