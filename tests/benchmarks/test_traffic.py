"""The captures to measure with are what they say: counted by tshark."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

import dsrcheck
from benchmarks.traffic import make, write

FIELDS = ("eth.src", "eth.dst", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "frame.len", "frame.cap_len")
BROKEN = "ip.checksum.status == bad or (_ws.malformed and not _ws.short) or arp.duplicate-address-detected"


def tshark(path: Path, *arguments: str) -> list[list[str]]:
    """Lines of tshark's output, split at tabs."""
    command = ["tshark", "-n", "-r", str(path), "-o", "ip.check_checksum:TRUE", *arguments]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]


@pytest.mark.tshark
@pytest.mark.parametrize("pcapng", [False, True])
@pytest.mark.parametrize(("frames", "legs"), [(2000, 300), (2000, 24), (1001, 30), (3000, 798)])
def test_frames_and_legs(tmp_path: Path, frames: int, legs: int, pcapng: bool) -> None:
    """So many frames, so many legs, each connection whole, nothing that tshark finds wrong."""
    path = tmp_path / "made.pcap"
    write(path, make(frames, legs), pcapng=pcapng)
    fields = [part for field in FIELDS for part in ("-e", field)]
    rows = tshark(path, "-T", "fields", *fields)
    assert len(rows) == frames
    assert all(int(row[7]) == min(int(row[6]), 96) for row in rows)
    tcp = Counter(tuple(row[:6]) for row in rows if row[4])
    assert len(tcp) == legs
    assert all(count >= 3 for count in tcp.values())
    assert not tshark(path, "-Y", BROKEN)
    times = [float(row[0]) for row in tshark(path, "-T", "fields", "-e", "frame.time_epoch")]
    assert times == sorted(times)
    assert not tshark(path, "-Y", "tcp.analysis.lost_segment or tcp.analysis.ack_lost_segment")


@pytest.mark.parametrize(("frames", "legs"), [(4000, 600), (3000, 60)])
def test_healthy_to_the_last_frame(tmp_path: Path, frames: int, legs: int) -> None:
    """What is forwarded is what came in: the traffic passes."""
    write(tmp_path / "made.pcap", make(frames, legs))
    report = dsrcheck.analyze(tmp_path / "made.pcap").report
    assert report.verdict == "pass"
    assert not [finding.rule for finding in report.findings if finding.severity == "error"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A seed says all; another gives other traffic."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(tmp_path / name, make(1000, 150, seed))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_too_many_legs() -> None:
    """A leg takes frames."""
    with pytest.raises(ValueError, match="take at least"):
        make(100, 90)
