"""Bytes as text or hexadecimal, safe for a terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.flows.conversation import Datagram, Said
from dsrcheck.flows.dump import SHOWN_BYTES, dump
from dsrcheck.flows.streams import Gap, Stream


def of(*pieces: bytes | Gap) -> Said:
    """One stream of these pieces."""
    return Said((Stream(pieces),))


def test_text_is_indented_and_gaps_are_told() -> None:
    """A line of ours cannot be faked: what was said is indented."""
    said = of(b"GET / HTTP/1.1\r\n\r\n-- 9 bytes not captured --", Gap(7), b"end\n")
    assert dump(said, "client to service", as_hex=False, everything=False) == [
        "client to service: 55 bytes, 7 of them not captured",
        "  GET / HTTP/1.1\\r",
        "  \\r",
        "  -- 9 bytes not captured --",
        "-- 7 bytes not captured --",
        "  end",
    ]


def test_hexadecimal_is_what_hexdump_prints() -> None:
    """Offset, sixteen bytes, and the printable ones; the lines are those of `hexdump -C`."""
    assert dump(of(bytes(range(0x78, 0x88)) + b"tail of it"), "x", as_hex=True, everything=False)[1:] == [
        "00000000  78 79 7a 7b 7c 7d 7e 7f  80 81 82 83 84 85 86 87  |xyz{|}~.........|",
        "00000010  74 61 69 6c 20 6f 66 20  69 74                    |tail of it|",
    ]


def test_offsets_count_what_was_not_captured() -> None:
    """So that both ends of a gap are at their places."""
    lines = dump(of(b"ab", Gap(14), b"cd"), "x", as_hex=True, everything=False)
    assert [line[:12] for line in lines[1:]] == ["00000000  61", "-- 14 bytes ", "00000010  63"]


@given(st.binary(max_size=300), st.booleans())
def test_nothing_that_a_terminal_obeys_comes_out(data: bytes, as_hex: bool) -> None:
    """No control character, no direction override, nothing beyond 80 columns; whatever the bytes are."""
    for line in dump(of(data), "x", as_hex=as_hex, everything=True):
        assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in line)
        assert len(line) <= 80


def test_long_streams_are_cut_unless_all_is_asked_for() -> None:
    """How much is left out is told."""
    said = of(b"x" * (SHOWN_BYTES + 10))
    lines = dump(said, "x", as_hex=False, everything=False)
    assert sum(line.count("x") for line in lines[1:]) == SHOWN_BYTES
    assert lines[-1] == "-- 10 more bytes (--all shows them) --"
    lines = dump(said, "y", as_hex=False, everything=True)
    assert sum(line.count("x") for line in lines) == SHOWN_BYTES + 10


def test_datagrams_and_connections_are_told_apart() -> None:
    """By the frame a datagram was first seen in; a port used again by number."""
    said = Said(datagrams=(Datagram(3, (b"one",)), Datagram(9, (b"two",))))
    assert dump(said, "x", as_hex=False, everything=False) == [
        "x: 6 bytes", "-- frame 3: 3 bytes --", "  one", "-- frame 9: 3 bytes --", "  two",
    ]  # fmt: skip
    said = Said((Stream((b"one",)), Stream((b"two",), conflicts=1)), dropped=5)
    assert dump(said, "x", as_hex=False, everything=False) == [
        "x: 6 bytes", "-- connection 1 --", "  one", "-- connection 2 --",
        "-- 1 segment brought other bytes for the same place; the first are shown --", "  two",
        "-- 5 captured bytes not kept: too many, or they fit into no stream --",
    ]  # fmt: skip


def test_many_datagrams_are_cut() -> None:
    """The count of the rest is told."""
    said = Said(datagrams=tuple(Datagram(number, (b"q",)) for number in range(150)))
    assert dump(said, "x", as_hex=False, everything=False)[-1] == "-- 50 more datagrams (--all shows them) --"
