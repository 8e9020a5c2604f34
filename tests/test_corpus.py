"""Captures that others made: whatever they hold, the program ends as its contract says."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import jsonschema
import pytest

from dsrcheck import cli
from dsrcheck.exits import Exit
from dsrcheck.report.json import schema

pytestmark = pytest.mark.corpus

CORPUS = Path(os.environ.get("DSRCHECK_CORPUS", "."))


def captures(kind: str) -> list[Path]:
    """The captures of a folder of the corpus; one that is not there where there is no corpus."""
    found = [path for path in (CORPUS / "foreign" / kind).glob("*") if path.is_file() and path.suffix != ".json"]
    return sorted(found) or [CORPUS / kind]


def judge(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run `dsrcheck analyze` on a file: status, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["dsrcheck", "analyze", str(path), "--format", "json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert isinstance(end.value.code, int)
    return (end.value.code, *capsys.readouterr())


@pytest.mark.parametrize("path", captures("robustness"), ids=lambda path: path.name)
def test_odd_files_end_by_the_contract(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report that holds to the schema, or one line that says why there is none."""
    status, out, err = judge(path, monkeypatch, capsys)
    if status == Exit.UNREADABLE:
        assert out == ""
        assert err.splitlines()[-1].startswith("dsrcheck: error: ")
    else:
        assert status in (Exit.CLEAN, Exit.FINDINGS, Exit.NOTHING_TO_CHECK)
        jsonschema.validate(json.loads(out), schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("path", captures("not-dsr"), ids=lambda path: path.name)
def test_traffic_without_dsr_is_no_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Routing, failover and ARP that have nothing to do with load balancing give no error."""
    _, out, _ = judge(path, monkeypatch, capsys)
    report = json.loads(out)
    jsonschema.validate(report, schema(), jsonschema.Draft202012Validator)
    assert [finding for finding in report["findings"] if finding["severity"] == "error"] == []


@pytest.mark.parametrize("path", sorted((CORPUS / "ipvs").glob("*.pcap")) or [CORPUS], ids=lambda path: path.name)
def test_reports_of_real_captures_hold_to_the_schema(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `score` judges by content is valid by form."""
    _, out, _ = judge(path, monkeypatch, capsys)
    jsonschema.validate(json.loads(out), schema(), jsonschema.Draft202012Validator)
