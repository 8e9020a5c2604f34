"""The whole program over captures that others made: no error where nothing is balanced, no traceback anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.corpus

FOREIGN = Path(os.environ.get("DSRCHECK_CORPUS", "")) / "foreign"
STATUSES = {0, 1, 3, 4}


def captures(folder: str) -> list[Path]:
    """The captures that a folder's manifest lists; none where the corpus is not there (the tests are then skipped)."""
    manifest = FOREIGN / folder / "manifest.json"
    if not manifest.is_file():
        return []
    return [FOREIGN / folder / entry["file"] for entry in json.loads(manifest.read_text())["files"]]


def analyze(path: Path) -> subprocess.CompletedProcess[str]:
    """`dsrcheck analyze --format json` of one capture."""
    command = [sys.executable, "-m", "dsrcheck", "analyze", "--format", "json", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_corpus_is_there() -> None:
    """An empty folder must not pass for one without faults."""
    assert len(captures("not-dsr")) >= 8
    assert len(captures("robustness")) >= 20


@pytest.mark.parametrize("path", captures("not-dsr"), ids=lambda path: path.name)
def test_no_error_where_nothing_is_balanced(path: Path) -> None:
    """Routing, failover, retransmissions, mirror copies and asymmetric captures are no faults."""
    run = analyze(path)
    report = json.loads(run.stdout)
    assert [finding for finding in report["findings"] if finding["severity"] == "error"] == []
    assert run.returncode in (0, 3)


@pytest.mark.parametrize("path", [*captures("robustness"), *captures("balancer-vectors")], ids=lambda path: path.name)
def test_odd_and_damaged_files_end_well(path: Path) -> None:
    """A status of the contract, one line where it is an error, never a traceback."""
    run = analyze(path)
    assert run.returncode in STATUSES
    assert "Traceback" not in run.stderr
    if run.returncode == 4:
        assert run.stderr.count("\n") == 1
    else:
        json.loads(run.stdout)
