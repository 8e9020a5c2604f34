"""Captures to legs: reads and folds, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike

from dsrcheck.capture import Capture, open_capture
from dsrcheck.kernel.fold import LEG_LIMIT, Fold
from dsrcheck.legs.model import CaptureFacts, Legs

Path = str | PathLike[str]


def read_legs(paths: Path | Sequence[Path], leg_limit: int = LEG_LIMIT) -> Legs:
    """Read one capture or several (`-`: standard input) and return their legs. Memory grows with legs, not with frames.

    `leg_limit`: legs kept of each capture. Raises CaptureError for the first capture that cannot be read at all; one
    that is cut or damaged is read as far as it goes, and its `CaptureFacts.truncated` says so.
    """
    if isinstance(paths, str | PathLike):
        paths = [paths]
    if not paths:
        return Legs.none()
    return Legs.join([_read_capture(path, leg_limit) for path in paths])


def _read_capture(path: Path, leg_limit: int) -> Legs:
    with open_capture(path) as capture:
        fold = Fold(leg_limit)
        link_types: list[int] = []
        for batch in capture.batches():
            link_types += [interface.link_type for interface in capture.interfaces[len(link_types) :]]
            fold.fold(batch, link_types)
        legs = Legs.of(fold, capture.interfaces)
        return replace(legs.whole(), captures=(capture_facts(capture, legs.totals),))


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
