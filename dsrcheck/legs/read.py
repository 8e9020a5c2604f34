"""Captures to legs: reads and folds, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from typing import Protocol

from dsrcheck.capture import Batch, Capture, open_capture
from dsrcheck.capture.reader import Ending
from dsrcheck.kernel.fold import LEG_LIMIT, Fold
from dsrcheck.legs.model import CaptureFacts, Legs

Path = str | PathLike[str]
Watch = Callable[[int, int], bool]
"""Called as reading goes on, with the bytes and the frames since it was called last; true: enough, stop here."""


class Folds(Protocol):
    """What batches can be folded into."""

    def fold(self, batch: Batch, link_types: Sequence[int]) -> None: ...


def read_legs(paths: Path | Sequence[Path], leg_limit: int = LEG_LIMIT, watch: Watch | None = None) -> Legs:
    """Read one capture or several (`-`: standard input) and return their legs. Memory grows with legs, not with frames.

    `leg_limit`: legs kept of each capture. A capture that `watch` stopped is one that was interrupted and is cut; those
    after it are left out. Raises CaptureError for the first capture that cannot be read at all; one that is cut or
    damaged is read as far as it goes, and its `CaptureFacts.truncated` says so.
    """
    if isinstance(paths, str | PathLike):
        paths = [paths]
    captures: list[Legs] = []
    for path in paths:
        captures.append(read_capture(path, leg_limit, watch))
        if was_stopped(captures[-1]):
            break
    return Legs.join(captures) if captures else Legs.none()


def was_stopped(legs: Legs) -> bool:
    """Whether a watch ended the reading of a capture; Ctrl-C that ends a pipe does not, nothing is missing of that."""
    (facts,) = legs.captures
    return facts.interrupted and facts.truncated is not None


def read_capture(path: Path, leg_limit: int = LEG_LIMIT, watch: Watch | None = None) -> Legs:
    """Read one capture, as `read_legs` does."""
    with open_capture(path) as capture:
        fold = Fold(leg_limit)
        stopped = fold_frames(capture, fold, watch)
        legs = Legs.of(fold, capture.interfaces)
        facts = capture_facts(capture, legs.totals)
        return replace(legs.whole(), captures=(replace(facts, interrupted=facts.interrupted or stopped),))


def fold_frames(capture: Capture, fold: Folds, watch: Watch | None) -> bool:
    """Fold the frames of a capture; tell whether `watch` stopped it before its end."""
    link_types: list[int] = []
    read = frames = 0
    for batch in capture.batches():
        link_types += [interface.link_type for interface in capture.interfaces[len(link_types) :]]
        fold.fold(batch, link_types)
        if watch is not None:
            if watch(capture.bytes_read - read, capture.frames - frames):
                capture.ending = Ending("reading was interrupted")
                return True
            read, frames = capture.bytes_read, capture.frames
    return False


def capture_facts(capture: Capture, totals: dict[str, int]) -> CaptureFacts:
    """What is known of a capture that has been read so far, and folded to these totals."""
    return CaptureFacts(
        path=capture.path,
        format=capture.format,
        frames=capture.frames,
        bytes=totals["bytes"],
        interfaces=tuple(capture.interfaces),
        first_time=totals["first_time"] if totals["frames"] else None,
        last_time=totals["last_time"] if totals["frames"] else None,
        truncated=capture.truncated,
        dropped=capture.dropped,
        interrupted=capture.interrupted,
        untimed=capture.untimed,
    )
