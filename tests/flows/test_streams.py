"""TCP reassembly, against an oracle that writes bytes by their offset into a plain list."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.flows.streams import Budget, ByteMap, Gap, Piece, Reassembler, Segment

TOP = 1 << 32


def flat(pieces: tuple[Piece, ...]) -> list[int | None]:
    """Pieces as one value a byte, None where it is missing."""
    found: list[int | None] = []
    for piece in pieces:
        found += [None] * piece.length if isinstance(piece, Gap) else list(piece)
    return found


def well_formed(pieces: tuple[Piece, ...]) -> bool:
    """Runs and gaps take turns, and none is empty."""
    kinds = [isinstance(piece, Gap) for piece in pieces]
    sizes = [piece.length if isinstance(piece, Gap) else len(piece) for piece in pieces]
    return all(sizes) and all(one != other for one, other in pairwise(kinds))


writes = st.lists(st.tuples(st.integers(-40, 120), st.binary(max_size=40)), max_size=40)


@given(writes)
def test_bytes_written_in_any_order_lie_where_they_were_written_first(rows: list[tuple[int, bytes]]) -> None:
    """The first write of each byte stays, as in a table of single bytes."""
    oracle: dict[int, int] = {}
    data = ByteMap()
    for start, payload in rows:
        data.write(start, payload)
        for at, byte in enumerate(payload, start):
            oracle.setdefault(at, byte)
    pieces = tuple(data.pieces(-50, 170))
    assert flat(pieces) == [oracle.get(at) for at in range(-50, 170)]
    assert well_formed(pieces)
    assert data.budget.bytes == Budget().bytes - len(oracle)


@given(writes, st.integers(0, 100), st.integers(0, 6))
def test_the_budget_holds_and_nothing_is_invented(rows: list[tuple[int, bytes]], room: int, runs: int) -> None:
    """Never more bytes or runs than the budget has; every byte kept was written; the others are counted as dropped."""
    written: dict[int, set[int]] = {}
    data = ByteMap(Budget(room, runs))
    for start, payload in rows:
        data.write(start, payload)
        for at, byte in enumerate(payload, start):
            written.setdefault(at, set()).add(byte)
    kept = flat(tuple(data.pieces(-50, 170)))
    count = sum(byte is not None for byte in kept)
    assert count <= room
    assert data.budget.bytes == room - count
    assert data.budget.runs >= 0
    assert all(byte is None or byte in written[at] for at, byte in enumerate(kept, -50))
    assert count + data.dropped >= len(written)


@st.composite
def captured_streams(draw: st.DrawFn) -> tuple[int, bytes, list[Segment], bool]:
    """A stream, and what a capture may hold of it: segments cut anywhere, repeated, out of order, cut short."""
    isn = draw(st.one_of(st.integers(0, TOP - 1), st.integers(TOP - 300, TOP - 1)))
    stream = draw(st.binary(min_size=1, max_size=400))
    opened = draw(st.booleans())
    spans = draw(
        st.lists(st.tuples(st.integers(0, len(stream)), st.integers(0, 150), st.integers(0, 150)), max_size=25)
    )
    segments = []
    for start, length, cut in spans:
        payload = stream[start : start + length]
        kept = payload[:cut] if draw(st.booleans()) else payload
        segments.append(Segment((isn + 1 + start) % TOP, kept, len(payload)))
    if opened:
        segments.insert(0, Segment(isn, syn=True))
    return isn, stream, segments, opened


@given(captured_streams())
def test_a_stream_is_put_together_from_any_segments(case: tuple[int, bytes, list[Segment], bool]) -> None:
    """Order, overlap, retransmission, wrap and cut payloads: each byte captured is at its place, others are gaps."""
    isn, stream, segments, opened = case
    reassembler = Reassembler()
    known: dict[int, int] = {}
    told = [0] if opened else []
    for segment in segments:
        assert not reassembler.add(segment)
        start = (segment.seq - isn - 1) % TOP
        if not segment.syn:
            known |= dict(enumerate(segment.payload, start))
            if segment.length:
                told += [start, start + segment.length]
            elif told and start > max(told) + 1:  # one more is the FIN
                told.append(start)
    found = reassembler.streams()
    if not segments:
        assert found == ()
        return
    low, high = (min(told), max(told)) if told else (0, 0)
    assert flat(found[0].pieces) == [known.get(at) for at in range(low, high)]
    assert all(stream[at] == byte for at, byte in known.items())
    assert (len(found), found[0].opened, found[0].conflicts, found[0].dropped) == (1, opened, 0, 0)


def joined(reassembler: Reassembler) -> list[tuple[Piece, ...]]:
    """The pieces of each connection."""
    return [stream.pieces for stream in reassembler.streams()]


def test_a_port_used_again_gives_a_stream_each() -> None:
    """A SYN with another number begins another stream; its retransmission does not."""
    reassembler = Reassembler()
    began = [reassembler.add(segment) for segment in (
        Segment(100, syn=True), Segment(100, syn=True), Segment(101, b"one", 3), Segment(104, fin=True),
        Segment(5_000_000, syn=True), Segment(5_000_001, b"two", 3), Segment(5_000_000, syn=True),
    )]  # fmt: skip
    assert began == [False, False, False, False, True, False, False]
    assert joined(reassembler) == [(b"one",), (b"two",)]
    assert [(stream.opened, stream.closed) for stream in reassembler.streams()] == [(True, True), (True, False)]


def test_a_fin_is_no_byte() -> None:
    """What follows a FIN stands one further on in the sequence space, whether the FIN itself was captured or not."""
    for fin in (True, False):
        reassembler = Reassembler()
        reassembler.add(Segment(9, syn=True))
        reassembler.add(Segment(10, b"ab", 2, fin=fin))
        reassembler.add(Segment(13))
        reassembler.acknowledge(13)
        assert joined(reassembler) == [(b"ab",)]


def test_a_syn_captured_after_its_data_opens_that_stream() -> None:
    """Times may run back by a few milliseconds: no second connection comes of it, and what lies before is a gap."""
    reassembler = Reassembler()
    reassembler.add(Segment(105, b"later", 5))
    assert not reassembler.add(Segment(99, syn=True))
    reassembler.add(Segment(100, b"fir", 3))
    assert joined(reassembler) == [(b"fir", Gap(2), b"later")]


def test_bytes_before_the_first_are_no_part_of_the_stream() -> None:
    """A keep-alive repeats a byte below; right after the handshake that is the SYN's own number."""
    reassembler = Reassembler()
    for segment in (Segment(99, syn=True), Segment(99, b"\0", 1), Segment(100, b"ab", 2), Segment(101, b"?", 1)):
        reassembler.add(segment)
    assert joined(reassembler) == [(b"ab",)]
    assert reassembler.streams()[0].conflicts == 1


def test_nonsense_far_away_is_counted_and_left_out() -> None:
    """A sequence number beyond any window cannot make a gap of gigabytes."""
    reassembler = Reassembler()
    reassembler.add(Segment(99, syn=True))
    reassembler.add(Segment(99 + (1 << 31), b"lost", 4))
    assert joined(reassembler) == [()]
    assert reassembler.stray == 4


def test_what_is_acknowledged_was_sent() -> None:
    """A direction that the capture does not hold is a gap as long as its acknowledgements tell; a FIN is no byte."""
    reassembler = Reassembler()
    for ack in (1000, 1500, 3000):
        reassembler.acknowledge(ack)
    assert joined(reassembler) == [(Gap(2000),)]
    seen = Reassembler()
    seen.add(Segment(9, syn=True))
    seen.add(Segment(10, b"all of it", 9))
    seen.acknowledge(20)
    assert joined(seen) == [(b"all of it",)]
    seen.acknowledge(24)
    assert joined(seen) == [(b"all of it", Gap(5))]


def test_acknowledgements_of_another_connection_begin_another_gap() -> None:
    """When the side that is seen opens anew, what it acknowledges then says nothing of the stream before."""
    reassembler = Reassembler()
    reassembler.acknowledge(1000)
    reassembler.acknowledge(1100)
    reassembler.restart()
    reassembler.acknowledge(900_000)
    reassembler.acknowledge(900_050)
    assert joined(reassembler) == [(Gap(100),), (Gap(50),)]


def test_a_long_ordered_stream_stays_one_run() -> None:
    """Segments in order are joined as they come, so that a long stream costs one run of the budget."""
    budget = Budget()
    reassembler = Reassembler(budget)
    for place in range(3000):
        reassembler.add(Segment(place * 100, bytes(100), 100))
    assert budget.runs == Budget().runs - 1
    assert [len(piece) for piece in reassembler.streams()[0].pieces if isinstance(piece, bytes)] == [300_000]
