"""Captures read in pieces are those read as a whole, wherever the pieces were guessed to begin."""

from __future__ import annotations

import random
import re
import struct
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsrcheck.capture import CaptureError
from dsrcheck.capture.reader import open_capture
from dsrcheck.capture.split import Piece, split
from dsrcheck.legs import Legs
from dsrcheck.legs.chain import Chain, read_spread, renumbered
from dsrcheck.legs.pieces import Part, fold_piece
from dsrcheck.legs.read import read_capture
from tests.capture import blocks
from tests.kernel import packets
from tests.legs.test_law import Piece as Frames
from tests.legs.test_law import assert_same, folded, pieces

SECOND = 1_700_000_000


@dataclass(frozen=True)
class Done:
    """Something that has been made."""

    thing: Part | Legs

    def result(self) -> Part | Legs:
        return self.thing

    def cancel(self) -> None:
        """Too late."""


class Here:
    """Folds in this process, at once; `folded` are the pieces it was asked for."""

    def __init__(self) -> None:
        self.folded: list[Piece] = []

    def fold(self, piece: Piece, leg_limit: int) -> Done:
        self.folded.append(piece)
        return Done(fold_piece(piece, leg_limit))

    def read(self, path: str, leg_limit: int) -> Done:
        return Done(read_capture(path, leg_limit))


def guessed(path: Path, places: list[int]) -> list[Piece]:
    """Pieces that begin at some bytes, whatever is there, and know the interfaces described before the first frames."""
    with open_capture(path) as capture:
        reader = capture.reader.fork()
        next(capture.batches(), None)
        knowing = capture.reader.fork()
    starts = [reader.start, *sorted({place for place in places if place > reader.start})]
    readers = [reader] + [knowing] * (len(starts) - 1)
    return [
        Piece(str(path), start, stop, known)
        for start, stop, known in zip(starts, [*starts[1:], None], readers, strict=True)
    ]


def assert_whole(path: Path, cut: list[Piece], leg_limit: int = 1000) -> Here:
    """Assert that pieces give what the whole gives."""
    pool = Here()
    try:
        whole = read_capture(path, leg_limit)
    except CaptureError as error:
        with pytest.raises(CaptureError, match=re.escape(str(error))):
            Chain(cut, pool, leg_limit).read()
        return pool
    legs = Chain(cut, pool, leg_limit).read()
    assert legs is not None
    assert_same(legs, whole)
    assert legs.captures == whole.captures
    assert legs.interfaces == whole.interfaces
    return pool


def frames(seed: int, count: int) -> list[bytes]:
    """Frames of some flows, ARP among them; some are copies of one that came some hundred frames before."""
    chance = random.Random(seed)
    made: list[bytes] = []
    for _ in range(count):
        if made and chance.random() < 0.2:
            made.append(chance.choice(made[-600:]))
        elif chance.random() < 0.05:
            made.append(packets.ether(packets.arp(1, packets.CLIENT_MAC, packets.CLIENT, packets.VIP), 0x0806))
        else:
            datagram = packets.udp(
                bytes([chance.randrange(256)]) * chance.randrange(40), src=4000 + chance.randrange(9)
            )
            made.append(packets.ether(packets.ip4(17, datagram, identity=chance.randrange(1000))))
    return made


def fraction(number: int) -> int:
    """A time in microseconds: copies come within a millisecond, or do not."""
    return number * 3


def pcap_records(made: list[bytes], order: str = "<") -> list[bytes]:
    """Frames as records of classic pcap."""
    return [blocks.pcap_record(frame, SECOND, fraction(number), order=order) for number, frame in enumerate(made)]


def packet_blocks(made: list[bytes], number: int = 0, order: str = "<") -> list[bytes]:
    """Frames as enhanced packet blocks."""
    return [
        blocks.enhanced(frame, SECOND * 10**6 + fraction(place), number, order=order)
        for place, frame in enumerate(made)
    ]


def imitation(content: bytes, cut: int) -> bytes:
    """A frame that holds a piece of a capture."""
    return packets.ether(packets.ip4(17, packets.udp(content[cut:])))


def swallowing(order: str = "<") -> bytes:
    """A frame that ends with the header of a record: read as one, it takes in a record of 60 bytes that follows."""
    return packets.ether(b"in disguise", 0x88B5) + struct.pack(f"{order}IIII", SECOND, 5, 16 + 60, 16 + 60)


@st.composite
def pcap_files(draw: st.DrawFn) -> bytes:
    """Classic pcap: runs of frames, and frames that hold records."""
    order = draw(st.sampled_from("<>"))
    content = blocks.pcap_header(order)
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.integers(0, 3))
        if kind == 0:
            inside = b"".join(pcap_records(frames(draw(st.integers(0, 3)), 9), order))
            content += blocks.pcap_record(imitation(inside, draw(st.integers(0, 20))), SECOND, 7, order=order)
        elif kind == 1:
            content += blocks.pcap_record(swallowing(order), SECOND, 7, order=order)
            content += blocks.pcap_record(bytes(60), SECOND, 7, order=order)
        elif kind == 2:
            content += blocks.pcap_record(bytes(draw(st.sampled_from((0, 3, 9000, 262_144)))), SECOND, 7, order=order)
        else:
            content += b"".join(pcap_records(frames(draw(st.integers(0, 9)), draw(st.sampled_from((3, 700)))), order))
    return content


@st.composite
def pcapng_files(draw: st.DrawFn) -> bytes:
    """pcapng: runs of frames, and whatever else can stand between them."""
    order, interfaces = draw(st.sampled_from("<>")), 1
    content = blocks.section(order) + blocks.interface(order=order)
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.integers(0, 9))
        number = draw(st.integers(0, interfaces - 1))
        if kind == 0:
            inside = b"".join(packet_blocks(frames(1, 9), order=order))
            content += blocks.enhanced(imitation(inside, draw(st.integers(0, 20))), order=order)
        elif kind == 1:
            content += blocks.interface(
                tail=blocks.options((9, bytes([draw(st.sampled_from((6, 9)))])), order=order), order=order
            )
            interfaces += 1
        elif kind == 2:
            order, interfaces = draw(st.sampled_from("<>")), 1
            content += blocks.section(order) + blocks.interface(draw(st.sampled_from((1, 1, 113))), order=order)
        elif kind == 3:
            content += b"".join(blocks.simple(frame, order=order) for frame in frames(2, 5))
        elif kind == 4:
            content += blocks.block(
                draw(st.sampled_from((0x0BAD, 9, 4))), bytes(draw(st.sampled_from((8, 70_000)))), order
            )
        elif kind == 5:
            drops = struct.pack(f"{order}Q", draw(st.integers(0, 9)))
            content += blocks.statistics(number, blocks.options((5, drops), order=order), order)
        elif kind == 6:
            content += blocks.obsolete(bytes(60), SECOND * 10**6, number, drops=draw(st.integers(0, 9)), order=order)
        elif kind == 7:
            content += blocks.enhanced(bytes(draw(st.sampled_from((0, 9000, 262_144)))), number=number, order=order)
        else:
            run = frames(draw(st.integers(0, 9)), draw(st.sampled_from((3, 700))))
            content += b"".join(packet_blocks(run, number, order))
    return content


@st.composite
def damaged(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    """A file as it is, cut, or with some bytes overwritten."""
    content = draw(files)
    at = draw(st.integers(28, len(content)))
    harm = draw(st.sampled_from(("none", "none", "cut", "overwritten")))
    if harm == "cut":
        return content[:at]
    if harm == "overwritten":
        return content[:at] + draw(st.binary(min_size=1, max_size=5)) + content[at + 5 :]
    return content


@given(damaged(st.one_of(pcap_files(), pcapng_files())), st.data())
@settings(max_examples=150)
def test_pieces_that_begin_anywhere(content: bytes, data: st.DataObject) -> None:
    """Whatever byte a piece was guessed to begin at, the capture is the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made")
        path.write_bytes(content)
        places = data.draw(st.lists(st.integers(0, len(content) + 10), max_size=5))
        try:
            cut = guessed(path, places)
        except CaptureError:
            return  # the file as a whole is refused before there is anything to cut
        assert_whole(path, cut)


@given(damaged(st.one_of(pcap_files(), pcapng_files())), st.integers(2, 5))
@settings(max_examples=100)
def test_pieces_as_they_are_found(content: bytes, count: int) -> None:
    """The same for the places that are chosen by looks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made")
        path.write_bytes(content)
        try:
            cut = split(str(path), count, 1)
        except CaptureError:
            return
        if cut:
            assert_whole(path, cut)


def test_frame_numbers_pass_over_custom_blocks(tmp_path: Path) -> None:
    """A custom block has a number, also among the frames that two pieces share."""
    made = packet_blocks(frames(1, 2000))
    for place in (10, 600, 1001, 1002, 1010, 1500, 1700):
        made.insert(place, blocks.block(0x0BAD, bytes(8)))
    content = blocks.section() + blocks.interface() + b"".join(made)
    path = tmp_path / "custom.pcapng"
    path.write_bytes(content)
    for place in (1000, 1001, 1002, 1003, 1490):
        at = len(blocks.section() + blocks.interface() + b"".join(made[:place]))
        pool = assert_whole(path, guessed(path, [at]))
        assert len(pool.folded) == 2  # the guess was right


def test_right_guesses_are_not_read_again(tmp_path: Path) -> None:
    """Split points found by looks are record starts, for all that a hundred frames in the file look like records."""
    made = []
    inside = b"".join(pcap_records(frames(5, 12)))
    for number, frame in enumerate(frames(1, 6000)):
        made.append(imitation(inside, number % 16) if number % 60 == 0 else frame)
    path = tmp_path / "imitations.pcap"
    path.write_bytes(blocks.pcap_header() + b"".join(pcap_records(made)))
    cut = split(str(path), 8, 1)
    assert len(cut) == 8
    assert len(assert_whole(path, cut).folded) == 8
    path = tmp_path / "imitations.pcapng"
    path.write_bytes(blocks.section() + blocks.interface() + b"".join(packet_blocks(made)))
    cut = split(str(path), 8, 1)
    assert len(cut) == 8
    assert len(assert_whole(path, cut).folded) == 8


def test_a_wrong_guess_is_read_again(tmp_path: Path) -> None:
    """A frame whose last bytes are the header of a record leads astray: from its middle all records fit."""
    made = frames(1, 1500)
    records = pcap_records(made)
    trap = blocks.pcap_record(swallowing())
    records[700:700] = [trap, blocks.pcap_record(bytes(60))]
    path = tmp_path / "trap.pcap"
    content = blocks.pcap_header() + b"".join(records)
    path.write_bytes(content)
    astray = len(blocks.pcap_header() + b"".join(records[:700]) + trap) - 16
    pool = assert_whole(path, guessed(path, [astray]))
    assert [piece.start for piece in pool.folded][:2] == [24, astray]
    assert len(pool.folded) == 3


def test_a_late_interface_has_the_rest_read_again_once(tmp_path: Path) -> None:
    """What pieces took for granted is compared with what was there; there is an end to guessing."""
    head = blocks.section() + blocks.interface()
    parts = [b"".join(packet_blocks(frames(number, 800), number)) + blocks.interface() for number in range(6)]
    path = tmp_path / "late.pcapng"
    path.write_bytes(head + b"".join(parts))
    places = [len(head) + sum(map(len, parts[:number])) for number in range(1, 6)]
    pool = assert_whole(path, guessed(path, places))
    assert len(pool.folded) == 6 + 5 + 1
    one = head + blocks.interface() + b"".join(packet_blocks(frames(1, 5000)))
    path.write_bytes(one)
    assert len(assert_whole(path, split(str(path), 4, 1)).folded) == 4


def test_what_a_full_table_left_out_is_read_as_a_whole(tmp_path: Path) -> None:
    """More legs than there may be: which are given up depends on all before."""
    made = [packets.ether(packets.ip4(17, packets.udp(src=port))) for port in range(1000, 2600)]
    path = tmp_path / "many.pcap"
    path.write_bytes(blocks.pcap_header() + b"".join(pcap_records(made)))
    cut = split(str(path), 2, 1)
    assert Chain(cut, Here(), 1500).read() is None
    spread = read_spread([str(path)], Here(), 1, 1500, least=1)
    whole = read_capture(path, 1500)
    assert_same(spread, whole)
    assert spread.captures == whole.captures


def test_several_captures(tmp_path: Path) -> None:
    """Whole ones and pieces are joined in the order of the command line; a capture may come twice."""
    names = []
    for number, count in enumerate((10, 3000, 5)):
        path = tmp_path / f"{number}.pcap"
        path.write_bytes(blocks.pcap_header() + b"".join(pcap_records(frames(number, count))))
        names.append(str(path))
    names.append(names[1])
    pool = Here()
    spread = read_spread(names, pool, 50_000, least=1)
    assert len(pool.folded) > 4
    whole = Legs.join([read_capture(name) for name in names])
    assert_same(spread, whole)
    assert spread.captures == whole.captures


@given(pieces(), st.integers(1, 1 << 31))
def test_renumbered(piece: Frames, offset: int) -> None:
    """Frames counted from further on have those numbers, and none stays none."""
    later = folded(piece, 1 + offset)
    assert_same(renumbered(folded(piece), offset), replace(later, head=None))


@pytest.mark.corpus
def test_captures_that_others_made(corpus: Path) -> None:
    """Real captures, in five pieces."""
    cut = 0
    for path in sorted(path for path in corpus.rglob("*") if path.suffix in (".pcap", ".pcapng")):
        try:
            found = split(str(path), 5, 1)
        except CaptureError:
            continue  # some are no captures
        if found:
            cut += 1
            assert_whole(path, found, 100_000)
    assert cut > 20


def test_numbers_do_not_wrap() -> None:
    """A number that is too high is an error, not a low one."""
    legs = folded(([packets.ether(packets.arp(1, packets.CLIENT_MAC, packets.CLIENT, packets.VIP), 0x0806)], [1], [0]))
    with pytest.raises(ValueError, match="more frames than can be counted"):
        renumbered(legs, (1 << 64) - 1)
