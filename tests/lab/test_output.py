"""Files of the lab: an interface a vantage, and captures that are damaged as told."""

from __future__ import annotations

import io
import struct

import dpkt
import pytest

from dsrcheck.lab import LabRun, run


@pytest.fixture(scope="module")
def made() -> LabRun:
    """One healthy run."""
    return run("dsr-healthy")


def blocks(content: bytes) -> list[tuple[int, bytes]]:
    """The blocks of a little-endian pcapng file."""
    found, at = [], 0
    while at < len(content):
        kind, length = struct.unpack_from("<II", content, at)
        found.append((kind, content[at + 8 : at + length - 4]))
        at += length
    return found


def test_all_vantages_go_into_one_file(made: LabRun) -> None:
    """An interface each, frames of all in order of time, each with its interface."""
    buffer = io.BytesIO()
    count = made.write(buffer)
    found = blocks(buffer.getvalue())
    assert sum(kind == 1 for kind, _ in found) == len(made.vantages)
    packets = [struct.unpack_from("<IIIII", body) for kind, body in found if kind == 6]
    assert count == len(packets) == sum(len(r.frames) for r in made.vantages.values())
    times = [high << 32 | low for _, high, low, _, _ in packets]
    assert times == sorted(times)
    place = list(made.vantages).index("client1")
    assert sum(interface == place for interface, *_ in packets) == len(made.frames("client1"))


def test_one_vantage_as_classic_pcap(made: LabRun) -> None:
    """dpkt reads it back, frame by frame."""
    buffer = io.BytesIO()
    made.write(buffer, "client", "pcap")
    buffer.seek(0)
    assert [bytes(frame) for _, frame in dpkt.pcap.Reader(buffer)] == [frame for _, frame in made.frames("client1")]


def test_drops_are_told_by_the_file() -> None:
    """An interface statistics block says how many frames were dropped."""
    made = run("dsr-healthy", "capture-drops")
    buffer = io.BytesIO()
    made.write(buffer, "mirror")
    kind, body = blocks(buffer.getvalue())[-1]
    assert kind == 5
    dropped = body.index(struct.pack("<HH", 5, 8))
    assert struct.unpack_from("<Q", body, dropped + 4)[0] == made.recording("mirror").dropped


def test_a_cut_file_ends_in_a_record() -> None:
    """Nine octets are missing at the end, in both formats."""
    whole, cut = io.BytesIO(), io.BytesIO()
    run("dsr-healthy").write(whole, "mirror", "pcap")
    run("dsr-healthy", "capture-cut").write(cut, "mirror", "pcap")
    assert cut.getvalue() == whole.getvalue()[:-9]


def test_cooked_captures_have_no_destination_mac() -> None:
    """Linux cooked, version 1: packet type, source MAC, protocol; the mirror stays Ethernet."""
    made = run("dsr-healthy", "capture-cooked")
    assert made.recording("mirror").link_type == 1
    recording = made.recording("balancer")
    assert recording.link_type == 113
    plain = run("dsr-healthy").frames("balancer")
    for (_, cooked), (_, frame) in zip(recording.frames, plain, strict=True):
        sent = frame[6:12] == bytes.fromhex("0001aabbcc0a")
        assert cooked[1] == (4 if sent else 1 if frame[0] & 1 else 0)
        assert (cooked[6:12], cooked[14:]) == (frame[6:12], frame[12:])


def test_time_runs_back_only_where_it_is_told() -> None:
    """Stamps go back a few milliseconds; the frames stay in the order in which they came."""
    made, plain = run("dsr-healthy", "capture-time-back"), run("dsr-healthy")
    times = [time for time, _ in made.frames("mirror")]
    assert times != sorted(times)
    assert [frame for _, frame in made.frames("mirror")] == [frame for _, frame in plain.frames("mirror")]


def test_an_unknown_format_is_refused(made: LabRun) -> None:
    """Only the two."""
    with pytest.raises(ValueError, match="neither"):
        made.write(io.BytesIO(), "mirror", "erf")
