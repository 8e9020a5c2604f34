"""With which MAC, and from which subnet, a VIP's balancer forwards."""

from __future__ import annotations

import ipaddress

import numpy as np

from dsrcheck.exchange.picked import Picked
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64
from dsrcheck.records import dataclass
from dsrcheck.topology.model import DECLARED, DSR_MAC, Vip

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WIDEST_SUBNET = {4: 16, 6: 64}
"""Prefix length of the widest subnet that is usual, by IP version."""
USUAL_SUBNET = {4: 24, 6: 64}
"""Prefix length of most subnets, by IP version."""


@dataclass(frozen=True)
class ForwardSource:
    """Whose MAC the forwarded frames carry as source: `balancer`, `requester` or `mixed`; "" when it is not seen."""

    kind: str = ""
    mac: int = 0
    frame: int = 0


@dataclass(frozen=True)
class Snip:
    """Whether a balancer has an address in the VIP's subnet, whether that is known, its MAC, and a forwarded frame."""

    in_subnet: bool
    known: bool
    mac: int = 0
    frame: int = 0


def forward_source(s: Sides, number: int) -> ForwardSource:
    """The source MAC of a VIP's forwarded frames, beside that of their requests; at a server, beside each other."""
    source = s.scene.ends.src_mac
    asked = s.request.of_first(source)
    known = (s.roles.vip == number) & s.forward.seen & s.request.seen & ~_given_to(s, s.request)
    mine = known[s.forward.rows]
    legs, rows = s.forward.legs[mine], s.forward.rows[mine]
    order = np.argsort(s.scene.leg_at("first_frame", legs), kind="stable")
    legs, rows = legs[order], rows[order]
    if not len(legs):
        return _source_at_server(s, number)
    kept = source[legs] == asked[rows]
    kind = "requester" if kept.all() else "mixed" if kept.any() else "balancer"
    odd = legs[int(np.argmax(kept != kept[0]))] if kind == "mixed" else legs[0]
    return ForwardSource(kind, int(source[odd]), int(s.scene.leg_at("first_frame", odd)))


def _given_to(s: Sides, picked: Picked) -> Flags:
    """Whether the packets of each exchange go to the server at which the capture was taken."""
    to = picked.of_first(s.scene.ends.dst_mac)
    given: Flags = s.is_server(to) & s.visible.at_host(to)
    return given


def _source_at_server(s: Sides, number: int) -> ForwardSource:
    """At a server: all from balancers, or connections that have both a balancer's MAC as source and another's.

    A client that goes past the balancer at times has connections of either kind, but few that change over; and a change
    back within one is the balancer's doing.
    """
    ends = s.scene.ends
    of_vip = s.roles.vip == number
    own, other = of_vip & _given_to(s, s.forward), of_vip & _given_to(s, s.request)
    both = own & other
    if not own.any():
        return ForwardSource()
    if not other.any():
        first = int(s.forward.first[np.argmax(own)])
        return ForwardSource("balancer", int(ends.src_mac[first]), int(s.scene.leg_at("first_frame", first)))
    back_and_forth = both & (s.forward.greatest("last_time") > s.request.least("first_time"))
    back_and_forth &= s.request.greatest("last_time") > s.forward.least("first_time")
    if not back_and_forth.any():
        return ForwardSource()
    odd = int(s.request.first[np.argmax(back_and_forth)])
    return ForwardSource("mixed", int(ends.src_mac[odd]), int(s.scene.leg_at("first_frame", odd)))


def snip_of(s: Sides, vip: Vip, number: int) -> Snip:
    """Whether a balancer forwards from the VIP's own subnet, as it must to reach the servers without a router."""
    ends = s.scene.ends
    legs = s.forward.legs
    legs = legs[(s.roles.vip[s.forward.rows] == number) & (ends.tunnel[legs] == 0)]
    declared = [address for host in vip.balancers if host.provenance == DECLARED for address in host.addresses]
    if vip.subnet and declared:
        network = ipaddress.ip_network(vip.subnet)
        inside = any(ipaddress.ip_address(address) in network for address in declared)
        inside &= vip.mode != DSR_MAC or _reaches_servers(_declared_servers(s, vip), network, declared)
        return Snip(inside, True, min(vip.balancer_macs, default=0), _earliest(s.scene.leg_at("first_frame", legs)))
    addresses = [address for host in vip.balancers for address in host.addresses]
    near = any(same_subnet(address, vip.address) for address in addresses)
    into_router = legs[among(ends.dst_mac[legs], s.routers)]
    if len(into_router):
        sender = int(ends.src_mac[into_router[0]])
        return Snip(near, not near and bool(addresses), sender, _earliest(s.scene.leg_at("first_frame", into_router)))
    return Snip(True, bool(len(legs)) and near)


def _declared_servers(s: Sides, vip: Vip) -> list[tuple[str, ...]]:
    """The addresses of each declared server of a VIP, whether or not it is seen."""
    declared = s.topology.declared.vips if s.topology.declared else ()
    return [host.addresses for one in declared if one.address == vip.address for host in one.servers if host.addresses]


def _reaches_servers(servers: list[tuple[str, ...]], network: Network, snips: list[str]) -> bool:
    """Whether each declared server has an address in the VIP's subnet, or beside the balancer's second arm."""

    def near(server: str) -> bool:
        return ipaddress.ip_address(server) in network or any(same_subnet(server, snip, USUAL_SUBNET) for snip in snips)

    return all(any(near(server) for server in addresses) for addresses in servers)


def _earliest(frames: Int64) -> int:
    return int(frames.min()) if len(frames) else 0


def same_subnet(one: str, other: str, prefix_length: dict[int, int] = WIDEST_SUBNET) -> bool:
    """Whether two addresses share a prefix of the length that is given for their IP version."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    host_bits = first.max_prefixlen - prefix_length[first.version]
    return first.version == second.version and int(first) >> host_bits == int(second) >> host_bits
