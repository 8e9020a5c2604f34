"""A capture in pieces that can be read at the same time.

Where a record begins in the middle of a file can only be guessed: bytes are taken for one that look like a record and
are followed by such bytes only, for a long way. Frames may hold captures themselves, so a guess may be wrong, and
interfaces or sections may be described anywhere before it. Whoever reads a piece therefore compares where it began, and
what it took for granted (`Reader.agrees`), with where and how the piece before it ended.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from dsrcheck.capture.batch import LONGEST_FRAME, Columns
from dsrcheck.capture.pcap import PcapReader
from dsrcheck.capture.reader import Capture, Reader, open_capture, open_piece
from dsrcheck.capture.source import PIECE_BYTES, open_plain
from dsrcheck.records import dataclass

Flags = npt.NDArray[np.bool_]

WINDOW = 1 << 20
"""Bytes to look at from a split point on; the longest record is a quarter of that."""
TRIES = 64
"""Places in a window that may turn out not to begin a record before it is given up."""
FEWEST, PACES = 4, 256
"""Frames that must follow one another; and after how many one is taken."""
SECOND = 1_000_000_000
YEAR = 366 * 86_400
PACKETS = (2, 3, 6)  # kinds of pcapng blocks that hold a frame


@dataclass(frozen=True)
class Look:
    """What a record of a capture looks like.

    `reader`: has read the interfaces described before the first frames. `second`: when the capture began.
    """

    reader: Reader
    second: int

    @property
    def step(self) -> int:
        """What divides the distance of records: blocks of pcapng are padded to words."""
        return 1 if isinstance(self.reader, PcapReader) else 4


@dataclass(frozen=True)
class Piece:
    """The records of a file that begin from byte `start` on and before `stop` (None: to the end).

    `reader`: what knows the format and has read all before; never used to read, only its forks.
    """

    path: str
    start: int
    stop: int | None
    reader: Reader

    @property
    def continues(self) -> bool:
        """Whether records come before it."""
        return self.start > self.reader.start

    def open(self) -> Capture:
        """Open it. Raises CaptureError if the file cannot be opened any more."""
        return open_piece(self.path, self.start, self.stop, self.reader.fork())


def split(path: str, count: int, least: int = PIECE_BYTES) -> list[Piece]:
    """Cut a capture into at most `count` pieces of at least `least` bytes; none if it cannot be cut at all.

    Only files that lie there as they were captured can. Raises CaptureError for what is no capture.
    """
    with open_capture(path) as capture:
        if not capture.splits or capture.size is None:
            return []
        count = min(count, capture.size // least)
        reader = capture.reader.fork()
        first = next(capture.batches(), None) if count > 1 else None
        if first is None:
            return []
        look = Look(capture.reader.fork(), first.time[0] // SECOND)
    starts = [reader.start]
    for number in range(1, count):
        found = find_record(path, max(capture.size * number // count, starts[-1] + 1), look)
        if found is not None:
            starts.append(found)
    stops = [*starts[1:], None]
    readers = [reader] + [look.reader] * (len(starts) - 1)
    return [Piece(path, *bounds) for bounds in zip(starts, stops, readers, strict=True)]


def find_record(path: str, at: int, look: Look) -> int | None:
    """Return the first byte from `at` on where a record seems to begin, None if nothing in the window looks like it."""
    at += -at % look.step
    window = _read(path, at)
    tick = look.reader.tick if isinstance(look.reader, PcapReader) else None
    likely = _pcapng(window, look) if tick is None else _pcap(window, look, SECOND // tick)
    places: list[int] = np.flatnonzero(likely)[:TRIES].tolist()
    for place in places:
        found = _walk(window, place * look.step, look)
        if found is not None:
            return at + found
    return None


def _read(path: str, at: int) -> bytearray:
    source = open_plain(path, at)
    try:
        window = bytearray(WINDOW)
        filled = 0
        with memoryview(window) as view:
            while filled < WINDOW:
                with view[filled:] as room:
                    count = source.readinto(room)
                if not count:
                    break
                filled += count
        del window[filled:]
        return window
    finally:
        source.close()


def _words(window: bytearray, first: int, look: Look) -> npt.NDArray[np.int64]:
    """The 32-bit number that stands `first` bytes behind each place where a record could begin."""
    count = max((len(window) - first - 4) // look.step + 1, 0)
    kind = ">u4" if look.reader.big else "<u4"
    return np.ndarray(count, kind, window, first, (look.step,)).astype(np.int64) if count else np.zeros(0, np.int64)


def _pcap(window: bytearray, look: Look, units: int) -> Flags:
    """The places whose bytes look like a record header: time, its fraction in `units`, captured and original length."""
    original = _words(window[: LONGEST_FRAME + 64], 12, look)
    seconds, fraction, captured = (_words(window, first, look)[: len(original)] for first in (0, 4, 8))
    near = np.abs(seconds - look.second) < YEAR
    whole = (captured > 0) & (captured <= LONGEST_FRAME) & (captured <= original)
    flags: Flags = near & whole & (fraction < units)
    return flags


def _pcapng(window: bytearray, look: Look) -> Flags:
    """The places whose bytes look like a packet block: kind and length, and the length again at the end."""
    kind, length = _words(window, 0, look), _words(window, 4, look)
    places = np.arange(len(length))
    end = places + (length + 3) // 4 - 1
    inside = (length >= 16) & (end < len(kind))
    repeated = kind[np.where(inside, end, 0)] == length
    flags: Flags = np.isin(kind[: len(length)], PACKETS) & inside & repeated
    return flags


def _walk(window: bytearray, place: int, look: Look) -> int | None:
    """Walk from record to record to the end of the window; return where one begins, None if one is damaged.

    That is one some way on: records inside a frame may end where the frame does, and lead back to the true ones.
    """
    columns = Columns(*(array("q", bytes(8 * PACES)) for _ in range(5)))
    reader = look.reader.fork()
    frames, found = 0, place
    while True:
        step = reader.read(window, place, columns)
        if step.damage is not None:
            return None
        if isinstance(reader, PcapReader):
            seconds = np.frombuffer(columns.time, np.int64, step.frames) // SECOND
            if (np.abs(seconds - look.second) >= YEAR).any():
                return None
        place = step.position
        if frames < PACES:
            found = place
        frames += step.frames
        if step.needed:
            return found if frames >= FEWEST else None
