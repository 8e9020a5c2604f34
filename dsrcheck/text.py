"""Text from packets, files and file names made safe for a terminal and for one line."""

from __future__ import annotations

import unicodedata

# Control, format (bidirectional overrides, zero width), surrogate, private and unassigned characters,
# line and paragraph separators: all that can move the cursor, hide or reorder what stands on a line.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, limit: int | None = None) -> str:
    """Return `text` on one line, with every character that a terminal would obey written as an escape.

    A backslash is doubled only where the text needs an escape at all, so that an ordinary Windows path stays as it is.
    `limit`: longest result in characters; a longer one ends in an ellipsis.
    """
    # What Python calls printable holds none of these, and is soon told; it leaves out some spaces that are harmless.
    if not text.isprintable() and any(_is_unsafe(character) for character in text):
        text = "".join(_escape(character) for character in text)
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    return text


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if not _is_unsafe(character):
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8, as os.fsdecode() keeps it
        return f"\\x{code - 0xDC00:02x}"
    return ascii(character)[1:-1]
