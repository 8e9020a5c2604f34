"""The frames of findings as a capture of their own; tshark reads what Wireshark would show."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dsrcheck
from dsrcheck import cli, lab
from dsrcheck.evidence import write_evidence
from dsrcheck.flows.reread import FlowError

PCAPS = Path(__file__).parent.parent / "pcaps"
Run = Callable[..., tuple[int, str, str]]
SAME = ["frame.time_epoch", "frame.len", "frame.cap_len", "eth.src", "eth.dst", "_ws.col.Info", "frame.interface_name"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the program in this process; returns status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dsrcheck", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code, *capsys.readouterr()

    return run


def read(path: Path, fields: list[str], wanted: str = "") -> list[list[str]]:
    """The fields of every frame, as tshark reads them."""
    chosen = [part for field in fields for part in ("-e", field)]
    only = ["-Y", wanted] if wanted else []
    done = subprocess.run(
        ["tshark", "-r", path, *only, "-T", "fields", "-E", "separator=\x1f", *chosen],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def evidence_of(path: Path, tmp_path: Path, *rules: str) -> Path:
    """The evidence of a capture, written to a file."""
    target = tmp_path / "evidence.pcapng"
    with target.open("wb") as stream:
        assert write_evidence(path, dsrcheck.analyze(path), stream, rules) > 0
    return target


@pytest.mark.tshark
def test_frames_are_the_findings_own(tmp_path: Path) -> None:
    """The same frames, times and lengths that the finding's Wireshark filter selects in the capture."""
    path = PCAPS / "real-ipvs-return-through-balancer" / "capture.pcap"
    (finding,) = (f for f in dsrcheck.analyze(path).report.findings if f.rule == "DSR202")
    kept = SAME[:-1]  # classic pcap names no interface
    assert read(evidence_of(path, tmp_path, "DSR202"), kept) == read(path, kept, finding.wireshark_filters[0])


@pytest.mark.tshark
def test_comments_say_rule_role_and_what_is_wrong(tmp_path: Path) -> None:
    """Of each finding that the frame is evidence for, with the message; the role is what the packet itself shows."""
    path = PCAPS / "real-ipvs-udp-from-real-address" / "capture.pcap"
    messages = {f.rule: f.message for f in dsrcheck.analyze(path).report.findings}
    rows = read(evidence_of(path, tmp_path, "DSR201"), ["ip.src", "ip.dst", "ip.ttl", "frame.comment"])
    assert {row[0] for row in rows} > {"192.168.10.22"}  # the server that answers from its own address
    for source, _, ttl, comment in rows:
        role = "reply from another address" if source == "192.168.10.22" else "forward" if ttl == "63" else "request"
        assert f"DSR201 reply-from-vip, error, {role}: {messages['DSR201']}" in comment.split("\\n")


@pytest.mark.tshark
def test_an_arp_answer_is_called_so(tmp_path: Path) -> None:
    """What claims the VIP is told by its kind."""
    path = PCAPS / "real-ipvs-arp-problem" / "capture.pcap"
    ((opcode, sender, comment),) = read(
        evidence_of(path, tmp_path, "DSR301"), ["arp.opcode", "arp.src.proto_ipv4", "frame.comment"]
    )
    assert (opcode, sender) == ("2", "192.168.10.100")
    assert comment.startswith("DSR301 server-answers-no-arp, error, ARP reply: Server 02:00:00:00:5e:02 answers")


@pytest.mark.tshark
def test_interfaces_and_nanoseconds_are_kept(tmp_path: Path) -> None:
    """Evidence of a capture of several interfaces says at which each frame was seen, by its name."""
    path = tmp_path / "all.pcapng"
    lab.run("dsr-healthy", fault="server-answers-arp").write(str(path))
    (finding,) = (f for f in dsrcheck.analyze(path).report.findings if f.rule == "DSR301")
    found = read(evidence_of(path, tmp_path, "DSR301"), SAME)
    assert found == read(path, SAME, finding.wireshark_filters[0])
    assert len(found[0][0].partition(".")[2]) == 9
    assert all(row[-1] for row in found)


def test_nothing_found_writes_nothing(tmp_path: Path, run: Run) -> None:
    """A healthy capture leaves no empty file behind, and the user is told."""
    target = tmp_path / "none.pcapng"
    status, out, told = run("evidence", str(PCAPS / "article-dsr" / "capture.pcap"), "-o", str(target))
    assert (status, out) == (0, "")
    assert "nothing written" in told
    assert not target.exists()


def test_mistakes_are_told_in_a_line(tmp_path: Path, run: Run) -> None:
    """An unknown rule, a capture that is not there, and one that can be read only once."""
    capture, target = str(PCAPS / "article-dsr" / "capture.pcap"), str(tmp_path / "x.pcapng")
    assert run("evidence", capture, "DSR999", "-o", target)[0] == 2
    assert run("evidence", str(tmp_path / "gone.pcap"), "-o", target)[0] == 4
    status, _, told = run("evidence", "-", "-o", target)
    assert (status, told.count("\n")) == (2, 1)
    assert not list(tmp_path.iterdir())


def test_a_pipe_cannot_be_read_again() -> None:
    """The Python call says so too."""
    analysis = dsrcheck.analyze(PCAPS / "article-dsr" / "capture.pcap")
    with pytest.raises(FlowError, match="only once"):
        write_evidence("-", analysis, io.BytesIO())
