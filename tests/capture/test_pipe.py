"""Pipes: frames are handed on as they come, and Ctrl-C ends the capture without losing what the writer still had."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dsrcheck.capture import Capture, open_capture
from dsrcheck.capture.pipe import PipeReader
from tests.capture.blocks import frames_of, pcap_header, pcap_record


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe, closed at the end if they are still open."""
    ours, theirs = os.pipe()
    try:
        yield ours, theirs
    finally:
        for end in (ours, theirs):
            with suppress(OSError):
                os.close(end)


def _open(descriptor: int) -> Capture:
    return open_capture(f"/dev/fd/{descriptor}")


needs_dev_fd = pytest.mark.skipif(not Path("/dev/fd").exists(), reason="the system has no /dev/fd")


@needs_dev_fd
def test_frames_are_not_held_back() -> None:
    """Each frame is delivered before the next one is written: nothing waits for a full batch."""
    with _pipe() as (ours, theirs):
        os.write(theirs, pcap_header())
        with _open(ours) as capture:
            batches = capture.batches()
            for number in range(1, 4):
                os.write(theirs, pcap_record(bytes([number]) * 60))
                batch = next(batches)
                assert (batch.first_number, batch.count) == (number, 1)
            os.write(theirs, pcap_record(bytes(60))[:30])
            os.close(theirs)
            assert list(batches) == []
            assert "cut at byte" in str(capture.truncated)


@needs_dev_fd
def test_interrupt_while_frames_are_worked_on() -> None:
    """SIGINT between two reads raises nothing; what the writer had still to say is read to its end."""
    before = signal.getsignal(signal.SIGINT)
    with _pipe() as (ours, theirs):
        os.write(theirs, pcap_header() + pcap_record(bytes(60)))
        with _open(ours) as capture:
            batches = capture.batches()
            assert next(batches).count == 1
            signal.raise_signal(signal.SIGINT)
            os.write(theirs, pcap_record(bytes(60)) * 2)
            os.close(theirs)
            assert sum(batch.count for batch in batches) == 2
            assert (capture.interrupted, capture.truncated, capture.frames) == (True, None, 3)
    assert signal.getsignal(signal.SIGINT) is before


def test_interrupt_while_waiting() -> None:
    """SIGINT ends the wait for a writer that says nothing more, once the grace is over."""
    with _pipe() as (ours, _):
        reader = PipeReader(ours, grace=0.0)
        try:
            killer = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
            killer.start()
            assert reader.readinto(memoryview(bytearray(10))) == 0
            killer.join()
            assert reader.interrupted
        finally:
            reader.close()


def test_second_interrupt() -> None:
    """Who presses Ctrl-C twice means it."""
    with _pipe() as (ours, _):
        reader = PipeReader(ours)
        try:
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        finally:
            reader.close()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_other_threads_leave_signals_alone() -> None:
    """Outside the main thread a pipe is read without touching the handler of SIGINT."""
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def work() -> None:
        with _pipe() as (ours, theirs):
            os.write(theirs, b"abc")
            reader = PipeReader(ours)
            room = bytearray(10)
            found.append((reader.readinto(memoryview(room)), bytes(room[:3]), signal.getsignal(signal.SIGINT)))
            reader.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(3, b"abc", before)]


@needs_dev_fd
def test_large_records_by_small_pieces() -> None:
    """A long record that arrives piece by piece is put together."""
    content = pcap_header() + pcap_record(bytes(range(250)) * 800)
    with _pipe() as (ours, theirs):

        def write() -> None:
            for start in range(0, len(content), 7777):
                os.write(theirs, content[start : start + 7777])
            os.close(theirs)

        writer = threading.Thread(target=write)
        writer.start()
        with _open(ours) as capture:
            frames = frames_of(capture)
        writer.join()
    assert [frame.data for frame in frames] == [bytes(range(250)) * 800]
