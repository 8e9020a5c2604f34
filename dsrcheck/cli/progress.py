"""While captures are read: how far it is, on a terminal, and Ctrl-C that ends the reading and not the program."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

PATIENCE = 2.0
"""Seconds that reading may take before it is worth a word."""
GLANCE = 0.5
"""Seconds after which it can be told how long it will take."""
TICK = 0.1
"""Seconds between two looks of the bar."""


class Progress:
    """Is told of bytes and frames as they are read, and shows them on standard error if that is a terminal.

    A context manager. `partial`: the first Ctrl-C makes it ask for an end of the reading (`stopped`), the second is a
    KeyboardInterrupt.
    """

    def __init__(self, captures: Iterable[str], partial: bool = False) -> None:
        self.stopped = False
        self.read = self.frames = 0
        self._partial = partial
        self._shown = False
        self._drawn = 0.0
        self._start = time.monotonic()
        self._handler: Any = None
        self._bar = self._make_bar(list(captures)) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._partial:
            self._handler = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        if self._shown and self._bar is not None:
            self._draw(self._bar)
            self._bar.render_finish()

    def __call__(self, read: int, frames: int) -> bool:
        """Count what has been read since; tell whether to stop."""
        if not self.read:
            self._begin()
        self.read += read
        self.frames += frames
        if self._bar is not None:
            self._show(self._bar, time.monotonic() - self._start)
        return self.stopped

    def _begin(self) -> None:
        """Time runs from the first bytes: processes that have yet to start say nothing of how fast they read."""
        self._start = time.monotonic()
        if self._bar is not None:
            self._bar.start = self._bar.last_eta = time.time()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True

    def _make_bar(self, captures: list[str]) -> ProgressBar[int]:
        """A bar of the bytes of all captures; of no certain length where one of them is a pipe. It fits 80 columns."""
        if all(map(os.path.isfile, captures)):
            length = sum(map(os.path.getsize, captures))
            return click.progressbar(length=length, width=20, file=sys.stderr, item_show_func=self._rate)
        return click.progressbar(itertools.repeat(0), width=20, file=sys.stderr, item_show_func=self._rate)

    def _rate(self, item: object) -> str:
        seconds = time.monotonic() - self._start
        return amount(self.frames / seconds, " frames/s") if seconds else ""

    def _show(self, bar: ProgressBar[int], seconds: float) -> None:
        if not self._shown:
            left = seconds * (bar.length - self.read) / self.read if bar.length and self.read else 0.0
            self._shown = seconds > PATIENCE or (seconds > GLANCE and seconds + left > PATIENCE)
        if self._shown and seconds > self._drawn + TICK:
            self._drawn = seconds
            self._draw(bar)

    def _draw(self, bar: ProgressBar[int]) -> None:
        of = f" of {amount(bar.length)}" if bar.length else ""
        bar.label = f"{amount(self.read)}{of}"
        bar.update(self.read - bar.pos)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def amount(count: float, of: str = "B") -> str:
    """A count for people: 1.5 GB."""
    units = ["", "k", "M", "G", "T"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.3g} {units[0]}{of}"
