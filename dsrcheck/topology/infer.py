"""Who is who, from packets alone or with a declared topology as a start: VIPs, services, balancers and servers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import TCP, Flags, Int64, are_among, distinct, distinct_at, distinct_rows
from dsrcheck.records import dataclass
from dsrcheck.topology.claims import pairs
from dsrcheck.topology.declared import Declaration, DeclaredVip
from dsrcheck.topology.evidence import (
    Candidate,
    Proposal,
    answered_at_once,
    by_other_sender,
    by_relay,
    by_rivals,
    by_server_that_does_not_own,
    forwarded_legs,
    relays_of,
)
from dsrcheck.topology.model import DECLARED, DSR_MAC, INFERRED, TUNNEL_MODES, UNKNOWN, Host, Service, Vip
from dsrcheck.topology.rewriting import Rewriter, find_nat, find_proxies
from dsrcheck.topology.scene import Scene
from dsrcheck.topology.unseen import declared_services, is_on_this_link, remote_vip, rewritten_flows
from dsrcheck.topology.vantage import View, views

VIP_LIMIT = 256
"""VIPs looked at in one capture; a capture that suggests more is hostile or of a whole hosting site."""


@dataclass(frozen=True)
class Topology:
    """What is known of a capture: its VIPs, where each interface was captured, and the routers on its links."""

    vips: tuple[Vip, ...]
    views: tuple[View, ...]
    routers: frozenset[int]
    declared: Declaration | None = None


def infer(scene: Scene, declared: Declaration | None = None) -> Topology:
    """The topology of a capture; declared facts are taken as they are, what they leave open is inferred."""
    seen_from = views(scene)
    routers = find_routers(scene, declared)
    rewriters = find_proxies(scene) | find_nat(scene)
    wanted = {scene.book.find_text(vip.address): vip for vip in declared.vips} if declared else {}
    assert -1 not in wanted, "read_scene was not told of the declared VIPs"
    vips = []
    for candidate in _candidates(scene, set(rewriters) | set(wanted)):
        declared_vip = wanted.get(candidate.address)
        rewriter = rewriters.get(candidate.address)
        known = declared_vip.balancer_macs if declared_vip else frozenset()
        proposal = _proposal(scene, candidate, seen_from, rewriter, known)
        if declared_vip and _is_remote(scene, declared_vip, proposal):
            vips.append(remote_vip(scene, declared_vip, routers))
        elif proposal or declared_vip:
            vip = _vip(scene, candidate, proposal, rewriter, declared_vip, routers)
            vips.append(_with_rewritten(scene, vip, declared_vip))
    vips = [vip for vip in vips if vip.services or vip.provenance == DECLARED or vip.evidence]
    routers -= {mac for vip in vips for mac in vip.balancer_macs}
    return Topology(tuple(sorted(vips, key=lambda vip: (vip.identity, vip.address))), seen_from, routers, declared)


def _is_remote(scene: Scene, vip: DeclaredVip, proposal: Proposal | None) -> bool:
    """Whether nobody on the captured link is known to be one of a declared VIP's hosts."""
    if vip.balancer_macs | vip.server_macs:
        return not is_on_this_link(scene, vip)
    return proposal is None


def _proposal(
    scene: Scene, candidate: Candidate, seen_from: tuple[View, ...], rewriter: Rewriter | None, known: frozenset[int]
) -> Proposal | None:
    """What tells that a candidate is a VIP, by the best evidence that there is; known: its balancers by declaration."""
    found = by_relay(scene, candidate)
    if not found and rewriter:
        return Proposal(rewriter.balancers, rewriter.evidence)
    return (
        found
        or by_server_that_does_not_own(scene, candidate, seen_from)
        or by_other_sender(scene, candidate)
        or by_rivals(scene, candidate, known)
    )


def _candidates(scene: Scene, also: set[int]) -> list[Candidate]:
    """Addresses worth a look: passed on, owned by several, or answered from a MAC that requests do not go to."""
    relays = relays_of(scene)
    ends, flows = scene.ends, scene.flows
    rows = np.flatnonzero(scene.of_services)
    by_address: dict[int, None] = dict.fromkeys(sorted(also))
    by_address |= dict.fromkeys(sorted(relays))
    by_address |= dict.fromkeys(sorted(address for address, macs in scene.owners.items() if len(macs) > 1))
    inbound, outbound = rows[scene.inbound[rows]], rows[~scene.inbound[rows]]
    by_address |= dict.fromkeys(_asymmetric(scene, inbound, outbound))
    asked = among(scene.service_of_leg[inbound], list(scene.asked))
    by_address |= dict.fromkeys(distinct(scene.service_of_leg[inbound[asked]]).tolist())
    by_address |= dict.fromkeys(distinct(scene.service_of_leg[inbound[ends.tunnel[inbound] > 0]]).tolist())
    found = []
    service = scene.service_of_leg
    busy = np.bincount(flows.service, minlength=len(scene.book)).tolist()
    order = sorted(by_address, key=lambda address: (address not in also, -busy[address], address))
    for address in order[:VIP_LIMIT]:
        found.append(Candidate(
            address, inbound[service[inbound] == address], outbound[service[outbound] == address],
            relays.get(address, frozenset()), scene.owners.get(address, frozenset()),
        ))  # fmt: skip
    return found


def _asymmetric(scene: Scene, inbound: Int64, outbound: Int64) -> list[int]:
    """Addresses (identities) with a flow whose replies leave from another MAC than the one its requests go to."""
    flows, ends = scene.flows, scene.ends
    to, source = np.full(len(flows), -1, np.int64), np.full(len(flows), -1, np.int64)
    to[flows.of_leg[inbound[::-1]]] = ends.dst_mac[inbound[::-1]]
    source[flows.of_leg[outbound[::-1]]] = ends.src_mac[outbound[::-1]]
    return [int(address) for address in distinct(flows.service[(to >= 0) & (source >= 0) & (to != source)])]


def find_routers(scene: Scene, declared: Declaration | None) -> frozenset[int]:
    """MACs that stand for other hosts' addresses.

    They bring in packets whose source is not theirs and that nobody here sent them, or pass packets on and state
    addresses of different subnets.
    """
    ends, hops, services = scene.ends, scene.hops, scene.relayed_services
    # Only clients' packets tell: a server's replies carry the VIP, which is no address of its own either.
    rows = np.flatnonzero(scene.of_services & ~scene.passed_on & scene.inbound)
    macs, addresses = scene.own_addresses
    rows = rows[among(ends.src_mac[rows], distinct(macs))]
    rows = rows[~among(ends.src[rows], list(scene.mac_of)) & ~among(ends.src[rows], services)]
    entering = ends.src_mac[rows][~are_among((ends.src_mac[rows], ends.src[rows]), (macs, addresses))]
    passing = {*distinct_at(ends.dst_mac, hops.before).tolist()} & {*distinct_at(ends.src_mac, hops.after).tolist()}
    known = frozenset(services.tolist())
    claimed = {mac for mac in passing if _subnets_apart(scene, scene.stated.get(mac, frozenset()) - known)}
    return frozenset({*(declared.gateway_macs if declared else ()), *distinct(entering).tolist(), *claimed})


def _subnets_apart(scene: Scene, addresses: frozenset[int]) -> bool:
    """Whether IPv4 addresses of one MAC differ in their first two octets: no host's subnet is that wide by plan."""
    prefixes = {int(scene.book.low[a]) >> 16 & 0xFFFF for a in addresses if scene.book.is_ipv4(a)}
    return len(prefixes) > 1


def _vip(
    scene: Scene, candidate: Candidate, proposal: Proposal | None, rewriter: Rewriter | None,
    declared: DeclaredVip | None, routers: frozenset[int],
) -> Vip:  # fmt: skip
    balancers = set(proposal.balancers) if proposal else set()
    if declared and declared.balancer_macs:
        balancers = set(declared.balancer_macs) | {mac for mac in balancers if mac not in declared.server_macs}
    departures, arrivals = candidate.departures(scene), candidate.arrivals(scene)
    nobody = {0}  # a link type without that MAC
    declared_servers = set(declared.server_macs) if declared else set()
    # Who only passes a reply on, as a router does, is no server.
    replying = candidate.outbound[~scene.passed_on[candidate.outbound]]
    repliers = set(distinct_at(scene.ends.src_mac, replying).tolist()) - balancers - routers - nobody
    repliers -= _only_resetting(scene, replying[among(scene.ends.src_mac[replying], candidate.owners)])
    sent = forwarded_legs(scene, balancers)
    if proposal and proposal.balancers:
        # A backup that took over: it owns the address and takes its packets, and others answer.
        rivals = answered_at_once(scene, candidate.address)
        asked = candidate.inbound[~sent[candidate.inbound]]
        taken = set(distinct_at(scene.ends.dst_mac, asked).tolist()) & (candidate.owners - rivals)
        if not taken - repliers - declared_servers <= balancers:
            balancers |= taken - repliers - declared_servers
            sent = forwarded_legs(scene, balancers)
    is_rewriting = rewriter is not None and proposal is not None and proposal.evidence == rewriter.evidence
    forwarded = set(distinct_at(scene.ends.dst_mac, candidate.inbound[sent[candidate.inbound]]).tolist()) - nobody
    if is_rewriting and rewriter:
        servers = set(rewriter.servers) - balancers - nobody
    else:
        servers = (forwarded | repliers) - balancers - routers
    # Declared servers that speak on this link are judged, whether or not they take part.
    servers |= declared_servers & (forwarded | scene.speakers)
    services = _services(scene, candidate, sent, servers, rewriter if is_rewriting else None, proposal)
    services = _with_declared(services, declared)
    modes = {service.mode for service in services}
    mode = declared.mode if declared and declared.mode else modes.pop() if len(modes) == 1 else UNKNOWN
    return Vip(
        address=scene.book.text(candidate.address),
        identity=candidate.address,
        mode=mode,
        services=services,
        balancers=_balancer_hosts(scene, candidate, balancers, declared, proposal),
        servers=_server_hosts(scene, candidate, servers, declared),
        gateways=tuple(sorted(({mac for edge in departures | arrivals for mac in edge} & routers) - balancers)),
        subnet=declared.subnet if declared else None,
        provenance=DECLARED if declared else INFERRED,
        evidence=(proposal.evidence,) if proposal else (),
        flow_pairs=rewriter.flow_pairs if is_rewriting and rewriter else {},
    )


def _only_resetting(scene: Scene, legs: Int64) -> set[int]:
    """MACs that send nothing but RSTs without ACK, which answer what is no SYN (RFC 9293, 3.5.2).

    Who owns an address and does only that has lost the state of its connections, or never had it, and serves nothing.
    """
    resets = (scene.ends.protocol[legs] == TCP) & (scene.leg_at("rst", legs) > 0)
    resets &= scene.leg_at("rst", legs) == scene.leg_at("frames", legs)
    resets &= scene.leg_at("rst_ack", legs) == 0
    macs = scene.ends.src_mac[legs]
    return set(macs[resets].tolist()) - set(macs[~resets].tolist())


def _services(
    scene: Scene, candidate: Candidate, sent: Flags, servers: set[int], rewriter: Rewriter | None,
    proposal: Proposal | None,
) -> tuple[Service, ...]:  # fmt: skip
    """Protocol and port pairs that are seen to be balanced, each with its mode; sent: the legs that are forwards."""
    ends, flows = scene.ends, scene.flows
    rows = np.concatenate([candidate.inbound, candidate.outbound])
    if rewriter:
        balanced = among(flows.of_leg[rows], list(rewriter.flow_pairs))
        forwarded = balanced & False
    else:
        inbound = scene.inbound[rows]
        forwarded = sent[rows]
        # A server that only refuses what strayed to it serves nothing: the balancer may run that service itself.
        gives = (scene.leg_at("syn_ack", rows) > 0) | (scene.leg_at("payload", rows) > 0) | (ends.protocol[rows] != TCP)
        balanced = forwarded | (~inbound & gives & among(ends.src_mac[rows], list(servers)))
    found = []
    port, protocol, tunnel = flows.service_port[flows.of_leg[rows]], ends.protocol[rows], ends.tunnel[rows]
    numbers, ports = distinct_rows(protocol[balanced], port[balanced])
    for number, service_port in zip(numbers.tolist(), ports.tolist(), strict=True):
        mine = (protocol == number) & (port == service_port)
        if rewriter:
            mode = rewriter.mode
        elif (mine & forwarded).any():
            mode = TUNNEL_MODES.get(int(tunnel[mine & forwarded].max()), DSR_MAC)
        else:
            mode = UNKNOWN
        if proposal and not proposal.mode_known:
            mode = UNKNOWN
        found.append(Service(number, service_port, mode))
    return tuple(found)


def _with_declared(services: tuple[Service, ...], declared: DeclaredVip | None) -> tuple[Service, ...]:
    """The services seen, and those that are declared and were not seen to be balanced (their mode stays unknown)."""
    known = {(service.protocol, service.port) for service in services}
    wanted = declared_services(declared) if declared else ()
    return (*services, *(service for service in wanted if (service.protocol, service.port) not in known))


def _with_rewritten(scene: Scene, vip: Vip, declared: DeclaredVip | None) -> Vip:
    """The VIP with the flows that are rewritten out of sight, and the mode which that is, where they are told."""
    if not declared or vip.flow_pairs:
        return vip
    flows, mode = rewritten_flows(scene, declared)
    rows = sorted(flows)
    ports = pairs(scene.flows.protocol[rows], scene.flows.service_port[rows])
    services = tuple(replace(s, mode=mode) if (s.protocol, s.port) in ports else s for s in vip.services)
    return replace(vip, rewritten=flows, services=services, mode=declared.mode or (mode if flows else vip.mode))


def _balancer_hosts(
    scene: Scene, candidate: Candidate, macs: set[int], declared: DeclaredVip | None, proposal: Proposal | None
) -> tuple[Host, ...]:
    named = list(declared.balancers) if declared else []
    left = macs - {mac for host in named for mac in host.macs}
    boxes: list[set[int]] = [{mac} for mac in sorted(left)]
    for relay in candidate.relays:
        touched = [box for box in boxes if box & {relay.taken_at, relay.sent_from}]
        if len(touched) > 1:
            boxes = [box for box in boxes if box not in touched] + [set().union(*touched)]
    why = (proposal.evidence,) if proposal else ()
    found = [
        Host("balancer", tuple(sorted(box)), _addresses(scene, box, candidate.address), evidence=why) for box in boxes
    ]
    return tuple(sorted((*named, *found), key=lambda host: host.macs))


def _server_hosts(scene: Scene, candidate: Candidate, macs: set[int], declared: DeclaredVip | None) -> tuple[Host, ...]:
    named = {mac: host for host in declared.servers for mac in host.macs} if declared else {}
    replying = {src for src, _ in candidate.departures(scene)}
    found = []
    for mac in sorted(macs):
        what = "answers from the VIP" if mac in replying else "is sent the VIP's packets by the balancer"
        if mac in named:
            found.append(replace(named[mac], evidence=(what,)))
        else:
            addresses = _addresses(scene, {mac}, candidate.address)
            found.append(Host("server", (mac,), addresses, evidence=(f"{mac_text(mac)} {what}",)))
    return tuple(found)


def _addresses(scene: Scene, macs: set[int], vip: int) -> tuple[str, ...]:
    """Addresses of a box, but for the VIP and IPv6's link-local ones."""
    own = set().union(*(scene.own(mac) for mac in macs)) - {vip}
    texts = [scene.book.text(address) for address in sorted(own)]
    return tuple(text for text in texts if not text.startswith("fe80:"))
