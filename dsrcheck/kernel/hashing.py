# cython: language_level=3, boundscheck=False, wraparound=False, annotation_typing=False
"""The hash by which a packet is known again on another leg, whatever MACs, addresses and TTL it has there.

Plain Python that Cython also compiles (types in hashing.pxd): the same numbers both ways, and in every run.
"""

from __future__ import annotations

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
    protocol = frame.protocol
    h = FACTOR
    word = frame.ip_id | protocol << 32 | frame.ip_version << 40
    h = ((h ^ word) * FACTOR) & MASK
    h ^= h >> 32
    if reach < 4:
        word = frame.ip_length | frame.fragment_offset << 32
        h = ((h ^ word) * FACTOR) & MASK
        h ^= h >> 32
    elif protocol == PROTOCOL_TCP:
        word = frame.payload_length | frame.window << 32 | frame.tcp_flags << 48
        h = ((h ^ word) * FACTOR) & MASK
        h ^= h >> 32
        word = frame.seq | frame.ack << 32
        h = ((h ^ word) * FACTOR) & MASK
        h ^= h >> 32
        if frame.has_ts:
            word = frame.ts_val | frame.ts_ecr << 32
            h = ((h ^ word) * FACTOR) & MASK
            h ^= h >> 32
    else:
        word = frame.payload_length
        if protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
            word = word ^ frame.icmp_word << 32 ^ frame.icmp_type << 16 ^ frame.icmp_code << 24
        h = ((h ^ word) * FACTOR) & MASK
        h ^= h >> 32

    want = frame.payload_length
    if want > PREFIX:
        want = PREFIX
    if want > 0 and frame.payload_captured >= want and not frame.quoted and (reach == 4 or frame.fragment_offset):
        at = frame.payload_offset
        rest = want
        if want >= 8:
            rest = want - 8
            word = load(data, at, 8)
            h = ((h ^ word) * FACTOR) & MASK
            h ^= h >> 32
            at += 8
        if rest:
            word = load(data, at, rest)
            h = ((h ^ word) * FACTOR) & MASK
            h ^= h >> 32
    h ^= h >> 29
    h = (h * FINAL_FACTOR) & MASK
    h ^= h >> 32
    if h == MASK:
        return 0
    return h


def load(data: Buffer, at: int, length: int) -> int:
    """Up to eight bytes as a little-endian number."""
    if not cython.compiled:
        return int.from_bytes(data[at : at + length], "little")
    word = 0
    i = length
    while i > 0:
        i -= 1
        word = word << 8 | data[at + i]
    return word
