"""Who is who, on traffic made by hand: what is balancing is found for what it is, and what is not is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dsrcheck.analysis import analyze
from dsrcheck.lab import run, scenarios
from dsrcheck.topology.infer import Topology, infer
from dsrcheck.topology.model import Vip
from dsrcheck.topology.scene import read_scene
from tests.ladder import (
    BACKUP,
    BALANCER,
    CLIENT,
    COOKED,
    ETHERNET,
    FAR_CLIENT,
    GATEWAY,
    OTHER_CLIENT,
    VIP,
    WEB1,
    WEB2,
    Build,
    Hop,
    Host,
    Ladder,
    direct,
    healthy,
    path,
    tcp,
)

VIRTUAL = Host("00:00:5e:00:01:07")
INSIDE = Host("02:00:00:00:01:0a", "203.0.113.1")


def inferred(net: Ladder, at: Host | None = None, link_type: int = ETHERNET) -> Topology:
    """The topology of a capture, from packets alone."""
    return infer(read_scene(net.legs(at, link_type)))


def only_vip(topology: Topology) -> Vip:
    """The one VIP of a topology."""
    assert [vip.address for vip in topology.vips] == [VIP]
    return topology.vips[0]


def numbers(*hosts: Host) -> frozenset[int]:
    """The MACs of some hosts."""
    return frozenset(host.number for host in hosts)


def test_direct_return_on_a_mirror() -> None:
    """The owner passes packets on to two hosts that answer by themselves: mode, balancer and servers are known."""
    vip = only_vip(inferred(healthy()))
    assert vip.mode == "dsr-mac"
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)
    assert [(service.protocol, service.port, service.mode) for service in vip.services] == [(6, 80, "dsr-mac")]
    assert all(host.evidence for host in (*vip.balancers, *vip.servers))
    assert vip.balancers[0].addresses == (BALANCER.ip,)


def test_direct_return_without_arp() -> None:
    """Nobody is asked, and still the spread over hosts that answer by themselves tells."""
    vip = only_vip(inferred(healthy(arp=False)))
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_balancer_capture() -> None:
    """At the balancer no reply is seen; ownership and the packets passed on tell."""
    vip = only_vip(inferred(healthy(), BALANCER))
    assert (vip.mode, vip.balancer_macs, vip.server_macs) == ("dsr-mac", numbers(BALANCER), numbers(WEB1, WEB2))


def test_server_capture() -> None:
    """At a server: packets of a host of this link come from another MAC, and the answer goes to the host itself."""
    vip = only_vip(inferred(healthy(), WEB1))
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1)


def test_client_capture() -> None:
    """At a client: requests go to the owner, replies come from hosts with addresses of their own; the mode is open."""
    vip = only_vip(inferred(healthy(), CLIENT))
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)
    assert vip.mode == "unknown"


def test_rivals() -> None:
    """A server answers ARP for the VIP as well: both claimants are told, and which of them serves."""
    net = Ladder()
    for _ in range(3):
        net.resolve(CLIENT, BALANCER, VIP)
        net.is_at(WEB1, VIP, CLIENT)
        net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT))
    vip = only_vip(inferred(net))
    assert vip.mode == "unknown"
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1)


def test_an_owner_that_only_resets_is_no_server() -> None:
    """At a client whose entry moved to the balancer: that knows no such connection, and serves nothing."""
    net = Ladder()
    for _ in range(2):
        net.resolve(CLIENT, BALANCER, VIP)
        net.is_at(WEB1, VIP, CLIENT)
        port = net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT))
    net.send(path(CLIENT, BALANCER), CLIENT.ip, VIP, tcp(port, 80, "A", 9, 77))
    net.send(path(BALANCER, CLIENT), VIP, CLIENT.ip, tcp(80, port, "R", 77, 0))
    assert only_vip(inferred(net, CLIENT)).server_macs == numbers(WEB1)


def test_virtual_mac() -> None:
    """The balancer takes packets at a virtual MAC and sends from its own: both MACs are one box."""
    net = Ladder()
    net.resolve(CLIENT, replace(VIRTUAL, ip=VIP))
    for web in (WEB1, WEB2, WEB1, WEB2):
        net.connection([Hop(CLIENT, VIRTUAL), Hop(BALANCER, web)], path(web, CLIENT))
    vip = only_vip(inferred(net))
    assert [host.macs for host in vip.balancers] == [tuple(sorted(numbers(VIRTUAL, BALANCER)))]
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_two_arms() -> None:
    """The balancer takes packets on one VLAN and sends them on over another."""
    net = Ladder()
    for web in (WEB1, WEB2, WEB1, WEB2):
        hops = [Hop(GATEWAY, BALANCER, 60, vlan=10), Hop(INSIDE, web, 60, vlan=20)]
        net.connection(hops, [Hop(web, GATEWAY, vlan=20)], FAR_CLIENT)
    vip = only_vip(inferred(net))
    assert {mac for host in vip.balancers for mac in host.macs} == numbers(BALANCER, INSIDE)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_kept_source_mac() -> None:
    """The balancer leaves the requester's MAC as source, shows none of its own there, and is found all the same."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2, WEB1, WEB2):
        net.connection([Hop(CLIENT, BALANCER), Hop(CLIENT, web)], path(web, CLIENT))
    vip = only_vip(inferred(net))
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_kept_source_mac_of_a_connection_that_is_spread() -> None:
    """A server that gets its first packet in the middle of the connection gets it from the balancer, too."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for _ in range(4):
        sent, back = [Hop(CLIENT, BALANCER), Hop(CLIENT, WEB1)], path(WEB1, CLIENT)
        port = net.connection(sent, back, steps="SaA")
        net.wait(1.0)
        net.connection([Hop(CLIENT, BALANCER), Hop(CLIENT, WEB2)], back, steps="P", client_port=port)
        net.wait(1.0)
        net.connection(sent, back, steps="A", client_port=port)
    scene = read_scene(net.legs())
    vip = only_vip(infer(scene))
    assert vip.server_macs == numbers(WEB1, WEB2)
    assert not {edge for edge in scene.unicast_edges if edge[0] == CLIENT.number} - {(CLIENT.number, BALANCER.number)}


def test_sender_that_turns_to_another_mac_is_no_balancer() -> None:
    """The same packets, sent again past the balancer when it does not answer, are the client's own."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for _ in range(4):
        port = net.connection([Hop(CLIENT, BALANCER)], [], steps="S")
        net.wait(1.0)
        net.identity -= 1  # some hosts number their packets so that a copy looks like the first
        net.connection([Hop(CLIENT, WEB1)], [], steps="S", client_port=port)
    scene = read_scene(net.legs())
    assert (CLIENT.number, WEB1.number) in scene.unicast_edges


def test_balancer_before_a_failover_that_is_never_asked_for() -> None:
    """A box passed requests on to one server until another announced the address: both balanced, each in its time."""
    net = Ladder()
    for _ in range(3):
        net.connection(path(CLIENT, BACKUP, WEB1), path(WEB1, CLIENT))
    net.wait(1.0)
    net.announce(BALANCER, VIP)
    for web in (WEB1, WEB2, WEB1):
        net.connection(path(CLIENT, BALANCER, web), path(web, CLIENT))
    vip = only_vip(inferred(net))
    assert vip.balancer_macs == numbers(BALANCER, BACKUP)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_router_that_sends_its_clients_straight_to_the_owner_is_no_balancer() -> None:
    """It passed requests on to the owner, told the client of it, and the client then asked for the owner by ARP."""
    net = Ladder()
    for _ in range(3):
        net.connection(path(CLIENT, GATEWAY, WEB1, routed=True), path(WEB1, CLIENT))
    net.resolve(CLIENT, WEB1, VIP)
    for _ in range(3):
        net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT))
    assert not inferred(net).vips


def test_balancer_that_serves_some_itself_is_told_from_a_server_that_answers_arp() -> None:
    """At a client two answer for the address; what was sent to one of them the other one answered."""
    net = Ladder()
    net.who_has(CLIENT, VIP)
    net.is_at(BALANCER, VIP, CLIENT)
    net.is_at(WEB1, VIP, CLIENT)
    for web in (BALANCER, WEB1, BALANCER, WEB1):
        net.connection(path(CLIENT, BALANCER), path(web, CLIENT))
    vip = only_vip(inferred(net, CLIENT))
    assert vip.balancer_macs == numbers(BALANCER)


def test_tunnel() -> None:
    """IP-in-IP to two hosts, whose replies do not come back through the balancer."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2, WEB1, WEB2):
        net.connection([Hop(CLIENT, BALANCER), Hop(BALANCER, web, tunnel=(BALANCER.ip, web.ip))], path(web, CLIENT))
    vip = only_vip(inferred(net))
    assert vip.mode == "dsr-ipip"
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_cooked() -> None:
    """Without destination MACs the balancer is known by what it owns and what it sends."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2, WEB1, WEB2):
        net.connection(path(CLIENT, BALANCER, web, routed=True), path(web, CLIENT))
    topology = inferred(net, link_type=COOKED)
    assert only_vip(topology).balancer_macs == numbers(BALANCER)
    assert not any(view.has_macs for view in topology.views)


def test_nat() -> None:
    """The balancer rewrites the destination, and replies pass it again."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2, WEB1, WEB2):
        hops = [Hop(CLIENT, BALANCER), Hop(BALANCER, web, 63, dst=web.ip)]
        net.connection(hops, [Hop(web, BALANCER, src=web.ip), Hop(BALANCER, CLIENT, 63)])
    vip = only_vip(inferred(net))
    assert vip.mode == "nat"
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_proxy() -> None:
    """The balancer ends connections and asks servers for the like within each."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    net.resolve(BALANCER, WEB1)
    net.resolve(BALANCER, WEB2)
    for web in (WEB1, WEB2, WEB1, WEB2):
        there, back = path(CLIENT, BALANCER), path(BALANCER, CLIENT)
        port = net.connection(there, back, steps="SaAP")
        net.connection(path(BALANCER, web), path(web, BALANCER), BALANCER.ip, web.ip, back=4000)
        net.connection(there, back, steps="p", back=4000, client_port=port)
    vip = only_vip(inferred(net))
    assert vip.mode == "proxy"
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_a_proxy_whose_server_sends_again(tmp_path: Path) -> None:
    """What is lost behind a proxy of two MACs and sent once more makes the one side longer than the other."""
    scenario = scenarios()["article-normal-mode"]
    losing = {"do": "lose", "host": "balancer", "way": "in", "nth": 5, "cards": 2, "at": None}
    run(replace(scenario, changes=(losing,))).write(tmp_path / "x.pcapng", "mirror")
    assert [vip.mode for vip in analyze(tmp_path / "x.pcapng").report.vips] == ["proxy"]


def plain_routing() -> Ladder:
    """A router between two links, one server behind it, replies come back the same way."""
    net = Ladder(vlan=1)
    net.resolve(CLIENT, GATEWAY)
    for _ in range(4):
        there = [Hop(CLIENT, GATEWAY, 64, vlan=1), Hop(INSIDE, WEB1, 63, vlan=2)]
        back = [Hop(WEB1, INSIDE, 64, vlan=2), Hop(GATEWAY, CLIENT, 63, vlan=1)]
        net.connection(there, back, service="203.0.113.80")
    return net


def one_arm_router() -> Ladder:
    """Hosts of two subnets on one link, their router has one MAC."""
    net = Ladder()
    net.resolve(CLIENT, GATEWAY)
    net.resolve(WEB1, GATEWAY, "203.0.113.254")
    for number in range(6):
        web, address = ((WEB1, "203.0.113.80"), (WEB2, "203.0.113.81"))[number % 2]
        there, back = path(CLIENT, GATEWAY, web, routed=True), path(web, GATEWAY, CLIENT, routed=True)
        net.connection(there, back, service=address)
    return net


def one_arm_router_short_cut() -> Ladder:
    """The same, but the server knows the client's link itself and answers directly."""
    net = Ladder()
    net.resolve(CLIENT, GATEWAY)
    net.resolve(GATEWAY, WEB1, "203.0.113.80")
    net.resolve(WEB1, CLIENT)
    for _ in range(4):
        net.connection(path(CLIENT, GATEWAY, WEB1, routed=True), path(WEB1, CLIENT), service="203.0.113.80")
    return net


def proxy_arp() -> Ladder:
    """A router answers ARP for the hosts behind it."""
    net = Ladder(vlan=1)
    for address in ("192.0.2.80", "192.0.2.81"):
        net.resolve(CLIENT, GATEWAY, address)
        for _ in range(3):
            there = [Hop(CLIENT, GATEWAY, 64, vlan=1), Hop(INSIDE, WEB1, 63, vlan=2)]
            back = [Hop(WEB1, INSIDE, 64, vlan=2), Hop(GATEWAY, CLIENT, 63, vlan=1)]
            net.connection(there, back, service=address)
    return net


def vrrp_pair() -> Ladder:
    """Two routers share a virtual MAC; replies leave from the physical one of the backup."""
    net = Ladder()
    net.resolve(CLIENT, replace(VIRTUAL, ip=GATEWAY.ip))
    net.announce(replace(VIRTUAL, ip=GATEWAY.ip), GATEWAY.ip)
    for _ in range(4):
        net.connection([Hop(CLIENT, VIRTUAL)], [Hop(BACKUP, CLIENT, 60)], service="203.0.113.80")
    return net


def multi_homed_server() -> Ladder:
    """A server with two interfaces on one link answers from the other one."""
    net = Ladder()
    net.resolve(CLIENT, WEB1)
    for _ in range(4):
        net.connection(path(CLIENT, WEB1), path(WEB2, CLIENT), service=WEB1.ip)
    return net


def two_tiers() -> Ladder:
    """A web server asks a database of its own while it answers."""
    net = Ladder()
    net.resolve(CLIENT, WEB1)
    net.resolve(WEB1, WEB2)
    for number in range(4):
        port = net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT), service=WEB1.ip, steps="SaAP")
        net.connection(path(WEB1, WEB2), path(WEB2, WEB1), WEB1.ip, WEB2.ip, port=5432, back=20 + number)
        net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT), service=WEB1.ip, steps="p", back=9000, client_port=port)
    return net


def port_forwarding() -> Ladder:
    """A router forwards a port of its outer address to one inner host on another link."""
    net = Ladder()
    for _ in range(4):
        there = [Hop(CLIENT, GATEWAY, vlan=1), Hop(INSIDE, WEB1, 63, dst="203.0.113.80", vlan=2)]
        back = [Hop(WEB1, INSIDE, src="203.0.113.80", vlan=2), Hop(GATEWAY, CLIENT, 63, vlan=1)]
        net.connection(there, back, service=GATEWAY.ip)
    return net


def masquerading() -> Ladder:
    """A router hides inner clients behind its outer address."""
    net = Ladder()
    for client in (CLIENT, OTHER_CLIENT, CLIENT, OTHER_CLIENT):
        there = [Hop(client, GATEWAY, vlan=1), Hop(INSIDE, WEB1, 63, src="203.0.113.1", vlan=2)]
        back = [Hop(WEB1, INSIDE, dst="203.0.113.1", vlan=2), Hop(GATEWAY, client, 63, vlan=1)]
        net.connection(there, back, client.ip, "198.51.100.80")
    return net


def plain_service() -> Ladder:
    """A client and a server on one link."""
    net = Ladder()
    net.resolve(CLIENT, WEB1)
    for _ in range(4):
        net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT), service=WEB1.ip)
    return net


HEALTHY_OTHERS: tuple[Build, ...] = (
    plain_routing, one_arm_router, one_arm_router_short_cut, proxy_arp, vrrp_pair, multi_homed_server, two_tiers,
    port_forwarding, masquerading, plain_service, Ladder,
)  # fmt: skip


@pytest.mark.parametrize("build", HEALTHY_OTHERS, ids=lambda build: build.__name__)
def test_no_balancing(build: Build) -> None:
    """What is no load balancing has no VIP, on a mirror and at every host."""
    net = build()
    for at in (None, CLIENT, GATEWAY, WEB1, WEB2, INSIDE, BACKUP):
        assert [(at, vip.address, vip.evidence) for vip in inferred(net, at).vips] == []


@pytest.mark.parametrize("link_type", [ETHERNET, COOKED])
@pytest.mark.parametrize("build", HEALTHY_OTHERS, ids=lambda build: build.__name__)
def test_no_balancing_whatever_the_link_type(build: Build, link_type: int) -> None:
    """Nor without destination MACs."""
    assert [vip.address for vip in inferred(build(), link_type=link_type).vips] == []


def test_health_check_is_no_client() -> None:
    """The balancer's own connections to the VIP on a server do not make the balancer a client."""
    net = healthy()
    net.connection(path(BALANCER, WEB1), path(WEB1, BALANCER), BALANCER.ip)
    vip = only_vip(inferred(net))
    assert vip.balancer_macs == numbers(BALANCER)
    assert vip.server_macs == numbers(WEB1, WEB2)


def test_gateway_is_no_server() -> None:
    """Clients from elsewhere come through a gateway, replies leave through it: it is neither balancer nor server."""
    net = Ladder()
    net.resolve(GATEWAY, BALANCER, VIP)
    for number, web in enumerate((WEB1, WEB2, WEB1, WEB2)):
        hops = [Hop(GATEWAY, BALANCER, 60), Hop(BALANCER, web, 60)]
        net.connection(hops, path(web, GATEWAY), f"198.51.100.{number}")
    topology = inferred(net)
    vip = only_vip(topology)
    assert topology.routers == numbers(GATEWAY)
    assert vip.gateways == tuple(numbers(GATEWAY))
    assert (vip.balancer_macs, vip.server_macs) == (numbers(BALANCER), numbers(WEB1, WEB2))


def test_two_balancers() -> None:
    """A backup that took over is a balancer too."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2):
        direct(net, web)
    net.wait(30)
    net.announce(BACKUP, VIP)
    for web in (WEB1, WEB2):
        direct(net, web, balancer=BACKUP)
    assert only_vip(inferred(net)).balancer_macs == numbers(BALANCER, BACKUP)
