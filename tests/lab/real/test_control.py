"""The real lab from outside: what it captures, what can be changed, and that nothing stays behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dsrcheck.analysis import analyze
from dsrcheck.lab import LabError, real
from dsrcheck.lab.scenario import read_scenario

pytestmark = pytest.mark.namespaces

SHORT = read_scenario(
    "short",
    """
summary = "Two connections."
length = "1 s"
clients = 1
servers = 1

[[traffic]]
kind = "http"
clients = ["client1"]
start = "10 ms"
every = "200 ms"
times = 2
""",
)


def test_a_change_is_made_and_taken_back() -> None:
    """A server's kernel loses the VIP, and has it again; what runs inside sees it."""

    def vip(lab: real.RealLab) -> bool:
        asked = lab.run_in("server1", ["ip", "-o", "addr", "show", "dev", "lo"], stdout=subprocess.PIPE, text=True)
        return "10.0.0.10/32" in asked.communicate()[0]

    with real.RealLab(SHORT, endless=True) as lab:
        assert vip(lab)
        lab.do({"do": "remove-vip", "host": "server1"})
        assert not vip(lab)
        lab.undo()
        assert vip(lab)
        with pytest.raises(LabError, match="no change to undo"):
            lab.undo()
        with pytest.raises(LabError, match="there is no deed 'explode'"):
            lab.do({"do": "explode", "host": "server1"})


def test_a_host_joins_and_is_gone_again() -> None:
    """A second owner of the VIP, twice: each time it is there while the change is on."""
    with real.RealLab(SHORT, endless=True) as lab:
        for _ in range(2):
            lab.do("second-owner")
            with lab.run_in("mirror", ["ip", "-o", "link", "show", "stranger.0"]) as asked:
                assert asked.wait() == 0
            lab.undo()
            with lab.run_in("mirror", ["ip", "-o", "link", "show", "stranger.0"], stderr=subprocess.DEVNULL) as asked:
                assert asked.wait() != 0


def test_a_server_is_switched_off_and_on_again() -> None:
    """Its card is down, and afterwards its kernel has the routes that it lost."""

    def route(lab: real.RealLab) -> str:
        asked = lab.run_in("server1", ["ip", "route", "show", "default"], stdout=subprocess.PIPE, text=True)
        return str(asked.communicate()[0]).strip()

    with real.RealLab(SHORT, endless=True) as lab:
        assert route(lab).startswith("default via 10.0.0.254")
        lab.do({"do": "power-off", "host": "server1"})
        assert route(lab) == ""
        lab.undo()
        assert route(lab).startswith("default via 10.0.0.254")


def test_a_balancer_that_is_off_hears_nothing() -> None:
    """Its cable is dead: clients ask for the VIP on the mirror, and at the balancer there is nothing to see."""
    off = {"do": "power-off", "host": "balancer", "at": None}
    with real.RealLab(replace(SHORT, changes=(off,)), capture=True) as lab:
        made = lab.finish()
    assert "mirror" in made.vantages
    assert "balancer" not in made.vantages


def test_the_mirror_shows_endless_traffic() -> None:
    """Another program captures at the mirror for as long as it likes, longer than the scenario lasts."""
    with real.RealLab(SHORT, endless=True, pace=8) as lab:
        capture = ["dumpcap", "-q", "-i", lab.interface("mirror"), "-c", "200", "-w", "-"]
        seen, _ = lab.run_in("mirror", capture, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).communicate()
    assert seen.count(b"GET /bytes/") > 2 * SHORT.traffic[0].times


def test_nothing_is_left_when_the_parent_is_killed() -> None:
    """SIGKILL gives nobody time to tidy up: the lab and its dumpcap end by themselves."""
    program = """
from dsrcheck.lab import real
lab = real.RealLab("dsr-healthy", endless=True, capture=True).__enter__()
print(lab._process.pid, flush=True)
lab.finish()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        keeper = int(parent.stdout.readline())
        family = _descendants(keeper)
        assert len(family) >= 3  # unshare, the lab, dumpcap
        watched = [os.pidfd_open(pid) for pid in family]
        parent.send_signal(signal.SIGKILL)
    for descriptor in watched:
        assert select.select([descriptor], [], [], 20)[0]  # the process has ended


def _descendants(pid: int) -> list[int]:
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return [pid, *(found for child in children for found in _descendants(child))]


def test_no_interface_of_the_host_is_touched(tmp_path: Path) -> None:
    """Interfaces and addresses here are the same while it runs, and what is captured is judged as healthy."""

    def interfaces() -> str:
        return subprocess.run(["ip", "addr"], check=True, capture_output=True, text=True).stdout

    before = interfaces()
    with real.RealLab("dsr-healthy", capture=True, pace=4) as lab:
        assert interfaces() == before
        made = lab.finish()
    made.write(tmp_path / "x.pcapng", "mirror")
    assert analyze(tmp_path / "x.pcapng").report.verdict == "pass"
