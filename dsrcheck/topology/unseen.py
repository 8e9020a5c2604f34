"""What only a declared topology can tell: VIPs that are on another link, and VIPs rewritten before the capture.

Behind a router a VIP's packets carry the router's MACs in both directions: what its clients send and get can be judged,
who balances and who serves cannot. At a server a balancer that rewrites addresses leaves no packet with the VIP in it.
"""

from __future__ import annotations

import numpy as np

from dsrcheck.flows.coded import among
from dsrcheck.flows.table import PROTOCOL_NUMBERS, Flags, Int64, are_among, distinct, distinct_at
from dsrcheck.topology.declared import DeclaredVip
from dsrcheck.topology.model import DECLARED, NAT, PROXY, UNKNOWN, Service, Vip
from dsrcheck.topology.scene import Scene

NOT_HERE = "not in this capture"
ELSEWHERE = "none of its declared MACs is in this capture: it was taken on another link"
NOBODY_KNOWN = "nobody is declared or seen to balance it: the capture may be from another link"
SEVERAL = 5
"""So many connections of one host tell whether it always asks for the same."""
UNLIKE = 3
"""By so many times the answers to one health check never differ in size."""


def is_on_this_link(scene: Scene, vip: DeclaredVip) -> bool:
    """Whether one of a declared VIP's hosts is on the captured link, and so its packets carry the hosts' own MACs."""
    macs = vip.balancer_macs | vip.server_macs
    return any(src in macs or dst in macs for src, dst in scene.unicast_edges)


def remote_vip(scene: Scene, vip: DeclaredVip, routers: frozenset[int]) -> Vip:
    """A declared VIP of another link, with what of it passes here: its declared services, and no servers."""
    identity = scene.book.find_text(vip.address)
    mine = scene.of_services & (scene.service_of_leg == identity)
    why = NOT_HERE if not mine.any() else ELSEWHERE if vip.balancer_macs | vip.server_macs else NOBODY_KNOWN
    gateways = frozenset(distinct_at(scene.ends.dst_mac, mine & scene.inbound).tolist()) & routers
    return Vip(
        vip.address, identity, vip.mode or UNKNOWN, declared_services(vip) if mine.any() else (),
        balancers=vip.balancers, gateways=tuple(sorted(gateways)), subnet=vip.subnet, provenance=DECLARED,
        evidence=(why,), remote=True,
    )  # fmt: skip


def declared_services(vip: DeclaredVip) -> tuple[Service, ...]:
    """The services that the file names; their mode is for the capture to tell."""
    return tuple(Service(PROTOCOL_NUMBERS[name], port, UNKNOWN) for name, port in sorted(set(vip.services)))


def rewritten_flows(scene: Scene, vip: DeclaredVip) -> tuple[frozenset[int], str]:
    """(flows that a balancer gives to a server and that are clients' requests rewritten, the mode which that is).

    Only where no client's own packet for the VIP is in the capture. A client's packet for a server's own address is
    known to be rewritten where the mode is declared, and where the client is on this very link: another may have asked
    for the server itself, by a balancer that is its router too. What comes from a balancer's address may be its health
    checks: only answers that differ as those to one check never do tell of clients.
    """
    ends, flows = scene.ends, scene.flows
    nothing: tuple[frozenset[int], str] = frozenset(), UNKNOWN
    if not vip.balancer_macs or not vip.server_macs:
        return nothing
    given = scene.of_services & scene.inbound & among(ends.src_mac, list(vip.balancer_macs))
    given &= among(ends.dst_mac, list(vip.server_macs))
    identity = scene.book.find_text(vip.address)
    own = _identities(scene, [address for host in vip.balancers for address in host.addresses])
    own |= {address for mac in vip.balancer_macs for address in scene.own(mac)} - {identity}
    own_flow = among(flows.client, list(own))
    of_vip = scene.of_services & (scene.service_of_leg == identity)
    if (of_vip & ~own_flow[flows.of_leg]).any():
        return nothing
    by_itself = distinct(flows.of_leg[of_vip & given & _to_service(scene, vip, {identity})])
    if _differ(scene, by_itself):
        return frozenset(by_itself.tolist()), UNKNOWN
    servers = _identities(scene, [address for host in vip.servers for address in host.addresses])
    flow = distinct(flows.of_leg[given & _to_service(scene, vip, servers)])
    rewrites = vip.mode in (NAT, PROXY)
    at_home = among(flows.client[flow], list(scene.mac_of))
    hidden, seen = flow[own_flow[flow]], flow[~own_flow[flow] & (at_home | rewrites)]
    if rewrites and _differ(scene, hidden):
        seen = np.concatenate([seen, hidden])
    return frozenset(seen.tolist()), (vip.mode if rewrites and vip.mode else NAT)


def _to_service(scene: Scene, vip: DeclaredVip, addresses: set[int]) -> Flags:
    """Legs whose flow has one of some addresses, and a declared protocol and port, as its service."""
    flows = scene.flows
    services = [(service.protocol, service.port) for service in declared_services(vip)]
    wanted = np.array(services, np.int64).reshape(-1, 2)
    fits = are_among((flows.protocol, flows.service_port), (wanted[:, 0], wanted[:, 1]))
    fits &= among(flows.service, list(addresses))
    found: Flags = (flows.of_leg >= 0) & fits[flows.of_leg] if len(flows) else np.zeros(len(flows.of_leg), bool)
    return found


def _identities(scene: Scene, addresses: list[str]) -> set[int]:
    return {scene.book.find_text(address) for address in addresses} - {-1}


def _differ(scene: Scene, flow: Int64) -> bool:
    """Whether the answers in some flows differ as those to one check never do."""
    answered = np.zeros(len(scene.flows), np.int64)
    back = scene.of_services & ~scene.inbound
    np.add.at(answered, scene.flows.of_leg[back], scene.leg_at("payload", back))
    sizes = answered[flow]
    sizes = sizes[sizes > 0]
    return len(sizes) >= SEVERAL and int(sizes.max()) >= UNLIKE * int(sizes.min())
