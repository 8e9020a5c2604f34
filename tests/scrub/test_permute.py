"""Keyed permutations: nothing is given twice, and prefixes stay as common as they were."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.scrub.permute import permute, prefix_permute

KEY = b"k" * 32


def never(_prefix: tuple[int, int]) -> bool:
    """Keep no bit."""
    return False


def test_a_permutation_reaches_every_number_once() -> None:
    """All numbers of a width come out, in another order."""
    found = [permute(KEY, b"test", number, 12) for number in range(1 << 12)]
    assert sorted(found) == list(range(1 << 12))
    assert found != sorted(found)


def test_key_and_purpose_decide() -> None:
    """Another key, or another purpose, gives another order."""
    orders = {
        tuple(permute(key, purpose, number, 8) for number in range(256))
        for key in (KEY, b"other")
        for purpose in (b"a", b"b")
    }
    assert len(orders) == 4


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_common_prefixes_stay_common(one: int, other: int) -> None:
    """Two numbers agree in as many first bits as before, and no more."""
    new_one, new_other = (prefix_permute(KEY, b"test", number, 32, never) for number in (one, other))
    assert (new_one ^ new_other).bit_length() == (one ^ other).bit_length()


def test_a_kept_block_is_neither_left_nor_entered() -> None:
    """With the bits on the way to a block kept, its numbers stay in it and all others stay out."""
    block, length = 0b1010, 4
    on_the_way = {(block >> (length - bits), bits) for bits in range(length)}
    moved = defaultdict(set)
    for number in range(1 << 10):
        new = prefix_permute(KEY, b"test", number, 10, on_the_way.__contains__)
        moved[number >> 6 == block].add(new >> 6 == block)
    assert moved == {True: {True}, False: {False}}
