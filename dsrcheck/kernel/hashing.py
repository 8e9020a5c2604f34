# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
"""The hash by which a packet is known again on another leg, whatever MACs, addresses and TTL it has there.

Plain Python that Cython also compiles (types in hashing.pxd): the same numbers both ways, and in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if TYPE_CHECKING:
    from dsrcheck.kernel.decode import Buffer, Frame

MASK = 0xFFFF_FFFF_FFFF_FFFF
FACTOR = 0x9E37_79B9_7F4A_7C15  # 2**64 divided by the golden ratio: odd, its bits spread evenly
FINAL_FACTOR = 0xBF58_476D_1CE4_E5B9  # that of splitmix64's first step
PREFIX = 16  # bytes of payload that count; `hash_cut` of a leg counts the packets captured too short for it

if not cython.compiled:
    PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_ICMPV6 = 1, 6, 58


def packet_hash(frame: Frame, data: Buffer, reach: int) -> int:
    """A strong 64-bit hash of a decoded packet (`reach` 3 or 4), never all ones.

    Over what stays the same from hop to hop, also through address translation: protocol, IP id, fragment offset,
    length; TCP's sequence, acknowledgement, flags, window and time stamps; ICMP's type, code and the word after its
    checksum; the first 16 bytes of payload if they were captured. Left out: addresses, ports, MACs, TTL, checksums,
    options, and the packet quoted by an ICMP error, for it holds addresses and a TTL. The length is that of the
    transport payload, so that an IP option put in on the way changes nothing.
    """
    # Two lanes, so that the processor multiplies two words at a time.
    protocol = frame.protocol
    g = h = FACTOR
    word = frame.ip_id | protocol << 32 | frame.ip_version << 40
    h = ((h ^ word) * FACTOR) & MASK
    h ^= h >> 32
    if reach < 4:
        word = frame.ip_length | frame.fragment_offset << 32
        g = ((g ^ word) * FACTOR) & MASK
        g ^= g >> 32
    elif protocol == PROTOCOL_TCP:
        word = frame.payload_length | frame.window << 32 | frame.tcp_flags << 48
        g = ((g ^ word) * FACTOR) & MASK
        g ^= g >> 32
        word = frame.seq | frame.ack << 32
        h = ((h ^ word) * FACTOR) & MASK
        h ^= h >> 32
        if frame.has_ts:
            word = frame.ts_val | frame.ts_ecr << 32
            g = ((g ^ word) * FACTOR) & MASK
            g ^= g >> 32
    else:
        word = frame.payload_length
        if protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
            word = word ^ frame.icmp_word << 32 ^ frame.icmp_type << 16 ^ frame.icmp_code << 24
        g = ((g ^ word) * FACTOR) & MASK
        g ^= g >> 32

    want = frame.payload_length
    if want > PREFIX:
        want = PREFIX
    if want > 0 and frame.payload_captured >= want and not frame.quoted and (reach == 4 or frame.fragment_offset):
        at = frame.payload_offset
        rest = want
        if want >= 8:
            rest = want - 8
            word = load(data, at)
            h = ((h ^ word) * FACTOR) & MASK
            h ^= h >> 32
            at += 8
        if rest == 8:
            word = load(data, at)
        else:
            word = load_part(data, at, rest)
        g = ((g ^ word) * FACTOR) & MASK
        g ^= g >> 32
    h = ((h ^ (g << 1 | g >> 63)) * FINAL_FACTOR) & MASK
    h ^= h >> 29
    h = (h * FACTOR) & MASK
    h ^= h >> 32
    if h == MASK:
        return 0
    return h


def load(data: Buffer, at: int) -> int:
    """Eight bytes as a little-endian number (compilers make one load of it in this form)."""
    if not cython.compiled:
        return int.from_bytes(data[at : at + 8], "little")
    p: Sequence[int] = cython.address(data[at])
    a = p[0]
    b = p[1]
    c = p[2]
    d = p[3]
    e = p[4]
    f = p[5]
    g = p[6]
    h = p[7]
    return a | b << 8 | c << 16 | d << 24 | e << 32 | f << 40 | g << 48 | h << 56


def load_part(data: Buffer, at: int, length: int) -> int:
    """Fewer than eight bytes as a little-endian number."""
    word = 0
    while length > 0:
        length -= 1
        word = word << 8 | data[at + length]
    return word
