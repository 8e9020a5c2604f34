"""Where the bytes of a capture come from: files, compressed files, standard input. Magic numbers tell which."""

from __future__ import annotations

import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedIOBase
from typing import Any, Protocol, cast

from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.pipe import PipeReader
from dsrcheck.records import dataclass

STANDARD_INPUT = "-"
PIECE_BYTES = 1 << 27
"""Fewest bytes of a piece: starting a process and merging its legs cost as much as reading half of that."""
_MAGIC = 4
_CONTENT = 1 << 20
"""Bytes of unpacked content to have ready before unpacking more."""
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_ZSTD_WINDOW = 1 << 27
"""Largest window a zstd file may ask for: what the zstd tool itself takes without being told to (128 MiB)."""


class Source(Protocol):
    """Bytes in order. `damage`: why they ended early, if they did. `interrupted`: SIGINT ended them."""

    damage: str | None

    @property
    def interrupted(self) -> bool: ...

    @property
    def bytes_read(self) -> int: ...

    @property
    def size(self) -> int | None: ...

    def readinto(self, room: memoryview) -> int: ...

    def close(self) -> None: ...


class Waiting(Protocol):
    """What waits for the bytes of a pipe. `interrupted`: somebody ended that."""

    interrupted: bool

    def readinto(self, room: memoryview) -> int: ...

    def close(self) -> None: ...


class PlainSource:
    """Bytes as they lie in the file or arrive by the pipe; a few may be put back to be read again."""

    def __init__(
        self,
        readinto: Callable[[memoryview], int],
        close: Callable[[], None],
        pipe: Waiting | None = None,
        ends_by_interrupt: bool = False,
        size: int | None = None,
    ) -> None:
        self.damage: str | None = None
        self.size = size  # bytes of the file, None where nobody knows
        self.bytes_read = 0
        self._readinto = readinto
        self._close = close
        self._pipe = pipe
        self._ends_by_interrupt = ends_by_interrupt
        self._back = b""
        self._stopped = False

    @property
    def interrupted(self) -> bool:
        """Whether SIGINT ended the pipe."""
        return self._stopped or (self._pipe is not None and self._pipe.interrupted)

    def readinto(self, room: memoryview) -> int:
        """Fill `room`, or as much of it as there are bytes by now; return how many, 0 at the end."""
        if self._back:
            piece, self._back = self._back[: len(room)], self._back[len(room) :]
            room[: len(piece)] = piece
            return len(piece)
        if self.damage is not None or self._stopped:
            return 0
        try:
            count = self._readinto(room)
        except OSError as error:
            self.damage = f"reading failed: {error.strerror or error}"
            return 0
        except KeyboardInterrupt:
            if not self._ends_by_interrupt:
                raise
            self._stopped = True
            return 0
        self.bytes_read += count
        return count

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, as soon as there are some; none at the end."""
        piece = bytearray(size)
        with memoryview(piece) as room:
            count = self.readinto(room)
        return bytes(piece[:count])

    def put_back(self, piece: bytes) -> None:
        """Let the next read return `piece` first."""
        self._back = piece + self._back

    def close(self) -> None:
        """Let go of the file."""
        if self._pipe is not None:
            self._pipe.close()
        self._close()


@dataclass(frozen=True)
class Packing:
    """A way of compression: a file is one or more members, each begun by a magic number.

    `unpacker`: makes a fresh decompressor (decompress, eof, unused_data). `step`: bytes to give it at a time, so few
    that even data made for it unpack to some 32 MiB at most. `copies`: whether a decompressor can be copied, so as to
    go back to where it was before damage.
    """

    name: str
    starts: Callable[[bytes], bool]
    unpacker: Callable[[], Any]
    step: int
    copies: bool


def _zstd_unpacker() -> Any:
    import zstandard  # only a capture that needs it pays for it

    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


GZIP = Packing("gzip", lambda head: head[:2] == b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31), 1 << 14, copies=True)
# RFC 8878; the magic of a skippable frame, which may come first, has sixteen values.
ZSTD = Packing(
    "zstd",
    lambda head: head[:4] == b"\x28\xb5\x2f\xfd" or _SKIPPABLE.match(head) is not None,
    _zstd_unpacker,
    1 << 10,
    copies=False,
)


class PackedSource:
    """The content of a compressed file, member by member."""

    def __init__(self, packed: PlainSource, packing: Packing) -> None:
        self.damage: str | None = None
        self._packed = packed
        self._packing = packing
        self._unpacker = packing.unpacker()
        self._input = b""
        self._content = bytearray()
        self._ended = False

    @property
    def interrupted(self) -> bool:
        """Whether SIGINT ended the pipe."""
        return self._packed.interrupted

    @property
    def bytes_read(self) -> int:
        """Bytes read of the compressed file."""
        return self._packed.bytes_read

    @property
    def size(self) -> int | None:
        """Bytes of the compressed file."""
        return self._packed.size

    def readinto(self, room: memoryview) -> int:
        """Fill `room` with content, or as much of it as there is by now; return how many bytes, 0 at the end."""
        while len(self._content) < len(room) and not self._ended:
            if not self._input:
                if self._content:
                    break
                self._input = self._packed.read(1 << 16)
            if not self._input:
                self._end(self._packed.damage or f"the {self._packing.name} data are cut")
            else:
                self._unpack()
        count = min(len(self._content), len(room))
        room[:count] = self._content[:count]
        del self._content[:count]
        return count

    def close(self) -> None:
        """Let go of the file."""
        self._packed.close()

    def _end(self, damage: str | None) -> None:
        self._ended = True
        self.damage = damage
        self._input = b""

    def _unpack(self) -> None:
        """Unpack the input that is there, a step at a time, until there is content enough or the member ends."""
        view = memoryview(self._input)
        at = 0
        try:
            while at < len(view) and not self._unpacker.eof and len(self._content) < _CONTENT:
                before = self._unpacker.copy() if self._packing.copies else None
                self._content += self._unpacker.decompress(view[at : at + self._packing.step])
                at += self._packing.step
        except Exception as error:  # each library has its own, and zstandard is not imported here
            self._salvage(before, view[at : at + self._packing.step])
            large = "too much memory" in str(error)
            self._end(f"the {self._packing.name} data {'need more than 128 MiB of memory' if large else 'are damaged'}")
            return
        unused = self._unpacker.unused_data if self._unpacker.eof else b""
        self._input = unused + self._input[at:]
        if self._unpacker.eof:
            self._next_member()

    def _salvage(self, unpacker: Any, piece: memoryview) -> None:
        """Take what a damaged piece holds before the damage, byte by byte."""
        for at in range(len(piece) if unpacker is not None else 0):
            try:
                self._content += unpacker.decompress(piece[at : at + 1])
            except zlib.error:
                return

    def _next_member(self) -> None:
        """Start on the member that follows, if one does; tapes and some tools pad with zeros."""
        rest = self._input.lstrip(b"\0")
        while len(rest) < 4:
            piece = self._packed.read(1 << 16)
            if not piece:
                break
            rest = (rest + piece).lstrip(b"\0")
        if self._packing.starts(rest):
            self._input = rest
            self._unpacker = self._packing.unpacker()
        elif rest:
            self._end(f"what follows the {self._packing.name} data is not {self._packing.name}")
        else:
            self._end(self._packed.damage)


def open_source(path: str, wait: Callable[[int], Waiting] | None = None) -> Source:
    """Open a file, or standard input for `-`, to be unpacked as it is read. Raises CaptureError where that fails.

    `wait`: what to read the descriptor with; else a pipe is read by a PipeReader, and a file as it is.
    """
    return unpacked(_standard_input(wait) if path == STANDARD_INPUT else _file(path, wait))


def unpacked(packed: PlainSource) -> Source:
    """The same bytes, to be unpacked as they are read if they are compressed."""
    head = b""
    while len(head) < _MAGIC:
        piece = packed.read(_MAGIC - len(head))
        if not piece:
            break
        head += piece
    packed.put_back(head)
    packing = next((packing for packing in (GZIP, ZSTD) if packing.starts(head)), None)
    return packed if packing is None else PackedSource(packed, packing)


def open_plain(path: str, start: int) -> PlainSource:
    """Open a file that is not compressed at some byte. Raises CaptureError where that fails."""
    return _file(path, None, start)


def is_remote(path: str) -> bool:
    """Whether a name is that of a file on other storage (s3://bucket/x.pcap), as fsspec knows it."""
    return "://" in path and not os.path.exists(path)


def remote_size(path: str) -> int | None:
    """Bytes of a file on other storage, None where that is not told. Raises CaptureError for what is not there."""
    with _other_storage(path) as (storage, name):
        size: int | None = storage.size(name)
        return size


def size_of_files(names: Sequence[str]) -> int:
    """Bytes of all files together, standard input not counted."""
    return sum(file_size(name) for name in names if name != STANDARD_INPUT)


def file_size(path: str) -> int:
    """Bytes of a file, 0 where that says nothing of what is in it: a pipe, a device, or nothing at all.

    Raises CaptureError for a file on other storage that is not there.
    """
    if is_remote(path):
        return remote_size(path) or 0
    return os.path.getsize(path) if os.path.isfile(path) else 0


@contextmanager
def _other_storage(path: str) -> Iterator[tuple[Any, str]]:
    """fsspec's file system for a name, and the name in it; its errors, and those of its back ends, as CaptureError."""
    try:
        import fsspec
    except ImportError:
        raise CaptureError(path, "files on other storage are read with fsspec: pip install 'dsrcheck[dask]'") from None
    try:
        yield fsspec.core.url_to_fs(path)
    except FileNotFoundError:
        raise CaptureError(path, "no such file") from None
    except Exception as error:  # each back end has its own
        raise CaptureError(path, f"cannot be opened: {error}") from None


def _remote(path: str, start: int) -> PlainSource:
    with _other_storage(path) as (storage, name):
        file = storage.open(name, "rb")
        file.seek(start)
        size = storage.size(name)

    def readinto(room: memoryview) -> int:
        try:
            count: int = file.readinto(room)
        except Exception as error:  # as above; a source takes it for damage
            raise OSError(str(error)) from None
        return count

    return PlainSource(readinto, file.close, size=size)


def _file(path: str, wait: Callable[[int], Waiting] | None, start: int = 0) -> PlainSource:
    if is_remote(path):
        return _remote(path, start)
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - the source owns it, and closes it
    except OSError as error:
        raise CaptureError(path, _why_not(error)) from None
    except ValueError:
        raise CaptureError(path, "no such file: a name cannot hold a NUL") from None
    facts = os.fstat(file.fileno())
    if wait is None and stat.S_ISREG(facts.st_mode):
        file.seek(start)
        return PlainSource(file.readinto, file.close, size=facts.st_size)
    pipe = (wait or PipeReader)(file.fileno())
    return PlainSource(pipe.readinto, file.close, pipe)


def _standard_input(wait: Callable[[int], Waiting] | None) -> PlainSource:
    if sys.stdin is None or sys.stdin.closed:
        raise CaptureError(STANDARD_INPUT, "standard input is closed; pipe a capture into it")
    if sys.stdin.isatty():
        raise CaptureError(STANDARD_INPUT, "standard input is a terminal; pipe a capture into it: tcpdump -w - | ...")
    try:
        descriptor = sys.stdin.fileno()
    except OSError:  # stands for a file, but is none: another program calls this one with bytes it has in memory
        return PlainSource(cast(BufferedIOBase, sys.stdin.buffer).readinto1, _nothing, ends_by_interrupt=True)
    if wait is None and stat.S_ISREG(os.fstat(descriptor).st_mode):
        return PlainSource(lambda room: os.readv(descriptor, [room]), _nothing)
    pipe = (wait or PipeReader)(descriptor)
    return PlainSource(pipe.readinto, _nothing, pipe)


def _nothing() -> None:
    """Leave standard input open: it is not ours."""


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a directory; give a capture file (pcap or pcapng)"
    if isinstance(error, PermissionError):
        return "permission denied"
    return f"cannot be opened: {error.strerror or error}"
