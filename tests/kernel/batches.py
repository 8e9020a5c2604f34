"""Batches of frames for the fold, without a file."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from dsrcheck.capture import Batch

START = 1_700_000_000_000_000_000


def batch(
    frames: Sequence[bytes],
    times: Sequence[int] | None = None,
    *,
    first_number: int = 1,
    originals: Sequence[int] | None = None,
    interfaces: Sequence[int] | None = None,
) -> Batch:
    """Return frames as a batch; unless told, they come a millisecond and a half apart, whole, on interface 0."""
    offsets = array("q")
    data = bytearray()
    for frame in frames:
        offsets.append(len(data))
        data += frame
    lengths = [len(frame) for frame in frames]
    if times is None:
        times = [START + 1_500_000 * (first_number + place) for place in range(len(frames))]
    return Batch(
        data=data,
        count=len(frames),
        offset=offsets,
        captured=array("q", lengths),
        original=array("q", lengths if originals is None else originals),
        time=array("q", times),
        interface=array("q", [0] * len(frames) if interfaces is None else interfaces),
        first_number=first_number,
    )
