"""What a capture leaves out is nobody's fault: healthy networks, captured as people capture."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
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


def ports(frames: Frames, *hosts: str) -> Frames:
    """A mirror of some hosts' ports, both directions: of the others only what goes to these, and what goes to all."""
    macs = {mac(host) for host in hosts}
    return [(time, frame) for time, frame in frames if frame[6:12] in macs or frame[:6] in macs or frame[0] & 1]


def ingress(frames: Frames, *hosts: str) -> Frames:
    """A mirror of what some hosts' ports take in: only what these hosts send."""
    macs = {mac(host) for host in hosts}
    return [(time, frame) for time, frame in frames if frame[6:12] in macs]


def mac(host: str) -> bytes:
    """The octets of a host's MAC address, which ends so."""
    return bytes.fromhex("0001aabbcc" + host)


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
    frames = list(run(scenario).frames("mirror"))
    assert faults_called(CAPTURED[way](frames), tmp_path, {frame for _, frame in frames}) == []


def faults_called(frames: Frames, folder: Path, whole: Collection[bytes] | None = None) -> list[str]:
    """The errors and warnings of a capture; frames that are not among the `whole` ones were cut."""
    return faults_of(written(frames, folder / "capture.pcap", whole))


def written(frames: Frames, path: Path, whole: Collection[bytes] | None = None) -> Path:
    """A capture as a file."""
    records = [
        pcap_record(frame, time // 10**9, time % 10**9 // 1000, len(frame) if whole is None or frame in whole else 1500)
        for time, frame in frames
    ]
    path.write_bytes(pcap_header() + b"".join(records))
    return path


def faults_of(*paths: Path) -> list[str]:
    """The errors and warnings of captures."""
    return [finding.message for finding in analyze(*paths).report.findings if finding.severity != "info"]


@pytest.mark.parametrize("seconds", [-3600, -0.005, 0.005, 1, 3600])
@pytest.mark.parametrize("places", [("mirror", "server1"), ("client1", "balancer")])
@pytest.mark.parametrize("scenario", ["dsr-healthy", "dsr-failover"])
def test_clocks_that_differ(scenario: str, places: tuple[str, str], seconds: float, tmp_path: Path) -> None:
    """Two captures, each with a clock of its own: that of the second is fast or slow, or of another time zone."""
    made = run(scenario)
    first, second = ([*made.frames(place)] for place in places)
    second = [(time + int(seconds * 10**9), frame) for time, frame in second]
    assert faults_of(written(first, tmp_path / "first.pcap"), written(second, tmp_path / "second.pcap")) == []


BALANCER, OTHER_ARM, SECOND, GATEWAY = "0a", "0b", "0c", "fe"
SOME_PORTS = {
    "the first balancer out of view": ("dsr-failover", ports, (SECOND, "66")),
    "the first balancer out of view, clients routed": ("dsr-failover-routed", ports, (SECOND, "65")),
    "both balancers out of view, MACs virtual": ("dsr-failover-vmac", ports, ("04", "65")),
    "clients out of view, whose MACs the balancer keeps": ("dsr-client-mac-kept", ports, (GATEWAY, "65")),
    "the servers' gateway passes on out of view": ("dsr-two-arms", ports, (OTHER_ARM, "01", BALANCER, "66", "fd")),
    "servers that were asked for answer out of view": ("dsr-sessionless", ingress, ("03", "01", "65", BALANCER, "04")),
    "replies to checks that are out of view": ("dsr-vip-probes", ingress, ("03", "64", "65", "02")),
}


@pytest.mark.parametrize(("scenario", "direction", "hosts"), SOME_PORTS.values(), ids=SOME_PORTS)
def test_ports_that_are_not_mirrored(
    scenario: str, direction: Callable[..., Frames], hosts: tuple[str, ...], tmp_path: Path
) -> None:
    """What is not seen may be right."""
    assert faults_called(direction(list(run(scenario).frames("mirror")), *hosts), tmp_path) == []


@pytest.mark.parametrize("direction", [ports, ingress])
@pytest.mark.parametrize("scenario", ["dsr-healthy", "dsr-failover", "dsr-two-arms", "dsr-client-mac-kept"])
def test_any_ports(scenario: str, direction: Callable[..., Frames], tmp_path: Path) -> None:
    """The same of any ports, drawn."""
    frames = list(run(scenario).frames("mirror"))
    hosts = sorted({frame[6:12].hex()[-2:] for _, frame in frames})
    chance = random.Random(scenario)
    for _ in range(12):
        chosen = chance.sample(hosts, chance.randint(1, len(hosts) - 1))
        assert (chosen, faults_called(direction(frames, *chosen), tmp_path)) == (chosen, [])


def test_a_server_out_of_view_is_not_called_dead(tmp_path: Path) -> None:
    """Its fault is another one; a mirror of what some ports take in shows nothing of it, nor of the clients."""
    frames = list(run("dsr-client-mac-kept", "rp-filter-drop").frames("mirror"))
    path = written(ingress(frames, BALANCER, GATEWAY, "02", "64", "66"), tmp_path / "capture.pcap")
    assert "DSR402" not in {finding.rule for finding in analyze(path).report.findings}


def test_frames_cut_before_their_ports_are_told_of(tmp_path: Path) -> None:
    """They are no connection of a service on port 0; how to capture better is said."""
    path = tmp_path / "capture.pcap"
    frames = snapped(list(run("dsr-ipv6").frames("mirror")), 54)
    path.write_bytes(pcap_header() + b"".join(pcap_record(frame, original=90) for _, frame in frames))
    report = analyze(path).report
    assert report.vips == ()
    assert [note for note in report.notes if "transport header is not all captured" in note]
