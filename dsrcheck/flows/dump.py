"""What an end of a flow said, as text or hexadecimal; nothing of it reaches a terminal unescaped."""

from __future__ import annotations

from collections.abc import Iterable

from dsrcheck.flows.conversation import Said
from dsrcheck.flows.streams import Gap, Piece
from dsrcheck.records import dataclass
from dsrcheck.text import printable

SHOWN_BYTES = 4096
"""Bytes of each direction that are shown, unless all are asked for."""
SHOWN_DATAGRAMS = 100
WIDTH = 80


@dataclass(frozen=True)
class _Shown:
    """Lines of some pieces, and how many bytes they left out."""

    lines: list[str]
    hidden: int


def dump(said: Said, who: str, as_hex: bool, everything: bool) -> list[str]:
    """Lines: a heading, then the bytes, indented or as a hexadecimal dump; lines of ours begin and end with --."""
    total = sum(stream.length for stream in said.streams) + sum(_length(d.pieces) for d in said.datagrams)
    missing = sum(stream.missing for stream in said.streams)
    missing += sum(piece.length for d in said.datagrams for piece in d.pieces if isinstance(piece, Gap))
    lines = [f"{who}: {amount(total, 'byte')}" + (f", {missing:,} of them not captured" if missing else "")]
    room = total if everything else SHOWN_BYTES
    hidden = 0
    for place, stream in enumerate(said.streams):
        if len(said.streams) > 1:
            lines.append(f"-- connection {place + 1} --")
        if stream.conflicts:
            which = amount(stream.conflicts, "segment")
            lines.append(f"-- {which} brought other bytes for the same place; the first are shown --")
        shown = _render(stream.pieces, room, as_hex)
        lines += shown.lines
        hidden += shown.hidden
        room = max(room - stream.length, 0)
    for place, datagram in enumerate(said.datagrams):
        if not everything and (place >= SHOWN_DATAGRAMS or room <= 0):
            more = amount(len(said.datagrams) - place, "more datagram")
            lines.append(f"-- {more} (--all shows them) --")
            break
        shown = _render(datagram.pieces, room, as_hex)
        lines += [f"-- frame {datagram.number}: {amount(_length(datagram.pieces), 'byte')} --", *shown.lines]
        hidden += shown.hidden
        room = max(room - _length(datagram.pieces), 0)
    if hidden:
        lines.append(f"-- {amount(hidden, 'more byte')} (--all shows them) --")
    if said.dropped:
        lines.append(f"-- {amount(said.dropped, 'captured byte')} not kept: too many, or they fit into no stream --")
    return lines


def amount(number: int, thing: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _length(pieces: Iterable[Piece]) -> int:
    return sum(piece.length if isinstance(piece, Gap) else len(piece) for piece in pieces)


def _render(pieces: Iterable[Piece], room: int, as_hex: bool) -> _Shown:
    """The pieces as lines, at most `room` bytes of them; offsets in hexadecimal count gaps."""
    lines: list[str] = []
    at = hidden = 0
    for piece in pieces:
        if isinstance(piece, Gap):
            if at < room:
                lines.append(f"-- {amount(piece.length, 'byte')} not captured --")
            at += piece.length
            continue
        part = piece[: max(room - at, 0)]
        hidden += len(piece) - len(part)
        lines += _hex_lines(part, at) if as_hex else _text_lines(part)
        at += len(piece)
    return _Shown(lines, hidden)


def _hex_lines(data: bytes, offset: int) -> list[str]:
    """Sixteen bytes a line, as hexdump -C prints them."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{offset + at:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  |{text}|")
    return lines


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:  # not text: a character here and there would be chance
        return line.decode("ascii", "surrogateescape")


def _text_lines(data: bytes) -> list[str]:
    """The text line by line, indented, so that none can be taken for a line of ours; long lines are folded."""
    room = WIDTH - 2
    lines = []
    for line in data.removesuffix(b"\n").split(b"\n") if data else []:
        text = printable(_decode(line))
        lines += [f"  {text[at : at + room]}" for at in range(0, len(text), room)] or [""]
    return lines
