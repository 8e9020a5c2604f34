"""The one error that reading a capture raises."""

from __future__ import annotations

from dsrcheck.text import printable


class CaptureError(Exception):
    """A capture cannot be read at all, or not any further in a way that would still be right.

    `path`: the file as the user named it, `-` for standard input. `message`: what it is, and what would be accepted.
    `str()` of it is one line that is safe for a terminal.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return f"{printable(self.path)}: {printable(self.message)}"
