"""Where output goes: data to standard output, or whole to a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
