"""`dsrcheck live --headless`: what goes together, what goes where, signals and statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsrcheck import cli
from tests.fake_dumpcap import REFUSAL, Play, play
from tests.live.streams import lab_frames, write


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A healthy capture."""
    return write(tmp_path / "healthy.pcapng", lab_frames("dsr-healthy"))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A capture of a fault."""
    return write(tmp_path / "broken.pcapng", lab_frames("dsr-healthy", "vip-missing"))


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["dsrcheck", "live", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--headless"], "give either an interface to capture on (-i IFACE) or a capture to read"),
        (["--headless", "-i", "lo", "x.pcap"], "give either an interface"),
        (["--headless", "-f", "arp", "x.pcap"], "-f is a filter for capturing"),
        (["--headless", "-i", "lo", "--follow"], "--follow is for a file that grows"),
        (["--headless", "-i", "lo", "--files", "3"], "are for the files of -w FILE"),
        (["--headless", "-i", "lo", "-w", "x", "--files", "3"], "--files N needs --file-size"),
        (["--headless", "-i", "lo", "-w", "-"], "-w needs a file"),
        (["--headless", "-i", "lo", "-w", "/nowhere/x.pcapng"], "/nowhere/x.pcapng: there is no such folder"),
        (["--headless", "x.pcap", "--select", "DSR999"], "DSR999"),
        (["--headless", "x.pcap", "--idle", "0"], "--idle"),
    ],
)
def test_what_makes_no_sense(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """One line that says so, and status 2."""
    assert _run(monkeypatch, *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err


def test_the_capture_is_not_written_over(monkeypatch: pytest.MonkeyPatch, healthy: Path) -> None:
    """-w with the name of what is read."""
    before = healthy.read_bytes()
    assert _run(monkeypatch, "--headless", str(healthy), "-w", str(healthy.parent / "." / healthy.name)) == 2
    assert healthy.read_bytes() == before


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: Path, healthy: Path, form: str
) -> None:
    """Data on standard output, talk on standard error; the status of what was found."""
    assert _run(monkeypatch, "--headless", "--format", form, "--every", "5", str(broken)) == 1
    told = capsys.readouterr()
    assert told.err == f"dsrcheck: watching {broken}; Ctrl-C ends it with the report\n"
    if form == "json":
        assert [json.loads(line)["event"] for line in told.out.splitlines()][-1] == "end"
    assert "DSR203" in told.out
    assert _run(monkeypatch, "--headless", "--every", "5", str(healthy)) == 0
    assert _run(monkeypatch, "--headless", "--every", "5", "--ignore", "DSR2", str(broken)) == 0


def test_it_may_not_capture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """dumpcap's own text, then the commands that mend it; status 4."""
    play(Play(says=REFUSAL, status=1), tmp_path, monkeypatch)
    assert _run(monkeypatch, "--headless", "-i", "eth0") == 4
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[1] == 'dumpcap: You do not have permission to capture on device "eth0".'
    assert "sudo usermod -a -G wireshark {your username}" in lines
    assert lines[-1].startswith("dsrcheck: error: eth0: You do not have permission")
    assert "sudo setcap" in lines[-1]


def test_dumpcap_dies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, healthy: Path
) -> None:
    """What it wrote is judged and kept; that it died is told, and is no success."""
    play(Play(stream=str(healthy), dies_by=signal.SIGKILL), tmp_path, monkeypatch)
    assert _run(monkeypatch, "--headless", "-i", "eth0", "-w", str(tmp_path / "kept.pcapng")) == 4
    out = capsys.readouterr().out
    assert "trouble\n    dumpcap was ended by SIGKILL\n" in out
    assert "failed after 678 frames" in out
    assert (tmp_path / "kept.pcapng").read_bytes() == healthy.read_bytes()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Path, ending: signal.Signals
) -> None:
    """As a service manager or Ctrl-C ends it: what dumpcap had still to say comes too, and the status is of what was
    found."""
    play(Play(stream=str(broken), wait=True, last_frames=1), tmp_path, monkeypatch)
    frames = len(lab_frames("dsr-healthy", "vip-missing"))
    with _started("--headless", "--format", "json", "-i", "eth0") as live:
        lines = _lines(live)
        next(line for line in lines if line["event"] == "finding" and line["finding"]["rule"] == "DSR203")
        live.send_signal(ending)
        *_, last = lines
        assert (last["event"], last["state"], last["frames"]) == ("end", "interrupted", frames + 1)
    assert live.returncode == 1


def test_a_signal_before_anything_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no report, and the status says that it was interrupted."""
    play(Play(wait=True), tmp_path, monkeypatch)
    command = [sys.executable, "-m", "dsrcheck", "live", "--headless", "-i", "eth0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as live:
        assert live.stderr is not None
        assert live.stderr.readline().startswith("dsrcheck: watching eth0")
        live.send_signal(signal.SIGINT)
        assert live.communicate() == ("", "")
    assert live.returncode == 130


def test_a_reader_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Path) -> None:
    """A closed pipe ends the watch silently: `... | head -1`."""
    play(Play(stream=str(broken), wait=True), tmp_path, monkeypatch)
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "dsrcheck", "live", "--headless", "-i", "eth0"], stdout=theirs, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    os.close(theirs)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1


def test_standard_input(broken: Path) -> None:
    """tcpdump -w - | dsrcheck live --headless -"""
    with broken.open("rb") as stream:
        command = [sys.executable, "-m", "dsrcheck", "live", "--headless", "--format", "json", "-"]
        done = subprocess.run(command, stdin=stream, capture_output=True, text=True, check=False)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["state"]) == (1, "ended")
    assert last["report"]["captures"][0]["path"] == "-"


def test_the_schema_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """dsrcheck schema --live describes the lines."""
    monkeypatch.setattr(sys, "argv", ["dsrcheck", "schema", "--live"])
    with pytest.raises(SystemExit):
        cli.main()
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:dsrcheck:live:1"


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dsrcheck", "live", *arguments], stdout=subprocess.PIPE, text=True
    )  # fmt: skip


def _lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    return map(json.loads, process.stdout)
