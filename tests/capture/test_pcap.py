"""Classic pcap, byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dsrcheck.capture import CaptureError
from tests.capture.blocks import MICROSECONDS, MODIFIED, NANOSECONDS, pcap_header, pcap_record, read


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(MICROSECONDS, 1000), (NANOSECONDS, 1)])
def test_times_and_lengths(tmp_path: Path, order: str, magic: int, unit: int) -> None:
    """Both byte orders and both units of time give nanoseconds; the length on the wire is kept."""
    records = [pcap_record(b"\xff" * 60, 0xF0000001, 7, 1500, order), pcap_record(b"", 2, 999_999, 0, order)]
    capture, frames = read(tmp_path / "x", pcap_header(order, magic, network=101) + b"".join(records))
    assert capture.format == "pcap"
    assert [(frame.number, frame.time, frame.original, frame.data) for frame in frames] == [
        (1, 0xF0000001 * 10**9 + 7 * unit, 1500, b"\xff" * 60),
        (2, 2 * 10**9 + 999_999 * unit, 0, b""),
    ]
    assert (capture.truncated, capture.dropped, capture.frames) == (None, None, 2)
    assert [(each.index, each.link_type, each.snap_length) for each in capture.interfaces] == [(0, 101, 65535)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_modified_format(tmp_path: Path, order: str) -> None:
    """The modified magic has eight more bytes in each record header: device, protocol, packet type."""
    extra = struct.pack(f"{order}IHBB", 2, 0x0800, 0, 0)
    record = struct.pack(f"{order}IIII", 5, 6, 4, 60) + extra + b"abcd"
    _, frames = read(tmp_path / "x", pcap_header(order, MODIFIED) + record * 3)
    assert [(frame.time, frame.original, frame.data) for frame in frames] == [(5 * 10**9 + 6000, 60, b"abcd")] * 3


def test_no_record_is_no_error(tmp_path: Path) -> None:
    """A header alone is a capture of no frames."""
    capture, frames = read(tmp_path / "x", pcap_header())
    assert (frames, capture.frames, capture.truncated) == ([], 0, None)


@pytest.mark.parametrize("kept", range(1, 16 + 60))
def test_cut_record(tmp_path: Path, kept: int) -> None:
    """A file that ends inside a record keeps the frames before, and says where it ends."""
    good = pcap_header() + pcap_record(bytes(60))
    capture, frames = read(tmp_path / "x", good + pcap_record(bytes(60))[:kept])
    assert len(frames) == 1
    assert capture.truncated == (
        f"cut at byte {len(good) + kept}, inside the record that starts at byte {len(good)} (after frame 1)"
    )


def test_longest_frame(tmp_path: Path) -> None:
    """A record of 262144 bytes is a frame; one more byte, and it is damage, whatever snap length the header claims."""
    good = pcap_header(snap_length=1 << 31) + pcap_record(bytes(262_144))
    capture, frames = read(tmp_path / "x", good + pcap_record(bytes(262_145)))
    assert [len(frame.data) for frame in frames] == [262_144]
    assert capture.truncated is not None
    assert capture.truncated.startswith(f"damaged at byte {len(good)} (after frame 1): the record claims 262145 bytes")


def test_headers_that_leave_nothing_to_read(tmp_path: Path) -> None:
    """A cut header, another version, and a link type we cannot decode are errors that say so."""
    with pytest.raises(CaptureError, match="ends inside its file header, after 23 of 24 bytes"):
        read(tmp_path / "x", pcap_header()[:23])
    with pytest.raises(CaptureError, match=r"pcap file of version 1\.4; only version 2 is known"):
        read(tmp_path / "x", pcap_header(major=1))
    with pytest.raises(CaptureError, match=r"IEEE 802.11 \(link type 105\); accepted are Ethernet, Linux cooked v1"):
        read(tmp_path / "x", pcap_header(network=105))
    with pytest.raises(CaptureError, match="of link type 4711"):
        read(tmp_path / "x", pcap_header(network=4711))


def test_frame_check_sequence_bits(tmp_path: Path) -> None:
    """The upper bits of the link type tell of a frame check sequence and are no part of it."""
    capture, _ = read(tmp_path / "x", pcap_header(network=0x5400_0001))
    assert capture.interfaces[0].link_type == 1
