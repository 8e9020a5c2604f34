"""One capture, read from front to back in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from os import PathLike
from types import TracebackType
from typing import Any, Protocol, Self

from dsrcheck.capture import foreign, pcap, pcapng
from dsrcheck.capture.batch import BATCH_FRAMES, FRAME_LIMIT, Batch, Columns, Interface, Step
from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.linktypes import SUPPORTED, unsupported
from dsrcheck.capture.source import PlainSource, Source, open_plain, open_source
from dsrcheck.records import dataclass

CHUNK = 1 << 18
"""Bytes to read at a time: few enough to stay in a processor's cache until they have been decoded."""


RETAINED = 1 << 21
"""Bytes to ask for and give back once: from then on glibc keeps free memory of that size for the next who asks, and
does not return pages to the system, to have them zeroed again, with every buffer."""


class Reader(Protocol):
    """What knows one file format; it is given bytes, and never reads any itself."""

    format: str
    start: int
    big: bool
    interfaces: list[Interface]
    untimed: int

    @property
    def preamble(self) -> bytes: ...

    @property
    def dropped(self) -> int | None: ...

    def read(self, data: bytes | bytearray, position: int, columns: Columns) -> Step: ...

    def fork(self) -> Self: ...

    def agrees(self, guess: Any, untimed: int) -> bool: ...

    def then(self, guess: Any, later: Any) -> Self: ...


@dataclass(frozen=True)
class Ending:
    """Where and why reading ended before the capture's end; after which frame is told when its number is known."""

    where: str
    why: str = ""

    def text(self, frames: int) -> str:
        """Say it of a capture of which so many frames could be read."""
        after = f" (after frame {frames})" if frames else " (before the first frame)"
        return f"{self.where}{after}{self.why}"


class Capture:
    """A capture being read; a context manager.

    `path`: as given, `-` for standard input. `format`: pcap or pcapng. `interfaces`: grows while reading.
    `frames`: number of the last frame so far, as Wireshark counts (it counts custom blocks of pcapng, which are in no
    batch). `reader`: what knows the format. `ending`: why and where reading ended before the end of the capture, None
    if it did not. `stop`: only records that begin before this byte are read, and nothing behind the last of them.
    `copy_to`: is given the bytes of the capture, whole records at a time, before their frames are in a batch; None if
    nobody wants them.
    """

    def __init__(self, path: str, source: Source, head: bytes, reader: Reader) -> None:
        self.path = path
        self.reader = reader
        self.frames = 0
        self.ending: Ending | None = None
        self.stop: int | None = None
        self.copy_to: Callable[[memoryview], None] | None = None
        self._source = source
        self._data = bytearray(head)
        self._position = reader.start
        self._passed = 0  # bytes of the capture before self._data

    @property
    def truncated(self) -> str | None:
        """Where and why reading ended before the end of the capture, None if it did not."""
        return None if self.ending is None else self.ending.text(self.frames)

    @property
    def position(self) -> int:
        """Byte of the capture where the next record begins."""
        return self._passed + self._position

    @property
    def splits(self) -> bool:
        """Whether `open_piece` can open it anywhere: a file that lies there as it was captured."""
        return isinstance(self._source, PlainSource) and self.size is not None

    @property
    def size(self) -> int | None:
        """Bytes of the file, as it lies there (compressed, if it is); None for what has no end yet."""
        return self._source.size

    @property
    def format(self) -> str:
        """File format: pcap or pcapng."""
        return self.reader.format

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces known so far, in the order of their index."""
        return self.reader.interfaces

    @property
    def preamble(self) -> bytes:
        """What a file must begin with for the records that come next to be read."""
        return self.reader.preamble

    @property
    def dropped(self) -> int | None:
        """Frames that the file says were lost while capturing, None if it says nothing of it."""
        return self.reader.dropped

    @property
    def untimed(self) -> int:
        """Frames so far without a time (pcapng simple packet blocks): they were given that of the frame before."""
        return self.reader.untimed

    @property
    def interrupted(self) -> bool:
        """Whether SIGINT ended the capture: what came by then has been delivered."""
        return self._source.interrupted

    @property
    def bytes_read(self) -> int:
        """Bytes read of the file so far, as it lies there (compressed, if it is)."""
        return self._source.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()

    def batches(self) -> Iterator[Batch]:
        """Yield the frames, some thousands at a time; from a pipe, those that are there without waiting for more.

        Raises CaptureError when frames come and none of the interfaces has a link type that can be decoded.
        """
        bytearray(RETAINED)
        columns = Columns()
        while True:
            step = self.reader.read(self._data, self._position, columns)
            if self.copy_to is not None and step.position > self._position:
                self.copy_to(memoryview(self._data)[self._position : step.position])
            if step.frames:
                self._check_link_types()
                first = self.frames + 1
                self.frames += step.frames
                yield columns.batch(self._data, step.frames, first)
            self.frames += step.passed
            self._position = step.position
            if self.frames > FRAME_LIMIT - BATCH_FRAMES:
                self.ending = Ending(f"read up to byte {self.position}", f": no frame has a number above {FRAME_LIMIT}")
                return
            if step.damage is not None:
                self.ending = Ending(f"damaged at byte {self.position}", f": {step.damage}")
                return
            if step.needed and not self._fill(step.needed):
                return

    def _check_link_types(self) -> None:
        if not any(interface.link_type in SUPPORTED for interface in self.interfaces):
            raise CaptureError(self.path, unsupported(self.interfaces[0].link_type))

    def _fill(self, needed: int) -> bool:
        """Bring at least `needed` bytes from the position on into a fresh buffer: batches keep the old one."""
        rest = self._data[self._position :]
        self._passed += self._position
        filled = len(rest)
        length = filled + CHUNK
        if self.stop is not None:
            if self._passed >= self.stop:
                self._data, self._position = rest, 0
                return False
            length = min(length, self.stop - self._passed)
        data = bytearray(max(needed, length))
        data[:filled] = rest
        with memoryview(data) as view:
            while filled < needed:
                with view[filled:] as room:
                    count = self._source.readinto(room)
                if count == 0:
                    break
                filled += count
        del data[filled:]
        self._data, self._position = data, 0
        if filled < needed:
            self._explain_end(filled)
        return filled >= needed

    def _explain_end(self, rest: int) -> None:
        if self._source.interrupted:
            return
        if self._source.damage is not None:
            self.ending = Ending(f"ends early at byte {self._passed + rest}", f": {self._source.damage}")
        elif rest:
            end = self._passed + rest
            self.ending = Ending(f"cut at byte {end}, inside the record that starts at byte {self._passed}")


def open_capture(path: str | PathLike[str]) -> Capture:
    """Open a capture file, compressed or not, or standard input for `-`.

    Raises CaptureError if it cannot be opened, or is no capture that we read; its message says what it is.
    """
    name = os.fsdecode(path)
    return capture_from(name, open_source(name))


def capture_from(name: str, source: Source) -> Capture:
    """Read a capture from a source that is open already, and is closed with it. Raises CaptureError as open_capture."""
    try:
        head = _read_head(source, pcap.HEADER)
        if pcap.is_pcap(head):
            return Capture(name, source, head, pcap.PcapReader(name, head[: pcap.HEADER]))
        head += _read_head(source, pcapng.SECTION_HEADER - len(head))
        if head.startswith(pcapng.MAGIC):
            return Capture(name, source, head, pcapng.PcapngReader(name, head))
        if source.damage is not None and not head:
            raise CaptureError(name, source.damage)
        head += _read_head(source, foreign.HEAD - len(head))
        raise CaptureError(name, foreign.describe(head))
    except BaseException:
        source.close()
        raise


def open_piece(path: str, start: int, stop: int | None, reader: Reader) -> Capture:
    """Open a capture at a record: those that begin before `stop` are read, by `reader`, and counted from 1.

    The capture must be one that `splits`. Raises CaptureError if it cannot be opened any more.
    """
    capture = Capture(path, open_plain(path, start), b"", reader)
    capture.stop = stop
    capture._position, capture._passed = 0, start
    return capture


def _read_head(source: Source, size: int) -> bytes:
    head = bytearray(max(size, 0))
    filled = 0
    with memoryview(head) as view:
        while filled < size:
            with view[filled:] as room:
                count = source.readinto(room)
            if count == 0:
                break
            filled += count
    return bytes(head[:filled])
