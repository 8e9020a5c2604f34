"""Live, on real network stacks: a fault is switched on and off while traffic runs; an interface goes down."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from dsrcheck.lab.real import RealLab

pytestmark = pytest.mark.namespaces

LIVE = [sys.executable, "-m", "dsrcheck", "live", "--headless", "--format", "json"]


def _lines(live: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert live.stdout is not None
    return map(json.loads, live.stdout)


def _event(lines: Iterator[dict[str, Any]], event: str, rule: str) -> dict[str, Any]:
    """Read on until this rule's finding appears or is over."""
    return next(line for line in lines if line["event"] == event and line["finding"]["rule"] == rule)


@pytest.mark.parametrize(
    ("fault", "rule", "role"),
    [("return-through-balancer", "DSR202", "server"), ("service-down", "DSR204", "server")],
)
def test_a_fault_comes_and_goes(fault: str, rule: str, role: str) -> None:
    """Kernels, a mirror port, dumpcap: the finding appears when the fault is on, and is over when it is off."""
    with RealLab("dsr-routed-client", endless=True) as lab:
        command = [*LIVE, "-i", lab.interface("mirror"), "--idle", "3"]
        with lab.run_in("mirror", command, stdout=subprocess.PIPE, text=True) as live:
            lines = _lines(live)
            _event(lines, "finding", "DSR705")  # the VIP is known, and was healthy so far
            lab.do(fault)
            came = _event(lines, "finding", rule)
            lab.undo()
            over = _event(lines, "over", rule)
            live.send_signal(signal.SIGINT)
            *_, end = lines
    assert came["finding"]["severity"] == "error"
    assert came["finding"]["subject"]["role"] == role
    assert over["since"] == came["time"]
    assert over["seconds"] > 0
    assert (end["event"], end["state"], end["dropped"]) == ("end", "interrupted", 0)
    assert rule not in {finding["rule"] for finding in end["report"]["findings"]}
    assert end["aged"]["frames"] > 0
    assert live.returncode == 1  # there was a finding, though it is over


def test_an_interface_goes_down_and_vanishes() -> None:
    """While it is down that is told, with no frame coming at all; when it is deleted the watch has failed."""
    program = """
import subprocess
from dsrcheck.live import Pace, watch_interfaces
from tests.live.streams import judged

def ip(words):
    subprocess.run(["ip", "link", *words.split()], check=True)

ip("add one type veth peer name two")
ip("set one up")
ip("set two up")
snapshots = watch_interfaces(["two"], judged, pace=Pace(tick=0.05)).snapshots()
next(snapshots)
ip("set two down")
down = next(snapshot for snapshot in snapshots if snapshot.trouble)
print(down.state, down.trouble)
ip("set two up")
up = next(snapshot for snapshot in snapshots if not snapshot.trouble)
print(up.state)
ip("del one")
*_, end = snapshots
print(end.state, end.trouble)
print(end.analysis.report.captures[0].truncated)
"""
    command = ["unshare", "-Urn", sys.executable, "-c", program]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[:2] == ["capturing two is down", "capturing"]
    assert told[2].startswith('failed dumpcap: The network adapter "two" is no longer attached')
    assert told[3].startswith("the capture ended early: dumpcap: The network adapter")
