"""Foreign text made safe for a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.text import printable


def test_escapes() -> None:
    """Control characters, overrides of direction and bytes that are no UTF-8 are written as escapes."""
    assert printable("a\x1b[31m\r\n\t\x7f\x9b") == "a\\x1b[31m\\r\\n\\t\\x7f\\x9b"
    assert printable("\u202eabc\u2028\u200b\U000e0041") == "\\u202eabc\\u2028\\u200b\\U000e0041"
    assert printable(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf\\xe9"


def test_plain_text_stays() -> None:
    """What a terminal merely shows stays as it is; a backslash is doubled only beside an escape."""
    assert printable("C:\\captures\\Büro – 東京.pcap") == "C:\\captures\\Büro – 東京.pcap"
    assert printable("a\\n\n") == "a\\\\n\\n"


def test_limit() -> None:
    """Long text is cut, which shows."""
    assert printable("abcdef", 4) == "abc…"
    assert printable("abcd", 4) == "abcd"


@given(st.text(alphabet=st.characters()), st.none() | st.integers(1, 10))
def test_always_one_printable_line(text: str, limit: int | None) -> None:
    """No text gets a control character through, nor a line break."""
    safe = printable(text, limit)
    assert len(safe.splitlines()) <= 1
    assert all(ord(character) >= 32 and not 0x7F <= ord(character) < 0xA0 for character in safe)
    assert limit is None or len(safe) <= limit
