"""What the clients do, with Python's own HTTP client and plain sockets: one function for each kind of traffic."""

from __future__ import annotations

import http.client
import socket
import struct
import time
from collections.abc import Callable

from dsrcheck.lab import packets
from dsrcheck.lab.clock import SECOND
from dsrcheck.lab.dns import question
from dsrcheck.lab.http import body
from dsrcheck.lab.icmp import ECHO, ECHO6
from dsrcheck.lab.network import Network
from dsrcheck.lab.scenario import Traffic
from dsrcheck.lab.traffic import destination, sizes

PATIENCE = 10.0
"""Seconds after which a client gives up."""


def task(net: Network, traffic: Traffic, nth: int, pace: float) -> Callable[[], None]:
    """What a client is to do now, as a function to be called in its namespace."""
    target, port = destination(net, traffic)
    address = packets.ip_text(target)
    if traffic.kind == "dns":
        return lambda: dns(address, port, f"host{nth}.example.com")
    if traffic.kind == "ping":
        return lambda: ping(address, nth)
    pause = traffic.pause / SECOND / pace
    return lambda: web(address, port, sizes(traffic, nth), traffic.upload, pause)


def web(address: str, port: int, octets: list[int], upload: int, pause: float) -> None:
    """Requests one after the other on one connection, then the close."""
    connection = http.client.HTTPConnection(address, port, timeout=PATIENCE)
    try:
        for nth, size in enumerate(octets):
            if nth:
                time.sleep(pause)
            if upload:
                connection.request("PUT", "/upload", body(upload))
            else:
                connection.request("GET", f"/bytes/{size}")
            connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return  # refused, reset, or no answer: what happens is for the capture to tell
    finally:
        connection.close()


def dns(address: str, port: int, name: str) -> None:
    """Ask, and ask again from another port if no answer comes, three times in all."""
    for attempt in range(3):
        with _socket(address, socket.SOCK_DGRAM) as asking:
            asking.settimeout(2)
            try:
                asking.connect((address, port))
                asking.send(question(attempt + 1, name))
                asking.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            return


def ping(address: str, sequence: int) -> None:
    """Send one echo request; the kernel writes the checksum of ICMPv6 only."""
    six = ":" in address
    rest, content = struct.pack(">HH", 0x2A00, sequence), bytes(56)
    message = bytes([ECHO6, 0, 0, 0]) + rest + content if six else packets.icmp(ECHO, 0, rest, content)
    with _socket(address, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP) as asking:
        try:
            asking.sendto(message, (address, 0))
        except OSError:
            return


def _socket(address: str, kind: int, protocol: int = 0) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, protocol)
