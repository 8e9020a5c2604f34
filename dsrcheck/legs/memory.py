"""Memory of big tables that goes back to the system before its owner is gone."""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

WAYS = [getattr(mmap, name) for name in ("MADV_REMOVE", "MADV_DONTNEED") if hasattr(mmap, name)]
"""How memory goes back (madvise(2)): the first is for what a file in memory holds, and refuses all else."""


def give_back(part: npt.NDArray[Any]) -> None:
    """Give the whole pages under a contiguous part of an array back, if a mapping of memory holds them.

    What is read there after that is not what was there (on Linux zeros). Other memory stays as it is. Of a file that is
    mapped to be written to, the file loses them as well: only for files that nobody has a name for.
    """
    memory = _mapping(part)
    if memory is None or not part.nbytes:
        return
    start = _address(part) - _address(np.frombuffer(memory, np.uint8))
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    last = (start + part.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        for way in WAYS:
            with suppress(OSError):
                memory.madvise(way, first, last - first)
                return


def _mapping(part: npt.NDArray[Any]) -> mmap.mmap | None:
    """The mapping that an array lies in, None if it lies elsewhere."""
    under: Any = part
    while isinstance(under, np.ndarray):
        under = under.base
    if isinstance(under, memoryview):
        under = under.obj
    return under if isinstance(under, mmap.mmap) else None


def _address(array: npt.NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
