"""Reading what is still being written: it ends when somebody says so, and not before."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsrcheck.capture.tap import Tap


@pytest.fixture
def pipe() -> Iterator[tuple[Tap, int]]:
    """A tap on a pipe, and the end to write to."""
    ours, theirs = os.pipe()
    tap = Tap(ours, grace=0.0)
    yield tap, theirs
    tap.close()
    os.close(ours)
    os.close(theirs)


def _read(tap: Tap) -> bytes:
    room = bytearray(100)
    return bytes(room[: tap.readinto(memoryview(room))])


def test_stop_from_another_thread(pipe: tuple[Tap, int]) -> None:
    """A reader that waits for a silent writer is woken, and what was written by then has been read."""
    tap, theirs = pipe
    os.write(theirs, b"all")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.extend(iter(lambda: _read(tap), b"")))
    reader.start()
    tap.stop()
    reader.join()
    assert (b"".join(found), tap.interrupted) == (b"all", True)


def test_the_writer_may_finish(pipe: tuple[Tap, int]) -> None:
    """What is in the pipe when it is stopped is read; then it is the end."""
    tap, theirs = pipe
    os.write(theirs, b"late")
    tap.stop()
    assert (_read(tap), _read(tap)) == (b"late", b"")


def test_stop_before_and_after(pipe: tuple[Tap, int]) -> None:
    """Stopping twice, or after the end, is allowed: a signal comes when it comes."""
    tap, _ = pipe
    tap.stop()
    tap.stop()
    tap.close()
    tap.stop()
    tap.close()


@pytest.mark.parametrize("follow", [False, True])
def test_a_file_that_grows(tmp_path: Path, follow: bool) -> None:
    """Followed, its end is waited at; else it is the end."""
    with (tmp_path / "x").open("wb", buffering=0) as out, (tmp_path / "x").open("rb", buffering=0) as file:
        tap = Tap(file.fileno(), follow)
        out.write(b"one")
        assert _read(tap) == b"one"
        if follow:
            writer = threading.Thread(target=lambda: out.write(b"two"))
            writer.start()
            assert _read(tap) == b"two"
            writer.join()
            stopper = threading.Thread(target=tap.stop)
            stopper.start()
            assert _read(tap) == b""
            stopper.join()
        else:
            assert _read(tap) == b""
        tap.close()
