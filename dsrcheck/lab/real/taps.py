"""One dumpcap at the switch: it listens at the mirror and at the port of every host.

What a host's card sends and takes is on its cable: all that comes in at the port, and of what the flooding switch puts
out, the frames to the card's MACs and to groups. Marker frames tell when a port is being listened to, and when all that
was before has been written; dumpcap itself says neither.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from signal import SIGINT
from typing import NamedTuple

from dsrcheck.capture import open_capture
from dsrcheck.lab import packets
from dsrcheck.lab.output import INTERFACE_STATISTICS, ISB_IFDROP, ISB_IFRECV
from dsrcheck.lab.real.namespace import Namespace
from dsrcheck.lab.real.needs import tool
from dsrcheck.lab.scenario import LabError

MARKER = 0x88B5  # IEEE 802, local experimental
SNAP_LENGTH = 65_536
QUEUE = ("-N", "1000000", "-C", "500000000")
"""Packets and octets that dumpcap may keep until we take them: by default it drops what is more than a thousand."""


class Move(NamedTuple):
    """A MAC is at a port of the switch from now on. `time`: nanoseconds since 1970."""

    time: int
    port: str
    mac: bytes


class Taps:
    """The capture while it runs. `ports`: names of the switch's devices, each with the vantage it shows.

    `macs`: of a host's port, the addresses its card listens to; a port without any is a mirror, of which all is kept.
    """

    def __init__(self, switch: Namespace, ports: Mapping[str, str], macs: Mapping[str, Iterable[bytes]]) -> None:
        self.switch = switch
        self.ports = dict(ports)
        self.macs = macs
        self._data = bytearray()
        self._waiting: set[str] = set()
        self._phrase = b""
        arguments = [tool("dumpcap"), "-q", "-t", *QUEUE]
        for port in ports:
            arguments += ["-i", port, "-s", str(SNAP_LENGTH)]
            if macs.get(port):
                own = " or ".join(f"ether dst {packets.mac_text(mac)}" for mac in sorted(macs[port]))
                arguments += ["-f", f"inbound or ether multicast or {own}"]
        arguments += ["-w", "-"]
        pipe = subprocess.PIPE
        self._dumpcap: subprocess.Popen[bytes] = switch.call(
            subprocess.Popen, arguments, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        assert self._dumpcap.stdout is not None
        self._stream = self._dumpcap.stdout
        self._sender = switch.call(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0)

    def fileno(self) -> int:
        """What to watch: there is more to `read`."""
        return self._stream.fileno()

    def read(self) -> None:
        """Take what dumpcap has written. Raises LabError when it has ended before it was told to."""
        piece = self._stream.read1(1 << 16)  # type: ignore[attr-defined]
        if not piece:
            assert self._dumpcap.stderr is not None
            said = self._dumpcap.stderr.read().decode("utf-8", "replace").split("\n")
            raise LabError(f"dumpcap ended: {' '.join(' '.join(said).split())}")
        self._data += piece

    def mark(self, phrase: str, dead: Collection[str] = ()) -> None:
        """Put a marker frame on every port, or on those where the last one of this phrase has not been seen yet.

        `dead`: ports whose far end is down; they have nothing more to show.
        """
        if self._phrase != phrase.encode():
            self._phrase, self._waiting = phrase.encode(), set(self.ports) - set(dead)
        for port in self._waiting:
            # A mirror hears what comes in at the other end of its pair.
            through = f"{port}.port" if port in MIRRORS else port
            frame = packets.ethernet(packets.BROADCAST, bytes(6), self._told(port), None, MARKER)
            self._sender.sendto(frame, (through, 0))

    def _told(self, port: str) -> bytes:
        return b"dsrcheck %b %b." % (self._phrase, port.encode())

    @property
    def marked(self) -> bool:
        """Whether the markers have been written, and all that came before them."""
        return not self.unmarked

    @property
    def unmarked(self) -> set[str]:
        """The ports whose marker has not been written yet."""
        self._waiting = {port for port in self._waiting if self._told(port) not in self._data}
        return self._waiting

    def end(self, moves: Sequence[Move]) -> tuple[dict[str, list[tuple[int, bytes]]], int]:
        """Stop; what each vantage captured up to the last marker, and how many frames were lost while capturing.

        `moves`: of MACs from one port to another, in order; a port has seen what came to such a MAC while it was there.
        """
        self._dumpcap.send_signal(SIGINT)
        rest, _ = self._dumpcap.communicate()
        self._sender.close()
        with tempfile.TemporaryFile() as file:
            file.write(self._data + rest)
            file.flush()
            frames = self._frames(f"/proc/self/fd/{file.fileno()}")
        written = sum(map(len, frames.values()))
        seen: dict[str, list[tuple[int, bytes]]] = {vantage: [] for vantage in self.ports.values()}
        for port, vantage in self.ports.items():
            marks = (n for n, (_, frame) in enumerate(frames[port]) if self._told(port) in frame)
            end = next(marks, len(frames[port]))
            shared = {move.mac for move in moves} & set(self.macs.get(port, ()))
            seen[vantage] += [
                (time, frame)
                for time, frame in frames[port][:end]
                if frame[12:14] != MARKER.to_bytes(2, "big")
                and (frame[:6] not in shared or port_of(moves, frame[:6], time) == port)
            ]
        return seen, lost(self._data + rest, written)

    def _frames(self, path: str) -> dict[str, list[tuple[int, bytes]]]:
        ports = list(self.ports)
        frames: dict[str, list[tuple[int, bytes]]] = {port: [] for port in ports}
        with open_capture(path) as capture:
            for batch in capture.batches():
                for n in range(batch.count):
                    begin = batch.offset[n]
                    frame = bytes(batch.data[begin : begin + batch.captured[n]])
                    frames[ports[batch.interface[n]]].append((batch.time[n], frame))
        return frames


def port_of(moves: Sequence[Move], mac: bytes, time: int) -> str | None:
    """At which port a MAC was at a time."""
    return next((move.port for move in reversed(moves) if move.mac == mac and move.time <= time), None)


def lost(data: bytes | bytearray, written: int) -> int:
    """How many frames the kernel dropped, by dumpcap's interface statistics (draft-ietf-opsawg-pcapng, 4.6).

    What came while dumpcap was ending it counts both as received and as dropped, and that is no loss.
    """
    received = dropped = position = 0
    while position < len(data):
        kind, length = struct.unpack_from("=II", data, position)
        if kind == INTERFACE_STATISTICS:
            at = position + 20
            while at < position + length - 4:
                code, size = struct.unpack_from("=HH", data, at)
                if code in (ISB_IFRECV, ISB_IFDROP):
                    (count,) = struct.unpack_from("=Q", data, at + 4)
                    received, dropped = received + count * (code == ISB_IFRECV), dropped + count * (code == ISB_IFDROP)
                at += 4 + (size + 3) // 4 * 4
        position += length
    return max(0, dropped - (received - written))


MIRRORS = ("mirror", "mirror2")
"""Where the switch's mirrors are listened at; the second one is of the servers' arm, where there is one."""
