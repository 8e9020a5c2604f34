"""Every rule's examples, run in the lab: what is said to fail does, and nothing that the record knows to be whole."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from dsrcheck.findings import FAIL, Finding
from dsrcheck.lab import LabRun, run
from dsrcheck.lab.truth import VantageTruth
from dsrcheck.lab.vantage import resolve
from dsrcheck.report.model import Report
from dsrcheck.rules import load_rules
from dsrcheck.rules.rule import Example, Rule
from tests.lab.agreement import judged

RULES = load_rules()
CASES = [(rule, example) for rule in RULES for example in rule.examples]


def name_of(value: Rule | Example) -> str:
    """Name a test's case."""
    if isinstance(value, Rule):
        return value.id
    declared = "declared" if value.topology else ""
    return "-".join(filter(None, (value.verdict, value.scenario, value.fault, value.vantage, declared)))


@cache
def made(scenario: str, fault: str | None) -> LabRun:
    """A run of the lab, made once for all examples that show it."""
    return run(scenario, fault)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where captures lie until they are judged."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str | None, str, bool], Report]:
    """Reports by scenario, fault, vantage and declaration: many examples look at the same."""
    return {}


@pytest.mark.parametrize(("rule", "example"), CASES, ids=name_of)
def test_example_holds(
    rule: Rule, example: Example, folder: Path, reports: dict[tuple[str, str | None, str, bool], Report]
) -> None:
    """The rule says of the example what its file says, and a failing example fails nothing that is not broken."""
    key = (example.scenario, example.fault, example.vantage, example.topology)
    if key not in reports:
        ran = made(example.scenario, example.fault)
        reports[key] = judged(ran, folder, example.vantage, example.topology)
    report, truth = reports[key], made(example.scenario, example.fault).truth
    if rule.severity == "info":
        spoken = any(finding.rule == rule.id for finding in report.findings)
        assert example.verdict == ("speaks" if spoken else "silent")
        return
    verdicts = {v.verdict: v.reason for v in report.verdicts if v.rule == rule.id and v.vip in (None, truth.vip)}
    assert set(verdicts) == {example.verdict}, verdicts
    if example.verdict == FAIL:
        there = truth.vantages[resolve(example.vantage, truth.vantages)]
        assert sorted(unnamed(report, rule, there)) == []


def unnamed(report: Report, rule: Rule, truth: VantageTruth) -> set[str]:
    """Rules that fail although neither the rule nor the record names them, directly or as the cause that they have."""
    known = {rule.id} | truth.may_fail | {other for group in truth.with_topology for other in group}
    wrong = [finding for finding in report.findings if finding.severity != "info"]
    while more := {finding.rule for finding in wrong if is_entailed(finding, known)} - known:
        known |= more
    return {finding.rule for finding in wrong} - known


def is_entailed(finding: Finding, known: set[str] | frozenset[str]) -> bool:
    """Whether a finding is named, or follows from what is."""
    return finding.rule in known or finding.because_of in known


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_what_passes_is_healthy(rule: Rule) -> None:
    """A rule is shown to pass, or to be silent, by a network that nothing was done to."""
    assert all(example.fault is None for example in rule.examples if example.verdict in ("pass", "silent"))
