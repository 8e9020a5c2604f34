"""Healthy networks that are unlike the lab's: nothing in them is called a fault. Made by hand, frame by frame."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from dsrcheck.analysis import judge
from dsrcheck.findings import Finding
from dsrcheck.rules import load_rules
from dsrcheck.topology.declared import read_topology
from tests.kernel.packets import mac as octets
from tests.ladder import (
    BACKUP,
    BALANCER,
    CLIENT,
    FAR_CLIENT,
    GATEWAY,
    OTHER_CLIENT,
    VIP,
    WEB1,
    WEB2,
    Hop,
    Host,
    Ladder,
    direct,
    healthy,
    ip,
    path,
    tcp,
)

RULES = load_rules()
UPSTREAM = Host("02:00:00:00:00:f0", "203.0.113.2")
ROUTER2 = Host("02:00:00:00:00:fd", "192.0.2.253")
STANDBY = Host("00:00:0c:07:ac:01", "192.0.2.254")
VIRTUAL = Host("00:00:5e:00:01:07", VIP)
BOND1, BOND2 = Host("02:00:00:00:01:01", "192.0.2.50"), Host("02:00:00:00:01:02", "192.0.2.50")
GROUP = "01:00:5e:00:00:12"


def far(number: int) -> str:
    """A client on another network."""
    return f"198.51.100.{number}"


def hops(*hosts: Host, ttls: tuple[int, ...]) -> list[Hop]:
    """The hops of a packet, each with the TTL that it has there."""
    return [Hop(one, other, ttl) for (one, other), ttl in zip(pairwise(hosts), ttls, strict=True)]


def advert(net: Ladder, sender: Host, address: str) -> None:
    """A VRRP advert (RFC 3768) in a frame of its sender."""
    packet = ip(address, "224.0.0.18", 112, b"\x21\x07\x64\x01\x00\x01\x00\x00" + bytes(12), 255, 1)
    net.put(octets(GROUP) + octets(sender.mac) + b"\x08\x00" + packet)


def anycast_servers() -> Ladder:
    """Routers spread one address over servers that all have it; the way back is the same router."""
    net = Ladder()
    net.resolve(WEB1, GATEWAY)
    net.resolve(WEB2, GATEWAY)
    for number in range(8):
        web = (WEB1, WEB2)[number % 2]
        net.connection(hops(GATEWAY, web, ttls=(57,)), path(web, GATEWAY), far(number), "203.0.113.80")
    return net


def anycast_both_sides() -> Ladder:
    """The same on a mirror of either side of the router."""
    net = Ladder()
    net.resolve(WEB1, GATEWAY)
    for number in range(8):
        web = (WEB1, WEB2)[number % 2]
        there = hops(UPSTREAM, GATEWAY, web, ttls=(58, 57))
        net.connection(there, hops(web, GATEWAY, UPSTREAM, ttls=(64, 63)), far(number), "203.0.113.80")
    return net


def two_routers() -> Ladder:
    """Requests to one server come by one router, its replies leave by another."""
    net = Ladder()
    net.resolve(GATEWAY, WEB1)
    net.resolve(WEB1, ROUTER2)
    for number in range(8):
        net.connection(hops(GATEWAY, WEB1, ttls=(57,)), path(WEB1, ROUTER2), far(number), WEB1.ip)
    return net


def two_routers_two_servers() -> Ladder:
    """Two servers, each with its own address, behind the same pair of routers, seen on both sides."""
    net = Ladder()
    for web in (WEB1, WEB2):
        net.resolve(GATEWAY, web)
        net.resolve(web, ROUTER2)
    for number in range(8):
        web = (WEB1, WEB2)[number % 2]
        there = hops(UPSTREAM, GATEWAY, web, ttls=(58, 57))
        net.connection(there, hops(web, ROUTER2, UPSTREAM, ttls=(64, 63)), far(number), web.ip)
    return net


def anycast_other_way_back() -> Ladder:
    """An address on two servers, spread by one router, with the way back by another, seen on both sides of both."""
    net = Ladder(vlan=20)
    for web in (WEB1, WEB2):
        net.resolve(web, ROUTER2)
        net.resolve(GATEWAY, web)
    for number in range(8):
        web = (WEB1, WEB2)[number % 2]
        there = [Hop(UPSTREAM, GATEWAY, 58, vlan=10), Hop(GATEWAY, web, 57, vlan=20)]
        back = [Hop(web, ROUTER2, 64, vlan=20), Hop(ROUTER2, UPSTREAM, 63, vlan=10)]
        net.connection(there, back, far(number), "203.0.113.80")
    return net


def active_active() -> Ladder:
    """Two balancers, each the master of one VIP and the backup of the other's."""
    net = Ladder()
    other = "192.0.2.20"
    net.resolve(CLIENT, BALANCER, VIP)
    net.resolve(CLIENT, BACKUP, other)
    for box in (BALANCER, BACKUP):
        for web in (WEB1, WEB2):
            net.resolve(box, web)
    for number in range(10):
        web = (WEB1, WEB2)[number % 2]
        advert(net, BALANCER, BALANCER.ip)
        advert(net, BACKUP, BACKUP.ip)
        direct(net, web)
        net.connection(path(CLIENT, BACKUP, web), path(web, CLIENT), service=other)
        net.wait(1)
    return net


def standby_gateway() -> Ladder:
    """Routed clients of a VIP: the router sends from its own MAC, and is sent to at its HSRP MAC."""
    net = Ladder()
    net.resolve(GATEWAY, BALANCER, VIP)
    for web in (WEB1, WEB2):
        net.resolve(BALANCER, web)
        net.who_has(web, STANDBY.ip)
        net.is_at(STANDBY, STANDBY.ip, web)
    for number in range(8):
        web = (WEB1, WEB2)[number % 2]
        net.connection(hops(GATEWAY, BALANCER, web, ttls=(57, 56)), path(web, STANDBY), far(number))
    return net


def proxy_arp() -> Ladder:
    """A plain router answers ARP for hosts that are elsewhere; nothing is balanced."""
    net = Ladder()
    for address in ("192.0.2.150", "192.0.2.151", "192.0.2.152"):
        net.who_has(CLIENT, address)
        net.is_at(GATEWAY, address, CLIENT)
        net.connection(path(CLIENT, GATEWAY), hops(GATEWAY, CLIENT, ttls=(63,)), service=address)
    return net


def client_that_serves() -> Ladder:
    """A client of the VIP serves the same port itself, and a server is a client of the VIP."""
    net = healthy()
    net.resolve(OTHER_CLIENT, CLIENT)
    net.connection(path(OTHER_CLIENT, CLIENT), path(CLIENT, OTHER_CLIENT), OTHER_CLIENT.ip, CLIENT.ip)
    net.connection(path(WEB1, BALANCER, WEB2), path(WEB2, WEB1), WEB1.ip)
    return net


def one_armed_router() -> Ladder:
    """Hosts of two subnets on one wire: the router passes packets back out of the card they came in by."""
    net = Ladder()
    net.resolve(CLIENT, GATEWAY)
    net.resolve(GATEWAY, WEB1)
    for _ in range(6):
        there = hops(CLIENT, GATEWAY, WEB1, ttls=(64, 63))
        net.connection(there, hops(WEB1, GATEWAY, CLIENT, ttls=(64, 63)), service=WEB1.ip)
    return net


def one_armed_router_one_way() -> Ladder:
    """The client goes by the router, the server knows the direct way; the router tells so by redirects."""
    net = Ladder()
    net.resolve(CLIENT, GATEWAY)
    net.resolve(GATEWAY, WEB1)
    net.resolve(WEB1, CLIENT)
    for _ in range(6):
        net.connection(hops(CLIENT, GATEWAY, WEB1, ttls=(64, 63)), path(WEB1, CLIENT), service=WEB1.ip)
        quoted = ip(CLIENT.ip, WEB1.ip, 6, tcp(40000, 80, "S", 1, 0), 64, 9)[:28]
        redirect = struct.pack(">BBH4s", 5, 1, 0, bytes([192, 0, 2, 101])) + quoted
        net.send(path(GATEWAY, CLIENT), GATEWAY.ip, CLIENT.ip, redirect, 1)
    return net


def bonded_server() -> Ladder:
    """A server whose two cards share one address (balance-alb): clients are told one each, replies leave by both."""
    net = Ladder()
    for client, card in ((CLIENT, BOND1), (OTHER_CLIENT, BOND2)):
        net.resolve(client, card)
    for number in range(8):
        client, card = ((CLIENT, BOND1), (OTHER_CLIENT, BOND2))[number % 2]
        back = (BOND1, BOND2)[number // 2 % 2]
        net.connection(path(client, card), path(back, client), client.ip, BOND1.ip)
    return net


def service_address_moves() -> Ladder:
    """Two database hosts, one service address that moves by gratuitous ARP; nothing is balanced."""
    net = Ladder()
    net.resolve(CLIENT, WEB1, VIP)
    for _ in range(5):
        net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT))
    net.wait(4)
    net.announce(WEB2, VIP)
    for _ in range(5):
        net.connection(path(CLIENT, WEB2), path(WEB2, CLIENT))
    net.wait(8)
    net.connection(path(CLIENT, WEB2), path(WEB2, CLIENT))
    return net


def only_adverts() -> Ladder:
    """VRRP and ARP of the hosts, and nothing else."""
    net = Ladder()
    for _ in range(6):
        advert(net, BALANCER, BALANCER.ip)
        net.resolve(CLIENT, BALANCER, VIP)
        net.wait(1)
    return net


def virtual_mac_balancer() -> Ladder:
    """A balancer with a virtual MAC (VRRP or CARP): requests go to it, forwards leave from its own."""
    net = Ladder()
    net.resolve(CLIENT, VIRTUAL, VIP)
    for web in (WEB1, WEB2):
        net.resolve(BALANCER, web)
    for number in range(8):
        web = (WEB1, WEB2)[number % 2]
        there = [Hop(CLIENT, VIRTUAL), Hop(BALANCER, web)]
        net.connection(there, path(web, CLIENT))
    return net


def macvlan_containers() -> Ladder:
    """Containers with MACs of their own, which ask one another and the world; their host bridges."""
    net = Ladder()
    boxes = [Host(f"02:42:0a:00:00:{n:02x}", f"192.0.2.{160 + n}") for n in range(4)]
    for one in boxes:
        net.resolve(one, GATEWAY)
        for other in boxes:
            if one is not other:
                net.resolve(one, other)
                net.connection(path(one, other), path(other, one), one.ip, other.ip, port=8080)
        net.connection(path(one, GATEWAY), hops(GATEWAY, one, ttls=(55,)), one.ip, "203.0.113.9", port=443)
    return net


def balanced_by_source_nat_of_nobody() -> Ladder:
    """A masquerading router: many hosts inside become one address outside, seen on both sides."""
    net = Ladder()
    inside = (CLIENT, OTHER_CLIENT)
    for number in range(8):
        client = inside[number % 2]
        there = [Hop(client, GATEWAY), Hop(GATEWAY, UPSTREAM, 63, src="203.0.113.1")]
        back = [Hop(UPSTREAM, GATEWAY, 55, dst="203.0.113.1"), Hop(GATEWAY, client, 54)]
        net.connection(there, back, client.ip, "198.51.100.80", port=443)
    return net


def udp_anycast() -> Ladder:
    """DNS over two routers and two servers that share an address; answers leave by either router."""
    net = Ladder()
    for number in range(12):
        web, out = (WEB1, WEB2)[number % 2], (GATEWAY, ROUTER2)[number // 2 % 2]
        net.udp(hops(GATEWAY, web, ttls=(57,)), path(web, out), far(number), "203.0.113.53")
    return net


def syns_only() -> Ladder:
    """A capture filtered to SYNs, of a busy VIP: that nobody goes on is the filter's doing."""
    net = Ladder()
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2):
        net.resolve(BALANCER, web)
    for number in range(300):
        direct(net, (WEB1, WEB2)[number % 2], steps="Sa")
    net.wait(6)
    direct(net, WEB1, steps="Sa")
    return net


def bonded_dsr_servers() -> Ladder:
    """Direct return with servers whose replies leave by either card of a bond."""
    net = Ladder()
    out1, out2 = Host("02:00:00:00:02:64"), Host("02:00:00:00:02:65")
    net.resolve(CLIENT, BALANCER, VIP)
    for web in (WEB1, WEB2):
        net.resolve(BALANCER, web)
        net.resolve(web, CLIENT)
    for number in range(8):
        web, out = ((WEB1, out1), (WEB2, out2))[number % 2]
        net.connection(path(CLIENT, BALANCER, web), path((web, out)[number // 2 % 2], CLIENT))
    return net


def two_balancers_by_routing() -> Ladder:
    """Two balancers at once for one VIP, which the router chooses from by itself; nobody asks for the VIP."""
    net = Ladder()
    for box in (BALANCER, BACKUP):
        net.resolve(GATEWAY, box)
        for web in (WEB1, WEB2):
            net.resolve(box, web)
    for web in (WEB1, WEB2):
        net.resolve(web, GATEWAY)
    for number in range(12):
        box, web = (BALANCER, BACKUP)[number % 2], (WEB1, WEB2)[number // 2 % 2]
        there = hops(GATEWAY, box, web, ttls=(57, 56))
        net.connection(there, path(web, GATEWAY), far(number), "203.0.113.80")
    return net


def two_gateways() -> Ladder:
    """Clients of a VIP come by two routers, and servers reply by one of them."""
    net = Ladder()
    for router in (GATEWAY, ROUTER2):
        net.resolve(router, BALANCER, VIP)
    for web in (WEB1, WEB2):
        net.resolve(BALANCER, web)
        net.resolve(web, GATEWAY)
    for number in range(12):
        router, web = (GATEWAY, ROUTER2)[number % 2], (WEB1, WEB2)[number // 2 % 2]
        net.connection(hops(router, BALANCER, web, ttls=(57, 56)), path(web, GATEWAY), far(number))
    return net


def lost_once() -> Ladder:
    """A SYN is lost on the way to the server and sent again, and the connection goes on."""
    net = healthy()
    port = net.connection(path(CLIENT, BALANCER, WEB1), [], steps="S")
    net.wait(1)
    net.port -= 1
    net.connection(path(CLIENT, BALANCER, WEB1), path(WEB1, CLIENT), client_port=port)
    net.wait(3)
    direct(net, WEB2)
    return net


Build = Callable[[], Ladder]
BUILDS: tuple[Build, ...] = (
    anycast_servers, anycast_both_sides, anycast_other_way_back, two_routers, two_routers_two_servers,
    active_active, standby_gateway, proxy_arp, client_that_serves, one_armed_router, one_armed_router_one_way,
    bonded_server, service_address_moves, only_adverts, virtual_mac_balancer, macvlan_containers,
    balanced_by_source_nat_of_nobody, udp_anycast, syns_only, bonded_dsr_servers,
    two_balancers_by_routing, two_gateways, lost_once, healthy,
)  # fmt: skip


def faults(findings: tuple[Finding, ...]) -> list[str]:
    """What is called a fault."""
    return [f"{finding.rule} {finding.message}" for finding in findings if finding.severity != "info"]


def names(build: Build) -> str:
    """Name a test's case."""
    return build.__name__


@pytest.mark.parametrize("build", BUILDS, ids=names)
def test_nothing_is_called_a_fault(build: Build) -> None:
    """On a mirror."""
    assert faults(judge(build().legs(), RULES).report.findings) == []


@pytest.mark.parametrize("at", [CLIENT, WEB1, WEB2, BALANCER, GATEWAY], ids=["client", "web1", "web2", "lb", "gw"])
@pytest.mark.parametrize("build", BUILDS, ids=names)
def test_nor_at_a_host(build: Build, at: Host) -> None:
    """At a host of it."""
    legs = build().legs(at)
    if legs.captures[0].frames:
        assert faults(judge(legs, RULES).report.findings) == []


@pytest.mark.parametrize("at", [None, CLIENT, WEB1, BALANCER, GATEWAY], ids=["mirror", "client", "web1", "lb", "gw"])
@pytest.mark.parametrize("build", [healthy, standby_gateway, two_gateways, anycast_both_sides], ids=names)
def test_nor_where_only_the_address_is_declared(build: Build, at: Host | None, tmp_path: Path) -> None:
    """A topology that says no more than that there is a VIP accuses nobody."""
    file = tmp_path / "topology.toml"
    said = ("203.0.113.80", VIP)[build is not anycast_both_sides]
    file.write_text(f'[[vip]]\naddress = "{said}"\nservices = ["tcp/80"]\n', "utf-8")
    declared = read_topology(file)
    assert faults(judge(build().legs(at), RULES, declared).report.findings) == []


TOPOLOGY = f"""
[[vip]]
address = "{VIP}"
mode = "dsr-mac"
services = ["tcp/80"]
[[vip.balancer]]
macs = ["{BALANCER.mac}"]
snips = ["{BALANCER.ip}"]
[[vip.server]]
mac = "{WEB1.mac}"
address = "{WEB1.ip}"
[[vip.server]]
mac = "{WEB2.mac}"
address = "{WEB2.ip}"
[gateway]
macs = ["{GATEWAY.mac}"]
"""


def idle_with_direct_access() -> Ladder:
    """Nobody asks the VIP; clients ask a server's own address, by way of a balancer that is their router too."""
    net = Ladder()
    net.resolve(WEB1, BALANCER)
    for number in range(8):
        there = hops(BALANCER, WEB1, ttls=(62,))
        net.connection(there, path(WEB1, BALANCER), far(number), WEB1.ip, back=100 * (number + 1) ** 2)
    return net


def idle_with_checks() -> Ladder:
    """Nobody asks the VIP; the balancer checks the servers' own addresses, and the VIP on them."""
    net = Ladder()
    for web in (WEB1, WEB2):
        net.resolve(BALANCER, web)
    for _ in range(8):
        for web in (WEB1, WEB2):
            net.connection(path(BALANCER, web), path(web, BALANCER), BALANCER.ip, web.ip, back=300)
            net.connection(path(BALANCER, web), path(web, BALANCER), BALANCER.ip, VIP, back=300)
        net.wait(2)
    return net


def clients_nobody_asked_for() -> Ladder:
    """Clients of the segment, in a capture that begins after everybody knew everybody."""
    net = healthy(arp=False)
    net.who_has(OTHER_CLIENT, VIP)
    net.resolve(BALANCER, WEB1)
    return net


def from_afar() -> Ladder:
    """A client behind a router asks the VIP, and a port of it that is nobody's business and never answers."""
    net = Ladder()
    me = Host("02:00:00:00:0f:07", FAR_CLIENT)
    for _ in range(4):
        net.connection(path(me, GATEWAY), hops(GATEWAY, me, ttls=(60,)), FAR_CLIENT)
    port = net.connection(path(me, GATEWAY), [], FAR_CLIENT, port=8443, steps="S")
    for seconds in (1, 2, 4):
        net.wait(seconds)
        net.send(path(me, GATEWAY), FAR_CLIENT, VIP, tcp(port, 8443, "S", port * 1000, 0))
    return net


@pytest.mark.parametrize(
    "build",
    [idle_with_direct_access, idle_with_checks, clients_nobody_asked_for, from_afar, healthy, client_that_serves],
    ids=names,
)
def test_nor_with_a_declared_topology(build: Build, tmp_path: Path) -> None:
    """Declared, and on a mirror."""
    file = tmp_path / "topology.toml"
    file.write_text(TOPOLOGY, "utf-8")
    declared = read_topology(file)
    assert faults(judge(build().legs(), RULES, declared).report.findings) == []
    if build is not from_afar:
        assert faults(judge(build().legs(WEB1), RULES, declared).report.findings) == []
