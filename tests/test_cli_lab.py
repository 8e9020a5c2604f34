"""`dsrcheck lab`: what it lists, what it writes, and what it says of names that there are not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsrcheck import cli
from dsrcheck.capture import open_capture
from dsrcheck.exits import Exit
from dsrcheck.lab import faults, run, scenarios

Lab = Callable[..., int]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    """Runs `dsrcheck lab` in an empty folder and returns its status."""
    monkeypatch.chdir(tmp_path)

    def lab(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["dsrcheck", "lab", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code

    return lab


def test_list_names_everything(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """Every scenario and fault stands there on a line of its own, with its summary below."""
    assert lab("list") == Exit.CLEAN
    shown = capsys.readouterr().out
    lines = [line.strip() for line in shown.splitlines()]
    assert {*scenarios(), *faults()} <= set(lines)
    told = " ".join(shown.split())
    for summaries in ({s.summary for s in scenarios().values()}, {f.summary for f in faults().values()}):
        assert all(" ".join(summary.split()) in told for summary in summaries)


def test_run_writes_an_interface_for_each_vantage(lab: Lab, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One pcapng for all, and afterwards one line that tells how to look at it."""
    assert lab("run", "dsr-udp", "-o", "x.pcapng") == Exit.CLEAN
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.rstrip("\n").endswith("dsrcheck analyze x.pcapng")
    assert shown.err.count("\n") == 1
    with open_capture(tmp_path / "x.pcapng") as capture:
        frames = sum(batch.count for batch in capture.batches())
        names = [interface.name for interface in capture.interfaces]
    made = run("dsr-udp")
    assert names == list(made.vantages)
    assert frames == sum(len(recording.frames) for recording in made.vantages.values())


def test_run_writes_one_vantage_as_pcap(lab: Lab, tmp_path: Path) -> None:
    """The ending chooses the format; scenario, fault and seed decide every byte."""
    for name in ("a.pcap", "b.pcap"):
        arguments = ("--fault", "wildcard-udp", "--vantage", "mirror", "--seed", "7", "-o", name)
        assert lab("run", "dsr-udp", *arguments) == Exit.CLEAN
    content = (tmp_path / "a.pcap").read_bytes()
    assert content[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
    assert content == (tmp_path / "b.pcap").read_bytes()


def test_names_a_file_after_what_was_run(lab: Lab, tmp_path: Path) -> None:
    """Without -o the capture is beside the user, by a telling name."""
    assert lab("run", "dsr-udp", "--fault", "wildcard-udp", "--vantage", "server2") == Exit.CLEAN
    assert [path.name for path in tmp_path.iterdir()] == ["dsr-udp-wildcard-udp-server2.pcapng"]


def test_a_name_with_blanks_can_be_typed_again(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that is shown works when it is copied."""
    assert lab("run", "dsr-udp", "-o", "my capture.pcapng") == Exit.CLEAN
    assert "dsrcheck analyze 'my capture.pcapng'" in capsys.readouterr().err


def test_truth_is_the_record(lab: Lab, tmp_path: Path) -> None:
    """The simulator's own record stands beside the capture when asked for."""
    assert lab("run", "dsr-udp", "--fault", "wildcard-udp", "-o", "x.pcapng", "--truth", "truth.json") == Exit.CLEAN
    assert json.loads((tmp_path / "truth.json").read_text()) == run("dsr-udp", "wildcard-udp").truth.as_json()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dsr-helthy"], "there is no scenario dsr-helthy; did you mean dsr-healthy?"),
        (["qqq"], "there is no scenario qqq; there are article-dsr, "),
        (["dsr-udp", "--fault", "wildcard-upd"], "there is no fault wildcard-upd; did you mean wildcard-udp?"),
        (["dsr-udp", "--fault", "vip-missing"], "it wants tcp, as in dsr-client-mac-kept, "),
        (["dsr-udp", "--vantage", "mirorr"], "there is no vantage mirorr; did you mean mirror?"),
        (["dsr-udp", "--fault", "wildcard-udp", "--host", "sever3"], "there is no host sever3; did you mean server3?"),
        (["dsr-udp", "-o", "x.pcap"], "a pcap holds one vantage"),
        (["dsr-udp", "-o", "no/where.pcap"], "there is no such folder"),
        (["dsr-udp", "--truth", "no/where.json"], "there is no such folder"),
        (["dsr-udp", "--seed", "x"], "'x' is not a valid integer"),
        (["a\x1b[31m\nb"], "there is no scenario a\\x1b[31m b; "),
    ],
)
def test_mistakes_are_told_in_one_line(
    lab: Lab, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], told: str
) -> None:
    """One line with what was meant, status 2, and nothing is written."""
    assert lab("run", *arguments) == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("dsrcheck: error: ")
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
