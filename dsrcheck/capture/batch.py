"""What a reader hands on: the interfaces of a capture, and frames by the thousand."""

from __future__ import annotations

from array import array
from dataclasses import field
from typing import NamedTuple

from dsrcheck.records import dataclass

LONGEST_FRAME = 262_144
"""Most bytes captured of one frame: libpcap (MAXIMUM_SNAPLEN) and Wireshark (WTAP_MAX_PACKET_SIZE_STANDARD) agree."""

FRAME_LIMIT = 0xFFFF_FFFF
"""Most frames of a capture: their numbers have 32 bits, as in Wireshark, and so has what counts them in a leg."""


@dataclass(frozen=True)
class Interface:
    """One interface of a capture: where its frames were seen.

    `index`: its number in the capture, from 0, over all sections. `link_type`: LINKTYPE number (linktypes.py).
    `snap_length`: most bytes kept of a frame, 0 for no limit.
    """

    index: int = 0
    link_type: int = 1
    name: str | None = None
    description: str | None = None
    snap_length: int = LONGEST_FRAME


@dataclass(frozen=True)
class Batch:
    """Consecutive frames of one capture. The columns are `array('q')` of length `count`.

    `data` holds the bytes of all of them (and of what stands between them in the file); frame `i` is
    `data[offset[i] : offset[i] + captured[i]]`. `original`: length on the wire in bytes. `time`: nanoseconds since 1970
    UTC, never negative. `interface`: index into `Capture.interfaces`. `first_number`: number of the first frame (the
    first of a capture has 1).
    """

    data: bytes | bytearray | memoryview
    count: int
    offset: array[int]
    captured: array[int]
    original: array[int]
    time: array[int]
    interface: array[int]
    first_number: int

    def part(self, start: int, stop: int) -> Batch:
        """Return the frames from `start` to before `stop`, of the same data."""
        rows = slice(start, stop)
        return Batch(
            self.data,
            len(range(self.count)[rows]),
            self.offset[rows],
            self.captured[rows],
            self.original[rows],
            self.time[rows],
            self.interface[rows],
            self.first_number + start,
        )


BATCH_FRAMES = 4096
"""Most frames of a batch."""


def _column() -> array[int]:
    return array("q", bytes(8 * BATCH_FRAMES))


@dataclass(frozen=True)
class Columns:
    """Room for the headers of one batch, written again and again."""

    offset: array[int] = field(default_factory=_column)
    captured: array[int] = field(default_factory=_column)
    original: array[int] = field(default_factory=_column)
    time: array[int] = field(default_factory=_column)
    interface: array[int] = field(default_factory=_column)

    def batch(self, data: bytes | bytearray, count: int, first_number: int) -> Batch:
        """Return the first `count` rows as a batch that keeps its own copy of them."""
        return Batch(
            data,
            count,
            self.offset[:count],
            self.captured[:count],
            self.original[:count],
            self.time[:count],
            self.interface[:count],
            first_number,
        )


class Step(NamedTuple):
    """How far a reader came with the bytes it was given.

    `frames`: how many it found. `position`: where the next record starts. `needed`: bytes from there on that it takes
    to go on, 0 if the reader can go on at once. `damage`: why there is no going on. `passed`: frames to be numbered
    after these, though they are none for us.
    """

    frames: int
    position: int
    needed: int = 0
    damage: str | None = None
    passed: int = 0
