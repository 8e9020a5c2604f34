# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
"""Numbers the distinct rows of some columns, by hash: what grouping, joining and merging of tables rest on.

Plain Python that Cython also compiles (types in numbering.pxd).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dsrcheck.kernel.rows import Index

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

Int64 = npt.NDArray[np.int64]

MASK = 0xFFFF_FFFF_FFFF_FFFF
MASK_32 = 0xFFFF_FFFF
FACTOR = 0x9E37_79B9_7F4A_7C15


def number_rows(columns: Sequence[npt.NDArray[np.integer]]) -> tuple[Int64, Int64]:
    """(the number of each row of some integer columns, the first row of each number), both int64.

    Equal rows have one number; numbers count from 0 in order of appearance.
    """
    count = len(columns[0])
    keys = np.empty((count, len(columns)), np.uint64)
    for place, values in enumerate(columns):
        keys[:, place] = values
    numbers, leaders = np.empty(count, np.int64), np.empty(count, np.int64)
    found = fill(keys.reshape(-1), len(columns), numbers, leaders) if count else 0
    return numbers, leaders[:found].copy()


def fill(keys: Any, width: int, numbers: Any, leaders: Any) -> int:
    """Number the rows of `width` cells in `keys`, and return how many distinct ones there are."""
    index = Index()
    seed = int.from_bytes(os.urandom(8), "little")  # nobody may know beforehand which rows meet in one slot
    if cython.compiled:
        return number(
            cython.address(keys[0]),
            width,
            len(numbers),
            cython.address(numbers[0]),
            cython.address(leaders[0]),
            index,
            seed,
        )
    return number(keys.tolist(), width, len(numbers), numbers, leaders, index, seed)


def number(keys: Any, width: int, count: int, numbers: Any, leaders: Any, index: Index, seed: int) -> int:
    """`fill` on bare memory: `leaders` holds the first row of each number so far."""
    found = 0
    row = 0
    while row < count:
        at = row * width
        h = seed
        cell = 0
        while cell < width:
            h = ((h ^ keys[at + cell]) * FACTOR) & MASK
            h ^= h >> 32
            cell += 1
        h = (h * FACTOR) & MASK
        tag = h >> 32
        slots = index.slots
        mask = index.mask
        place = tag & mask
        known = -1
        while slots[place]:
            if slots[place] >> 32 == tag:
                known = (slots[place] & MASK_32) - 1
                other = leaders[known] * width
                cell = 0
                while cell < width and keys[other + cell] == keys[at + cell]:
                    cell += 1
                if cell == width:
                    break
                known = -1
            place = (place + 1) & mask
        if known < 0:
            known = found
            leaders[found] = row
            index.insert(h, found)
            found += 1
        numbers[row] = known
        row += 1
    return found
