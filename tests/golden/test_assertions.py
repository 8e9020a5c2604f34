"""Assertions on hand-made reports: which hold, and what is said of those that do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsrcheck.findings import FAIL, NOT_OBSERVED, PASS, Verdict
from dsrcheck.golden.assertions import ANY, NONE, Assertion, FindingCount, ReportVerdict, RuleVerdict, VipFacts
from dsrcheck.report.model import Report
from tests.golden.cases import BALANCER_MAC, BROKEN, HEALTHY, SERVER_MAC, VIP

OTHER = "10.0.0.20"
EVIDENCE = (
    "\n  DSR202 reply-bypasses-balancer (error), for 10.0.0.10, culprit server 00:01:aa:bb:cc:64 10.0.0.100: "
    "Server 10.0.0.100 sends its replies through the balancer. (frames 7, 9)"
)

HOLDING: list[tuple[Assertion, Report]] = [
    (ReportVerdict(1, PASS), HEALTHY),
    (ReportVerdict(1, FAIL), BROKEN),
    (VipFacts(1, VIP, ("dsr-mac", "unknown")), HEALTHY),
    (VipFacts(1, VIP, servers=frozenset({SERVER_MAC, "00:01:aa:bb:cc:65"})), HEALTHY),
    (VipFacts(1, VIP, servers=frozenset({"10.0.0.104", "10.0.0.105"})), HEALTHY),
    (VipFacts(1, VIP, balancers=frozenset({BALANCER_MAC})), HEALTHY),
    (RuleVerdict(1, ("DSR103", "DSR202"), PASS), HEALTHY),
    (RuleVerdict(1, ("DSR202",), FAIL, culprits=frozenset({SERVER_MAC}), frames=(9,)), BROKEN),
    (RuleVerdict(1, ("DSR202",), FAIL, culprits=frozenset({"10.0.0.100"})), BROKEN),
    (RuleVerdict(1, ("DSR301", "DSR202"), FAIL, ANY), BROKEN),
    (RuleVerdict(1, ("DSR301",), NOT_OBSERVED), HEALTHY),
    (RuleVerdict(1, ("DSR301",), PASS, NONE), HEALTHY),
    (RuleVerdict(1, ("DSR901",), PASS, vip=VIP), HEALTHY),
    (FindingCount(1, 0, severity="error"), HEALTHY),
    (FindingCount(1, 0, severity="error", besides=("DSR202",)), BROKEN),
    (FindingCount(1, 1, rules=("DSR202",)), BROKEN),
    (FindingCount(1, 0, rules=("DSR202",), vip=OTHER), BROKEN),
]

BREAKING: list[tuple[Assertion, Report, str]] = [
    (ReportVerdict(1, PASS), BROKEN, f"the report's verdict is fail, not pass{EVIDENCE}"),
    (VipFacts(1, OTHER, ("nat",)), HEALTHY, "10.0.0.20 is not found to be a VIP; found: 10.0.0.10"),
    (VipFacts(1, VIP, ("nat", "proxy")), HEALTHY, "VIP 10.0.0.10: mode is dsr-mac, not nat or proxy"),
    (
        VipFacts(1, VIP, servers=frozenset({SERVER_MAC, "00:01:aa:bb:cc:99"})), HEALTHY,
        "VIP 10.0.0.10: server 00:01:aa:bb:cc:99 is not there; server 00:01:aa:bb:cc:65 10.0.0.105 is not expected",
    ),
    (RuleVerdict(1, ("DSR202",), PASS), BROKEN, f"DSR202 fails, but must pass{EVIDENCE}"),
    (RuleVerdict(1, ("DSR202",), FAIL), HEALTHY, "DSR202 passes, but must fail"),
    (RuleVerdict(1, ("DSR301",), PASS), HEALTHY, "DSR301 is not observed (no ARP is seen), but must pass"),
    (RuleVerdict(1, ("DSR999",), PASS), HEALTHY, "DSR999 has no verdict, but must pass"),
    (RuleVerdict(1, ("DSR202",), PASS, vip=OTHER), HEALTHY, "DSR202 has no verdict, but must pass"),
    (RuleVerdict(1, ("DSR103", "DSR202"), PASS, NONE), BROKEN, "DSR103 passes, but must not pass"),
    (
        RuleVerdict(1, ("DSR103", "DSR202"), FAIL, ANY), HEALTHY,
        "DSR103 passes; DSR202 passes, but one of DSR103, DSR202 must fail",
    ),
    (
        RuleVerdict(1, ("DSR202",), FAIL, culprits=frozenset({BALANCER_MAC})), BROKEN,
        f"DSR202 must blame 00:01:aa:bb:cc:0a and nobody else{EVIDENCE}",
    ),
    (
        RuleVerdict(1, ("DSR202",), FAIL, culprits=frozenset({SERVER_MAC, BALANCER_MAC})), BROKEN,
        f"DSR202 must blame 00:01:aa:bb:cc:0a, 00:01:aa:bb:cc:64 and nobody else{EVIDENCE}",
    ),
    (RuleVerdict(1, ("DSR202",), FAIL, frames=(7, 8)), BROKEN, f"DSR202 must stand on frame 8 too{EVIDENCE}"),
    (
        FindingCount(1, 0, severity="error", besides=("DSR301",)), BROKEN,
        f"1 finding instead of no finding of severity error besides DSR301{EVIDENCE}",
    ),
    (FindingCount(1, 2, rules=("DSR202",)), HEALTHY, "0 findings instead of 2 findings of DSR202"),
]  # fmt: skip


@pytest.mark.parametrize(("assertion", "report"), HOLDING)
def test_holds(assertion: Assertion, report: Report) -> None:
    """What is so, holds."""
    assert assertion.broken(report) is None


@pytest.mark.parametrize(("assertion", "report", "told"), BREAKING)
def test_breaks(assertion: Assertion, report: Report, told: str) -> None:
    """What is not so is told: what is so instead, with rule, culprit and frames."""
    assert assertion.broken(report) == told


def test_a_rule_that_fails_for_another_vip_does_not_pass() -> None:
    """Where no VIP is named, one that fails is enough; where one is named, the other is none of its business."""
    both = replace(
        HEALTHY, verdicts=(*HEALTHY.verdicts, Verdict("DSR202", "reply-bypasses-balancer", OTHER, FAIL, 1, 1))
    )
    assert RuleVerdict(1, ("DSR202",), PASS).broken(both) is not None
    assert RuleVerdict(1, ("DSR202",), PASS, vip=VIP).broken(both) is None
    assert RuleVerdict(1, ("DSR202",), PASS, NONE).broken(both) is not None


def test_many_findings_are_counted() -> None:
    """A flood of findings is told by its first few."""
    many = replace(BROKEN, findings=BROKEN.findings * 9)
    told = FindingCount(1, 0, severity="error").broken(many)
    assert told is not None
    assert told.count("\n") == 6
    assert told.endswith("and 4 findings more")
