"""Reading a pipe so that Ctrl-C ends the capture, not the program, and what the writer had still to say is kept."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

GRACE = 2.0
"""Seconds after SIGINT in which the writer may deliver the rest (tcpdump writes what it has buffered, and ends)."""


class PipeReader:
    """Reads a pipe, a socket or a device by its descriptor, handing on what is there without waiting for more.

    While it is open (and in the main thread, where alone signals arrive) the first SIGINT sets `interrupted`: the pipe
    is then read to its end or for `grace` seconds, whichever is first, and ends. The second is a KeyboardInterrupt.
    """

    def __init__(self, descriptor: int, grace: float = GRACE) -> None:
        self.interrupted = False
        self._descriptor = descriptor
        self._grace = grace
        self._deadline = 0.0
        self._wake: tuple[int, int] | None = None
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._watch()

    def readinto(self, room: memoryview) -> int:
        """Fill `room` with what is there, waiting for some; return how many bytes, 0 at the end or when it is time."""
        while True:
            timeout = max(self._deadline - time.monotonic(), 0.0) if self.interrupted else None
            waiting = [self._descriptor]
            if self._wake is not None and not self.interrupted:
                waiting.append(self._wake[0])
            ready, _, _ = select.select(waiting, [], [], timeout)
            if self._descriptor in ready:
                return os.readv(self._descriptor, [room])
            if not ready:
                return 0
            # Woken by a signal; whether it was SIGINT, its handler has noted by now.
            if self._wake is not None:
                os.read(self._wake[0], 64)

    def close(self) -> None:
        """Give SIGINT back; the descriptor is the owner's to close."""
        if self._wake is None:
            return
        signal.signal(signal.SIGINT, self._old_handler)
        signal.set_wakeup_fd(self._old_wakeup)
        for end in self._wake:
            os.close(end)
        self._wake = None

    def _watch(self) -> None:
        """Take SIGINT over: an exception out of a handler could lose bytes just read, a descriptor waited on cannot."""
        ours, theirs = os.pipe()
        os.set_blocking(theirs, False)
        os.set_blocking(ours, False)
        self._wake = (ours, theirs)
        self._old_wakeup = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        self._old_handler: Callable[[int, FrameType | None], Any] | int | None
        self._old_handler = signal.signal(signal.SIGINT, self._on_interrupt)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self._deadline = time.monotonic() + self._grace
