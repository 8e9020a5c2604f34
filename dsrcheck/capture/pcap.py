"""Classic pcap: one interface, a fixed header before each frame. Format: draft-ietf-opsawg-pcap."""

from __future__ import annotations

import struct
from typing import Self

from dsrcheck.capture.batch import LONGEST_FRAME, Columns, Interface, Step
from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.framing import LONG_FRAME, MORE, load32, pcap_records
from dsrcheck.capture.linktypes import SUPPORTED, unsupported

HEADER = 24
_MICROSECOND = 1000
_NANOSECOND = 1
# Magic number: nanoseconds of the fraction's unit, bytes of a record header. The last is Alexey Kuznetsov's modified
# format, with the device index and the packet type behind the lengths.
_MAGICS = {0xA1B2C3D4: (_MICROSECOND, 16), 0xA1B23C4D: (_NANOSECOND, 16), 0xA1B2CD34: (_MICROSECOND, 24)}


def is_pcap(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a classic pcap file of either byte order."""
    return len(head) >= 4 and any(int.from_bytes(head[:4], order) in _MAGICS for order in ("little", "big"))


class PcapReader:
    """Reads the frames of a classic pcap file. Raises CaptureError on a header that leaves nothing to read.

    `big`: whether the most significant byte comes first. `tick`: nanoseconds of the unit of a time's fraction.
    """

    format = "pcap"
    start = HEADER
    dropped: int | None = None
    untimed = 0

    def __init__(self, path: str, head: bytes) -> None:
        if len(head) < HEADER:
            raise CaptureError(path, f"this pcap file ends inside its file header, after {len(head)} of {HEADER} bytes")
        self.preamble = bytes(head[:HEADER])
        self.big = int.from_bytes(head[:4], "big") in _MAGICS
        order = ">" if self.big else "<"
        magic, major, minor, _, _, snap_length, network = struct.unpack(f"{order}IHHiIII", head[:HEADER])
        if major != 2:
            raise CaptureError(path, f"this is a pcap file of version {major}.{minor}; only version 2 is known")
        link_type = network & 0x03FF_FFFF  # the bits above tell of a frame check sequence
        if link_type not in SUPPORTED:
            raise CaptureError(path, unsupported(link_type))
        self.tick, self._record_header = _MAGICS[magic]
        self.interfaces = [Interface(0, link_type, None, None, snap_length)]

    def fork(self) -> Self:
        """Return a reader to begin at any record: nothing that comes before it matters."""
        return self

    def agrees(self, guess: Self, untimed: int) -> bool:
        """Tell whether frames read with `guess` are read as after all that this reader has read."""
        return True

    def then(self, guess: Self, later: Self) -> Self:
        """Return this reader after another has read on."""
        return self

    def read(self, data: bytes | bytearray, position: int, columns: Columns) -> Step:
        """Read records from `position` on into the columns."""
        count, position, state = pcap_records(
            data,
            position,
            self.big,
            self._record_header,
            self.tick,
            columns.offset,
            columns.captured,
            columns.original,
            columns.time,
        )
        needed = 0
        damage = None
        if state == MORE:
            needed = self._record_header
            if len(data) - position >= needed:
                needed += load32(data, position + 8, self.big)
        elif state == LONG_FRAME:
            length = load32(data, position + 8, self.big)
            damage = f"the record claims {length} bytes, more than the {LONGEST_FRAME} that a frame can have"
        return Step(count, position, needed, damage)
