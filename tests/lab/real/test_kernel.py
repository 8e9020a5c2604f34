"""From one state of the plan to the next: what a kernel is told, without any kernel."""

from __future__ import annotations

from dsrcheck.lab import scenarios
from dsrcheck.lab.changes import change
from dsrcheck.lab.network import Network, build
from dsrcheck.lab.real.kernel import State, commands, wanted


def _network() -> Network:
    return build(scenarios()["dsr-routed-client"], 0)


def _told(net: Network, host: str, **entry: object) -> list[str]:
    before = wanted(net.hosts[host])
    change(net, entry, 0, host)
    return commands(before, wanted(net.hosts[host]))


def test_a_server_from_nothing() -> None:
    """The VIP on the loopback, its own address and the gateway on the card."""
    net = _network()
    state = wanted(net.hosts["server1"])
    assert commands(State(), state) == [
        "link set eth0 mtu 1500",
        "addr replace 10.0.0.10/32 dev lo",
        "addr replace 10.0.0.100/24 dev eth0",
        "route replace 0.0.0.0/0 via 10.0.0.254 dev eth0 onlink",
    ]
    assert state.sysctls["ipv4/conf/all/arp_ignore"] == 1
    assert state.sysctls["ipv4/conf/all/arp_announce"] == 2
    assert state.sysctls["ipv4/conf/eth0/rp_filter"] == 0
    assert state.sysctls["ipv4/ip_forward"] == 0


def test_routers_forward() -> None:
    """The gateway has a card on either side."""
    state = wanted(_network().hosts["gateway"])
    assert state.addresses == {"10.0.0.254/24 dev eth0", "203.0.113.1/24 dev eth1"}
    assert state.sysctls["ipv4/ip_forward"] == 1


def test_nothing_is_told_where_nothing_changes() -> None:
    """A kernel that is right is left alone."""
    state = wanted(_network().hosts["server1"])
    assert commands(state, state) == []


def test_the_vip_goes() -> None:
    """Routes are put again: a kernel drops those that stood on an address."""
    assert _told(_network(), "server2", do="remove-vip") == [
        "addr del 10.0.0.10/32 dev lo",
        "route replace 0.0.0.0/0 via 10.0.0.254 dev eth0 onlink",
    ]


def test_another_gateway() -> None:
    """The old default route goes before the new one comes."""
    assert _told(_network(), "server2", do="default-gateway", gateway="snip") == [
        "route del 0.0.0.0/0 via 10.0.0.254 dev eth0 onlink",
        "route replace 0.0.0.0/0 via 10.0.0.11 dev eth0 onlink",
    ]


def test_a_narrow_link() -> None:
    """The router's card outside takes less, and its kernel will say so by ICMP."""
    assert _told(_network(), "gateway", do="mtu", size=1400) == ["link set eth1 mtu 1400"]


def test_a_stale_neighbour() -> None:
    """An entry by hand, and only that."""
    assert _told(_network(), "client1", do="neighbour", address="vip", of="server2") == [
        "neigh replace 10.0.0.10 lladdr 00:01:aa:bb:cc:65 dev eth0 nud permanent"
    ]
