"""Reading from front to back: any bytes end well, in bounded memory, and batches follow one another."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsrcheck.capture import Capture, CaptureError, open_capture
from dsrcheck.capture.batch import BATCH_FRAMES
from tests.capture.blocks import (
    block,
    enhanced,
    frames_of,
    interface,
    obsolete,
    options,
    pcap_header,
    pcap_record,
    read,
    section,
    simple,
    statistics,
)

PCAP = pcap_header() + pcap_record(b"a" * 60) + pcap_record(b"b" * 14, original=2000)
PCAPNG = (
    section()
    + interface(tail=options((2, b"eth0"), (9, b"\x09"), (14, bytes(8))))
    + enhanced(tail=options((1, b"hi"), (4, bytes(8))))
    + simple()
    + obsolete(drops=3)
    + block(4, bytes(8))
    + block(0xBAD, bytes(8))
    + statistics(0, options((5, bytes(8))))
    + section(">")
    + interface(order=">")
    + enhanced(order=">")
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to write to, again and again."""
    return tmp_path_factory.mktemp("reader") / "x"


def _survives(path: Path, content: bytes) -> None:
    """Reading ends in frames or in a CaptureError of one printable line, and in little memory."""
    path.write_bytes(content)
    refusal = ""
    try:
        with open_capture(path) as capture:
            frames = frames_of(capture)
            assert [frame.number for frame in frames] == sorted({frame.number for frame in frames})
            assert all(frame.time >= 0 and frame.interface < len(capture.interfaces) for frame in frames)
            assert capture.truncated is None or capture.truncated.isprintable()
    except CaptureError as error:
        refusal = str(error)
    assert refusal.isprintable()


@given(st.binary(max_size=300))
def test_any_bytes(path: Path, content: bytes) -> None:
    """Noise is refused or read, never more."""
    _survives(path, content)


@given(
    st.sampled_from([PCAP, PCAPNG, gzip.compress(PCAP, mtime=0), gzip.compress(PCAPNG, mtime=0)]),
    st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4),
    st.integers(0, 1000),
)
@example(PCAPNG, [(32, b"\xff\xff\xff\x00")], 1000)
def test_mutated_captures(path: Path, content: bytes, spoils: list[tuple[int, bytes]], kept: int) -> None:
    """Good captures with some bytes overwritten, and cut somewhere, are read as far as they go."""
    spoiled = bytearray(content)
    for at, piece in spoils:
        at %= len(spoiled)
        spoiled[at : at + len(piece)] = piece
    _survives(path, bytes(spoiled[:kept]))


@pytest.mark.parametrize("content", [PCAP, PCAPNG])
def test_every_cut(path: Path, content: bytes) -> None:
    """Cut anywhere behind its first header, a capture keeps the whole frames before the cut."""
    _, whole = read(path, content)
    for kept in range(28, len(content)):
        capture, frames = read(path, content[:kept])
        assert frames == whole[: len(frames)]
        assert capture.truncated is None or capture.truncated.startswith(f"cut at byte {kept}, inside the record")


@pytest.mark.parametrize("content", [pcap_header(), section() + interface()])
def test_batches_follow_one_another(path: Path, content: bytes) -> None:
    """Many frames come in batches of bounded size with no number left out, each with its own bytes."""
    record = pcap_record if content.startswith(pcap_header()[:4]) else enhanced
    total = 3 * BATCH_FRAMES + 5
    path.write_bytes(content + b"".join(record(number.to_bytes(4, "big") + bytes(100)) for number in range(total)))
    with open_capture(path) as capture:
        batches = list(capture.batches())
    number = 1
    for batch in batches:
        assert batch.first_number == number
        assert batch.count <= BATCH_FRAMES
        assert {len(column) for column in (batch.offset, batch.captured, batch.original, batch.time)} == {batch.count}
        for start in batch.offset:
            assert int.from_bytes(batch.data[start : start + 4], "big") == number - 1
            number += 1
    assert number == total + 1
    assert capture.frames == total


def _peak(path: Path) -> tuple[int, Capture]:
    """Most memory that reading took, in bytes."""
    tracemalloc.start()
    try:
        with open_capture(path) as capture:
            for _ in capture.batches():
                pass
        return tracemalloc.get_traced_memory()[1], capture
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(path: Path) -> None:
    """Reading a file of twenty megabytes takes no more than a few."""
    path.write_bytes(pcap_header() + pcap_record(bytes(50_000)) * 400)
    assert _peak(path)[0] < 4 << 20


def test_memory_of_hostile_claims(path: Path) -> None:
    """A block that claims the longest length there may be, in a file that holds a few bytes of it."""
    path.write_bytes(section() + interface() + block(0x77, b"abcd", length=16_777_216))
    peak, capture = _peak(path)
    assert peak < 40 << 20
    assert "cut at byte" in str(capture.truncated)
