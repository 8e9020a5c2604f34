"""Cables, the learning switch and its mirror ports, and taps: where frames are, and who sees them when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Literal

from dsrcheck.lab.clock import MICROSECOND, Clock, Dice
from dsrcheck.records import dataclass

MirrorKind = Literal["received", "both"]
NANOSECONDS_PER_OCTET = 8  # gigabit Ethernet


@dataclass
class Tap:
    """What one vantage captured: frames in the order seen, with the time."""

    name: str
    frames: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass
class Nic:
    """A network card on a port of a switch. `macs`: the addresses it listens to; group addresses reach it always.

    `receive` is called with each frame for it. A tap sees what it sends and what reaches it, as tcpdump -p does.
    `lose` may drop a frame: it is asked with the frame and `"in"` or `"out"`.
    """

    name: str
    macs: set[bytes]
    clock: Clock
    dice: Dice
    receive: Callable[[bytes], None] = lambda frame: None
    switch: Switch | None = None
    tap: Tap | None = None
    up: bool = True
    lose: Callable[[bytes, str], bool] | None = None
    _busy: int = 0
    _there: int = 0

    def send(self, frame: bytes) -> None:
        """Put a frame on the cable."""
        if not self.up:
            return
        now = self.clock.now
        if self.tap is not None:
            self.tap.frames.append((now, frame))
        if self.switch is None or (self.lose is not None and self.lose(frame, "out")):
            return
        # One frame after the other: a cable never reorders.
        self._busy = max(now, self._busy) + len(frame) * NANOSECONDS_PER_OCTET
        arrives = self._busy + 20 * MICROSECOND + self.dice.bits(14)
        self._there = arrives = max(arrives, self._there + 1)
        self.clock.at(arrives, self.switch.receive, self, frame)

    def deliver(self, frame: bytes) -> None:
        """Take a frame from the cable."""
        if not self.up or not (frame[0] & 1 or frame[:6] in self.macs):
            return
        if self.lose is not None and self.lose(frame, "in"):
            return
        if self.tap is not None:
            self.tap.frames.append((self.clock.now, frame))
        self.receive(frame)


class Switch:
    """Learns which address is where, per VLAN, floods what it does not know, and copies frames to mirror ports.

    A port may be an access port of a VLAN (`access`): then its frames are untagged on the cable and kept apart inside.
    """

    def __init__(self, name: str, clock: Clock, dice: Dice) -> None:
        self.name = name
        self.clock = clock
        self.dice = dice
        self.ports: list[Nic] = []
        self.access: dict[str, int] = {}
        self.mirrors: list[tuple[Tap, MirrorKind, Nic | None]] = []
        self.sticky = False  # an address stays where it was first seen (port security)
        self._where: dict[tuple[int, bytes], Nic] = {}
        self._ready: dict[str, int] = {}

    def connect(self, nic: Nic, access: int = 0) -> None:
        self.ports.append(nic)
        self.access[nic.name] = access
        self._ready[nic.name] = 0
        nic.switch = self

    def mirror(self, tap: Tap, kind: MirrorKind, only: Nic | None = None) -> None:
        """Copy the frames that are received (or also those that are sent) on every port, or on one port only."""
        self.mirrors.append((tap, kind, only))

    def receive(self, port: Nic, frame: bytes) -> None:
        """A frame has come in on a port."""
        now = self.clock.now
        for tap, _, only in self.mirrors:
            if only is None or only is port:
                tap.frames.append((now, frame))
        segment = self.access[port.name]
        vlan = segment << 12
        if frame[12] == 0x81 and frame[13] == 0:
            vlan |= (frame[14] << 8 | frame[15]) & 0xFFF
        if not self.sticky or (vlan, frame[6:12]) not in self._where:
            self._where[vlan, frame[6:12]] = port
        known = None if frame[0] & 1 else self._where.get((vlan, frame[:6]))
        if known is not None:
            if known is not port:
                self._send(known, frame, 0)
            return
        nth = 0
        for other in self.ports:
            if other is not port and self.access[other.name] == segment:
                self._send(other, frame, nth)
                nth += 1

    def _send(self, port: Nic, frame: bytes, nth: int) -> None:
        now = self.clock.now
        for tap, kind, only in self.mirrors:
            if kind == "both" and (only is None or only is port):
                copied = max(now + 2 * MICROSECOND + nth * MICROSECOND, tap.frames[-1][0] if tap.frames else 0)
                tap.frames.append((copied, frame))
        arrives = now + 25 * MICROSECOND + len(frame) * NANOSECONDS_PER_OCTET + self.dice.bits(13)
        self._ready[port.name] = arrives = max(arrives, self._ready[port.name] + 1)
        self.clock.at(arrives, port.deliver, frame)
