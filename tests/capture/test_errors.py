"""The one error of reading: one line, safe for a terminal."""

from __future__ import annotations

from dsrcheck.capture import CaptureError


def test_one_safe_line() -> None:
    """A name that holds control characters cannot reach the terminal as they are."""
    error = CaptureError("evil\x1b[31m\n\u202e.pcap", "this is\nno capture")
    assert str(error) == "evil\\x1b[31m\\n\\u202e.pcap: this is\\nno capture"
    assert (error.path, error.message) == ("evil\x1b[31m\n\u202e.pcap", "this is\nno capture")
