"""What a capture leaves out is nobody's fault: healthy networks, captured as people capture."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dsrcheck.analysis import analyze
from dsrcheck.lab import run
from tests.capture.blocks import pcap_header, pcap_record

Frames = list[tuple[int, bytes]]
SCENARIOS = [
    "dsr-healthy",
    "dsr-noise",
    "dsr-routed-client",
    "dsr-round-robin",
    "dsr-ipv6",
    "dsr-vlan",
    "dsr-udp",
    "ipip-healthy",
]


def snapped(frames: Frames, length: int) -> Frames:
    """The first octets of each frame, as with tcpdump -s."""
    return [(time, frame[:length]) for time, frame in frames]


def without_sender(frames: Frames, mac: str) -> Frames:
    """The port of one host is not mirrored: what it sends is missing, what it is sent comes from others' ports."""
    return [(time, frame) for time, frame in frames if frame[6:12] != bytes.fromhex(mac.replace(":", ""))]


def lossy(frames: Frames, seed: int) -> Frames:
    """One frame in a hundred is lost while capturing, and nothing tells of it."""
    chance = random.Random(seed)
    return [(time, frame) for time, frame in frames if chance.random() > 0.01]


def untimed(frames: Frames) -> Frames:
    """What was written without times."""
    return [(0, frame) for _, frame in frames]


CAPTURED: dict[str, Callable[[Frames], Frames]] = {
    **{f"snapped at {length}": partial(snapped, length=length) for length in (34, 54, 68, 96)},
    "a server's port is not mirrored": partial(without_sender, mac="00:01:aa:bb:cc:64"),
    "one frame in ten": lambda frames: frames[::10],
    "without times": untimed,
    **{f"lossy {seed}": partial(lossy, seed=seed) for seed in range(3)},
}


@pytest.mark.parametrize("way", CAPTURED)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_called_a_fault(scenario: str, way: str, tmp_path: Path) -> None:
    """Neither an error nor a warning."""
    made = run(scenario)
    whole = {frame: len(frame) for _, frame in made.frames("mirror")}
    path = tmp_path / "capture.pcap"
    records = [
        pcap_record(frame, time // 10**9, time % 10**9 // 1000, max(len(frame), whole.get(frame, 1500)))
        for time, frame in CAPTURED[way](list(made.frames("mirror")))
    ]
    path.write_bytes(pcap_header() + b"".join(records))
    report = analyze(path).report
    assert [finding.message for finding in report.findings if finding.severity != "info"] == []


def test_frames_cut_before_their_ports_are_told_of(tmp_path: Path) -> None:
    """They are no connection of a service on port 0; how to capture better is said."""
    path = tmp_path / "capture.pcap"
    frames = snapped(list(run("dsr-ipv6").frames("mirror")), 54)
    path.write_bytes(pcap_header() + b"".join(pcap_record(frame, original=90) for _, frame in frames))
    report = analyze(path).report
    assert report.vips == ()
    assert [note for note in report.notes if "transport header is not all captured" in note]
