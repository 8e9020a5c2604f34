"""One capture, read from front to back in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from os import PathLike
from types import TracebackType
from typing import Protocol, Self

from dsrcheck.capture import foreign, pcap, pcapng
from dsrcheck.capture.batch import Batch, Columns, Interface, Step
from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.linktypes import SUPPORTED, unsupported
from dsrcheck.capture.source import Source, open_source

CHUNK = 1 << 19
"""Bytes to read at a time: few enough to stay in a processor's cache until they have been decoded."""


class Reader(Protocol):
    """What knows one file format; it is given bytes, and never reads any itself."""

    format: str
    start: int
    interfaces: list[Interface]
    untimed: int

    @property
    def preamble(self) -> bytes: ...

    @property
    def dropped(self) -> int | None: ...

    def read(self, data: bytes | bytearray, position: int, columns: Columns) -> Step: ...


class Capture:
    """A capture being read; a context manager.

    `path`: as given, `-` for standard input. `format`: pcap or pcapng. `interfaces`: grows while reading.
    `frames`: number of the last frame so far, as Wireshark counts (it counts custom blocks of pcapng, which are in no
    batch). `truncated`: where and why reading ended before the end of the capture, None if it did not. `copy_to`: is
    given the bytes of the capture, whole records at a time, before their frames are in a batch; None if nobody wants
    them.
    """

    def __init__(self, path: str, source: Source, head: bytes, reader: Reader) -> None:
        self.path = path
        self.frames = 0
        self.truncated: str | None = None
        self.copy_to: Callable[[memoryview], None] | None = None
        self._source = source
        self._reader = reader
        self._data = bytearray(head)
        self._position = reader.start
        self._passed = 0  # bytes of the capture before self._data

    @property
    def format(self) -> str:
        """File format: pcap or pcapng."""
        return self._reader.format

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces known so far, in the order of their index."""
        return self._reader.interfaces

    @property
    def preamble(self) -> bytes:
        """What a file must begin with for the records that come next to be read."""
        return self._reader.preamble

    @property
    def dropped(self) -> int | None:
        """Frames that the file says were lost while capturing, None if it says nothing of it."""
        return self._reader.dropped

    @property
    def untimed(self) -> int:
        """Frames so far without a time (pcapng simple packet blocks): they were given that of the frame before."""
        return self._reader.untimed

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
        columns = Columns()
        while True:
            step = self._reader.read(self._data, self._position, columns)
            if self.copy_to is not None and step.position > self._position:
                self.copy_to(memoryview(self._data)[self._position : step.position])
            if step.frames:
                self._check_link_types()
                first = self.frames + 1
                self.frames += step.frames
                yield columns.batch(self._data, step.frames, first)
            self.frames += step.passed
            self._position = step.position
            if step.damage is not None:
                self._end(f"damaged at byte {self._passed + self._position}{self._after()}: {step.damage}")
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
        data = bytearray(max(needed, filled + CHUNK))
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
            self._end(f"ends early at byte {self._passed + rest}{self._after()}: {self._source.damage}")
        elif rest:
            end = self._passed + rest
            self._end(f"cut at byte {end}, inside the record that starts at byte {self._passed}{self._after()}")

    def _after(self) -> str:
        return f" (after frame {self.frames})" if self.frames else " (before the first frame)"

    def _end(self, reason: str) -> None:
        self.truncated = reason


def open_capture(path: str | PathLike[str]) -> Capture:
    """Open a capture file, compressed or not, or standard input for `-`.

    Raises CaptureError if it cannot be opened, or is no capture that we read; its message says what it is.
    """
    name = os.fsdecode(path)
    return read_capture(name, open_source(name))


def read_capture(name: str, source: Source) -> Capture:
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
