# cython: language_level=3, boundscheck=False, wraparound=False, annotation_typing=False
"""Where the fold keeps its tables: rows of 64-bit cells that grow by doubling, and an index that finds a row by hash.

Plain Python that Cython also compiles (types in rows.pxd).
"""

from __future__ import annotations

from array import array
from typing import Any

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if not cython.compiled:
    BLOCK = 1 << 20
    FIRST_ROWS = 16
    FIRST_SLOTS = 64
    TAG_BITS = 32


class Rows:
    """A table of `count` rows of `width` cells, one after another in `cells`; there is always room for one more.

    `limit`: how many rows it may have; whoever adds looks first. Compiled, `cells` is the address of the first cell,
    which is another one after `add` and `truncate`.
    """

    def __init__(self, width: int, limit: int) -> None:
        self.width = width
        self.limit = limit
        self.count = 0
        self.room = FIRST_ROWS
        self.memory = array("Q", [0]) * (width * FIRST_ROWS)
        self.point()

    def point(self) -> None:
        """Let `cells` be the memory."""
        if cython.compiled:
            view: Any = self.memory  # only for now: memory that is viewed cannot grow in place
            self.cells = cython.address(view[0])
        else:
            self.cells = self.memory

    def add(self) -> int:
        """Add a row of zeros and return the position of its first cell."""
        at = self.count * self.width
        self.count += 1
        if self.count == self.room:
            self.grow()
        return at

    def grow(self) -> None:
        """Double the room."""
        missing = 8 * self.width * self.room
        try:
            while missing > 0:  # in blocks: large zeros would be memory of their own
                self.memory.frombytes(bytes(min(missing, BLOCK)))
                missing -= BLOCK
        except BufferError:  # somebody looks at a buffer: leave it behind
            self.memory = self.memory[: self.width * self.room] + array("Q", [0]) * (self.width * self.room)
        self.room *= 2
        self.point()

    def truncate(self, count: int) -> None:
        """Keep the first `count` rows only; there is room for the others to come."""
        gone = (self.count - count) * self.width
        self.memory[count * self.width : count * self.width + gone] = array("Q", [0]) * gone
        self.count = count
        self.point()

    def buffer(self) -> memoryview:
        """The filled cells: a buffer of 64-bit unsigned integers that NumPy wraps without a copy."""
        return memoryview(self.memory)[: self.count * self.width]


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
        self.memory = array("Q", [0]) * FIRST_SLOTS
        self.point()

    def point(self) -> None:
        """Let `slots` be the memory."""
        if cython.compiled:
            self.slots = cython.address(self.memory[0])
        else:
            self.slots = self.memory

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
        old = self.memory
        size = self.mask + 1
        self.memory = array("Q", [0]) * (2 * size)
        self.mask = 2 * size - 1
        self.point()
        place = 0
        while place < size:
            if old[place]:
                self.put(old[place])
            place += 1

    def renumber(self, moved: array[int]) -> None:
        """Follow rows to their new places: `moved` holds a row's new number plus one, 0 for a row that is gone."""
        old = self.memory
        size = self.mask + 1
        self.clear()
        place = 0
        while place < size:
            row = old[place] & 0xFFFF_FFFF
            if row and moved[row - 1]:
                self.insert(old[place], moved[row - 1] - 1)
            place += 1
