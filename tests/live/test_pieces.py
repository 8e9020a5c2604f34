"""A capture comes in pieces; together they are the capture."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dsrcheck.capture import CaptureError, open_capture
from dsrcheck.legs import Legs, read_legs
from dsrcheck.live.pieces import Piece, Pieces
from tests.live.streams import SECOND, lab_frames, write


def _pieces(path: Path, every: float | None) -> list[Piece]:
    pieces = Pieces(lambda: open_capture(path), every, patient=True, leg_limit=100_000)
    pieces.start()
    found: list[Piece] = []
    while not found or not found[-1].last:
        piece = pieces.take()
        assert piece is not None
        found.append(piece)
    return found


@pytest.mark.parametrize("every", [1e-6, 1.0, None])
@pytest.mark.parametrize(
    ("scenario", "vantage"), [("dsr-healthy", "mirror-both"), ("ipip-mtu", "mirror"), ("dsr-offload", "mirror")]
)
def test_merged_they_are_the_capture(tmp_path: Path, scenario: str, vantage: str, every: float | None) -> None:
    """Every table is that of the capture read at once, a mirror's copies left out; every frame is in one piece."""
    path = write(tmp_path / "x.pcapng", lab_frames(scenario, vantage=vantage))
    whole = read_legs(path)
    pieces = _pieces(path, every)
    assert len(pieces) > 5 or every is None
    merged = Legs.none()
    for piece in pieces:
        assert piece.first_frame == merged.totals["frames"] + 1
        merged = Legs.merge(merged, piece.legs)
    assert merged.totals == whole.totals
    for name, table in whole.tables.items():
        np.testing.assert_array_equal(merged.tables[name].matrix, table.matrix, err_msg=name)


def test_frames_and_bytes_of_each_second(tmp_path: Path) -> None:
    """They are those that were written, second by second, whatever the pieces."""
    frames = lab_frames("dsr-healthy")
    path = write(tmp_path / "x.pcapng", frames)
    for every in (0.3, 1.0, 2.5):
        pieces = _pieces(path, every)
        counted: Counter[int] = sum((piece.frames for piece in pieces), Counter())
        assert counted == Counter(time // SECOND for time, _ in frames)
        octets: Counter[int] = Counter()
        for time, content in frames:
            octets[time // SECOND] += len(content)
        assert sum((piece.bytes for piece in pieces), Counter()) == octets


def test_a_piece_ends_with_its_time(tmp_path: Path) -> None:
    """No second of the capture is divided between pieces of a second."""
    path = write(tmp_path / "x.pcapng", lab_frames("dsr-healthy"))
    seconds = [set(piece.frames) for piece in _pieces(path, 1.0)]
    assert sum(map(len, seconds)) == len(set.union(*seconds))


def test_a_capture_of_many_days_is_not_judged_at_each_second(tmp_path: Path) -> None:
    """A frame a minute: pieces grow with what came before, and so stay few."""
    path = write(tmp_path / "x.pcapng", ((minute * 60 * SECOND, bytes(60)) for minute in range(20_000)))
    assert len(_pieces(path, 1.0)) < 3_000


def test_what_is_no_capture_is_told_to_who_takes(tmp_path: Path) -> None:
    """The error of the reader's thread is raised where the pieces are taken."""
    (tmp_path / "x").write_text("hello")
    with pytest.raises(CaptureError, match="this is text"):
        _pieces(tmp_path / "x", 1.0)
