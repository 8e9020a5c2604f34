"""The frames of a watch on disk: one file, or a ring of files each of which can be read by itself."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from dsrcheck.capture import Capture
from dsrcheck.capture.pcap import HEADER as PCAP_HEADER
from dsrcheck.live.model import KeptFile
from dsrcheck.text import printable

SPOOL_BYTES, SPOOL_FILES = 32 << 20, 8
"""What is kept for screens where the user did not ask for files: 256 MiB at most, in the temporary folder."""


class Spool:
    """Takes the bytes of a capture (`Capture.copy_to`), and keeps the last of them.

    `path`: the file, or with `file_bytes` the beginning of their names: `x.pcapng` gives `x_00001.pcapng` and so on.
    `file_bytes`: when to begin the next file; `files`: how many to keep, older ones are deleted; None: all of them.
    Raises OSError when the first file cannot be written; after that `trouble` tells, and the watch goes on without.
    """

    def __init__(self, path: str | PathLike[str], file_bytes: int | None = None, files: int | None = None) -> None:
        self.trouble: str | None = None
        self._path = Path(path)
        self._limit = file_bytes
        self._most = files
        self._lock = threading.Lock()  # the reader writes, screens save
        self._kept: list[KeptFile] = []
        self._begun = 0
        self._size = 0
        self._file: BinaryIO | None = self._next_file()

    def follow(self, capture: Capture) -> None:
        """Keep what this capture reads from now on."""
        self._preamble: Callable[[], bytes] = lambda: capture.preamble
        self._frames: Callable[[], int] = lambda: capture.frames
        self._format = capture.format
        self._add_file()
        if capture.format == "pcap":  # its header is no record
            self._write(capture.preamble)
        capture.copy_to = self.write

    def write(self, records: memoryview) -> None:
        """Take whole records, the first of them the one after those taken before."""
        with self._lock:
            if self._file is None:
                return
            if self._limit is not None and self._size >= self._limit:
                self._rotate()
            self._write(records)

    @property
    def files(self) -> tuple[KeptFile, ...]:
        """What is on disk now, oldest first; flushed, so that it can be read."""
        with self._lock:
            if self._file is not None:
                self._try(self._file.flush)
            return tuple(self._kept)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all that is kept to one file, whole or not at all. Raises OSError."""
        target = Path(path)
        draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        with self._lock:
            if self._file is not None:
                self._file.flush()
            try:
                with draft.open("wb") as out:
                    for position, kept in enumerate(self._kept):
                        with open(kept.path, "rb") as part:
                            # A pcapng file may have many sections; of pcap only the first header may stay.
                            part.seek(PCAP_HEADER if position and self._format == "pcap" else 0)
                            shutil.copyfileobj(part, out)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Write out what is left."""
        with self._lock:
            if self._file is not None:
                self._try(self._file.close)
                self._file = None

    def _rotate(self) -> None:
        if self._file is not None:
            self._try(self._file.close)
        if self._kept:
            self._kept[-1] = replace(self._kept[-1], frames=self._frames() + 1 - self._kept[-1].first_frame)
        try:
            self._file = self._next_file()
        except OSError as error:
            self._give_up(error)
            return
        self._add_file()
        self._write(self._preamble())
        while self._most is not None and len(self._kept) > self._most:
            with suppress(OSError):  # somebody moved it away: that is theirs now
                os.unlink(self._kept[0].path)
            del self._kept[0]

    def _next_file(self) -> BinaryIO:
        self._begun += 1
        self._size = 0
        self._now = self._path
        if self._limit is not None:
            self._now = self._path.with_name(f"{self._path.stem}_{self._begun:05}{self._path.suffix}")
        return self._now.open("wb")

    def _add_file(self) -> None:
        self._kept.append(KeptFile(str(self._now), self._frames() + 1))

    def _write(self, records: bytes | memoryview) -> None:
        if self._file is not None:
            file = self._file
            self._try(lambda: file.write(records))
            self._size += len(records)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Keep no more: what has been written is kept as it is."""
        if self._file is not None:
            with suppress(OSError):  # it may try once more to write
                self._file.close()
            self._file = None
        why = error.strerror or str(error)
        self.trouble = f"{printable(str(self._now))}: {why}; frames after {self._frames():,} are not kept there"


class TemporarySpool(Spool):
    """A spool in a folder of its own, which is gone when nobody has the spool any more, or when the program ends."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="dsrcheck-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(Path(folder) / "seen.pcapng", SPOOL_BYTES, SPOOL_FILES)
