# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
"""Finds the exact copies that a mirror delivers: same bytes, MACs and all, within a moment.

Plain Python that Cython also compiles (types in twins.pxd).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if TYPE_CHECKING:
    from dsrcheck.kernel.decode import Buffer

TWIN_FRAMES = 512
TWIN_WINDOW = 1_000_000

if not cython.compiled:
    from hashlib import blake2b

    FRAMES, WINDOW, SLOTS = TWIN_FRAMES, TWIN_WINDOW, 8 * TWIN_FRAMES

FACTOR = 0x9E37_79B9_7F4A_7C15


class Twins:
    """Remembers digests and times of the last TWIN_FRAMES frames.

    A frame is a twin when the last frame with the same bytes, length and interface is one of them, and its time differs
    by at most TWIN_WINDOW nanoseconds. Because that many frames decide, and no others, a piece of a capture can begin
    with those remembered of the piece before, and then finds the same twins as one that read the whole.
    """

    def __init__(self) -> None:
        self.number = 0
        # A ring of frames of four cells: digest, time, number of the last frame before in the same slot, and a spare.
        self.ring = array("Q", bytes(8 * 4 * FRAMES))
        # Last frame of each slot; a digest's low bits are its slot. Most are free, which a processor can foresee.
        self.slots = array("Q", bytes(8 * SLOTS))

    def seen(self, data: Buffer, offset: int, captured: int, original: int, interface: int, time: int) -> int:
        """Remember a frame, and tell (1 or 0) whether it is a twin."""
        return self.remember(digest(data, offset, captured, original, interface), time)

    def remember(self, key: int, time: int) -> int:
        """`seen` by digest."""
        if cython.compiled:
            ring = cython.address(self.ring[0])
        else:
            ring = self.ring
        slot = key & (SLOTS - 1)
        last = self.slots[slot]
        n = last
        twin = 0
        while n > 0 and n + FRAMES > self.number:
            at = (n & (FRAMES - 1)) * 4
            if ring[at] == key:
                before = ring[at + 1]
                twin = 1 if (time - before if time > before else before - time) <= WINDOW else 0
                break
            n = ring[at + 2]
        self.number += 1
        at = (self.number & (FRAMES - 1)) * 4
        ring[at] = key
        ring[at + 1] = time
        ring[at + 2] = last
        self.slots[slot] = self.number
        return twin

    def tail(self) -> array[int]:
        """Digests and times of the frames remembered, by turns, the oldest first."""
        remembered = array("Q")
        for n in range(max(1, self.number - FRAMES + 1), self.number + 1):
            at = (n & (FRAMES - 1)) * 4
            remembered.append(self.ring[at])
            remembered.append(self.ring[at + 1])
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
    # Four lanes, so that the processor multiplies four words at a time; the last word may overlap the one before.
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
    if left >= 8:
        a = (a ^ load(p)) * FACTOR
        a ^= a >> 32
    if left >= 16:
        b = (b ^ load(p + 8)) * FACTOR
        b ^= b >> 32
    if left >= 24:
        c = (c ^ load(p + 16)) * FACTOR
        c ^= c >> 32
    if captured >= 8:
        d = (d ^ load(p + (left - 8))) * FACTOR
        d ^= d >> 32
    else:
        while left > 0:
            d = (d ^ p[0]) * FACTOR
            d ^= d >> 32
            p = p + 1
            left -= 1
    a = (a ^ (b << 1 | b >> 63)) * FACTOR
    c = (c ^ (d << 1 | d >> 63)) * FACTOR
    a ^= a >> 29
    a = (a ^ c) * FACTOR
    a ^= a >> 32
    return a


def load(p: Sequence[int]) -> int:
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
