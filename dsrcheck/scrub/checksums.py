"""Internet checksums (RFC 1071) mended by the difference that a change makes (RFC 1624).

What was right stays right and what was wrong stays wrong, also where the end of a packet was not captured, or where an
offloading card had not yet filled the checksum in.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsrcheck.records import dataclass

Span = tuple[int, int]
"""Start and end of some bytes of a frame; the first is at an even place of what the checksum covers."""


@dataclass(frozen=True)
class Checksum:
    """A checksum of 16 bits at `at` over `spans`, which hold the checksum itself. `udp`: 0 says that there is none."""

    at: int
    spans: tuple[Span, ...]
    udp: bool = False


def mend(before: bytes, frame: bytearray, checksums: Sequence[Checksum]) -> None:
    """Bring the checksums of `frame` up to date with what was changed since `before`; inner ones come last."""
    for checksum in reversed(checksums):
        at = checksum.at
        old = int.from_bytes(before[at : at + 2], "big")
        if checksum.udp and not old:
            continue
        new = (old + total(before, *checksum.spans) - total(frame, *checksum.spans)) % 0xFFFF
        if new == 0 and (checksum.udp or old == 0xFFFF):
            new = 0xFFFF
        frame[at : at + 2] = new.to_bytes(2, "big")


def total(data: bytes | bytearray, *spans: Span) -> int:
    """Sum of the 16-bit words, to the modulus 0xFFFF: 0x10000 is 1 there, so the bytes can be read as one number.

    It is 0 over what holds a right checksum. What of a span lies beyond the data counts as zeros.
    """
    words = 0
    for start, end in spans:
        covered = data[start:end]
        words += int.from_bytes(covered, "big") << 8 * (len(covered) % 2)
    return words % 0xFFFF
