"""Vantages: what each tap of a finished run captured, with whatever befell the capture itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dsrcheck.capture import Interface
from dsrcheck.lab.clock import MILLISECOND
from dsrcheck.lab.network import Network
from dsrcheck.lab.packets import TCP, Packet
from dsrcheck.lab.scenario import Fault, unknown
from dsrcheck.records import dataclass

COOKED = 113  # LINKTYPE_LINUX_SLL
ALIASES = {"client": "client1", "server": "server1", "routed": "routed1"}


@dataclass(frozen=True)
class Recording:
    """The capture of one vantage. `dropped`: what its statistics say. `cut`: octets that the file lacks at its end."""

    name: str
    role: str
    frames: list[tuple[int, bytes]]
    link_type: int = 1
    dropped: int | None = None
    cut: int = 0
    snap_length: int = 0

    @property
    def interface(self) -> Interface:
        """How a capture file describes it."""
        return Interface(link_type=self.link_type, name=self.name, description=f"lab vantage {self.name} ({self.role})")


def recordings(net: Network, fault: Fault | None, begin: int) -> dict[str, Recording]:
    """By name what each vantage of a run captured."""
    seen = {}
    for name, tap in net.taps.items():
        role = (
            "mirror"
            if name.startswith("mirror")
            else net.roles.get(name, "gateway" if name == "outside" else "balancer")
        )
        frames = [(begin + time, frame) for time, frame in sorted(tap.frames, key=lambda pair: pair[0])]
        seen[name] = Recording(name, role, frames)
    if fault is not None and fault.capture:
        seen = {name: befall(recording, fault.capture) for name, recording in seen.items()}
    return {name: recording for name, recording in seen.items() if recording.frames}


def befall(recording: Recording, what: Mapping[str, Any]) -> Recording:
    """A capture with a defect of its own: `begin` with data, `cooked`, `dropped` one of so many, `cut`, `back`."""
    frames = recording.frames
    if "begin" in what:
        first = next((n for n, (_, frame) in enumerate(frames) if _carries_data(frame)), 0)
        frames = frames[first:]
    if "back" in what:
        # Every so often a frame gets a stamp from a little before the last one, as cards with several queues give.
        frames = [
            (time - 3 * MILLISECOND if n % int(what["back"]) == 7 else time, frame)
            for n, (time, frame) in enumerate(frames)
        ]
    if "dropped" in what:
        keep = int(what["dropped"])
        lost = len(frames) // keep
        frames = [pair for n, pair in enumerate(frames) if n % keep != keep - 1]
        recording = replace(recording, dropped=max(1, lost))
    if "cooked" in what and recording.role != "mirror":
        own = _own(recording)
        frames = [(time, cook(frame, own)) for time, frame in frames]
        recording = replace(recording, link_type=COOKED)
    if "cut" in what:
        recording = replace(recording, cut=int(what["cut"]))
    return replace(recording, frames=frames)


def _carries_data(frame: bytes) -> bool:
    """Whether a frame is a TCP segment with payload: what a capture begins with that begins in the middle."""
    packet = Packet(frame)
    return bool(packet.version and packet.protocol == TCP and packet.payload)


def _own(recording: Recording) -> bytes:
    """The MAC that this host sends from: of the frames not to all, the one that is in each."""
    for _, frame in recording.frames:
        if not frame[0] & 1:
            pair = {frame[:6], frame[6:12]}
            for _, other in recording.frames:
                if not other[0] & 1 and len(pair & {other[:6], other[6:12]}) == 1:
                    return (pair & {other[:6], other[6:12]}).pop()
    return b""


def cook(frame: bytes, own: bytes) -> bytes:
    """A frame as `tcpdump -i any` keeps it: Linux cooked, version 1, without the destination MAC."""
    kind = 4 if frame[6:12] == own else 1 if frame[:6] == b"\xff" * 6 else 2 if frame[0] & 1 else 0
    return b"\x00%c\x00\x01\x00\x06%b\x00\x00%b" % (kind, frame[6:12], frame[12:])


def resolve(name: str, there: Mapping[str, object]) -> str:
    """The vantage that a name means. Raises LabError."""
    known = ALIASES.get(name, name)
    if known == "client1" and known not in there and "routed1" in there:
        known = "routed1"
    if known not in there:
        raise unknown("vantage", name, there)
    return known
