"""What a reader hands on: the interfaces of a capture, and frames by the thousand."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

LONGEST_FRAME = 262_144
"""Most bytes captured of one frame: what libpcap and Wireshark take (MAXIMUM_SNAPLEN, WTAP_MAX_PACKET_SIZE_STANDARD)."""


@dataclass(frozen=True)
class Interface:
    """One interface of a capture: where its frames were seen.

    `index`: its number in the capture, from 0, over all sections. `link_type`: LINKTYPE number (linktypes.py).
    `snap_length`: most bytes kept of a frame, 0 for no limit.
    """

    index: int = 0
    link_type: int = 1
    name: str | None = None
    description: str | None = None
    snap_length: int = LONGEST_FRAME


@dataclass(frozen=True)
class Batch:
    """Consecutive frames of one capture. The columns are `array('q')` of length `count`.

    `data` holds the bytes of all of them (and of what stands between them in the file); frame `i` is
    `data[offset[i] : offset[i] + captured[i]]`. `original`: length on the wire in bytes. `time`: nanoseconds since 1970 UTC.
    `interface`: index into `Capture.interfaces`. `first_number`: number of the first frame, counted from 1.
    """

    data: bytes | bytearray | memoryview
    count: int
    offset: array[int]
    captured: array[int]
    original: array[int]
    time: array[int]
    interface: array[int]
    first_number: int
