"""What a watch hands on: one immutable `Snapshot` after another, for screens and for lines.

Times are nanoseconds since 1970 UTC, as the capture has them; nothing here looks at the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from os import PathLike
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dsrcheck.analysis import Analysis
from dsrcheck.records import dataclass

Int64 = npt.NDArray[np.int64]


class State(StrEnum):
    """Whether more is to come, and why not."""

    CAPTURING = "capturing"
    """More may come."""
    ENDED = "ended"
    """The capture came to its end."""
    INTERRUPTED = "interrupted"
    """The user ended it."""
    FAILED = "failed"
    """It ended by something that went wrong: `Snapshot.trouble` says what."""


def _no_seconds() -> Int64:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Rates:
    """What came in each second of capture time, the last ones only: int64 columns of one length, oldest first.

    `second`: seconds since 1970, without gaps. `frames`, `bytes`: all that came, as long as on the wire.
    `request_bytes`: of requests, `reply_bytes`: of replies, however they run; both by the roles that legs have now.
    `flows`: flows that began.
    """

    second: Int64 = field(default_factory=_no_seconds)
    frames: Int64 = field(default_factory=_no_seconds)
    bytes: Int64 = field(default_factory=_no_seconds)
    request_bytes: Int64 = field(default_factory=_no_seconds)
    reply_bytes: Int64 = field(default_factory=_no_seconds)
    flows: Int64 = field(default_factory=_no_seconds)

    def __len__(self) -> int:
        return len(self.second)


@dataclass(frozen=True)
class Aged:
    """What was idle for so long that only these sums of it are kept. `bytes`: of the frames, as on the wire."""

    legs: int = 0
    frames: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class KeptFile:
    """A file on disk that holds frames of the watch, for ladders and single frames.

    `first_frame`: the number, in the watch, of the file's frame 1. `frames`: how many it holds, None if it is read to
    its end anyway.
    """

    path: str
    first_frame: int = 1
    frames: int | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a watch knows at one moment.

    `analysis`: the report, and the legs that are kept now. `frames`, `bytes`: all since the start, kept or not.
    `dropped`: frames that were lost while capturing, None if nobody counts them. `first_time`, `last_time`: None
    without frames. `aged`: what is in no table any more, for it was idle for `idle` seconds (None: nothing ages).
    `trouble`: what went wrong, one line that is safe for a terminal; also beside `ENDED` (a capture that is cut).
    `files`: where the frames are, oldest first; those before `files[0].first_frame` are gone from the disk.
    """

    analysis: Analysis
    frames: int
    bytes: int
    dropped: int | None
    first_time: int | None
    last_time: int | None
    seconds: Rates
    aged: Aged
    idle: float | None
    state: State
    trouble: str | None
    files: tuple[KeptFile, ...]
    silence: float = 0.0
    """Seconds without a frame since `last_time`."""

    @property
    def now(self) -> int | None:
        """The moment it tells of, in capture time; None before the first frame."""
        return None if self.last_time is None else self.last_time + round(self.silence * 1e9)


class Watch(Protocol):
    """Something that is being watched: an interface, a pipe, a file."""

    name: str
    """What is watched, as the user named it, safe for a terminal."""

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield what is known, about once a second while something changes, and a last time when it has ended.

        To be called once, in a worker thread: it waits. Raises CaptureError, TopologyError or RuleError when there is
        nothing to watch at all.
        """

    def stop(self) -> None:
        """End it, from any thread; `snapshots` yields what came by then, and ends."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the frames seen so far (as many as are kept on disk) to a pcapng file. Raises OSError, CaptureError."""
