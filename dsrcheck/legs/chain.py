"""Captures put together from parts that others folded: other processes, or other machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from dsrcheck.capture.batch import FRAME_LIMIT
from dsrcheck.capture.source import PIECE_BYTES, STANDARD_INPUT, file_size
from dsrcheck.capture.split import Piece, split
from dsrcheck.kernel.fold import LEG_LIMIT, PATH_LIMIT, SECONDS_LIMIT
from dsrcheck.kernel.legs import RESTART_LIMIT
from dsrcheck.legs.model import CapturedInterface, CaptureFacts, Legs
from dsrcheck.legs.pieces import Part
from dsrcheck.legs.read import Watch, read_capture, was_stopped
from dsrcheck.legs.table import Table


class Later(Protocol):
    """Something in the making."""

    def result(self) -> Any: ...

    def cancel(self) -> object: ...


class Pool(Protocol):
    """Whatever folds, somewhere: a piece to a `Part` (pieces.fold_piece), a capture to `Legs` (read.read_capture)."""

    def fold(self, piece: Piece, leg_limit: int) -> Later: ...

    def read(self, path: str, leg_limit: int) -> Later: ...


def read_spread(
    names: Sequence[str],
    pool: Pool,
    share: int,
    leg_limit: int = LEG_LIMIT,
    watch: Watch | None = None,
    least: int = PIECE_BYTES,
) -> Legs:
    """What `read_legs` returns, from what a pool folds: captures as a whole, and pieces of about `share` bytes.

    `least`: fewest bytes of a piece. Standard input is read here. Raises CaptureError, WorkerError.
    """
    tasks: list[Chain | Later | None] = []
    for name in names:
        size = 0 if name == STANDARD_INPUT else file_size(name)
        pieces = split(name, -(-size // max(share, least)), least) if size > share else []
        if pieces:
            tasks.append(Chain(pieces, pool, leg_limit))
        else:
            tasks.append(None if name == STANDARD_INPUT else pool.read(name, leg_limit))
    captures: list[Legs] = []
    for name, task in zip(names, tasks, strict=True):
        legs = task.read() if isinstance(task, Chain) else task.result() if task is not None else None
        captures.append(legs if legs is not None else read_capture(name, leg_limit, watch))
        if was_stopped(captures[-1]):
            break
    return Legs.join(captures) if captures else Legs.none()


class Chain:
    """Puts the parts of a capture one behind the other.

    A piece that did not begin where the one before it ended, or took something else for granted than what was there, is
    folded again.

    `reader`, `at`, `frames`: what is known of the capture, how many bytes and frames of it have their part. `last`:
    number of the last frame folded.
    """

    def __init__(self, pieces: Sequence[Piece], pool: Pool, leg_limit: int) -> None:
        self.pieces = list(pieces)
        self.pool = pool
        self.leg_limit = leg_limit
        self.later = [pool.fold(piece, leg_limit) for piece in pieces]
        self.reader = pieces[0].reader
        self.at = pieces[0].start
        self.frames = self.last = 0
        self.guessed_again = False
        self.parts: list[Part] = []  # without their tables

    def read(self) -> Legs | None:
        """The legs of the capture; None if they may not be those that folding the whole gives.

        That is so where a table was full, for what it leaves out depends on all before. Raises CaptureError.
        """
        seams: list[Legs] = []
        place = 0
        try:
            while place < len(self.pieces):
                piece = self.pieces[place]
                if piece.stop is not None and self.at >= piece.stop:
                    self.later[place].cancel()
                    place += 1
                    continue
                part = self.later[place].result()
                if not self._fits(piece, part):
                    self._again(place)
                    continue
                if part.error is not None:
                    raise part.error
                if self.frames + part.last > FRAME_LIMIT:
                    return None  # read from the front, it ends there and says so
                seams.append(renumbered(part.legs, self.frames))
                self._take(piece, part)
                place += 1
                if part.ending is not None or part.stopped:
                    break
        finally:
            for later in self.later[place:]:
                later.cancel()
        return self._whole(merged(seams))

    def _fits(self, piece: Piece, part: Part) -> bool:
        return piece.start == self.at and self.reader.agrees(piece.reader, part.reader.untimed)

    def _again(self, place: int) -> None:
        """Fold a piece again from where it begins, and, where it took something wrong for granted, all after it.

        Once; a second time the rest is one piece, so that no capture is read over and over.
        """
        piece, known = self.pieces[place], self.reader.fork()
        self.later[place].cancel()
        rest = self.pieces[place + 1 :]
        if self.reader.agrees(piece.reader, 0):
            again = [replace(piece, start=self.at, reader=known)]
        else:
            for later in self.later[place:]:
                later.cancel()
            again = [replace(piece, start=self.at, reader=known)]
            again += [replace(other, reader=known) for other in rest]
            if self.guessed_again:
                again = [replace(piece, start=self.at, stop=None, reader=known)]
            self.guessed_again = True
            rest = []
        kept = self.later[place + 1 :] if rest else []
        self.pieces[place:] = [*again, *rest]
        self.later[place:] = [*(self.pool.fold(piece, self.leg_limit) for piece in again), *kept]

    def _take(self, piece: Piece, part: Part) -> None:
        self.reader = self.reader.then(piece.reader, part.reader)
        self.at = part.end
        self.last = max(self.last, self.frames + part.last)
        self.frames += part.frames
        self.parts.append(replace(part, legs=Legs.none()))

    def _whole(self, legs: Legs) -> Legs | None:
        last = self.parts[-1]
        if not last.stopped and self._left_out(legs):
            return None
        facts = CaptureFacts(
            path=self.pieces[0].path,
            format=last.format,
            frames=self.last,
            bytes=legs.totals["bytes"],
            interfaces=tuple(self.reader.interfaces),
            first_time=legs.totals["first_time"] if legs.totals["frames"] else None,
            last_time=legs.totals["last_time"] if legs.totals["frames"] else None,
            truncated=None if last.ending is None else last.ending.text(self.last),
            dropped=self.reader.dropped,
            interrupted=last.stopped,
            untimed=self.reader.untimed,
        )
        interfaces = tuple(CapturedInterface(0, interface) for interface in self.reader.interfaces)
        return replace(legs.whole(), interfaces=interfaces, captures=(facts,))

    def _left_out(self, legs: Legs) -> bool:
        """Whether a fold of the whole may have met a full table, or one of the pieces has."""
        seconds = sum(part.seconds for part in self.parts)
        return (
            legs.totals["folded_legs"] + legs.totals["folded_frames"] + legs.totals["unlisted"] > 0
            or len(legs.legs) > max(self.leg_limit, 16)
            or len(legs.paths) >= PATH_LIMIT
            or len(legs.restarts) >= RESTART_LIMIT
            or seconds >= SECONDS_LIMIT
        )


def merged(parts: Sequence[Legs]) -> Legs:
    """Merge consecutive parts, two and two, so that no row is merged more often than need be; they are used up."""
    left = list(parts) or [Legs.none()]
    while len(left) > 1:
        pairs = [Legs.merge(left[place], left[place + 1], spend=True) for place in range(0, len(left) - 1, 2)]
        left = pairs + left[len(pairs) * 2 :]
    return left[0]


def renumbered(legs: Legs, offset: int) -> Legs:
    """The same tables with all frame numbers higher by `offset`, but for 0, which is none; changes them in place.

    Raises ValueError where a number would be too high for its column.
    """
    if offset:
        for table in legs.tables.values():
            for name in table.columns:
                if name == "frame" or name.endswith("_frame") or "_frame_" in name:
                    _raise_numbers(table, name, offset)
    return legs


def _raise_numbers(table: Table, name: str, offset: int) -> None:
    column = table[name]
    if int(column.max(initial=0)) + offset > np.iinfo(column.dtype).max:
        raise ValueError("the capture has more frames than can be counted")
    np.add(column, column.dtype.type(offset), out=column, where=column != 0)
