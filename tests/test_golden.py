"""Golden captures: what is known to be true of each (case.toml), and the whole report as accepted (expected.json).

The truth comes from how the captures were made, never from the program. `DSRCHECK_ACCEPT=1` writes the reports anew,
for somebody to read the difference before it is committed; it does so after the truth has been checked.
"""

from __future__ import annotations

import json
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import dsrcheck

PCAPS = Path(__file__).parent.parent / "pcaps"
CASES = sorted(path.parent.name for path in PCAPS.glob("*/case.toml"))


@cache
def report_of(case: str) -> dict[str, Any]:
    """The canonical report: the capture's path is its name alone."""
    report = dsrcheck.analyze(PCAPS / case / "capture.pcap").report.to_dict()
    for capture in report["captures"]:
        capture["path"] = Path(capture["path"]).name
    return report


@cache
def truth_of(case: str) -> dict[str, Any]:
    """The [truth] table of a case."""
    truth: dict[str, Any] = tomllib.loads((PCAPS / case / "case.toml").read_text())["truth"]
    return truth


def vip_of(case: str) -> dict[str, Any]:
    """The report's entry of the case's VIP."""
    return next(vip for vip in report_of(case)["vips"] if vip["address"] == truth_of(case)["vip"])


def test_there_are_cases() -> None:
    """An empty folder must not pass for a good one."""
    assert len(CASES) >= 16


@pytest.mark.parametrize("case", CASES)
def test_says_where_it_comes_from(case: str) -> None:
    """Every capture has its provenance beside it."""
    provenance = tomllib.loads((PCAPS / case / "case.toml").read_text())["provenance"]
    assert provenance["source"]
    assert provenance["software"]


@pytest.mark.parametrize("case", CASES)
def test_knows_mode_and_servers(case: str) -> None:
    """The VIP is found, its mode is right, and so are its servers where the capture shows them all."""
    truth, vip = truth_of(case), vip_of(case)
    assert vip["mode"] in truth["modes"]
    if truth["servers"]:
        assert sorted(mac for server in vip["servers"] for mac in server["macs"]) == sorted(truth["servers"])


@pytest.mark.parametrize("case", CASES)
def test_fails_what_is_broken_and_nothing_else(case: str) -> None:
    """One rule of each broken group fails, and no rule of severity error that is not broken or entailed."""
    truth = truth_of(case)
    errors = {finding["rule"] for finding in report_of(case)["findings"] if finding["severity"] == "error"}
    for group in truth["must_fail"]:
        assert errors & set(group)
    assert errors <= {rule for group in truth["must_fail"] for rule in group} | set(truth["may_fail"])
    if truth["verdict"]:
        assert report_of(case)["verdict"] == truth["verdict"]


@pytest.mark.parametrize("case", CASES)
def test_names_the_culprit_with_frames(case: str) -> None:
    """The host that has to change is the subject, and the finding stands on frames of the capture."""
    report = report_of(case)
    for rules, culprits in truth_of(case).get("culprits", {}).items():
        found = [finding for finding in report["findings"] if finding["rule"] in rules.split("/")]
        assert {finding["subject"]["mac"] for finding in found} == set(culprits)
        frames = [frame["number"] for finding in found for frame in finding["frames"]]
        assert frames
        assert all(1 <= number <= report["captures"][0]["frames"] for number in frames)


@pytest.mark.parametrize("case", CASES)
def test_passes_only_what_it_can_see(case: str) -> None:
    """Rules that the capture shows to hold pass; rules that this vantage cannot show never do."""
    passed = {verdict["rule"] for verdict in report_of(case)["verdicts"] if verdict["verdict"] == "pass"}
    assert set(truth_of(case)["must_pass"]) <= passed
    assert not passed & set(truth_of(case)["must_not_pass"])


@pytest.mark.parametrize("case", CASES)
def test_report_is_as_accepted(case: str) -> None:
    """The whole report is what somebody read and accepted."""
    text = json.dumps(report_of(case), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    expected = PCAPS / case / "expected.json"
    if os.environ.get("DSRCHECK_ACCEPT") and not os.environ.get("CI"):
        expected.write_text(text)
    assert text == expected.read_text()
