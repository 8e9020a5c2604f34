"""Drawn captures: the analyzer says what the lab's record says. The long run: `python -m tests.lab.agreement 500`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsrcheck.lab import run, scenarios
from tests.lab.agreement import Draw, compare, disagreements, judged, pairs

DRAWS = st.builds(
    lambda pair, seed, vantage, declared: Draw(pair[0], pair[1], seed, vantage, declared),
    st.sampled_from(pairs()),
    st.integers(0, 999),
    st.integers(0, 999),
    st.booleans(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where captures lie until they are judged."""
    return tmp_path_factory.mktemp("agreement")


@given(DRAWS)
@settings(max_examples=40, derandomize=True)
def test_verdicts_are_those_of_the_record(draw: Draw) -> None:
    """Any scenario, with any fault that fits, from any vantage, by any seed."""
    assert draw.disagreements(draw.made()) == []


@pytest.mark.parametrize(
    ("scenario", "fault", "vantage", "seed", "declared"),
    [
        ("article-wrong-subnet", "capture-cut", "mirror-balancer", 555, False),
        ("dsr-client-mac-kept", "handshake-broken", "server1", 0, True),
        ("dsr-client-mac-kept", "loopback-mask-too-wide", "server2", 0, True),
        ("dsr-client-mac-kept", "server-off-segment", "mirror", 0, False),
        ("dsr-failover-vmac", "server-announces", "mirror", 37, False),
        ("dsr-failover-vmac", "spray", "mirror-balancer", 587, False),
        ("dsr-failover-vmac", "second-owner", "client4", 13, False),
        ("dsr-failover-routed", "reply-to-third-mac", "mirror-both", 937, False),
        ("dsr-noise", "proxy-arp", "client4", 1, True),
        ("dsr-two-arms", "balancer-resets", "mirror-both", 308, True),
        ("dsr-udp", "wildcard-udp", "outside", 0, True),
        ("ipip-mtu", "vip-missing", "server2", 926, False),
    ],
)
def test_what_once_disagreed(folder: Path, scenario: str, fault: str, vantage: str, seed: int, declared: bool) -> None:
    """Faults of the analyzer that draws have shown."""
    assert compare(run(scenario, fault, seed), vantage, folder, declared) == []


@pytest.mark.parametrize("scenario", sorted(name for name, s in scenarios().items() if "long" not in s.tags))
def test_scenarios_without_a_fault(folder: Path, scenario: str) -> None:
    """What is healthy is not blamed, and what passes is seen, on a mirror of everything."""
    assert compare(run(scenario), "mirror", folder) == []


def test_a_disagreement_is_noticed(folder: Path) -> None:
    """The comparison itself: a report of another capture does not agree with a record."""
    healthy, broken = run("dsr-healthy"), run("dsr-healthy", "vip-missing")
    assert "DSR203 fails" in list(disagreements(judged(broken, folder), healthy, "mirror"))
    assert "DSR203 or DSR206 does not fail" in list(disagreements(judged(healthy, folder), broken, "mirror"))
