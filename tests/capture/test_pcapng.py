"""pcapng, block by block."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.capture import CaptureError
from dsrcheck.capture.pcapng import MOST_INTERFACES
from tests.capture.blocks import block, enhanced, interface, obsolete, options, read, section, simple, statistics

LAST_TIME = (1 << 63) - 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_packet_blocks(tmp_path: Path, order: str) -> None:
    """Enhanced, obsolete and simple packet blocks are frames; a simple one has the time of the frame before."""
    content = (
        section(order)
        + interface(1, 50, options((2, b"eth0\0"), (3, "Büro".encode()), order=order), order)
        + interface(113, 0, order=order)
        + simple(b"s" * 50, 70, order)
        + enhanced(b"e" * 61, 0x1_F000_0000, 1, original=1500, order=order)
        + simple(b"t" * 20, order=order)
        + obsolete(b"o" * 60, 7, 1, order=order)
    )
    capture, frames = read(tmp_path / "x", content)
    assert [tuple(frame) for frame in frames] == [
        (1, 0, 70, b"s" * 50, 0),
        (2, 0x1_F000_0000 * 1000, 1500, b"e" * 61, 1),
        (3, 0x1_F000_0000 * 1000, 20, b"t" * 20, 0),
        (4, 7000, 60, b"o" * 60, 1),
    ]
    assert [
        (each.index, each.link_type, each.name, each.description, each.snap_length) for each in capture.interfaces
    ] == [
        (0, 1, "eth0", "Büro", 50),
        (1, 113, None, None, 0),
    ]
    assert (capture.format, capture.untimed, capture.truncated, capture.dropped) == ("pcapng", 2, None, None)


def test_sections_of_either_byte_order(tmp_path: Path) -> None:
    """Each section has its own byte order and its own interfaces, numbered on over the whole capture."""
    content = b"".join(
        section(order) + interface(link, order=order) + enhanced(stamp=stamp, order=order)
        for order, link, stamp in [("<", 1, 10), (">", 113, 20), ("<", 276, 30)]
    )
    capture, frames = read(tmp_path / "x", content)
    assert [(frame.number, frame.time, frame.interface) for frame in frames] == [
        (1, 10000, 0),
        (2, 20000, 1),
        (3, 30000, 2),
    ]
    assert [each.link_type for each in capture.interfaces] == [1, 113, 276]


@given(
    st.integers(0, 255),
    st.integers(0, (1 << 64) - 1),
    st.integers(-(10**10), 10**10) | st.integers(-(1 << 63), (1 << 63) - 1),
)
def test_clocks(tmp_path_factory: pytest.TempPathFactory, resolution: int, stamp: int, shift: int) -> None:
    """Any if_tsresol and if_tsoffset give the exact time, within what 64 bits of nanoseconds since 1970 can say."""
    tail = options((9, bytes([resolution])), (14, struct.pack("<q", shift)))
    path = tmp_path_factory.getbasetemp() / "clocks"
    _, frames = read(path, section() + interface(tail=tail) + enhanced(stamp=stamp))
    exponent = resolution & 0x7F
    units = 1 << min(exponent, 62) if resolution & 0x80 else 10 ** min(exponent, 18)
    bound = 6_311_520_000
    exact = min(stamp * 10**9 // units, LAST_TIME) + max(-bound, min(shift, bound)) * 10**9
    # Beyond 2**-34 s a fraction is read to 58 picoseconds, which can be one nanosecond off.
    assert abs(frames[0].time - max(0, min(exact, LAST_TIME))) <= (1 if units > 1 << 34 else 0)


def test_custom_blocks_are_numbered(tmp_path: Path) -> None:
    """A custom or journal block is no frame for us, but Wireshark numbers it: the frames keep Wireshark's numbers."""
    custom = block(0xBAD, struct.pack("<I", 4711) + bytes(8))
    journal = block(9, b"__REALTIME_TIMESTAMP=1700000000000000\n")
    content = (
        section() + interface() + custom + enhanced() + enhanced() + block(0x4000_0BAD, bytes(4)) + journal + enhanced()
    )
    capture, frames = read(tmp_path / "x", content)
    assert [frame.number for frame in frames] == [2, 3, 6]
    assert capture.frames == 6


def test_other_blocks_are_passed_over(tmp_path: Path) -> None:
    """Name resolution, secrets, unknown and local blocks do not disturb the frames."""
    others = [block(4, bytes(8)), block(10, bytes(12)), block(0x77, bytes(100_000)), block(0x8000_0001, b"")]
    capture, frames = read(tmp_path / "x", section() + interface() + b"".join(other + enhanced() for other in others))
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert capture.truncated is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_drops(tmp_path: Path, order: str) -> None:
    """Drops are told by statistics (the last of an interface counts) or by packets; told twice, they count once."""

    def count(value: int) -> bytes:
        return struct.pack(f"{order}Q", value)

    def told(drops: int) -> bytes:
        return enhanced(tail=options((1, b"a comment"), (4, count(drops)), order=order), order=order)

    content = (
        section(order)
        + interface(order=order) * 3
        + told(3)
        + told(4)
        + obsolete(number=1, drops=20, order=order)
        + obsolete(number=1, order=order)
        + statistics(0, options((5, count(100)), (7, count(100)), order=order), order)
        + statistics(0, options((4, count(999)), (5, count(2)), (7, count(3)), order=order), order)
        + statistics(7, options((5, count(1000)), order=order), order)
    )
    assert read(tmp_path / "x", content)[0].dropped == 7 + 20
    content += statistics(0, options((5, count(50)), order=order), order)
    assert read(tmp_path / "x", content)[0].dropped == 50 + 20


def test_no_drops_differ_from_nothing_said(tmp_path: Path) -> None:
    """A file that reports zero drops says more than one that does not speak of them."""
    start = section() + interface() + enhanced()
    assert read(tmp_path / "x", start)[0].dropped is None
    assert read(tmp_path / "x", start + statistics(0, options((4, bytes(8)))))[0].dropped is None
    assert read(tmp_path / "x", start + statistics(0, options((5, bytes(8)))))[0].dropped == 0


GOOD = section() + interface() + enhanced()
DAMAGES = {
    "unknown interface": (enhanced(number=3), "an interface that the file does not describe"),
    "interface of the section before": (section() + enhanced(), "an interface that the file does not describe"),
    "no room": (enhanced(captured=100), "too short for what it says is in it"),
    "simple, no room": (simple(bytes(20), 30), "too short for what it says is in it"),
    "other length at the end": (enhanced()[:-4] + bytes(4), "the length of the block is impossible"),
    "length of nothing": (enhanced(length=8), "the length of the block is impossible"),
    "length of everything": (enhanced(length=0xFFFF_FFFF), "the length of the block is impossible"),
    "unknown block of everything": (block(0x99, b"", length=0x7FFF_FFF0), "the length of the block is impossible"),
    "interface without its fields": (block(1, bytes(4)), "too short for what it says is in it"),
    "long frame": (enhanced(bytes(262_145)), "more than 262144 bytes"),
    "other version": (section(major=2), "pcapng version 2.0"),
    "no byte order": (block(0x0A0D0D0A, bytes(16)), "no byte-order magic"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_ends_reading(tmp_path: Path, name: str) -> None:
    """At damage reading ends, and says where and why; what came before stays, what comes after is not guessed at."""
    damage, reason = DAMAGES[name]
    capture, frames = read(tmp_path / "x", GOOD + damage + enhanced())
    assert len(frames) == 1
    assert capture.truncated is not None
    assert capture.truncated.startswith("damaged at byte ")
    assert "(after frame 1)" in capture.truncated
    assert reason in capture.truncated


def test_length_without_padding(tmp_path: Path) -> None:
    """Some writers leave the padding out of the block's length; Wireshark reads their files, and so do we."""
    capture, frames = read(tmp_path / "x", section() + interface() + enhanced(bytes(61), length=32 + 61) + enhanced())
    assert [len(frame.data) for frame in frames] == [61, 60]
    assert capture.truncated is None


def test_interfaces_are_bounded(tmp_path: Path) -> None:
    """A file of nothing but interfaces ends where they become too many; their names are cut."""
    described = interface(tail=options((2, b"x" * 60_000)))
    capture, _ = read(tmp_path / "x", section() + described)
    assert capture.interfaces[0].name == "x" * 256
    capture, _ = read(tmp_path / "x", section() + interface() * (MOST_INTERFACES + 1))
    assert len(capture.interfaces) == MOST_INTERFACES
    assert f"more than {MOST_INTERFACES} interfaces" in str(capture.truncated)


def test_link_types(tmp_path: Path) -> None:
    """An interface we cannot decode is an error only if frames come and there is none that we can."""
    usb = interface(249)
    _, frames = read(tmp_path / "x", section() + usb + interface(1) + enhanced(number=0) + enhanced(number=1))
    assert [frame.interface for frame in frames] == [0, 1]
    assert read(tmp_path / "x", section() + usb)[1] == []
    with pytest.raises(CaptureError, match=r"USBPcap \(link type 249\)"):
        read(tmp_path / "x", section() + usb + enhanced())


def test_section_headers_that_leave_nothing_to_read(tmp_path: Path) -> None:
    """A first section that is cut or strange is an error."""
    with pytest.raises(CaptureError, match="ends inside its section header, after 20 bytes"):
        read(tmp_path / "x", section()[:20])
    with pytest.raises(CaptureError, match=r"pcapng version 7\.0"):
        read(tmp_path / "x", section(major=7))
    with pytest.raises(CaptureError, match="no byte-order magic"):
        read(tmp_path / "x", b"\x0a\x0d\x0d\x0a" + bytes(40))
