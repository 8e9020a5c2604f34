"""Checksums mended by the difference; dpkt's own sum is the oracle."""

from __future__ import annotations

from dpkt import dpkt
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.scrub.checksums import Checksum, mend, total

BODIES = st.binary(min_size=3, max_size=61).map(lambda data: data + b"\x01")


def with_checksum(body: bytes) -> bytes:
    """A body behind its right checksum."""
    return int(dpkt.in_cksum(b"\0\0" + body)).to_bytes(2, "big") + body


@given(BODIES, st.data())
def test_right_stays_right(body: bytes, data: st.DataObject) -> None:
    """Whatever changes under it, at odd lengths too."""
    before = with_checksum(body)
    after = bytearray(before[:2] + data.draw(st.binary(min_size=len(body) - 1, max_size=len(body) - 1)) + b"\x01")
    mend(before, after, [Checksum(0, ((0, len(before)),))])
    assert bytes(after) == with_checksum(bytes(after[2:]))
    assert total(after, (0, len(after))) == 0


@given(BODIES, st.integers(1, 0xFFFE))
def test_wrong_stays_wrong(body: bytes, error: int) -> None:
    """By the same amount."""
    right = with_checksum(body)
    before = ((int.from_bytes(right[:2], "big") + error) % 0xFFFF).to_bytes(2, "big") + right[2:]
    after = bytearray(before)
    after[2] ^= 0x55
    mend(before, after, [Checksum(0, ((0, len(before)),))])
    assert total(after, (0, len(after))) == error


def test_no_checksum_stays_none() -> None:
    """UDP over IPv4 may leave it out, which is written 0."""
    after = bytearray(b"\0\0changed!")
    mend(b"\0\0original", after, [Checksum(0, ((0, 10),), udp=True)])
    assert after[:2] == b"\0\0"


def test_a_sum_of_nothing_is_written_so_that_it_is_one() -> None:
    """RFC 768: a UDP checksum that comes out 0 is written 0xffff."""
    before = with_checksum(b"\x00\x01")
    after = bytearray(before[:2] + b"\xff\xff")
    mend(before, after, [Checksum(0, ((0, 4),), udp=True)])
    assert after[:2] == b"\xff\xff"


def test_an_inner_checksum_is_mended_first() -> None:
    """What covers it covers the mended one."""
    inner = with_checksum(b"inner!")
    before = with_checksum(inner)
    after = bytearray(before)
    after[4:10] = b"INNER?"
    mend(before, after, [Checksum(0, ((0, 10),)), Checksum(2, ((2, 10),))])
    assert bytes(after) == with_checksum(with_checksum(b"INNER?"))
