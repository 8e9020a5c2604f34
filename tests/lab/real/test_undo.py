"""What is done can be taken back: afterwards the plan is to the last word what it was."""

from __future__ import annotations

import pytest

from dsrcheck.lab import Fault, faults, scenarios
from dsrcheck.lab.changes import change
from dsrcheck.lab.network import Network, build
from dsrcheck.lab.real.kernel import State, wanted
from dsrcheck.lab.real.services import Binding, bindings
from dsrcheck.lab.real.undo import snapshot

SCENARIOS = ("dsr-routed-client", "dsr-udp", "dsr-failover", "dsr-ipv6")
UNTIMED = [fault for fault in faults().values() if fault.changes]


def _configured(net: Network) -> dict[str, tuple[State, set[Binding], bool]]:
    return {name: (wanted(host), bindings(host), host.up) for name, host in net.hosts.items()}


@pytest.mark.parametrize("fault", UNTIMED, ids=lambda fault: fault.name)
def test_every_fault_can_be_taken_back(fault: Fault) -> None:
    """Of a fault's changes those that configure something; twice, since a fault comes and goes."""
    fitting = [scenarios()[name] for name in SCENARIOS if fault.applies_to(scenarios()[name])]
    if not fitting:
        assert fault.needs & {"dsr-ipip", "too-big"}  # tunnels are none of the real lab's
        return
    net = build(fitting[0], 0)
    before, settings = _configured(net), [f.balancer.settings for f in net.forwarders.values()]
    for _ in range(2):
        back = snapshot(net)
        for entry in fault.changes:
            change(net, entry, 0, fault.host)
        back()
        assert _configured(net) == before
        assert [f.balancer.settings for f in net.forwarders.values()] == settings
