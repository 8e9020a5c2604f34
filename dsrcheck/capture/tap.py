"""Reading what is still being written, and ending that from another thread."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import threading
import time

GRACE = 2.0
"""Seconds after `stop` in which the writer of a pipe may deliver the rest."""
LOOK_AGAIN = 0.2
"""Seconds between looks at a file that may have grown: no system call waits for that everywhere."""
PIPE_ROOM = 1 << 20
"""Bytes that a pipe should hold while we are busy (Linux lets everybody ask for so many; the usual is 64 KiB)."""


class Tap:
    """Reads a descriptor, handing on what is there, until it ends or `stop` is called from any thread.

    `follow`: a regular file does not end at its end, for more may be written to it. After `stop` a pipe is read on for
    as long as it delivers, but `grace` seconds at most; a file is not.
    """

    def __init__(self, descriptor: int, follow: bool = False, grace: float = GRACE) -> None:
        self.interrupted = False
        self._descriptor = descriptor
        self._grace = grace
        self._deadline = 0.0
        self._file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._follow = follow and self._file
        self._ours, self._theirs = os.pipe()
        self._open = True
        self._lock = threading.RLock()  # again by the same thread: a signal may come while it stops us
        if not self._file:
            _widen(descriptor)

    def readinto(self, room: memoryview) -> int:
        """Fill `room` with what is there, waiting for some; return how many bytes, 0 at the end or when it is time."""
        if self._file:
            return self._read_file(room)
        while True:
            waiting = [self._descriptor] if self.interrupted else [self._descriptor, self._ours]
            timeout = max(self._deadline - time.monotonic(), 0.0) if self.interrupted else None
            ready, _, _ = select.select(waiting, [], [], timeout)
            if self._descriptor in ready:
                return os.readv(self._descriptor, [room])
            if not ready:
                return 0

    def stop(self) -> None:
        """End the reading; also allowed in a signal handler."""
        with self._lock:
            if self._open and not self.interrupted:
                self._deadline = time.monotonic() + self._grace
                self.interrupted = True
                os.write(self._theirs, b"\0")

    def close(self) -> None:
        """Nothing to give back but what wakes the reader; the descriptor is the owner's to close."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._ours)
                os.close(self._theirs)

    def _read_file(self, room: memoryview) -> int:
        while not self.interrupted:
            count = os.readv(self._descriptor, [room])
            if count or not self._follow:
                return count
            select.select([self._ours], [], [], LOOK_AGAIN)
        return 0


def _widen(descriptor: int) -> None:
    """Let a pipe hold more, where that can be asked for."""
    try:
        if fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) < PIPE_ROOM:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_ROOM)
    except (AttributeError, OSError):  # no Linux, no pipe, or the user's pipes hold as much as they may
        return
