"""pcapng: blocks, in sections of their own byte order, of many interfaces. Format: draft-ietf-opsawg-pcapng."""

from __future__ import annotations

import copy
import struct
from array import array
from collections.abc import Iterator
from typing import Self

from dsrcheck.capture.batch import LONGEST_FRAME, Columns, Interface, Step
from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.framing import (
    BAD_LENGTH,
    INTERFACE,
    LONG_FRAME,
    LONGEST_BLOCK,
    MORE,
    NO_INTERFACE,
    NO_ROOM,
    OTHER,
    SECTION,
    STATISTICS,
    add_drops,
    drops_of,
    forget_drops,
    interface_row,
    load32,
    pcapng_packets,
)
from dsrcheck.capture.write import BYTE_ORDER_MAGIC

MAGIC = b"\x0a\x0d\x0d\x0a"
MOST_INTERFACES = 16_384
"""Interfaces that a capture may have: each costs memory for as long as the capture is read."""
_LONGEST_NAME = 256
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
SECTION_HEADER = 28

_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_TSOFFSET = 2, 3, 9, 14
_KEPT = (_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_TSOFFSET)
_ISB_IFDROP, _ISB_OSDROP = 5, 7

_DAMAGES = {
    BAD_LENGTH: "the length of the block is impossible, or not the one repeated at its end",
    LONG_FRAME: f"the block claims a frame of more than {LONGEST_FRAME} bytes",
    NO_ROOM: "the block is too short for what it says is in it",
    NO_INTERFACE: "the block is of an interface that the file does not describe",
}


class PcapngReader:
    """Reads the frames of a pcapng file. Raises CaptureError on a first section header that leaves nothing to read.

    `interfaces` grows while blocks are read; interfaces of a later section come after those of the sections before.
    `big`: whether the most significant byte comes first in the section at hand.
    `untimed`: frames of simple packet blocks, which have no time; they are given that of the frame before (0 if none).
    """

    format = "pcapng"
    start = 0

    def __init__(self, path: str, head: bytes) -> None:
        self.interfaces: list[Interface] = []
        self.untimed = 0
        self.big = False
        self._first_interface = 0
        self._table = array("q")
        self._statistics: dict[int, int] = {}
        self._section_blocks: list[bytes] = []
        self._last_time = 0
        self._read_any = False
        if len(head) < SECTION_HEADER:
            raise CaptureError(path, f"this pcapng file ends inside its section header, after {len(head)} bytes")
        damage = self._section(head)
        if damage is not None:
            raise CaptureError(path, f"this pcapng file cannot be read: {damage}")

    @property
    def preamble(self) -> bytes:
        """The header of the section that is being read, and its interfaces."""
        return b"".join(self._section_blocks)

    @property
    def dropped(self) -> int | None:
        """Frames that the file says were lost, None if it says nothing of it.

        Statistics and packet blocks tell of the same losses: per interface the larger count holds.
        """
        told = []
        for index in range(len(self.interfaces)):
            counts = [drops_of(self._table, index), self._statistics.get(index)]
            told += [max(count for count in counts if count is not None)] if counts != [None, None] else []
        return sum(told) if told else None

    def fork(self) -> Self:
        """Return a reader that goes on where this one is, and has counted nothing yet."""
        later = copy.copy(self)
        later.interfaces = list(self.interfaces)
        later.untimed = 0
        later._section_blocks = list(self._section_blocks)
        later._table = forget_drops(self._table)
        later._statistics = {}
        later._read_any = False
        return later

    def agrees(self, guess: Self, untimed: int) -> bool:
        """Tell whether frames read with `guess` are read as after all that this reader has read.

        Section, byte order, interfaces and their clocks must be the same, and the time of the frame before if there
        were `untimed` frames, to which it may have been given.
        """
        return (
            self.big == guess.big
            and self._first_interface == guess._first_interface
            and self.interfaces == guess.interfaces
            and forget_drops(self._table) == forget_drops(guess._table)
            and (not untimed or self._last_time == guess._last_time)
        )

    def then(self, guess: Self, later: Self) -> Self:
        """Return this reader after another, that began as `guess`, has read on."""
        whole = copy.copy(later)
        whole.untimed = self.untimed + later.untimed
        whole._statistics = self._statistics | later._statistics
        whole._table = add_drops(later._table, self._table)
        whole._read_any = self._read_any or later._read_any
        if not later._read_any:
            whole._last_time = self._last_time
        return whole

    def read(self, data: bytes | bytearray, position: int, columns: Columns) -> Step:
        """Read blocks from `position` on into the columns."""
        while True:
            count, untimed, position, state = pcapng_packets(
                data,
                position,
                self.big,
                self._first_interface,
                len(self.interfaces) - self._first_interface,
                self._table,
                self._last_time,
                columns.offset,
                columns.captured,
                columns.original,
                columns.time,
                columns.interface,
            )
            self.untimed += untimed
            if count:
                self._last_time = columns.time[count - 1]
                self._read_any = True
            if state == MORE:
                return Step(count, position, self._needed(data, position))
            if state in _DAMAGES:
                return Step(count, position, damage=_DAMAGES[state])
            if count or state != OTHER:
                return Step(count, position)
            step = self._other(data, position)
            if step.needed or step.damage or step.passed:
                return step
            position = step.position

    def _needed(self, data: bytes | bytearray, position: int) -> int:
        if len(data) - position < 12:
            return 12
        return (load32(data, position + 4, self.big) + 3) // 4 * 4

    def _other(self, data: bytes | bytearray, position: int) -> Step:
        """Read one block that holds no packet. The kernel has made sure of 12 bytes."""
        kind = load32(data, position, self.big)
        if kind == SECTION:
            if len(data) - position < SECTION_HEADER:
                return Step(0, position, SECTION_HEADER)
            damage = self._section(data[position : position + SECTION_HEADER])
            if damage is not None:
                return Step(0, position, damage=damage)
        stated = load32(data, position + 4, self.big)
        total = (stated + 3) // 4 * 4
        if not (SECTION_HEADER if kind == SECTION else 12) <= stated <= LONGEST_BLOCK:
            return Step(0, position, damage=_DAMAGES[BAD_LENGTH])
        if len(data) - position < total:
            return Step(0, position, total)
        if load32(data, position + total - 4, self.big) != stated:
            return Step(0, position, damage=_DAMAGES[BAD_LENGTH])
        body = bytes(data[position + 8 : position + total - 4])
        damage = None
        if kind == INTERFACE:
            damage = self._interface(body)
        elif kind == STATISTICS:
            self._count_drops(body)
        passed = 0 if kind in (SECTION, INTERFACE, STATISTICS) else 1
        return Step(0, position if damage else position + total, damage=damage, passed=passed)

    def _section(self, header: bytes | bytearray) -> str | None:
        """Begin a section; return why that cannot be."""
        order = _BYTE_ORDERS.get(bytes(header[8:12]))
        if order is None:
            return "the section header has no byte-order magic"
        major, minor = struct.unpack_from(f"{order}HH", header, 12)
        if major != 1:
            return f"the section is of pcapng version {major}.{minor}; only version 1 is known"
        self.big = order == ">"
        self._first_interface = len(self.interfaces)
        # Length -1: not known, the section runs to the next one.
        header = struct.pack(f"{self._order}IHHq", BYTE_ORDER_MAGIC, major, minor, -1)
        self._section_blocks = [self._block(SECTION, header)]
        return None

    def _interface(self, body: bytes) -> str | None:
        """Take note of an interface; return why that cannot be."""
        if len(body) < 8:
            return _DAMAGES[NO_ROOM]
        if len(self.interfaces) >= MOST_INTERFACES:
            return f"the file describes more than {MOST_INTERFACES} interfaces"
        link_type, _, snap_length = struct.unpack_from(f"{self._order}HHI", body)
        found = dict(self._options(body, 8))
        resolution = found.get(_IF_TSRESOL, b"\x06")
        ticks = resolution[0] if len(resolution) == 1 else 6
        shift = found.get(_IF_TSOFFSET, bytes(8))
        seconds = struct.unpack(f"{self._order}q", shift)[0] if len(shift) == 8 else 0
        name = _text(found.get(_IF_NAME))
        index = len(self.interfaces)
        self.interfaces.append(Interface(index, link_type, name, _text(found.get(_IF_DESCRIPTION)), snap_length))
        self._table.extend(interface_row(ticks & 0x7F, ticks >= 0x80, seconds, snap_length))
        self._section_blocks.append(self._block(INTERFACE, body[:8] + self._kept_options(found)))
        return None

    def _kept_options(self, found: dict[int, bytes]) -> bytes:
        """The options of an interface that frames need to be understood, and its names."""
        kept = {code: found[code][:_LONGEST_NAME] for code in _KEPT if code in found}
        parts = [
            struct.pack(f"{self._order}HH", code, len(value)) + value + bytes(-len(value) % 4)
            for code, value in kept.items()
        ]
        return b"".join(parts) + bytes(4)

    def _block(self, kind: int, body: bytes) -> bytes:
        length = 12 + len(body)
        head = struct.pack(f"{self._order}II", kind, length)
        return head + body + struct.pack(f"{self._order}I", length)

    def _count_drops(self, body: bytes) -> None:
        """Take the drops of a statistics block; a later one of the same interface counts from the start again."""
        if len(body) < 12:
            return
        number = self._first_interface + struct.unpack_from(f"{self._order}I", body)[0]
        found = dict(self._options(body, 12))
        counts = [found[code] for code in (_ISB_IFDROP, _ISB_OSDROP) if len(found.get(code, b"")) == 8]
        if counts and number < len(self.interfaces):
            self._statistics[number] = sum(struct.unpack(f"{self._order}Q", count)[0] for count in counts)

    @property
    def _order(self) -> str:
        return ">" if self.big else "<"

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """Yield the options of a block as code and value, as far as they are whole."""
        while len(body) - at >= 4:
            code, length = struct.unpack_from(f"{self._order}HH", body, at)
            at += 4
            if code == 0 or length > len(body) - at:
                return
            yield code, body[at : at + length]
            at += (length + 3) // 4 * 4


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    return value[:_LONGEST_NAME].decode("utf-8", "replace").rstrip("\0")
