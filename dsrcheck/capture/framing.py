# cython: boundscheck=False, wraparound=False, cdivision=True, annotation_typing=False
# The bounds are tested by hand, record by record, and every divisor is positive; framing.pxd holds the C types.
"""The loops over record headers, for classic pcap and for pcapng: the hot part of reading.

Plain Python that Cython also compiles. It only finds frames and reads their headers; what is rare (sections,
interfaces, statistics) and what is wrong is told by a state, for the caller to look at.
"""

from __future__ import annotations

from array import array

from dsrcheck.capture.batch import LONGEST_FRAME

MORE = 0
"""The next record is not there as a whole."""
FULL = 1
"""The columns are full."""
OTHER = 2
"""The next block is for the caller to read: a section, an interface, statistics, or one that counts as a frame."""
LONG_FRAME = 3
"""The next record claims more bytes than any frame has."""
BAD_LENGTH = 4
"""The next block's length is impossible, or differs from the one repeated at its end."""
NO_ROOM = 5
"""The next block is too short for what it says is in it."""
NO_INTERFACE = 6
"""The next block is of an interface that was not described."""

LONGEST_BLOCK = 16_777_216
"""Longest pcapng block that is read: far more than a frame with its options needs, and little to keep in memory."""

_NANO = 1_000_000_000
_LAST_TIME = 0x7FFF_FFFF_FFFF_FFFF

# A row of the interface table.
_MULTIPLIER = 0  # nanoseconds of a tick, 0 where a tick is not a whole number of them
_UNITS = 1  # ticks of a second
_SCALE = 2  # what both a fraction of a second and UNITS are divided by, so that the fraction fits into 64 bits
_SHIFT = 3  # nanoseconds to add
_SNAP = 4  # snap length in bytes, 0 for none
_LOST = 5  # drops that packet blocks told of, -1 while none spoke of drops
_STRIDE = 6

SECTION = 0x0A0D0D0A
INTERFACE = 1
STATISTICS = 5
JOURNAL = 9
CUSTOM = 0x0BAD
CUSTOM_LOCAL = 0x40000BAD  # not to be copied into other files
_PACKET = 2
_SIMPLE = 3
_ENHANCED = 6
_EPB_DROPCOUNT = 4
_UNKNOWN_DROPS = 0xFFFF


def interface_row(exponent: int, binary: bool, shift_seconds: int, snap_length: int) -> list[int]:
    """Return the row of one interface for the table that `pcapng_packets` reads.

    A tick is 10**-exponent s, or 2**-exponent s if `binary` (if_tsresol); `shift_seconds` is if_tsoffset. Ticks below
    an attosecond, and shifts of more than 200 years, are brought to these bounds.
    """
    units = 1 << min(exponent, 62) if binary else 10 ** min(exponent, 18)
    scale = 1
    if units > 1 << 34:
        scale = units >> 34 if binary else units // _NANO
    multiplier = _NANO // units if _NANO % units == 0 else 0
    shift = max(-6_311_520_000, min(shift_seconds, 6_311_520_000)) * _NANO
    return [multiplier, units, scale, shift, snap_length, -1]


def drops_of(table: array[int], row: int) -> int | None:
    """Return the drops that the packet blocks of one interface told of, None if they did not speak of drops."""
    lost = table[row * _STRIDE + _LOST]
    return None if lost < 0 else lost


def forget_drops(table: array[int]) -> array[int]:
    """Return the table as it was before packet blocks told of drops."""
    fresh = table[:]
    for place in range(_LOST, len(fresh), _STRIDE):
        fresh[place] = -1
    return fresh


def add_drops(table: array[int], earlier: array[int]) -> array[int]:
    """Return the table with the drops that packet blocks of an earlier piece of the capture told of."""
    both = table[:]
    for place in range(_LOST, len(earlier), _STRIDE):
        if earlier[place] >= 0:
            both[place] = earlier[place] + max(both[place], 0)
    return both


def load16(data: bytes | bytearray, at: int, big: bool) -> int:
    """Read 16 bits at `at`, most significant byte first if `big`."""
    if big:
        return data[at] << 8 | data[at + 1]
    return data[at + 1] << 8 | data[at]


def load32(data: bytes | bytearray, at: int, big: bool) -> int:
    """Read 32 bits at `at`, most significant byte first if `big`."""
    # Names, because a compiled shift of the bare byte would be of a signed 32-bit number.
    first, second, third, fourth = data[at], data[at + 1], data[at + 2], data[at + 3]
    if big:
        return first << 24 | second << 16 | third << 8 | fourth
    return fourth << 24 | third << 16 | second << 8 | first


def calls_for_care(kind: int) -> bool:
    """Tell whether a block, that holds no packet, must be read and not just passed over.

    A custom block and a systemd journal block are among them because Wireshark numbers them as frames.
    """
    return kind in (SECTION, INTERFACE, STATISTICS, JOURNAL, CUSTOM, CUSTOM_LOCAL)


def nanoseconds(table: array[int], row: int, high: int, low: int) -> int:
    """Return the time of a 64-bit stamp by the clock at `row` (an index into `table`), held within 1970 to 2262."""
    stamp = high << 32 | low
    last = _LAST_TIME
    multiplier = table[row + _MULTIPLIER]
    if multiplier > 0:
        time = stamp * multiplier if stamp <= last // multiplier else last
    else:
        units = table[row + _UNITS]
        scale = table[row + _SCALE]
        seconds = stamp // units
        if seconds < last // _NANO:
            time = seconds * _NANO + (stamp % units) // scale * _NANO // (units // scale)
        else:
            time = last
    shift = table[row + _SHIFT]
    if shift > 0 and time > last - shift:
        return last
    if shift < 0 and time < -shift:
        return 0
    return time + shift


def dropcount(data: bytes | bytearray, at: int, stop: int, big: bool) -> int:
    """Return the drop count (epb_dropcount) among the options from `at` to `stop`, -1 if there is none."""
    while stop - at >= 4:
        code = load16(data, at, big)
        length = load16(data, at + 2, big)
        at += 4
        if code == 0 or length > stop - at:
            return -1
        if code == _EPB_DROPCOUNT and length == 8:
            high, low = (load32(data, at, big), load32(data, at + 4, big))
            if not big:
                high, low = low, high
            return low if high == 0 else -1  # more than four billion drops before one frame: no count, but damage
        at += (length + 3) // 4 * 4
    return -1


def pcap_records(
    data: bytes | bytearray,
    start: int,
    big: bool,
    header: int,
    tick: int,
    offset: array[int],
    captured: array[int],
    original: array[int],
    time: array[int],
) -> tuple[int, int, int]:
    """Read the headers of classic pcap records from `start` on into the columns, as many as these have room for.

    `header`: bytes of a record header (16, or 24 in the modified format). `tick`: nanoseconds of the second time field.
    Returns how many frames were found, where the next record starts, and the state (MORE, FULL or LONG_FRAME).
    """
    at = start
    count = 0
    stop = len(data)
    room = len(offset)
    longest = LONGEST_FRAME
    while count < room:
        if stop - at < header:
            return count, at, MORE
        length = load32(data, at + 8, big)
        if length > longest:
            return count, at, LONG_FRAME
        if stop - at - header < length:
            return count, at, MORE
        time[count] = load32(data, at, big) * _NANO + load32(data, at + 4, big) * tick
        offset[count] = at + header
        captured[count] = length
        original[count] = load32(data, at + 12, big)
        count += 1
        at += header + length
    return count, at, FULL


def pcapng_packets(
    data: bytes | bytearray,
    start: int,
    big: bool,
    first_interface: int,
    interfaces: int,
    table: array[int],
    last_time: int,
    offset: array[int],
    captured: array[int],
    original: array[int],
    time: array[int],
    interface: array[int],
) -> tuple[int, int, int, int]:
    """Read pcapng packet blocks from `start` on into the columns, and pass over blocks that say nothing of frames.

    `table`: rows of `interface_row`, for all interfaces; the section at hand has `interfaces` of them, the first of
    which is number `first_interface`. `last_time`: that of the frame before, for simple packet blocks, which have none.
    Returns how many frames were found, how many of them had no time, where the next block starts, and the state.
    """
    at = start
    count = 0
    untimed = 0
    stop = len(data)
    room = len(offset)
    longest = LONGEST_FRAME
    longest_block = LONGEST_BLOCK
    while count < room:
        if stop - at < 12:
            return count, untimed, at, MORE
        kind = load32(data, at, big)
        packet = kind in (_ENHANCED, _SIMPLE, _PACKET)
        if not packet and calls_for_care(kind):
            return count, untimed, at, OTHER
        stated = load32(data, at + 4, big)
        if stated < 12 or stated > longest_block:
            return count, untimed, at, BAD_LENGTH
        total = (stated + 3) // 4 * 4  # some writers leave the padding out of the length
        if stop - at < total:
            return count, untimed, at, MORE
        if load32(data, at + total - 4, big) != stated:
            return count, untimed, at, BAD_LENGTH
        if not packet:
            at += total
            continue
        head = 12 if kind == _SIMPLE else 28
        if total < head + 4:
            return count, untimed, at, NO_ROOM
        number = 0
        lost = -1
        if kind == _ENHANCED:
            number = load32(data, at + 8, big)
        elif kind == _PACKET:
            number = load16(data, at + 8, big)
            lost = load16(data, at + 10, big)
            if lost == _UNKNOWN_DROPS:
                lost = -1
        if number >= interfaces:
            return count, untimed, at, NO_INTERFACE
        row = (first_interface + number) * _STRIDE
        if kind == _SIMPLE:
            wire = load32(data, at + 8, big)
            snap = table[row + _SNAP]
            length = snap if 0 < snap < wire else wire
            when = last_time
        else:
            length = load32(data, at + 20, big)
            wire = load32(data, at + 24, big)
            when = nanoseconds(table, row, load32(data, at + 12, big), load32(data, at + 16, big))
        if length > longest:
            return count, untimed, at, LONG_FRAME
        padded = (length + 3) // 4 * 4
        if padded > total - head - 4:
            return count, untimed, at, NO_ROOM
        if kind == _ENHANCED and total - head - 4 - padded >= 4:
            lost = dropcount(data, at + head + padded, at + total - 4, big)
        if lost >= 0:
            table[row + _LOST] = lost + (table[row + _LOST] if table[row + _LOST] > 0 else 0)
        last_time = when
        time[count] = when
        offset[count] = at + head
        captured[count] = length
        original[count] = wire
        interface[count] = first_interface + number
        count += 1
        untimed += kind == _SIMPLE
        at += total
    return count, untimed, at, FULL
