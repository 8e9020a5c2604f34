"""A whole capture: the verdicts stay, names and payloads go, checksums are as right as they were."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dsrcheck
from dsrcheck import cli
from dsrcheck.capture import CaptureError, CaptureWriter, Interface, open_capture
from dsrcheck.scrub import Pseudonyms, scrub

Run = Callable[..., tuple[int, str]]
ROOT = Path(__file__).resolve().parents[2]
GOLDEN = sorted((ROOT / "pcaps").glob("*/capture.pcap*"))
CHECKSUMS = ("ip", "tcp", "udp", "icmp", "icmpv6")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `dsrcheck scrub` in this process; returns status and what it told."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dsrcheck", "scrub", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code, capsys.readouterr().err

    return run


def scrubbed(path: Path, target: Path, **options: Any) -> Path:
    """A scrubbed copy of a capture."""
    with target.open("wb") as stream:
        scrub(path, stream, Pseudonyms("seed"), **options)
    return target


def judged(path: Path) -> tuple[Any, ...]:
    """What an analysis comes to, without names."""
    report = dsrcheck.analyze(path).report
    verdicts = [(v.rule, v.verdict, v.checked, v.failed) for v in report.verdicts]
    findings = [(f.rule, f.because_of, f.count, f.frames, f.subject.role) for f in report.findings]
    services = [[(s.protocol, s.port, s.mode, s.flows) for s in vip.services] for vip in report.vips]
    return report.verdict, sorted(verdicts), sorted(findings, key=repr), sorted(services)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.name)
def test_golden_captures_get_the_same_verdicts(path: Path, tmp_path: Path) -> None:
    """The same rules pass and fail, as often, on the same frames."""
    assert judged(scrubbed(path, tmp_path / "x.pcapng")) == judged(path)


@pytest.mark.corpus
def test_other_captures_get_the_same_verdicts(corpus: Path, tmp_path: Path) -> None:
    """Damaged ones too: drops and an end in the middle are carried over."""
    compared = 0
    for path in sorted([*corpus.glob("foreign/*/*.pcap*"), *corpus.glob("ipvs/*.lb1.pcap"), *corpus.glob("ipvs/s1*")]):
        try:
            open_capture(path).close()
        except CaptureError:
            continue
        assert judged(scrubbed(path, tmp_path / "x.pcapng")) == judged(path), path.name
        compared += 1
    assert compared > 40


def statuses(path: Path) -> list[str]:
    """What tshark says of the checksums of every frame, and the frame's length."""
    options = [part for kind in CHECKSUMS[:3] for part in ("-o", f"{kind}.check_checksum:TRUE")]
    fields = [part for kind in CHECKSUMS for part in ("-e", f"{kind}.checksum.status")]
    done = subprocess.run(
        ["tshark", "-r", path, "-T", "fields", *options, *fields, "-e", "frame.len", "-e", "frame.time_epoch"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.tshark
@pytest.mark.parametrize(
    "case", ["real-ipvs-tunnel-balancer-side", "real-ipvs-offload", "real-ipvs-ipv6-server-side", "real-ipvs-noise"]
)
def test_checksums_are_as_right_as_they_were(case: str, tmp_path: Path) -> None:
    """Right ones right, wrong ones wrong, in tunnels and quotes too; lengths and times are the same."""
    path = ROOT / "pcaps" / case / "capture.pcap"
    before, after = statuses(path), statuses(scrubbed(path, tmp_path / "x.pcap", format="pcap"))
    assert len(before) > 30
    assert after == before


def test_nothing_that_was_said_is_left(tmp_path: Path) -> None:
    """No MAC, no address and no line of what was carried is in the file."""
    path = ROOT / "pcaps" / "real-ipvs-noise" / "capture.pcap"
    with open_capture(path) as capture:
        before = b"".join(bytes(batch.data) for batch in capture.batches())
    assert b"HTTP/1" in before
    after = scrubbed(path, tmp_path / "x.pcapng").read_bytes()
    for secret in (b"HTTP/1", b"Host: ", b"User-Agent", bytes([2, 0, 0, 0, 0x5E]), bytes([192, 168, 10, 100])):
        assert secret in before
        assert secret not in after


def test_interfaces_drops_and_a_cut_are_kept(tmp_path: Path) -> None:
    """Names of interfaces stay and their descriptions go; what says that frames are missing stays."""
    path = tmp_path / "x.pcapng"
    with path.open("wb") as stream:
        writer = CaptureWriter(stream, [Interface(0, 1, "eth0", "rack 7"), Interface(1, 113, "any")])
        writer.write(1_000_000_007, bytes(60), 0, 1500)
        writer.write(2_000_000_009, bytes(60), 1)
        writer.write_drops(5)
        writer.break_off()
    with open_capture(scrubbed(path, tmp_path / "y.pcapng")) as capture:
        frames = [(batch.time[row], batch.original[row]) for batch in capture.batches() for row in range(batch.count)]
        assert frames == [(1_000_000_007, 1500), (2_000_000_009, 60)]
        assert [(one.name, one.description, one.link_type) for one in capture.interfaces] == [
            ("eth0", None, 1), ("any", None, 113),
        ]  # fmt: skip
        assert capture.dropped == 5
        assert "cut" in str(capture.truncated)


def test_a_seed_and_a_map_repeat(tmp_path: Path, run: Run) -> None:
    """The same seed gives the same bytes, none gives others, and a map gives again what it wrote down."""
    path, out = str(GOLDEN[0]), tmp_path / "out.pcapng"

    def made(*options: str) -> bytes:
        assert run(path, "-o", str(out), *options)[0] == 0
        return out.read_bytes()

    assert made("--seed", "a") == made("--seed", "a") != made("--seed", "b")
    assert made() != made()
    mapping = tmp_path / "map.toml"
    assert made("--map", str(mapping)) == made("--map", str(mapping))
    assert run(path, "-o", str(out), "--map", str(mapping), "--seed", "other")[0] == 2


def test_mistakes_are_told_in_a_line(tmp_path: Path, run: Run) -> None:
    """And leave nothing behind."""
    out = tmp_path / "out.pcap"
    several = tmp_path / "several.pcapng"
    with CaptureWriter(several, [Interface(), Interface(1)]) as writer:
        writer.write(0, bytes(60))
    for status, arguments in (
        (4, [str(tmp_path / "gone.pcap"), "-o", str(out)]),
        (2, [str(several), "-o", str(out)]),
        (2, [str(GOLDEN[0]), "-o", str(tmp_path / "no" / "out.pcap")]),
    ):
        got, told = run(*arguments)
        assert (got, told.count("\n")) == (status, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["several.pcapng"]


def test_an_empty_capture_stays_one(tmp_path: Path) -> None:
    """A section with its interface, and no frame."""
    stream, empty = io.BytesIO(), tmp_path / "empty.pcapng"
    CaptureWriter(empty, [Interface(0, 101, "tun0")]).close()
    assert scrub(empty, stream, Pseudonyms("s")) == 0
    assert stream.getvalue().startswith(b"\x0a\x0d\x0d\x0a")
