"""What is done can be taken back: afterwards the plan is to the last word what it was."""

from __future__ import annotations

import pytest

from dsrcheck.lab import Fault, faults, scenarios
from dsrcheck.lab.changes import change
from dsrcheck.lab.network import Network, build
from dsrcheck.lab.real.kernel import State, wanted
from dsrcheck.lab.real.services import Binding, bindings
from dsrcheck.lab.real.undo import snapshot

CHANGING = [fault for fault in faults().values() if fault.changes]


def _configured(net: Network) -> dict[str, tuple[State, set[Binding], bool]]:
    return {name: (wanted(host), bindings(host), host.up) for name, host in net.hosts.items()}


def _balancers(net: Network) -> list[tuple[object, ...]]:
    balancers = [forwarder.balancer for forwarder in net.forwarders.values()]
    return [(b.settings, b.tells_too_big, b.steers_errors) for b in balancers]


@pytest.mark.parametrize("fault", CHANGING, ids=lambda fault: fault.name)
def test_every_fault_can_be_taken_back(fault: Fault) -> None:
    """Of a fault's changes those that configure something; twice, since a fault comes and goes."""
    fitting = [scenario for scenario in scenarios().values() if fault.applies_to(scenario)]
    net = build(max(fitting, key=lambda scenario: scenario.clients), 0)
    before, balancers = _configured(net), _balancers(net)
    for _ in range(2):
        back = snapshot(net)
        for entry in fault.changes:
            change(net, entry, 0, fault.host)
        back()
        assert _configured(net) == before
        assert _balancers(net) == balancers
