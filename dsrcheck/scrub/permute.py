"""Keyed permutations: what gives every address another one, with none given twice, and no table to keep.

`permute` is a Feistel network (Luby and Rackoff, 1988). `prefix_permute` keeps prefixes as Crypto-PAn does (Xu, Fan,
Ammar, Moon, 2002): two addresses that share their first n bits still do, and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

Bits = tuple[int, int]
"""A prefix: (its bits as a number, how many they are)."""

ROUNDS = 6


def random_bits(key: bytes, purpose: bytes, value: int, round_: int = 0) -> int:
    """64 bits that depend on everything given, and tell nothing of it to whom the key is unknown."""
    text = round_.to_bytes(1, "big") + value.to_bytes(17, "big")
    return int.from_bytes(blake2b(text, key=key, person=purpose, digest_size=8).digest(), "big")


def permute(key: bytes, purpose: bytes, value: int, bits: int) -> int:
    """The place of `value` in a permutation of all numbers of `bits` bits, an even count up to 64."""
    half = bits // 2
    mask = (1 << half) - 1
    left, right = value >> half, value & mask
    for round_ in range(ROUNDS):
        left, right = right, left ^ (random_bits(key, purpose, right, round_) & mask)
    return left << half | right


def prefix_permute(key: bytes, purpose: bytes, value: int, bits: int, kept: Callable[[Bits], bool]) -> int:
    """A permutation of the numbers of `bits` bits that keeps common prefixes common, and those that `kept` names.

    `kept((prefix, length))`: whether the bit that follows that prefix stays as it is.
    """
    result = 0
    for length in range(bits):
        prefix = value >> (bits - length)
        bit = value >> (bits - length - 1) & 1
        flip = 0 if kept((prefix, length)) else random_bits(key, purpose, prefix | 1 << length) & 1
        result = result << 1 | bit ^ flip
    return result
