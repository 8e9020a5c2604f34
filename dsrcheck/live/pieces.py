"""A capture read in a thread of its own, and folded into pieces that another thread takes when it is ready for them."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dsrcheck.capture import Batch, Capture
from dsrcheck.kernel.fold import Fold
from dsrcheck.legs import Legs
from dsrcheck.legs.read import capture_facts
from dsrcheck.records import dataclass

Int64 = npt.NDArray[np.int64]
SECOND = 1_000_000_000
HISTORY = 600
"""Seconds of capture time for which frames and bytes are told second by second."""
SHARE = 500
"""A piece of a file is at least 1/500 of what came before it: a capture of many days is not judged at each second."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive frames of a capture, folded; to be merged behind the pieces before it.

    `legs`: with the facts of the capture up to its end. `first_frame`: number of the first. `frames`, `bytes`: of each
    second since 1970. `last`: whether the capture has ended with it.
    """

    legs: Legs
    first_frame: int
    frames: Counter[int]
    bytes: Counter[int]
    last: bool


class Pieces:
    """Reads the capture that `open_capture` opens, in a thread, once it is started.

    `every`: seconds of capture time of a piece (None: all of it is one). `patient`: whether the reader waits until a
    piece is taken, which gives the same pieces each time; else, where waiting would lose frames, it goes on with the
    same piece. `leg_limit`: most legs of a piece.
    """

    def __init__(self, open_capture: Callable[[], Capture], every: float | None, patient: bool, leg_limit: int) -> None:
        self._open_capture = open_capture
        self._every = None if every is None else max(round(every * SECOND), 1)
        self._patient = patient
        self._leg_limit = leg_limit
        self._changed = threading.Condition()
        self._capture: Capture | None = None
        self._error: BaseException | None = None
        self._due = self._ended = False
        self._thread = threading.Thread(target=self._run, name="dsrcheck-reader", daemon=True)
        self._next_frame = 1
        self._begin(array("Q"))

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def opened(self) -> bool:
        """Whether there is a capture: its beginning has come."""
        return self._capture is not None

    def take(self, wait: float | None = None, pause: float = 0.0) -> Piece | None:
        """Wait for the next piece, but `wait` seconds at most, and take what there is; None if that is nothing.

        `pause`: seconds that must pass before, unless the capture ends. Raises what reading raised.
        """
        with self._changed:
            if pause > 0:
                self._changed.wait_for(lambda: self._ended, pause)
            self._changed.wait_for(lambda: self._due or self._ended, wait)
            if self._error is not None:
                raise self._error
            nothing = self._next_frame == self._first_frame
            if self._capture is None or (nothing and not self._ended):
                return None
            fold, capture, last = self._fold, self._capture, self._ended
            first, frames, bytes_ = self._first_frame, self._frames, self._bytes
            seen = capture.frames if last else self._next_frame - 1
            interfaces = tuple(capture.interfaces)
            self._begin(fold.tail())
            self._due = False
            self._changed.notify_all()
        legs = Legs.of(fold, interfaces)
        facts = replace(capture_facts(capture, legs.totals), frames=seen, interfaces=interfaces)
        return Piece(replace(legs, captures=(facts,)), first, frames, bytes_, last)

    def _begin(self, tail: array[int]) -> None:
        """Begin a piece behind the one that ended with `tail`."""
        self._fold = Fold(self._leg_limit)
        if tail:
            self._fold.resume(tail)
        self._first_frame = self._next_frame
        self._until: int | None = None
        self._frames: Counter[int] = Counter()
        self._bytes: Counter[int] = Counter()

    def _run(self) -> None:
        try:
            with self._open_capture() as capture:
                self._capture = capture
                for batch in capture.batches():
                    self._add(batch, [interface.link_type for interface in capture.interfaces])
        except BaseException as error:  # the thread that takes the pieces is to hear of it
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _add(self, batch: Batch, link_types: list[int]) -> None:
        """Fold a batch, divided where a piece is complete."""
        times = np.frombuffer(batch.time, np.int64)
        start = 0
        while start < batch.count:
            with self._changed:
                end = self._end_of_piece(times, start)
                if end > start:
                    part = batch if end - start == batch.count else _part(batch, start, end)
                    self._fold.fold(part, link_types)
                    self._next_frame = part.first_number + part.count
                    self._count(times[start:end], np.frombuffer(part.original, np.int64))
                if end < batch.count:
                    self._complete()
            start = end

    def _end_of_piece(self, times: Int64, start: int) -> int:
        """The position of the first frame from `start` on that belongs to the next piece."""
        if self._every is None:
            return len(times)
        if self._until is None:
            self._until = (int(times[start]) // self._every + 1) * self._every
        later = np.flatnonzero(times[start:] >= self._until)
        return start + int(later[0]) if len(later) else len(times)

    def _complete(self) -> None:
        """Offer the piece, for its time is over."""
        self._until = None
        if self._patient and (self._next_frame - self._first_frame) * SHARE < self._first_frame:
            return
        self._due = True
        self._changed.notify_all()
        if self._patient:
            self._changed.wait_for(lambda: not self._due)

    def _count(self, times: Int64, lengths: Int64) -> None:
        """Add frames to those of their seconds."""
        seconds = times // SECOND
        for second in np.unique(seconds)[-HISTORY:].tolist():
            here = seconds == second
            self._frames[second] += int(np.count_nonzero(here))
            self._bytes[second] += int(lengths[here].sum())
        if len(self._frames) > 2 * HISTORY:
            for second in sorted(self._frames)[:-HISTORY]:
                del self._frames[second], self._bytes[second]


def _part(batch: Batch, start: int, end: int) -> Batch:
    rows = slice(start, end)
    return Batch(
        batch.data,
        end - start,
        batch.offset[rows],
        batch.captured[rows],
        batch.original[rows],
        batch.time[rows],
        batch.interface[rows],
        batch.first_number + start,
    )
