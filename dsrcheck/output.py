"""Where output goes: data to standard output or whole to a file; and how a pipe ends, on either side."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

GRACE = 1.0
"""Seconds that the other end of an input pipe has, after Ctrl-C, to write out its last frames and close."""


def print_data(text: str) -> None:
    """Write text to standard output. A reader that has gone away is no error: it has seen what it wanted."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_standard_output()


def drop_standard_output() -> None:
    """Send the rest of standard output nowhere, so that the flush at exit does not stumble over a closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or as it was before; a device or a pipe is simply written to.

    Raises OSError.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_pipe(path: str) -> bool:
    """Whether a capture comes through a pipe: it may have no end until somebody ends it."""
    try:
        mode = os.fstat(0).st_mode if path == "-" else os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextlib.contextmanager
def ctrl_c_ends_pipes(paths: Sequence[str]) -> Iterator[None]:
    """While captures are read: the first Ctrl-C ends those that come through a pipe, as if they ended there.

    A terminal's Ctrl-C reaches the writer (tcpdump) too: it flushes and closes, which is the best end. If it has not
    after GRACE seconds, standard input is put at an end. A second Ctrl-C interrupts as usual.
    """
    if not any(map(is_pipe, paths)):
        yield
        return

    def end(_signal: int, _frame: FrameType | None) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)  # a read that waits on the pipe is begun again (PEP 475), and finds the end
        os.close(nothing)

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, GRACE)

    before = signal.signal(signal.SIGALRM, end), signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGINT, before[1])
