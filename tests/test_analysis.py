"""`dsrcheck.analyze`: from files to a report."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsrcheck
from dsrcheck.capture import CaptureError, CaptureWriter
from dsrcheck.topology.declared import TopologyError
from tests.ladder import VIP, Ladder, healthy


def written(net: Ladder, path: Path) -> Path:
    """The traffic as a capture file."""
    with CaptureWriter(path) as writer:
        for time, frame in net.frames:
            writer.write(time, frame)
    return path


def test_analyze(tmp_path: Path) -> None:
    """A file is judged; the report has its path and every rule that was selected."""
    path = written(healthy(), tmp_path / "made.pcapng")
    analysis = dsrcheck.analyze(path, select=["DSR2"])
    assert analysis.report.captures[0].path == str(path)
    assert [vip.address for vip in analysis.report.vips] == [VIP]
    assert {verdict.rule[:4] for verdict in analysis.report.verdicts} == {"DSR2"}
    assert not dsrcheck.analyze(path, ignore=["DSR"]).report.verdicts


def test_expected_mode(tmp_path: Path) -> None:
    """A mode that the user expects and the VIP does not have is a finding."""
    path = written(healthy(), tmp_path / "made.pcapng")
    assert "DSR406" not in {finding.rule for finding in dsrcheck.analyze(path, expect="dsr-mac").report.findings}
    assert "DSR406" in {finding.rule for finding in dsrcheck.analyze(path, expect="nat").report.findings}


def test_tables(tmp_path: Path) -> None:
    """The tables behind the report have a row a leg, a flow, a claim, a finding."""
    analysis = dsrcheck.analyze(written(healthy(4), tmp_path / "made.pcapng"))
    assert (len(analysis.legs), len(analysis.flows), len(analysis.claims)) == (12, 4, 12)
    assert len(analysis.findings) == len(analysis.report.findings)


def test_errors(tmp_path: Path) -> None:
    """What cannot be read raises the error of its kind."""
    path = written(healthy(), tmp_path / "made.pcapng")
    with pytest.raises(CaptureError):
        dsrcheck.analyze(tmp_path / "none.pcap")
    with pytest.raises(TopologyError):
        dsrcheck.analyze(path, topology=tmp_path / "none.toml")


def test_without_tables(tmp_path: Path) -> None:
    """The report is the same; what the table of legs needs is gone, and whoever asks for it is told so."""
    path = written(healthy(), tmp_path / "made.pcapng")
    whole, lean = dsrcheck.analyze(path), dsrcheck.analyze(path, tables=False)
    assert lean.report == whole.report
    assert len(whole.legs) > 0
    with pytest.raises(LookupError, match="tables=False"):
        _ = lean.legs
    assert len(lean.flows) == len(whole.flows)
