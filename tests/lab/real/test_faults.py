"""What a real kernel does with each fault: the same rules fail as in the simulator, and none in health.

The oracle is the simulator on one hand and the record on the other; kernels decide what is on the wire. All labs run at
once at the beginning, a few at a time: they mostly wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dsrcheck.lab import LabRun, real, run
from tests.lab.agreement import disagreements, judged

pytestmark = pytest.mark.namespaces

Case = tuple[str, str | None, tuple[str, ...]]
FAULTS: list[Case] = [
    ("dsr-routed-client", "server-answers-arp", ("client1", "gateway")),
    ("dsr-round-robin", "server-announces", ("server2",)),
    ("dsr-round-robin", "server-asks-as-vip", ("server2",)),
    ("dsr-routed-client", "vip-missing", ("balancer", "server2")),
    ("dsr-routed-client", "vip-missing-forwarding", ("balancer", "server2")),
    ("dsr-routed-client", "return-through-balancer", ("balancer", "server2")),
    ("dsr-routed-client", "rp-filter-drop", ("balancer", "server2")),
    ("dsr-routed-client", "service-down", ("server2",)),
    ("dsr-udp", "wildcard-udp", ("client1", "server2")),
    ("dsr-ipv6", "redirects", ("balancer", "server2")),
    ("dsr-round-robin", "stale-neighbour", ("client1",)),
    ("dsr-routed-client", "balancer-wrong-subnet", ("balancer",)),
]
HEALTHY: list[Case] = [
    ("dsr-healthy", None, ("client1", "server1", "balancer")),
    ("dsr-routed-client", None, ("gateway", "routed1", "natted1", "server1", "balancer")),
    ("dsr-udp", None, ("client1", "server1", "balancer")),
    ("dsr-ipv6", None, ("client1", "gateway", "server1", "balancer")),
    ("dsr-two-arms", None, ("gateway", "server1", "balancer", "balancer-back")),
    ("nat-onearm", None, ("gateway", "server1", "balancer")),
]
CASES = [*FAULTS, *HEALTHY]
AT_ONCE = 4


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[tuple[str, str | None], Future[LabRun]]]:
    """What each lab will have captured."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case[:2]: pool.submit(real.run, *case[:2]) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(filter(None, case[:2])))
def test_kernels_fail_the_rules_that_the_simulator_fails(
    runs: dict[tuple[str, str | None], Future[LabRun]], tmp_path: Path, case: Case
) -> None:
    """On the mirror exactly those; at the other vantages what the record of what was captured says."""
    made = runs[case[:2]].result()
    assert _failed(made, tmp_path) == _failed(run(*case[:2]), tmp_path)
    for vantage in ("mirror", *case[2]):
        assert list(disagreements(judged(made, tmp_path, vantage), made, vantage)) == [], vantage


def _failed(made: LabRun, folder: Path) -> set[str]:
    report = judged(made, folder)
    return {finding.rule for finding in report.findings if finding.severity != "info"}
