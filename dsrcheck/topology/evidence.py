"""Whether an address is a VIP, and who balances it: each kind of evidence is a function over one address's legs.

The key fact of DSR: a box that receives packets for an address, or claims it, sends packets to that same address on to
another MAC. No port, no address convention, no vendor's MAC is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from dsrcheck.addresses import is_virtual_router_mac, mac_text
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, are_among, distinct, distinct_rows
from dsrcheck.records import dataclass
from dsrcheck.topology.claims import pairs
from dsrcheck.topology.scene import INITIAL_TTLS, Scene
from dsrcheck.topology.vantage import View


@dataclass(frozen=True)
class Relay:
    """A box that passes packets for one address on: the MACs it takes them at and sends them from, and where to.

    A box that keeps the requester's MAC as source shows no MAC of its own there: then `sent_from` is `taken_at`.
    """

    taken_at: int
    sent_from: int
    next_mac: int
    tunnel: int
    outer_dst: int
    same_link: bool


@dataclass(frozen=True)
class Proposal:
    """What one kind of evidence says of an address."""

    balancers: frozenset[int]
    evidence: str
    mode_known: bool = True


@dataclass(frozen=True)
class Candidate:
    """One address that may be a VIP: the rows of its legs by direction, its relays, and who owns it by ARP or NDP."""

    address: int
    inbound: Int64
    outbound: Int64
    relays: frozenset[Relay]
    owners: frozenset[int]

    def arrivals(self, scene: Scene) -> set[tuple[int, int]]:
        """(source MAC, destination MAC) of packets to the address."""
        return _mac_pairs(scene, self.inbound)

    def departures(self, scene: Scene) -> set[tuple[int, int]]:
        """(source MAC, destination MAC) of packets from the address."""
        return _mac_pairs(scene, self.outbound)


def _mac_pairs(scene: Scene, rows: Int64) -> set[tuple[int, int]]:
    """(source MAC, destination MAC) of some legs: one leg of each path tells, and paths are few."""
    of_path = np.full(len(scene.legs.paths), -1, np.int64)
    of_path[scene.ends.path[rows]] = rows
    rows = of_path[of_path >= 0]
    return set(zip(scene.ends.src_mac[rows].tolist(), scene.ends.dst_mac[rows].tolist(), strict=True))


def relays_of(scene: Scene) -> dict[int, frozenset[Relay]]:
    """Address -> the boxes seen to pass packets for it on (inbound legs only).

    A leg that leaves a box whose arriving leg is seen is explained by that one; a leg without such a leg is tied to an
    earlier one when the TTL fell by one at most: the box takes packets at another MAC (virtual, or a second arm).
    """
    hops, ends = scene.hops, scene.ends
    usable = scene.of_services[hops.before] & scene.of_services[hops.after] & scene.inbound[hops.before]
    before, after = hops.before[usable], hops.after[usable]
    kept = ends.src_mac[before] == ends.src_mac[after]
    adjacent = (ends.dst_mac[before] == ends.src_mac[after]) | kept
    explained = np.zeros(len(ends.src), bool)
    explained[after[adjacent]] = True
    fall = scene.leg_at("ttl_max", before) - scene.leg_at("ttl_max", after)
    near = (fall <= 1) & (fall >= 0)
    near |= _owned(scene, scene.service_of_leg[before], ends.dst_mac[before])
    near &= (ends.dst_mac[before] != ends.dst_mac[after]) | (ends.dst_mac[before] == 0)
    keep = adjacent | _nearest_in_time(scene, before, after, ~explained[after] & near)
    before, after, kept = before[keep], after[keep], kept[keep]
    sent_from = np.where(kept, ends.dst_mac[before], ends.src_mac[after])
    # Linux cooked captures have no destination MAC: the box is known by what it sends.
    taken_at = np.where(ends.dst_mac[before] == 0, sent_from, ends.dst_mac[before])
    rows = pairs(
        scene.service_of_leg[before], taken_at, sent_from, ends.dst_mac[after],
        ends.tunnel[after] * (ends.tunnel[before] == 0), ends.outer_dst[after],
        (ends.link[before] == ends.link[after]).astype(np.int64),
    )  # fmt: skip
    found: dict[int, set[Relay]] = {}
    for address, taken, sent, onward, tunnel, outer, same in rows:
        found.setdefault(address, set()).add(Relay(taken, sent, onward, tunnel, outer, bool(same)))
    return {address: frozenset(relays) for address, relays in found.items()}


def _nearest_in_time(scene: Scene, before: Int64, after: Int64, wanted: Flags) -> Flags:
    """Of the wanted pairs of each leg after, the one whose leg before began, or ended, at the nearest time."""
    places = np.flatnonzero(wanted)
    one, other = before[places], after[places]
    start, end = (np.abs(scene.leg_at(n, one) - scene.leg_at(n, other)) for n in ("first_time", "last_time"))
    apart = np.minimum(start, end)
    places = places[np.lexsort((apart, other))]
    first = np.ones(len(places), bool)
    first[1:] = after[places[1:]] != after[places[:-1]]
    kept = np.zeros(len(before), bool)
    kept[places[first]] = True
    return kept


def _owned(scene: Scene, addresses: Int64, macs: Int64) -> Flags:
    """Whether each address is owned, by ARP or NDP, by the MAC beside it."""
    owning = [(address, mac) for address, owners in scene.owners.items() for mac in owners]
    known = np.array(owning, np.int64).reshape(-1, 2)
    return are_among((addresses, macs), (known[:, 0], known[:, 1]))


def forwarded_legs(scene: Scene, balancers: Collection[int]) -> Flags:
    """Inbound legs that these boxes sent on: from their MACs, or with the requester's MAC kept as source.

    A box that is seen to keep the requester's MAC keeps it always: of such a flow every leg that goes elsewhere while
    packets come to the box is a forward, be it too small a part of the packets to be compared.
    """
    ends, hops = scene.ends, scene.hops
    inbound = scene.of_services & scene.inbound
    sent = inbound & among(ends.src_mac, list(balancers))
    taken = inbound & among(ends.dst_mac, list(balancers))
    kept = (ends.src_mac[hops.before] == ends.src_mac[hops.after]) & taken[hops.before] & inbound[hops.after]
    sent[hops.after[kept]] = True
    if kept.any():
        flow, start, end = scene.flows.of_leg, scene.leg("first_time"), scene.leg("last_time")
        earliest, latest = np.full(len(scene.flows), np.iinfo(np.int64).max), np.full(len(scene.flows), -1)
        np.minimum.at(earliest, flow[taken], start[taken])
        np.maximum.at(latest, flow[taken], end[taken])
        during = (start >= earliest[flow] - AT_ONCE) & (end <= latest[flow] + AT_ONCE)
        sent |= inbound & ~taken & during & among(ends.src_mac, ends.src_mac[hops.before[kept]])
    return sent


def by_relay(scene: Scene, candidate: Candidate) -> Proposal | None:
    """A box takes packets for the address and passes them on.

    It owns the address, or spreads it over several hosts, or replies bypass it; else it only routes.
    """
    departures = candidate.departures(scene)
    balancers: set[int] = set()
    reasons: list[str] = []
    for taken_at in sorted({relay.taken_at for relay in candidate.relays}):
        mine = [relay for relay in candidate.relays if relay.taken_at == taken_at]
        box = {taken_at} | {relay.sent_from for relay in mine}
        reason = _why_balancer(scene, candidate, mine, box, departures)
        if reason:
            balancers |= box
            reasons.append(f"{mac_text(taken_at)} {reason}")
    return Proposal(frozenset(balancers), "; ".join(reasons)) if balancers else None


def _why_balancer(
    scene: Scene, candidate: Candidate, mine: list[Relay], box: set[int], departures: set[tuple[int, int]]
) -> str | None:
    """Why a box that passes packets for an address on balances it, in words; None when it may as well only route."""
    nexts = {relay.next_mac for relay in mine}
    spread = len({(relay.next_mac, relay.outer_dst) for relay in mine})
    hairpin = any(relay.same_link for relay in mine)
    tunnelled = any(relay.tunnel for relay in mine)
    owns = bool(box & candidate.owners)
    direct = {src for src, dst in departures if src in nexts and dst not in box}
    if owns and (hairpin or spread > 1 or direct or tunnelled):
        hops = f"{spread} next hop{'s' * (spread > 1)}"
        return f"owns {scene.book.text(candidate.address)} and passes its packets on to {hops}"
    if candidate.owners - box and not _was_before_the_owners(scene, candidate, box, nexts):
        return None  # somebody else owns it: this box only routes
    fresh = _sends_unrouted(scene, candidate, nexts)
    if direct and fresh and (spread > 1 or hairpin):
        return f"passes packets on to {spread} MACs that answer by themselves"
    if tunnelled and spread > 1:
        return f"puts its packets into tunnels to {spread} hosts"
    if spread > 1 and hairpin and not departures and _answered_unseen(scene, candidate):
        return f"passes packets on to {spread} MACs, and what clients acknowledge came another way"
    bypassed = bool(departures) and not any(dst in box for _, dst in departures)
    if tunnelled and bypassed:
        return "puts its packets into a tunnel, and the replies do not come back through it"
    return None


def _was_before_the_owners(scene: Scene, candidate: Candidate, box: set[int], nexts: set[int]) -> bool:
    """Whether a box had the address until its owners of now took it over, before anybody was seen to ask for it.

    Nobody begins to send to the box once the owners have stated that it is theirs, and who sent to it before sends to
    them now. A router is sent to as before, and sends to the owners.
    """
    if nexts & candidate.owners:
        return False
    ends, claims = scene.ends, scene.claims
    stated = claims.time[(claims.address == candidate.address) & among(claims.mac, candidate.owners)]
    start = scene.leg_at("first_time", candidate.inbound)
    sender, to = ends.src_mac[candidate.inbound], ends.dst_mac[candidate.inbound]
    to_box = among(to, box)
    if not len(stated) or not to_box.any() or start[to_box].max() > stated.min() + AT_ONCE:
        return False
    to_owners = among(to, candidate.owners) & (start > stated.min())
    return bool(among(sender[to_owners], distinct(sender[to_box])).any())


def _answered_unseen(scene: Scene, candidate: Candidate) -> bool:
    """Whether clients acknowledge data after a SYN of theirs although no packet from the address is in the capture."""
    rows = candidate.inbound
    acked = scene.leg_at("ack_frames", rows) - scene.leg_at("rst", rows) > 0
    return bool((acked & (scene.leg_at("syn", rows) > 0)).any()) and not len(candidate.outbound)


def _sends_unrouted(scene: Scene, candidate: Candidate, macs: Iterable[int]) -> bool:
    """Whether packets from the address leave these MACs with a TTL that no router has lowered."""
    rows = candidate.outbound[among(scene.ends.src_mac[candidate.outbound], list(macs))]
    return bool(among(scene.leg_at("ttl_max", rows), INITIAL_TTLS).any())


def by_server_that_does_not_own(scene: Scene, candidate: Candidate, views: tuple[View, ...]) -> Proposal | None:
    """At a server: others ask for the address on this link, the host here does not answer, and yet is sent its packets.

    Whoever sends them knows the server by another address than the one in the packet: it forwards by MAC. Or the
    sender passes on packets of a host of this very link, to which the server answers by itself.
    """
    hosts = {mac for view in views for mac in view.hosts if len(view.hosts) == 1}
    found = {}
    for sender, host in sorted(candidate.arrivals(scene)):
        # A host's only address is no VIP: it is the server itself that is asked.
        if host in hosts and scene.own(host) - {candidate.address}:
            why = _why_sender_forwards(scene, candidate, sender, host)
            if why:
                found[sender] = why
    if not found:
        return None
    # Of an address that is forwarded, whoever sends packets and is not where their replies go forwards as well.
    also = {
        sender
        for sender, host in candidate.arrivals(scene)
        if host in hosts and _is_answered_past(scene, candidate, sender)
    }
    return Proposal(frozenset(found) | also, "; ".join(dict.fromkeys(found.values())))


def _is_answered_past(scene: Scene, candidate: Candidate, sender: int) -> bool:
    """Whether the replies to what a MAC sends go to other MACs only."""
    flow, ends = scene.flows.of_leg, scene.ends
    mine = flow[candidate.inbound[ends.src_mac[candidate.inbound] == sender]]
    replies = candidate.outbound[among(flow[candidate.outbound], mine)]
    return bool(len(replies)) and not bool((ends.dst_mac[replies] == sender).any())


def _why_sender_forwards(scene: Scene, candidate: Candidate, sender: int, host: int) -> str | None:
    ends, inbound = scene.ends, candidate.inbound
    rows = inbound[(ends.src_mac[inbound] == sender) & (ends.dst_mac[inbound] == host)]
    sources = distinct(ends.src[rows]).tolist()
    local = any(scene.mac_of.get(source, frozenset({sender})) - {sender} for source in sources)
    foreign = local or any(source not in scene.own(sender) for source in sources)
    asked = scene.asked.get(candidate.address, frozenset())
    # Who itself asks for the address only delivers its own: a client, or a router with a stale entry. Who owns it, as
    # its announcement told here too, and yet sends its packets on, balances.
    others = scene.own(host) - {candidate.address}
    by_mac = sender not in asked and any(sender in scene.asked.get(address, ()) for address in others)
    by_mac |= sender in candidate.owners
    answers = {dst for src, dst in candidate.departures(scene) if src == host}
    who, by = mac_text(host), mac_text(sender)
    if (ends.tunnel[rows] > 0).any():
        if answers and (ends.tunnel[candidate.outbound] == 0).any():
            return f"{who} is sent its packets in a tunnel by {by} and answers without one"
        # A tunnel's end that sends the packets on, to whoever has the address on this link, is a router.
        sends_on = bool((ends.src_mac[inbound] == host).any())
        if not answers and not sends_on and asked - {sender, host} and host not in candidate.owners:
            return f"asked for on this link, not answered by {who}, which is sent its packets in a tunnel by {by}"
        return None
    if foreign and asked - {sender, host} and (local or by_mac) and host not in candidate.owners:
        return f"asked for on this link, not answered by {who}, which is sent its packets by {by}"
    if local and sender not in asked and answers - {sender}:
        return f"{by} passes on packets of hosts of this link to {who}"
    return None


def by_other_sender(scene: Scene, candidate: Candidate) -> Proposal | None:
    """At a client or gateway: requests go to the owner of the address, replies come from other hosts' MACs."""
    departures, arrivals = candidate.departures(scene), candidate.arrivals(scene)
    entered = {dst for _, dst in arrivals} - {0}  # Linux cooked captures have no destination MAC
    box = entered & candidate.owners if candidate.owners else entered
    strangers = candidate.outbound[~among(scene.ends.src_mac[candidate.outbound], candidate.owners)]
    box -= answered_at_once(scene, candidate.address) - _answered_through(scene, candidate, strangers)
    if not box or (any(is_virtual_router_mac(mac) for mac in box) and len({src for src, _ in departures} - box) < 2):
        return None
    others = {src for src, _ in departures} - box - candidate.owners
    named = {mac for mac in others if scene.own(mac) - {candidate.address}}
    known = bool(candidate.owners) and bool(named)
    if not known and not candidate.owners and len(others) > 1:
        known, named = True, others  # nobody is asked by ARP here, but several hosts of this link answer
    if known and _sends_unrouted(scene, candidate, named):
        text = f"requests go to {mac_text(min(box))}, replies come from {', '.join(map(mac_text, sorted(named)))}"
        return Proposal(frozenset(box), text, mode_known=False)
    return None


def _answered_through(scene: Scene, candidate: Candidate, replies: Int64) -> set[int]:
    """MACs to which requests went of which some of these replies came from another MAC: of flows that went to one."""
    flows, macs = distinct_rows(scene.flows.of_leg[candidate.inbound], scene.ends.dst_mac[candidate.inbound])
    alone = np.isin(flows, flows[1:][flows[1:] == flows[:-1]], invert=True)
    taken_at = np.zeros(len(scene.flows), np.int64)
    taken_at[flows[alone]] = macs[alone]
    taken_at = taken_at[scene.flows.of_leg[replies]]
    return set(distinct(taken_at[taken_at != scene.ends.src_mac[replies]]).tolist()) - {0}


def by_rivals(scene: Scene, candidate: Candidate, known: frozenset[int]) -> Proposal | None:
    """Two hosts answer the same question for the address within a second, and traffic goes to it.

    known: its balancers by declaration; who only claims it beside one of them is none.
    """
    rivals = answered_at_once(scene, candidate.address)
    if len(rivals) < 2 or not len(candidate.inbound):
        return None
    servers = {src for src, _ in candidate.departures(scene)} & rivals
    servers -= _answered_through(scene, candidate, candidate.outbound)  # a balancer may answer some itself
    balancers = rivals & known or (rivals - servers if servers else frozenset())
    text = f"{' and '.join(map(mac_text, sorted(rivals)))} both claim it"
    return Proposal(frozenset(balancers), text, mode_known=False)


AT_ONCE = 1_000_000_000
"""Two owners within this time (ns) answer the same question: ARP answers come within milliseconds."""


def answered_at_once(scene: Scene, address: int) -> frozenset[int]:
    """MACs that own an address at one time: replies to one asker within a second of each other, from two MACs."""
    claims = scene.claims
    rows = np.flatnonzero(claims.owning & (claims.address == address))
    if len(rows) < 2:
        return frozenset()
    rows = rows[np.argsort(claims.time[rows], kind="stable")]
    one, other = rows[:-1], rows[1:]
    rival = (
        (claims.mac[one] != claims.mac[other])
        & (claims.dst_mac[one] == claims.dst_mac[other])
        & (claims.time[other] - claims.time[one] < AT_ONCE)
    )
    macs = set(claims.mac[one[rival]].tolist()) | set(claims.mac[other[rival]].tolist())
    return frozenset(macs)
