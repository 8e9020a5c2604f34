"""Writing captures: what was written is read back, by our reader and by tshark, and its bytes are what is due."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.capture import Capture, CaptureWriter, Interface, open_capture
from tests.capture.blocks import Stdin, enhanced, frames_of, interface, options, pcap_header, pcap_record, section

FRAMES = st.lists(
    st.tuples(st.integers(0, (1 << 32) * 10**9 - 1), st.binary(max_size=200), st.integers(0, 1), st.integers(0, 70000)),
    max_size=20,
)


def test_pcapng_bytes() -> None:
    """A pcapng file is a section, its interfaces with nanosecond clocks and names, and enhanced packet blocks."""
    stream = io.BytesIO()
    with CaptureWriter(stream, [Interface(0, 1, "eth0", "lab", 100)]) as writer:
        writer.write(1_700_000_000_000_000_005, b"abcde", original=70, comment="hello")
    described = interface(1, 100, options((2, b"eth0"), (3, b"lab"), (9, b"\x09")))
    packet = enhanced(b"abcde", 1_700_000_000_000_000_005, original=70, tail=options((1, b"hello")))
    assert stream.getvalue() == section() + described + packet


def test_interfaces_and_drops_in_their_order() -> None:
    """A further interface is a block of its own; drops stand in interface statistics (type 5, option 5, 64 bits)."""
    stream = io.BytesIO()
    with CaptureWriter(stream) as writer:
        start = len(stream.getvalue())
        writer.add_interface(Interface(1, 113, "any"))
        writer.write_drops(258)
    described = interface(113, 262144, options((2, b"any"), (9, b"\x09")))
    drops = struct.pack("<IIIIIHHQII", 5, 40, 0, 0, 0, 5, 8, 258, 0, 40)
    assert stream.getvalue()[start:] == described + drops
    with CaptureWriter(io.BytesIO(), format="pcap") as writer:
        with pytest.raises(ValueError, match="write pcapng"):
            writer.add_interface(Interface(1))
        with pytest.raises(ValueError, match="write pcapng"):
            writer.write_drops(1)


def test_pcap_bytes() -> None:
    """A pcap file of microseconds has the classic magic, and its times are rounded down."""
    stream = io.BytesIO()
    with CaptureWriter(stream, [Interface(0, 101, snap_length=65535)], format="pcap", nanoseconds=False) as writer:
        writer.write(1_700_000_000_000_005_999, b"abcde")
    assert stream.getvalue() == pcap_header(network=101) + pcap_record(b"abcde")


@given(FRAMES, st.sampled_from(["pcap", "pcapng"]))
def test_round_trip(frames: list[tuple[int, bytes, int, int]], form: str) -> None:
    """Time, bytes, original length and interface of every frame come back as they were written."""
    stream = io.BytesIO()
    interfaces = [Interface(0, 1, "a"), Interface(1, 113, "b", "second")] if form == "pcapng" else [Interface()]
    with CaptureWriter(stream, interfaces, format=form) as writer:  # type: ignore[arg-type]
        for time, data, number, cut in frames:
            writer.write(time, data, number % len(interfaces), len(data) + cut)
    with _opened(stream.getvalue()) as capture:
        seen = frames_of(capture)
        assert capture.truncated is None
        assert capture.interfaces == interfaces
    wanted = [
        (index + 1, time, len(data) + cut, data, number % len(interfaces))
        for index, (time, data, number, cut) in enumerate(frames)
    ]
    assert [tuple(frame) for frame in seen] == wanted


def _opened(content: bytes) -> Capture:
    """A capture of bytes in memory, by standard input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", Stdin(io.BytesIO(content)))
        return open_capture("-")


@pytest.mark.tshark
@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_tshark_reads_it(tmp_path: Path, form: str) -> None:
    """The oracle sees the same times, lengths, interface and comment."""
    path = tmp_path / "written"
    with CaptureWriter(path, [Interface(0, 1, "eth7")], format=form) as writer:  # type: ignore[arg-type]
        writer.write(1_700_000_000_123_456_789, bytes(61), original=100, comment="a comment")
        writer.write(1_700_000_001_000_000_000, bytes(14))
    fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.comment"]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", *(word for name in fields for word in ("-e", name))]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    named = ["eth7", "a comment"] if form == "pcapng" else ["", ""]
    assert lines[0].split("\t")[:5] == ["1700000000.123456789", "100", "61", *named]
    assert lines[1].split("\t")[:3] == ["1700000001.000000000", "14", "14"]


def test_what_cannot_be_said_is_refused() -> None:
    """What a format has no way to say is a ValueError, not a file that says something else."""
    with pytest.raises(ValueError, match="neither"):
        CaptureWriter(io.BytesIO(), format="erf")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one interface only"):
        CaptureWriter(io.BytesIO(), [Interface(0), Interface(1)], format="pcap")
    with pytest.raises(ValueError, match="at least one"):
        CaptureWriter(io.BytesIO(), [])
    writer = CaptureWriter(io.BytesIO())
    with pytest.raises(ValueError, match="interface 1 of 1"):
        writer.write(0, b"", 1)
    with pytest.raises(ValueError, match="before 1970"):
        writer.write(-1, b"")
    with pytest.raises(ValueError, match="original length"):
        writer.write(0, b"abc", original=2)
    with pytest.raises(ValueError, match="longer than"):
        writer.write(0, bytes(262_145))
    with pytest.raises(ValueError, match="1970 to 2106"):
        CaptureWriter(io.BytesIO(), format="pcap").write(1 << 62, b"")


def test_stream_stays_open_and_file_is_closed(tmp_path: Path) -> None:
    """A stream that was passed in belongs to the caller."""
    stream = io.BytesIO()
    with CaptureWriter(stream):
        pass
    assert not stream.closed
    with CaptureWriter(tmp_path / "x.pcapng") as writer:
        writer.write(0, b"")
    assert (tmp_path / "x.pcapng").stat().st_size > 0
