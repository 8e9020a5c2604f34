# cython: language_level=3, boundscheck=False, wraparound=False, annotation_typing=False
"""Finds the exact copies that a mirror delivers: same bytes, MACs and all, within a moment.

Plain Python that Cython also compiles (types in twins.pxd).
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if TYPE_CHECKING:
    from dsrcheck.kernel.decode import Buffer

TWIN_FRAMES = 1024
TWIN_WINDOW = 1_000_000

if not cython.compiled:
    FRAMES, WINDOW, SLOTS = TWIN_FRAMES, TWIN_WINDOW, 2 * TWIN_FRAMES

FACTOR = 0x9E37_79B9_7F4A_7C15


class Twins:
    """Remembers digests and times of the last TWIN_FRAMES frames.

    A frame is a twin when the last frame with the same bytes, length and interface is one of them, and its time differs
    by at most TWIN_WINDOW nanoseconds. Because that many frames decide, and no others, a piece of a capture can begin
    with those remembered of the piece before, and then finds the same twins as one that read the whole.
    """

    def __init__(self) -> None:
        self.number = 0
        # Rings over frames: digest, time, and the number of the frame before that has the same slot.
        self.digests = array("Q", bytes(8 * FRAMES))
        self.times = array("q", bytes(8 * FRAMES))
        self.before = array("q", bytes(8 * FRAMES))
        # Last frame of each slot; a digest's low bits are its slot.
        self.slots = array("q", bytes(8 * SLOTS))

    def seen(self, data: Buffer, offset: int, captured: int, original: int, interface: int, time: int) -> int:
        """Remember a frame, and tell (1 or 0) whether it is a twin."""
        return self.remember(digest(data, offset, captured, original, interface), time)

    def remember(self, key: int, time: int) -> int:
        """`seen` by digest."""
        slot = key & (SLOTS - 1)
        last = self.slots[slot]
        n = last
        twin = 0
        while n > 0 and n + FRAMES > self.number:
            if self.digests[n & (FRAMES - 1)] == key:
                apart = time - self.times[n & (FRAMES - 1)]
                if apart <= WINDOW and apart >= -WINDOW:
                    twin = 1
                break
            n = self.before[n & (FRAMES - 1)]
        self.number += 1
        place = self.number & (FRAMES - 1)
        self.digests[place] = key
        self.times[place] = time
        self.before[place] = last
        self.slots[slot] = self.number
        return twin

    def tail(self) -> array[int]:
        """Digests and times of the frames remembered, by turns, the oldest first."""
        remembered = array("Q")
        n = max(1, self.number - FRAMES + 1)
        while n <= self.number:
            remembered.append(self.digests[n & (FRAMES - 1)])
            remembered.append(self.times[n & (FRAMES - 1)])
            n += 1
        return remembered

    def resume(self, tail: array[int]) -> None:
        """Remember the frames of another's `tail`."""
        for place in range(0, len(tail), 2):
            self.remember(tail[place], tail[place + 1])


def digest(data: Buffer, offset: int, captured: int, original: int, interface: int) -> int:
    """64 bits that tell frames apart. Only ever compared with each other, so compiled and interpreted may differ."""
    if not cython.compiled:
        lengths = b"%d %d" % (original, interface)
        return int.from_bytes(
            blake2b(data[offset : offset + captured], digest_size=8, salt=lengths[:16]).digest(), "little"
        )
    # Four lanes, so that the processor multiplies four words at a time.
    p: Any = cython.address(data[offset])
    left = captured
    a: int = original
    b, c, d = interface, captured, FACTOR
    while left >= 32:
        a = (a ^ load(p)) * FACTOR
        b = (b ^ load(p + 8)) * FACTOR
        c = (c ^ load(p + 16)) * FACTOR
        d = (d ^ load(p + 24)) * FACTOR
        a ^= a >> 32
        b ^= b >> 32
        c ^= c >> 32
        d ^= d >> 32
        p = p + 32
        left -= 32
    while left >= 8:
        a = (a ^ load(p)) * FACTOR
        a ^= a >> 32
        p = p + 8
        left -= 8
    while left > 0:
        b = (b ^ p[0]) * FACTOR
        b ^= b >> 32
        p = p + 1
        left -= 1
    a = (a ^ b) * FACTOR
    a ^= a >> 29
    a = (a ^ c) * FACTOR
    a ^= a >> 31
    a = (a ^ d) * FACTOR
    a ^= a >> 32
    return a


def load(p: Any) -> int:
    """Eight bytes as a little-endian number (in this form compilers make one load of it)."""
    a = p[0]
    b = p[1]
    c = p[2]
    d = p[3]
    e = p[4]
    f = p[5]
    g = p[6]
    h = p[7]
    return a | b << 8 | c << 16 | d << 24 | e << 32 | f << 40 | g << 48 | h << 56
