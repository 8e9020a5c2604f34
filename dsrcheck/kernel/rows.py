# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
"""Where the fold keeps its tables: rows of 64-bit cells that grow by doubling, and an index that finds a row by hash.

Plain Python that Cython also compiles (types in rows.pxd).
"""

from __future__ import annotations

import mmap
from array import array
from typing import Any

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if not cython.compiled:
    FIRST_ROWS = 16
    FIRST_SLOTS = 64
    TAG_BITS = 32

LARGE = 1 << 22
"""Bytes from which on memory is asked for in large pages, where the system has them: it finds them with less effort."""


def zeros(size: int) -> mmap.mmap:
    """Memory of `size` bytes, all zero, of our own: what was never written to costs nothing."""
    if hasattr(mmap, "MAP_PRIVATE"):
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    else:
        memory = mmap.mmap(-1, size)
    advise(memory)
    return memory


def advise(memory: mmap.mmap) -> None:
    """Ask for large pages if the memory is large; a system that has none of them may refuse."""
    if len(memory) >= LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            return


class Rows:
    """A table of `count` rows of `width` cells, one after another; there is always room for one more.

    `cells`, `halves` and `octets` are the same memory in units of 64, 32 and 8 bits. `limit`: how many rows it may
    have; whoever adds looks first. Compiled, these three are addresses, which are others after `add` and `truncate`.
    """

    def __init__(self, width: int, limit: int) -> None:
        self.width = width
        self.limit = limit
        self.count = 0
        self.room = FIRST_ROWS
        self.memory = zeros(8 * width * FIRST_ROWS)
        self.point()

    def point(self) -> None:
        """Let `cells`, `halves` and `octets` be the memory."""
        view: Any = memoryview(self.memory).cast("Q")
        if cython.compiled:  # the view only for now: memory that is viewed cannot grow in place
            self.cells = cython.address(view[0])
            self.halves = cython.cast("unsigned int*", self.cells)
            self.octets = cython.cast("unsigned char*", self.cells)
        else:
            self.cells, self.octets = view, memoryview(self.memory)
            self.halves = self.octets.cast("I")

    def add(self) -> int:
        """Add a row of zeros and return the position of its first cell."""
        at = self.count * self.width
        self.count += 1
        if self.count == self.room:
            self.grow()
        return at

    def grow(self) -> None:
        """Double the room."""
        if not cython.compiled:
            for view in (self.cells, self.halves, self.octets):
                view.release()
        self.room *= 2
        size = 8 * self.width * self.room
        try:
            self.memory.resize(size)
            advise(self.memory)
        except (BufferError, SystemError):  # somebody looks at a buffer, or this system cannot: leave it behind
            old = self.memory
            self.memory = zeros(size)
            with memoryview(old) as before, memoryview(self.memory) as after:
                after[: len(before)] = before
        self.point()

    def truncate(self, count: int) -> None:
        """Keep the first `count` rows only; there is room for the others to come."""
        place = count * self.width
        while place < self.count * self.width:
            self.cells[place] = 0
            place += 1
        self.count = count

    def buffer(self) -> memoryview:
        """The filled cells: a buffer of 64-bit unsigned integers that NumPy wraps without a copy."""
        return memoryview(self.memory).cast("Q")[: self.count * self.width]


class Index:
    """Finds rows by a 64-bit hash: open addressing with linear probing, at most half full.

    A slot holds 32 bits of the hash (the tag) above the row's number plus one; 0 is a free slot. The tag also tells
    where to look first, so the table grows without another look at the rows. Whoever looks compares tag, then row.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.used = 0
        self.mask = FIRST_SLOTS - 1
        self.memory = zeros(8 * FIRST_SLOTS)
        self.point()

    def point(self) -> None:
        """Let `slots` be the memory."""
        view: Any = memoryview(self.memory).cast("Q")
        if cython.compiled:
            self.slots = cython.address(view[0])
        else:
            self.slots = view

    def insert(self, key: int, row: int) -> None:
        """Note that `row`, which is not in the index, has the hash `key`."""
        if 2 * self.used > self.mask:
            self.grow()
        self.put(key >> TAG_BITS << TAG_BITS | (row + 1))
        self.used += 1

    def put(self, entry: int) -> None:
        """Store a slot's content at its place."""
        place = (entry >> TAG_BITS) & self.mask
        while self.slots[place]:
            place = (place + 1) & self.mask
        self.slots[place] = entry

    def grow(self) -> None:
        """Double the number of slots."""
        old: Any = memoryview(self.memory).cast("Q")
        size = self.mask + 1
        self.memory = zeros(16 * size)
        self.mask = 2 * size - 1
        self.point()
        place = 0
        while place < size:
            if old[place]:
                self.put(old[place])
            place += 1

    def renumber(self, moved: array[int]) -> None:
        """Follow rows to their new places: `moved` holds a row's new number plus one, 0 for a row that is gone."""
        old: Any = memoryview(self.memory).cast("Q")
        size = self.mask + 1
        self.clear()
        place = 0
        while place < size:
            row = old[place] & 0xFFFF_FFFF
            if row and moved[row - 1]:
                self.insert(old[place], moved[row - 1] - 1)
            place += 1
