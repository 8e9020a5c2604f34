"""The law of the fold: pieces of a capture merge to what folding the whole gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.capture import Interface
from dsrcheck.kernel.fold import Fold
from dsrcheck.kernel.twins import TWIN_FRAMES, TWIN_WINDOW
from dsrcheck.legs import Legs, merge
from tests.kernel import packets
from tests.kernel.batches import START, batch

INTERFACES = [Interface(index) for index in range(2)]
SPAN = 1 << 29  # what numbers differ by: far below half of the sequence space
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
FLAGS = (SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, ACK | PUSH, ACK | FIN, RST, RST | ACK, 0, SYN | RST)
ENDS = ((packets.CLIENT, packets.VIP), (packets.VIP, packets.CLIENT))
MACS = ((packets.CLIENT_MAC, packets.BALANCER_MAC), (packets.BALANCER_MAC, packets.SERVER_MAC))

Piece = tuple[Sequence[bytes], Sequence[int], Sequence[int]]


def folded(piece: Piece, first_number: int = 1, seam: bool = False) -> Legs:
    """Fold frames given with their times and interfaces."""
    fold = Fold(seam=seam)
    frames, times, interfaces = piece
    fold.fold(batch(frames, times, first_number=first_number, interfaces=interfaces), [1, 1])
    return Legs.of(fold, INTERFACES)


def cut(piece: Piece, *places: int) -> list[tuple[Piece, int]]:
    """Cut a piece before some frames; with the number of the first frame of each part."""
    bounds = [0, *sorted(places), len(piece[0])]
    parts = pairwise(bounds)
    return [((piece[0][a:b], piece[1][a:b], piece[2][a:b]), a + 1) for a, b in parts]


def assert_same(one: Legs, other: Legs) -> None:
    """Assert that all tables and totals are the same."""
    for name, table in one.tables.items():
        for column in table.columns:
            np.testing.assert_array_equal(table[column], other.tables[name][column], f"{name}.{column}")
    np.testing.assert_array_equal(one.stations.matrix, other.stations.matrix)
    assert one.totals == other.totals
    assert one.tail == other.tail
    assert (one.head is None) == (other.head is None)
    if one.head is not None and other.head is not None:
        assert (one.head.data, one.head.time) == (other.head.data, other.head.time)


@st.composite
def tcp_frames(draw: st.DrawFn, base: int) -> bytes:
    """A TCP segment of one of a few flows, its numbers anywhere in the span behind the base."""
    ends, macs = draw(st.sampled_from(ENDS)), draw(st.sampled_from(MACS))
    number = st.one_of(st.integers(0, 3), st.sampled_from((1000, 1001, 5000)), st.integers(0, SPAN))
    seq, ack = ((base + draw(number)) % (1 << 32) for _ in range(2))
    payload = draw(st.sampled_from((b"", b"", b"x", b"payload" * 4)))
    segment = packets.tcp(seq=seq, ack=ack, flags=draw(st.sampled_from(FLAGS)), payload=payload)
    packet = packets.ip4(6, segment, *ends, ttl=draw(st.integers(60, 64)), identity=draw(st.integers(0, 3)))
    return packets.ether(packet, src=macs[0], dst=macs[1])


@st.composite
def other_frames(draw: st.DrawFn) -> bytes:
    """Frames of other kinds: ARP, fragments, UDP, echo, errors, tags, tunnels, rubbish."""
    identity = draw(st.integers(0, 2))
    kind = draw(st.integers(0, 8))
    if kind == 0:
        return packets.ether(
            packets.arp(draw(st.sampled_from((1, 2))), packets.SERVER_MAC, packets.VIP, packets.VIP), 0x0806
        )
    datagram = packets.udp(b"q" * draw(st.integers(0, 40)))
    made = {
        1: packets.ip4(17, datagram, identity=identity),
        2: packets.ip4(17, datagram, identity=identity, fragment=0x2000),
        3: packets.ip4(17, b"later part", identity=identity, fragment=5),
        4: packets.ip4(1, packets.icmp(8, 0, identity)),
        5: packets.ip4(1, packets.icmp(3, 1, 0, packets.ip4(17, datagram))),
        6: packets.ip4(4, packets.ip4(17, datagram, identity=identity), ttl=60 + identity),
    }
    if kind in made:
        return packets.ether(made[kind])
    if kind == 7:
        return packets.ether(packets.tag(5 + identity, made[1]), 0x8100)
    return b"\0" * identity


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """A capture: frames, some of them copies of one before, with times that mostly go on."""
    base = draw(st.sampled_from((0, 12345, (1 << 32) - 2000, 1 << 31)))
    frames: list[bytes] = []
    for _ in range(draw(st.integers(0, 14))):
        if frames and draw(st.integers(0, 3)) == 0:
            frames.append(draw(st.sampled_from(frames)))
        else:
            frames.append(draw(st.one_of(tcp_frames(base), tcp_frames(base), other_frames())))
    steps = st.sampled_from((0, 1, TWIN_WINDOW, TWIN_WINDOW + 1, 400_000_000, -300_000))
    times, now = [], START
    for _ in frames:
        now += draw(steps)
        times.append(now)
    interfaces = [0] * len(frames)
    if draw(st.booleans()):
        interfaces = [draw(st.integers(0, 1)) for _ in frames]
    return frames, times, interfaces


@given(pieces(), st.data())
def test_pieces_merge_to_the_whole(piece: Piece, data: st.DataObject) -> None:
    """Two pieces far apart in time, so that no twin lies across the seam: nothing has to be held back."""
    place = data.draw(st.integers(0, len(piece[0])))
    frames, times, interfaces = piece
    piece = frames, [time + (place <= at) * 10**10 for at, time in enumerate(times)], interfaces
    (first, one), (second, two) = cut(piece, place)
    merged = Legs.merge(folded(first, one), folded(second, two))
    whole = folded(piece)
    assert_same(merged.whole(), whole.whole())


@given(pieces(), st.data())
def test_twins_are_found_across_the_seam(piece: Piece, data: st.DataObject) -> None:
    """Pieces whose heads were held back merge to the whole, in either order of merging."""
    places = [data.draw(st.integers(0, len(piece[0]))) for _ in range(2)]
    first, second, third = (folded(part, number, seam=number > 1) for part, number in cut(piece, *places))
    first = folded(cut(piece, *places)[0][0], 1)
    whole = folded(piece)
    assert_same(Legs.merge(Legs.merge(first, second), third), whole)
    assert_same(Legs.merge(first, Legs.merge(second, third)), whole)


def test_long_pieces_merge_to_the_whole() -> None:
    """As above, with more frames than are held back, in any order of merging."""
    chance = random.Random(7)
    flags = [ACK, ACK, ACK, ACK | PUSH, SYN, RST, ACK | FIN]
    frames: list[bytes] = []
    for _ in range(6000):
        if frames and chance.random() < 0.3:
            frames.append(chance.choice(frames[-TWIN_FRAMES - 10 :]))
            continue
        segment = packets.tcp(
            src=1000 + chance.randrange(8), seq=chance.randrange(SPAN), ack=chance.randrange(SPAN),
            flags=chance.choice(flags), payload=b"." * chance.randrange(5),
        )  # fmt: skip
        frames.append(packets.ether(packets.ip4(6, segment, identity=chance.randrange(100))))
    times = [START + 300 * at for at in range(len(frames))]
    piece = frames, times, [0] * len(frames)
    whole = folded(piece)
    assert whole.totals["twins"] > 1000
    for places in ((3000, 4500), (10, 1000), (500, 5500), (2000, 3024), (5000, 5010)):
        parts = cut(piece, *places)
        first = folded(parts[0][0], 1)
        second, third = (folded(part, number, seam=True) for part, number in parts[1:])
        assert_same(Legs.merge(Legs.merge(first, second), third), whole)
        assert_same(Legs.merge(first, Legs.merge(second, third)), whole)


FACTORS = {"one hash for all": 0, "a hash for few bits": 1 << 60, "the hash": int(merge.FACTOR)}


@pytest.mark.parametrize("factor", FACTORS.values(), ids=FACTORS)
def test_legs_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch, factor: int) -> None:
    """Whatever hashes meet, and whoever made them meet: legs merge by their keys. Pieces may be used up."""
    monkeypatch.setattr(merge, "FACTOR", np.uint64(factor))
    frames = [
        packets.ether(packets.ip4(6, packets.tcp(src=port, seq=port * step)), src=mac)
        for step in range(2)
        for mac in ("00:01:aa:bb:cc:01", "00:01:aa:bb:cc:02")
        for port in range(1000, 1040)
    ]
    piece = frames, [START + 10**10 * at for at in range(len(frames))], [0] * len(frames)
    whole = folded(piece)
    assert len(whole.legs) == 80
    for place in (0, 30, 100, 159):
        (first, one), (second, two) = cut(piece, place)
        assert_same(Legs.merge(folded(first, one), folded(second, two), spend=True).whole(), whole.whole())
