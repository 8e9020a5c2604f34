"""What a report comes to: its verdict and the status it ends the program with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsrcheck.exits import Exit
from dsrcheck.report.model import Report, VipReport, by_severity
from tests.report.reports import EMPTY, FAILING, GOOD, OPEN, PASSING, SERVED, VIP, WARNED


@pytest.mark.parametrize(
    ("report", "verdict"),
    [(FAILING, "fail"), (PASSING, "pass"), (WARNED, "pass"), (OPEN, "inconclusive"), (EMPTY, "inconclusive")],
)
def test_verdict(report: Report, verdict: str) -> None:
    """An error fails, both paths proved pass, all else is open."""
    assert report.verdict == verdict


def test_a_path_of_another_vip_proves_nothing() -> None:
    """Forward path of one VIP and reply path of another are no pass."""
    other = VipReport("192.168.10.101", "dsr-mac", flows=1)
    report = replace(PASSING, vips=(SERVED, other), verdicts=(GOOD[0], replace(GOOD[1], vip=other.address)))
    assert report.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("report", "fail_on", "status"),
    [
        (FAILING, "error", Exit.FINDINGS),
        (FAILING, "never", Exit.CLEAN),
        (WARNED, "error", Exit.CLEAN),
        (WARNED, "warning", Exit.FINDINGS),
        (OPEN, "error", Exit.CLEAN),
        (EMPTY, "error", Exit.NOTHING_TO_CHECK),
        (EMPTY, "never", Exit.NOTHING_TO_CHECK),
    ],
)
def test_status(report: Report, fail_on: str, status: Exit) -> None:
    """Findings at or above the chosen severity fail; no VIP is a status of its own."""
    assert report.status(fail_on) == status
    assert report.status(fail_on, exit_zero=True) == Exit.CLEAN


def test_declared_vip_without_traffic_is_nothing_to_check() -> None:
    """A VIP that is only declared leaves the capture without balanced traffic."""
    declared = VipReport(VIP, "dsr-mac", provenance="declared")
    assert replace(EMPTY, vips=(declared,)).status() == Exit.NOTHING_TO_CHECK
    assert replace(EMPTY, vips=(replace(declared, flows=1),)).status() == Exit.CLEAN


def test_worst_first_and_causes_before_what_they_entail() -> None:
    """Errors before warnings, and among errors the cause first."""
    assert [finding.rule for finding in by_severity(FAILING.findings)] == ["DSR301", "DSR101", "DSR901"]
