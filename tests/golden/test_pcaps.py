"""The golden cases as a whole. What each of them says is tested by the pytest plugin, which collects them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from dsrcheck.findings import FAIL
from dsrcheck.golden.assertions import FindingCount, RuleVerdict
from dsrcheck.golden.case import Case, read_case
from dsrcheck.golden.check import find_cases
from dsrcheck.lab import run
from dsrcheck.report.json import schema
from tests.golden.cases import PCAPS

CASES = [read_case(folder) for folder in find_cases(PCAPS)]
LAB = [case for case in CASES if case.lab]
SIZE_LIMIT = 10_000_000


def name_of(case: Case) -> str:
    """Name a test's case."""
    return case.folder.name


def test_the_plugin_that_judges_them_is_there(pytestconfig: pytest.Config) -> None:
    """Without it pytest would pass by not seeing the cases; an install from before the plugin lacks it."""
    assert pytestconfig.pluginmanager.get_plugin("dsrcheck"), "install again: pip install -e ."


def test_the_cases_cover_the_catalogue() -> None:
    """A broken case for each family of rules that captures can break, and captures without any balancing."""
    assert len(CASES) >= 25
    failing = [a for case in CASES for a in case.assertions if isinstance(a, RuleVerdict) and a.verdict == FAIL]
    assert {rule[:4] for assertion in failing for rule in assertion.rules} >= {f"DSR{family}" for family in "12345679"}
    assert sum(FindingCount(0, 0, severity="error") in map(unplaced, case.assertions) for case in CASES) >= 5
    assert sum(json.loads(case.expected.read_text())["vips"] == [] for case in CASES) >= 2


def unplaced(assertion: object) -> object:
    """An assertion without its line and VIP, to be compared."""
    return replace(assertion, line=0, vip=None) if isinstance(assertion, FindingCount) else assertion


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("mode", ["dsr-mac", "dsr-ipip", "nat", "proxy"]),
        ("vantage", ["mirror", "balancer", "server", "client", "gateway"]),
    ],
)
def test_every_mode_and_vantage_is_there(key: str, values: list[str]) -> None:
    """As the accepted reports have them."""
    reports = [json.loads(case.expected.read_text()) for case in CASES]
    assert {entry[key] for report in reports for entry in (*report["vips"], *report["captures"]) if key in entry} >= {
        *values
    }


def test_the_folder_is_small() -> None:
    """A clone stays quick."""
    assert sum(path.stat().st_size for path in PCAPS.rglob("*") if path.is_file()) < SIZE_LIMIT


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_says_all_of_itself(case: Case) -> None:
    """Nothing waits to be filled in, and something is asserted."""
    assert case.unfilled == ()
    assert case.assertions
    assert case.expected.is_file()


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_accepted_report_holds_to_the_schema(case: Case) -> None:
    """A golden report is a report, which programs can read as any other."""
    document = json.loads(case.expected.read_text("ascii"))
    jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("case", LAB, ids=name_of)
def test_the_lab_makes_the_same_bytes_again(case: Case, tmp_path: Path) -> None:
    """Scenario, fault and seed, as the case tells them, give the capture that lies there."""
    (capture,), lab = case.captures, case.lab
    assert lab
    form = capture.suffix.removeprefix(".")
    run(lab.scenario, lab.fault, lab.seed, lab.host).write(tmp_path / "again", lab.vantage, form)
    assert (tmp_path / "again").read_bytes() == capture.read_bytes()
