"""What the servers run: Python's own HTTP server, and DNS by UDP, on the addresses that the plan says."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from dsrcheck.lab import packets
from dsrcheck.lab.dns import answer
from dsrcheck.lab.host import Host
from dsrcheck.lab.http import body

Binding = tuple[str, bytes | None, int]
"""Protocol, address (none for the wildcard) and port."""


class Handler(BaseHTTPRequestHandler):
    """`GET /bytes/N` sends N octets, `PUT` takes what comes: as lab.http has it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece, where they fit
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Send as much as is asked for."""
        last = self.path.rpartition("/")[2]
        self._answer(200, body(int(last) if last.isdigit() else 0))

    def do_PUT(self) -> None:
        """Take what comes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"")

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""


class Http(ThreadingHTTPServer):
    """The server; whoever watches its socket calls `handle_request` when somebody knocks."""

    timeout = 0
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, address: tuple[str, int], family: int) -> None:
        self.address_family = family
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind, and look for no name of the host: HTTPServer would ask the DNS, out into the lab's network."""
        TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news here."""


class Dns:
    """A UDP socket that answers."""

    def __init__(self, address: tuple[str, int], family: int) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def handle_request(self) -> None:
        """Answer one question, if there is one after all, and a way back."""
        with contextlib.suppress(OSError):
            question, asker = self.socket.recvfrom(2048)
            self.socket.sendto(answer(question), asker)

    def server_close(self) -> None:
        self.socket.close()


Service = Http | Dns


def bindings(host: Host) -> set[Binding]:
    """What a host of the plan listens to."""
    tcp = {("tcp", address, port) for address, port in host.tcp.listeners}
    udp = {
        ("udp", address, port)
        for port, (addresses, _) in host.udp.services.items()
        for address in (addresses if addresses is not None else (None,))
    }
    return {*tcp, *udp}


def serve(binding: Binding, six: bool) -> Service:
    """Listen, in the namespace this is called in. Raises OSError."""
    protocol, address, port = binding
    family = socket.AF_INET6 if six else socket.AF_INET
    kind: Callable[[tuple[str, int], int], Service] = Http if protocol == "tcp" else Dns
    return kind((packets.ip_text(address) if address else "::" if six else "0.0.0.0", port), family)
