"""The narrow interface of the forwarder: frames and the time go in, frames come out. It does no I/O and has no thread.

Whoever drives it (the simulated network, or later a real interface by AF_PACKET) does three things:

    out = forwarder.start(now)
    out = forwarder.receive(now, port, frame)   # for each frame that comes in; port: number of the interface
    out = forwarder.advance(now)                # at the latest when forwarder.due has come

and sends each `(port, frame)` of what comes out. `now` is in nanoseconds and never goes back. A live driver rounds
nothing: what is due between two calls happens in the next one, with the times it was due at.
"""

from __future__ import annotations

from dsrcheck.lab.clock import Clock
from dsrcheck.lab.forwarder.balancer import Balancer
from dsrcheck.lab.forwarder.settings import Settings

Sent = list[tuple[int, bytes]]


class Forwarder:
    """A balancer behind the narrow interface. Configure `balancer` (interfaces, routes) before `start`."""

    def __init__(self, name: str, settings: Settings, seed: int = 0, active: bool = True) -> None:
        self._clock = Clock()
        self.balancer = Balancer(name, self._clock, seed, settings, active)
        self._out: Sent = []

    def add_interface(self, name: str, mac: bytes, vlan: int | None = None) -> int:
        """Give it an interface; returns its port number."""
        port = len(self.balancer.interfaces)
        interface = self.balancer.interface(name, mac, vlan)
        interface.output = lambda frame: self._out.append((port, frame))
        return port

    def start(self, now: int) -> Sent:
        """Begin to work."""
        self._clock.run(now)
        self.balancer.start()
        return self.advance(now)

    def receive(self, now: int, port: int, frame: bytes) -> Sent:
        """A frame has come in on a port."""
        self._clock.run(now)
        self.balancer.receive(self.balancer.interfaces[port], frame)
        return self.advance(now)

    def advance(self, now: int) -> Sent:
        """Do what is due by now."""
        self._clock.run(now)
        out, self._out = self._out, []
        return out

    @property
    def due(self) -> int | None:
        """When `advance` is wanted next, or none."""
        return self._clock.due
