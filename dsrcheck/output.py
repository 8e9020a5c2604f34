"""Where output goes: data to standard output, or whole to a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


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


def escape_what_cannot_be_shown() -> None:
    """Let a character that the terminal's encoding lacks be written as an escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or as it was before; a device or a pipe is simply written to.

    Raises OSError.
    """
    with whole_file(path) as stream:
        stream.write(text.encode("utf-8"))


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file when the block ends well; a file to which nothing was written is not made.

    A device or a pipe is simply written to. Raises OSError.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            yield stream
            written = stream.tell()
        if written:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
