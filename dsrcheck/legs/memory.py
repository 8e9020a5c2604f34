"""Memory of big tables that goes back to the system before its owner is gone."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


def give_back(part: npt.NDArray[Any]) -> None:
    """Give the whole pages under a contiguous part of an array back, if they are of a private mapping of memory.

    What is read there after that are zeros (madvise(2), MADV_DONTNEED). Other memory stays as it is.
    """
    memory = _mapping(part)
    if memory is None or not part.nbytes or not hasattr(mmap, "MADV_DONTNEED"):
        return
    start = _address(part) - _address(np.frombuffer(memory, np.uint8))
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    last = (start + part.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        memory.madvise(mmap.MADV_DONTNEED, first, last - first)


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
