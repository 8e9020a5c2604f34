"""One capture folded in pieces, at the same time and anywhere, to the very tables that folding the whole gives.

A frame is judged a mirror's copy by the TWIN_FRAMES frames before it. So a piece only looks at that many frames at its
beginning, to know them, and folds as many more behind its end: those that the next piece only looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dsrcheck.capture import Batch, Capture, CaptureError
from dsrcheck.capture.reader import Ending, Reader
from dsrcheck.capture.split import Piece
from dsrcheck.kernel.fold import LEG_LIMIT, Fold
from dsrcheck.kernel.twins import TWIN_FRAMES
from dsrcheck.legs.model import Legs
from dsrcheck.legs.read import Watch, fold_frames
from dsrcheck.legs.table import LAYOUT, SECONDS
from dsrcheck.records import dataclass


@dataclass(frozen=True)
class Part:
    """What came of a piece; frames are counted from its start.

    `legs`: of the frames from the piece's TWIN_FRAMES-th to as many behind its end. `end`: byte where the record behind
    the piece begins. `frames`: number of the piece's last frame, `last`: of the last one folded. `reader`: after the
    piece. `ending`: as in Capture. `stopped`: whether a watch ended it. `seconds`: rows of the largest histogram before
    they were summed. `error`: why the file cannot be read.
    """

    legs: Legs
    end: int
    frames: int
    last: int
    reader: Reader
    format: str
    ending: Ending | None
    stopped: bool
    seconds: int
    error: CaptureError | None = None


class SeamFold:
    """Folds batches, but for the first frames, which are only looked at."""

    def __init__(self, leg_limit: int, skip: int) -> None:
        self.fold_after = Fold(leg_limit)
        self._before = Fold(seam=True)
        self._skip = skip

    def fold(self, batch: Batch, link_types: Sequence[int]) -> None:
        """Fold what of a batch is not to be skipped."""
        if self._skip:
            skipped = batch.part(0, self._skip)
            self._before.fold(skipped, link_types)
            self._skip -= skipped.count
            if self._skip:
                return
            self.fold_after.resume(self._before.tail())
            batch = batch.part(skipped.count, batch.count)
        self.fold_after.fold(batch, link_types)


def fold_piece(piece: Piece, leg_limit: int = LEG_LIMIT, watch: Watch | None = None) -> Part:
    """Fold a piece, wherever that is: what it returns can be sent."""
    capture: Capture | None = None
    fold = SeamFold(leg_limit, TWIN_FRAMES if piece.continues else 0)
    stopped, last = False, 0
    error = None
    try:
        with piece.open() as capture:
            stopped = fold_frames(capture, fold, watch)
            last = capture.frames
            if piece.stop is not None and capture.ending is None and not stopped:
                last += _fold_behind(piece, capture, fold)
    except CaptureError as problem:
        error = problem
    tables = fold.fold_after.buffers()
    legs = Legs.of(fold.fold_after).whole()
    _ = legs.keys  # here, where several are at it, and not where their parts are merged
    return Part(
        legs=legs,
        end=capture.position if capture else piece.start,
        frames=capture.frames if capture else 0,
        last=last,
        reader=capture.reader if capture else piece.reader,
        format=piece.reader.format,
        ending=capture.ending if capture else None,
        stopped=stopped,
        seconds=max(tables[name].nbytes // (8 * len(LAYOUT[name])) for name in SECONDS),
        error=error,
    )


def unread(piece: Piece) -> Part:
    """What came of a piece that nobody waits for any more."""
    ending = Ending("reading was interrupted")
    reader = piece.reader.fork()
    return Part(Legs.none(), piece.start, 0, 0, reader, reader.format, ending, stopped=True, seconds=0)


def _fold_behind(piece: Piece, capture: Capture, fold: SeamFold) -> int:
    """Fold the first frames behind a piece; return the number of the last, counted from the piece's end."""
    left, last = TWIN_FRAMES, 0
    with Piece(piece.path, capture.position, None, capture.reader).open() as behind:
        for batch in behind.batches():
            part = batch.part(0, left)
            last = part.first_number + part.count - 1
            part = replace(part, first_number=part.first_number + capture.frames)
            fold.fold(part, [interface.link_type for interface in behind.interfaces])
            left -= part.count
            if not left:
                break
    return last
