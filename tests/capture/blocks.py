"""Capture files made by hand, byte for byte, after draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import NamedTuple

from dsrcheck.capture import Capture, open_capture

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34


def pcap_header(
    order: str = "<", magic: int = MICROSECONDS, major: int = 2, snap_length: int = 65535, network: int = 1
) -> bytes:
    """The file header of a classic pcap file."""
    return struct.pack(f"{order}IHHiIII", magic, major, 4, 0, 0, snap_length, network)


def pcap_record(
    data: bytes, seconds: int = 1_700_000_000, fraction: int = 5, original: int | None = None, order: str = "<"
) -> bytes:
    """A record of a classic pcap file."""
    return struct.pack(f"{order}IIII", seconds, fraction, len(data), len(data) if original is None else original) + data


def block(kind: int, body: bytes, order: str = "<", length: int | None = None) -> bytes:
    """A pcapng block; `length` overrules both of its length fields."""
    body += bytes(-len(body) % 4)
    stated = 12 + len(body) if length is None else length
    return struct.pack(f"{order}II", kind, stated) + body + struct.pack(f"{order}I", stated)


def options(*pairs: tuple[int, bytes], order: str = "<") -> bytes:
    """Options of a pcapng block, with the end mark."""
    parts = [struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in pairs]
    return b"".join(parts) + bytes(4)


def section(order: str = "<", major: int = 1) -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, major, 0, -1), order)


def interface(link_type: int = 1, snap_length: int = 65535, tail: bytes = b"", order: str = "<") -> bytes:
    """An interface description block; `tail` are its options."""
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snap_length) + tail, order)


def enhanced(
    data: bytes = bytes(60),
    stamp: int = 1_700_000_000_000_000,
    number: int = 0,
    captured: int | None = None,
    original: int | None = None,
    tail: bytes = b"",
    order: str = "<",
    length: int | None = None,
) -> bytes:
    """An enhanced packet block; `stamp` in ticks of the interface, `tail` are its options."""
    captured = len(data) if captured is None else captured
    original = captured if original is None else original
    fixed = struct.pack(f"{order}IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, captured, original)
    return block(6, fixed + data + bytes(-len(data) % 4) + tail, order, length)


def obsolete(data: bytes = bytes(60), stamp: int = 0, number: int = 0, drops: int = 0xFFFF, order: str = "<") -> bytes:
    """An obsolete packet block."""
    fixed = struct.pack(f"{order}HHIIII", number, drops, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
    return block(2, fixed + data, order)


def simple(data: bytes = bytes(60), original: int | None = None, order: str = "<") -> bytes:
    """A simple packet block."""
    return block(3, struct.pack(f"{order}I", len(data) if original is None else original) + data, order)


def statistics(number: int, tail: bytes, order: str = "<") -> bytes:
    """An interface statistics block; `tail` are its options."""
    return block(5, struct.pack(f"{order}III", number, 0, 0) + tail, order)


class Stdin:
    """Standard input that is bytes in memory, as test runners give it."""

    closed = False

    def __init__(self, buffer: io.BufferedIOBase) -> None:
        self.buffer = buffer

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def fileno(self) -> int:
        """It has no descriptor."""
        raise io.UnsupportedOperation("fileno")


class Seen(NamedTuple):
    """A frame as the reader delivered it."""

    number: int
    time: int
    original: int
    data: bytes
    interface: int


def frames_of(capture: Capture) -> list[Seen]:
    """All frames of a capture."""
    seen = []
    for batch in capture.batches():
        for row in range(batch.count):
            start = batch.offset[row]
            data = bytes(batch.data[start : start + batch.captured[row]])
            assert len(data) == batch.captured[row]
            seen.append(
                Seen(batch.first_number + row, batch.time[row], batch.original[row], data, batch.interface[row])
            )
    return seen


def read(path: Path, content: bytes) -> tuple[Capture, list[Seen]]:
    """Write `content` to a file and read it as a capture."""
    path.write_bytes(content)
    with open_capture(path) as capture:
        return capture, frames_of(capture)
