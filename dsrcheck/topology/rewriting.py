"""Balancers that rewrite addresses (NAT) or end connections (proxy): pairs a client's flow with the server's."""

from __future__ import annotations

import numpy as np

from dsrcheck.flows.coded import among, rows_with
from dsrcheck.flows.table import TCP, Flows, Int64, distinct, rows_by_value
from dsrcheck.legs.bycolumn import UNUSED
from dsrcheck.records import dataclass
from dsrcheck.topology.hops import AT_ONCE, share_packets
from dsrcheck.topology.model import DSR_MAC, NAT, PROXY
from dsrcheck.topology.scene import Scene

LEAST_MATCHED = 2
"""Connections with a twin, at least: one may have it by chance."""
MATCHED_SHARE = 0.6
"""Share of an address's answered flows that must have their twin behind it before it is called a proxy."""
SERVICE_LIMIT = 256
"""Addresses that one box answers for, the busiest first, which are looked at: a router stands for all the Internet."""
NEARLY_ALL = 0.75
"""Share of connections that must have a twin of the same length where a proxy would have two MACs."""
BOX_LIMIT = 16
"""MACs that only serve or only ask which are tried as the two sides of one proxy."""
BYTES_APART = 512
"""By how many bytes (and a twentieth) a proxied answer may differ: a proxy changes some header lines."""


@dataclass(frozen=True)
class Rewriter:
    """A VIP whose balancer rewrites: client flow -> server flow, the balancer's MACs, and the mode."""

    mode: str
    balancers: frozenset[int]
    flow_pairs: dict[int, int]
    servers: frozenset[int]
    evidence: str


def find_nat(scene: Scene) -> dict[int, Rewriter]:
    """Addresses whose packets go on under another destination address, by the same box, to several servers.

    A leg of one flow and a leg of another are the same packets when they share entries of the sketch (addresses and
    ports are no part of a packet's hash). One server alone is port forwarding, unless it stands on the same link and
    the box owns the address there.
    """
    ends, flows = scene.ends, scene.flows
    samples = scene.samples
    # Only directions known by a handshake: the way back through a masquerading router looks the same.
    rows = np.flatnonzero(scene.of_services & scene.inbound & flows.sure[flows.of_leg])
    rows = _rewritten_rows(scene, rows[samples[0][rows] != UNUSED])
    if not len(rows):
        return {}
    ttl, first = scene.leg_at("ttl_max", rows), scene.leg_at("first_frame", rows)
    order = rows[np.lexsort((first, -ttl, samples[0][rows]))]
    before, after = order[:-1], order[1:]
    changed = (ends.dst[before] != ends.dst[after]) | (ends.src[before] != ends.src[after])
    twin = (samples[0][before] == samples[0][after]) & changed & (ends.dst_mac[before] != ends.dst_mac[after])
    # A box may send from another MAC than it takes packets at; then both addresses must be rewritten, and at once.
    apart = np.abs(scene.leg_at("first_time", after) - scene.leg_at("first_time", before))
    other_mac = (ends.src[before] != ends.src[after]) & (apart < AT_ONCE)
    twin &= (ends.dst_mac[before] == ends.src_mac[after]) | (other_mac & (ends.src_mac[before] != ends.src_mac[after]))
    before, after = before[twin], after[twin]
    same = share_packets(samples, before, after)
    before, after = before[same], after[same]
    found = {}
    for mine in rows_by_value(ends.dst[before]):
        entry, exit_ = before[mine], after[mine]
        address = int(ends.dst[entry[0]])
        boxes = frozenset(ends.dst_mac[entry].tolist()) | frozenset(ends.src_mac[exit_].tolist())
        spread = len(set(ends.dst[exit_].tolist()))
        same_link = bool((ends.link[entry] == ends.link[exit_]).all())
        owned = bool(scene.owners.get(address, frozenset()) & boxes)
        source_only = spread == 1 and bool((ends.dst[exit_] == address).all())
        if source_only and owned and len(set(ends.dst_mac[exit_].tolist())) > 1:
            pairs = dict(zip(flows.of_leg[entry].tolist(), flows.of_leg[exit_].tolist(), strict=True))
            servers = frozenset(ends.dst_mac[exit_].tolist())
            found[address] = Rewriter(DSR_MAC, boxes, pairs, servers, "its packets go on with another source address")
        elif not source_only and (spread > 1 or (same_link and owned)):
            pairs = dict(zip(flows.of_leg[entry].tolist(), flows.of_leg[exit_].tolist(), strict=True))
            servers = frozenset(ends.dst_mac[exit_].tolist())
            text = f"its packets go on to {spread} other address{'es' * (spread > 1)}"
            found[address] = Rewriter(NAT, boxes, pairs, servers, text)
    return found


def _rewritten_rows(scene: Scene, rows: Int64) -> Int64:
    """Of some legs those whose first sampled packet comes under other addresses as well."""
    ends = scene.ends
    packet = scene.samples[0][rows]
    order = np.argsort(packet)
    rows, packet = rows[order], packet[order]
    again = packet[1:] == packet[:-1]
    changed = again & ((ends.dst[rows[1:]] != ends.dst[rows[:-1]]) | (ends.src[rows[1:]] != ends.src[rows[:-1]]))
    of_packet = np.cumsum(np.append(False, ~again)[: len(rows)])
    wanted = np.zeros(len(rows), bool)
    wanted[of_packet[1:][changed]] = True
    return np.sort(rows[wanted[of_packet]])


def find_proxies(scene: Scene) -> dict[int, Rewriter]:
    """Addresses whose owner answers clients itself and, within each connection, asks a server for the like many bytes.

    The owner's second connections come from another address of its own, go to one port, and spread over servers or
    stand on the same link as the clients' side.
    """
    ends, flows = scene.ends, scene.flows
    if scene.legs.totals["first_time"] == scene.legs.totals["last_time"]:
        return {}  # a capture without times: everything would seem to lie within everything
    there, back = (np.flatnonzero(scene.of_services & way) for way in (scene.inbound, ~scene.inbound))
    serving = back[(ends.protocol[back] == TCP) & (scene.leg_at("syn_ack", back) > 0)]
    asking = there[(ends.protocol[there] == TCP) & (scene.leg_at("syn", there) > 0)]
    answered = np.zeros(len(flows), np.int64)
    # How far the answer came, not how many bytes it took: what one side has to send again the other has not.
    np.maximum.at(answered, flows.of_leg[back], scene.leg_at("seq_advance", back))
    # As long as one leg shows a flow: of several captures each has a clock of its own, and they may be hours apart.
    lasting = np.zeros(len(flows), np.int64)
    np.maximum.at(lasting, flows.of_leg, scene.leg("last_time") - scene.leg("first_time"))
    last = flows.first_time + lasting
    found = {}
    served, asked = _flows_by_sender(scene, serving), _flows_by_sender(scene, asking)
    sides = _front_and_back(set(asked), set(served))
    behind_of = {mac: _from_own_addresses(scene, mac, asked[mac]) for _, mac in sides}
    for box, back_box in sides:
        front, behind = served[box], behind_of[back_box]
        if not len(behind):
            continue
        front = front[answered[front] > 0]
        for address in _busiest(flows.service[front]):
            mine = front[flows.service[front] == address]
            if len(mine) < LEAST_MATCHED:
                break
            theirs = behind[(flows.client[behind] != address) & (flows.service[behind] != address)]
            pairs = _nested(flows, mine, theirs, answered, last)
            if len(pairs) < max(LEAST_MATCHED, MATCHED_SHARE * len(mine)):
                continue
            if box != back_box and not _alike(pairs, mine, answered):
                continue
            targets = np.array(sorted(pairs.values()))
            spread = len(distinct(flows.service[targets]))
            if spread < 2 and not scene.owners.get(address, frozenset()) & {box}:
                continue
            rows = among(flows.of_leg, targets) & scene.of_services & scene.inbound & (ends.src_mac == back_box)
            servers = frozenset(ends.dst_mac[rows].tolist())
            text = f"its owner asks {spread} server{'s' * (spread > 1)} for the like within each connection"
            found[address] = Rewriter(PROXY, frozenset({box, back_box}), pairs, servers, text)
    return found


def _flows_by_sender(scene: Scene, legs: Int64) -> dict[int, Int64]:
    """MAC -> the flows, sorted, of those of the legs that it sent."""
    return {mac: distinct(scene.flows.of_leg[rows]) for mac, rows in rows_with(scene.ends.src_mac, legs).items()}


def _from_own_addresses(scene: Scene, mac: int, flows: Int64) -> Int64:
    """Those of the flows that come from an address of the MAC's own, where such are known; in order of time."""
    own = scene.stated.get(mac, frozenset())
    mine = flows[among(scene.flows.client[flows], own)] if own else flows
    return mine[np.argsort(scene.flows.first_time[mine], kind="stable")]


def _front_and_back(askers: set[int], servers: set[int]) -> list[tuple[int, int]]:
    """MACs that serve, each with the MAC it may ask servers from: its own, or one that does nothing but ask."""
    only_ask = sorted(askers - servers)[:BOX_LIMIT]
    own = [(box, box) for box in sorted(servers & askers)]
    return own + [(box, other) for box in sorted(servers - askers)[:BOX_LIMIT] for other in only_ask]


def _alike(pairs: dict[int, int], front: Int64, answered: Int64) -> bool:
    """Whether two MACs may be held for one proxy.

    Nearly all connections, and three at least, have their twin, and nearly all of those of the very same length.
    """
    twins = np.array([*pairs.items()], np.int64).reshape(-1, 2)
    same = int((answered[twins[:, 0]] == answered[twins[:, 1]]).sum())
    return len(pairs) > 2 and len(pairs) >= NEARLY_ALL * len(front) and same >= NEARLY_ALL * len(pairs)


def _busiest(services: Int64) -> list[int]:
    """Those of most flows, the busiest first, up to SERVICE_LIMIT."""
    count = np.bincount(services)
    order = np.argsort(-count, kind="stable")[:SERVICE_LIMIT]
    return [service for service in order.tolist() if count[service]]


def _nested(flows: Flows, front: Int64, behind: Int64, answered: Int64, last: Int64) -> dict[int, int]:
    """Front flow -> the flow behind it: the first that starts while it lasts and answers with about as much.

    behind: in order of time; answered, last: progress of the answer and last time of each flow.
    """
    if not len(front) or not len(behind):
        return {}
    place = np.searchsorted(flows.first_time[behind], flows.first_time[front])
    inside = place < len(behind)
    front, partner = front[inside], behind[place[inside]]
    apart = np.abs(answered[front] - answered[partner])
    good = (
        (flows.first_time[partner] <= last[front])
        & (answered[front] > 0)
        & (apart <= BYTES_APART + answered[front] // 20)
    )
    return dict(zip(front[good].tolist(), partner[good].tolist(), strict=True))
