"""The record of a run: every fault shows somewhere, and a healthy run says that nothing fails."""

from __future__ import annotations

import json
import tomllib

import pytest

from dsrcheck.lab import faults, run, scenarios
from dsrcheck.lab.changes import DEEDS
from dsrcheck.lab.evidence import EVIDENCE

QUICK = [name for name, scenario in sorted(scenarios().items()) if "long" not in scenario.tags]
INFORMATIONAL = {"capture-starts-late", "capture-time-back"}


@pytest.mark.parametrize("name", sorted(faults()))
def test_every_fault_shows_in_some_scenario(name: str) -> None:
    """A scenario it applies to has a vantage that proves it, alone or with the topology declared."""
    fault = faults()[name]
    fitting = [scenario for scenario in QUICK if fault.applies_to(scenarios()[scenario])]
    assert fitting
    for scenario in fitting:
        vantages = run(scenario, name).truth.vantages.values()
        if name in INFORMATIONAL:
            if any(v.speaks.get("DSR905") or v.speaks.get("DSR906") for v in vantages):
                return
        elif any(v.with_topology for v in vantages):
            return
    pytest.fail(f"{name} shows in none of {fitting}")


@pytest.mark.parametrize("name", QUICK)
def test_nothing_fails_in_health(name: str) -> None:
    """A healthy scenario has no rule that must fail; what may fail is said by its file, not by chance."""
    truth = run(name).truth
    if truth.healthy:
        assert all(not v.must_fail and not v.with_topology for v in truth.vantages.values())
        assert all(v.may_fail == scenarios()[name].may for v in truth.vantages.values())
    else:
        assert any(v.with_topology for v in truth.vantages.values())


def test_every_fault_knows_its_deeds_and_evidence() -> None:
    """No file names what does not exist, nor a vantage letter that the catalogue does not have."""
    files = [(entry.changes, entry.expects) for room in (faults(), scenarios()) for entry in room.values()]
    for changes, expects in files:
        assert {change["do"] for change in changes} <= set(DEEDS)
        for expect in expects:
            assert expect.seen in EVIDENCE
            assert set(expect.at + expect.declared) <= set("CRBSM")
            assert expect.at or expect.declared


def test_the_record_names_the_culprit() -> None:
    """A server without VIP: silent while its checks are green, and named by its MAC wherever that can be proved."""
    truth = run("dsr-round-robin", "vip-missing").truth
    server = ("00:01:aa:bb:cc:65",)
    assert truth.vantages["mirror"].must_fail == (("DSR203", "DSR206"), ("DSR601",))
    assert truth.vantages["mirror"].culprits == {"DSR203": server, "DSR601": server}
    assert truth.vantages["server1"].must_fail == ()
    assert not truth.healthy


def test_a_fault_can_befall_another_host() -> None:
    """The same fault on another server names that one."""
    truth = run("dsr-round-robin", "vip-missing", host="server3").truth
    assert truth.fault_host == "server3"
    assert truth.vantages["mirror"].culprits["DSR203"] == ("00:01:aa:bb:cc:66",)


def test_the_record_is_plain_data_and_declares_a_topology() -> None:
    """JSON for `--truth`, TOML for `--topology`; the VIP is the balancers', not a server's."""
    truth = run("dsr-two-arms").truth
    plain = json.loads(json.dumps(truth.as_json()))
    assert plain["schema"] == "dsrcheck.lab-truth/1"
    assert plain["vantages"]["mirror"]["must_pass"]
    declared = tomllib.loads(truth.topology())
    (vip,) = declared["vip"]
    assert vip["address"] == "10.0.0.10"
    assert vip["balancer"][0]["snips"] == ["10.0.0.11", "10.0.1.11"]
    assert [server["addresses"] for server in vip["server"]] == [["10.0.1.100"], ["10.0.1.101"], ["10.0.1.102"]]


def test_an_outdated_declaration_differs_from_the_network() -> None:
    """The fault is in the declaration only: the capture is the healthy one."""
    healthy, outdated = run("dsr-healthy"), run("dsr-healthy", "topology-outdated")
    assert healthy.frames("mirror") == outdated.frames("mirror")
    assert "00:01:aa:bb:ff:77" in outdated.truth.topology()
    assert ("DSR406",) in outdated.truth.vantages["mirror"].with_topology
