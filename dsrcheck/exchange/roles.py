"""Gives every leg of a balanced service its role (request, forward, reply ...) in the exchange it belongs to."""

from __future__ import annotations

import numpy as np

from dsrcheck.flows.coded import among, halved
from dsrcheck.flows.table import Flags, Int64
from dsrcheck.records import dataclass
from dsrcheck.topology.evidence import forwarded_legs
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.model import DECLARED, NAT, PROXY, Vip
from dsrcheck.topology.scene import Scene

VIP_SHIFT = 48
"""A MAC address has 48 bits: VIP number << 48 | MAC is one key for 'this MAC, with regard to this VIP'."""


@dataclass(frozen=True)
class Roles:
    """Exchanges (rows) and the legs of each, by role. Leg masks have one value a leg, `row` is -1 off any exchange."""

    flow: Int64
    """Flow of each row: the client's."""
    vip: Int64
    """VIP of each row: position in the topology."""
    row: Int64
    """Row of each leg."""
    request: Flags
    forward: Flags
    sent_on: Flags
    """A forwarded packet, passed on by the host that got it."""
    reply: Flags
    """From the VIP, not sent by the balancer."""
    from_balancer: Flags
    """From the VIP, sent by the balancer; `relayed` where it only passes a server's packet on."""
    relayed: Flags
    answer: Flags
    """nat and proxy: the server's packets to the balancer."""

    def __len__(self) -> int:
        return len(self.flow)


def mac_keys(vips: tuple[Vip, ...], which: str) -> Int64:
    """Sorted keys (VIP number << 48 | MAC) of all balancers or servers."""
    keys = [number << VIP_SHIFT | mac for number, vip in enumerate(vips) for mac in getattr(vip, which)]
    return np.array(sorted(keys), np.int64)


def assign_roles(scene: Scene, topology: Topology) -> Roles:
    """The exchanges of all balanced services.

    A flow that the balancer serves itself is no exchange, unless it was forwarded as well (a balancer may be one of the
    servers, or run services of its own).
    """
    flows, ends, vips = scene.flows, scene.ends, topology.vips
    vip_of_flow = _vip_of_flow(scene, vips)
    rows_flow = np.flatnonzero(vip_of_flow >= 0)
    row_of_flow = np.full(len(flows), -1, np.int64)
    row_of_flow[rows_flow] = np.arange(len(rows_flow))

    leg_row = np.where(scene.of_services, row_of_flow[flows.of_leg], -1)
    leg_vip = np.where(leg_row >= 0, vip_of_flow[flows.of_leg], -1)
    # Packets rewritten before the capture: what comes is a forward, what goes is the answer to it.
    rewritten = _rewritten(vips, len(flows))[flows.of_leg] & scene.of_services
    inside = (leg_row >= 0) & ~rewritten
    balancers = mac_keys(vips, "balancer_macs")
    src_key, dst_key = leg_vip << VIP_SHIFT | ends.src_mac, leg_vip << VIP_SHIFT | ends.dst_mac
    balancer_sends, balancer_takes = among(src_key, balancers), among(dst_key, balancers)

    inbound, outbound = inside & scene.inbound, inside & ~scene.inbound
    before, after = scene.hops.before, scene.hops.after
    forward = np.zeros(len(leg_row), bool)
    for number, vip in enumerate(vips):
        if vip.mode not in (NAT, PROXY):
            mine = inbound & (leg_vip == number)
            forward |= mine & forwarded_legs(scene, vip.balancer_macs)
            if not among(ends.src_mac[mine], list(vip.balancer_macs)).any():
                forward |= mine & among(ends.dst_mac, _servers_looked_from(scene, topology, vip))
    sent_on = np.zeros(len(leg_row), bool)
    sent_on[after[forward[before] & inbound[after] & ~forward[after]]] = True
    request = inbound & ~forward & ~sent_on

    from_balancer = outbound & balancer_sends
    reply = outbound & ~balancer_sends
    relayed = np.zeros(len(leg_row), bool)
    relayed[after[reply[before] & from_balancer[after]]] = True
    # Where offload cut the stream anew the packets cannot be compared: a server that sends its replies to the balancer
    # is reason enough to hold what the balancer sends for those replies.
    through = np.zeros(len(rows_flow) + 1, bool)  # one more: legs of no exchange have row -1
    through[leg_row[reply & balancer_takes]] = True
    relayed |= from_balancer & through[leg_row]

    front_of = _flow_in_front(vips, len(flows))
    back_leg = scene.of_services & (front_of[flows.of_leg] >= 0)
    leg_row = np.where(back_leg, row_of_flow[front_of[flows.of_leg]], leg_row)
    forward |= (back_leg | rewritten) & scene.inbound
    answer = (back_leg | rewritten) & ~scene.inbound
    all_rows = Roles(
        rows_flow, vip_of_flow[rows_flow], leg_row, request, forward, sent_on, reply, from_balancer, relayed, answer
    )
    keep = _rows_with(all_rows, forward | reply | (request & ~balancer_takes))
    keep |= ~_rows_with(all_rows, from_balancer & ~relayed)
    return _keep_rows(all_rows, keep)


def _servers_looked_from(scene: Scene, topology: Topology, vip: Vip) -> frozenset[int]:
    """MACs of declared servers at which the capture was taken, and that never said that the VIP is theirs.

    What reaches such a one, and is never from a balancer's MAC, was forwarded with the requester's MAC kept.
    """
    looked_from = {mac for view in topology.views for mac in view.hosts}
    declared = {mac for host in vip.servers if host.provenance == DECLARED for mac in host.macs}
    return frozenset((looked_from & declared) - vip.balancer_macs - scene.owners.get(vip.identity, frozenset()))


def _flow_in_front(vips: tuple[Vip, ...], flows: int) -> Int64:
    """nat and proxy: for each flow at the servers' side the client's flow, -1 for all others."""
    behind = np.full(flows, -1, np.int64)
    for vip in vips:
        pairs = np.array([*vip.flow_pairs.items()], np.int64).reshape(-1, 2)
        behind[pairs[:, 0]] = pairs[:, 1]
    front_of = np.full(flows, -1, np.int64)
    front = np.flatnonzero(behind >= 0)
    front_of[behind[front]] = front
    return front_of


def _rewritten(vips: tuple[Vip, ...], flows: int) -> Flags:
    """Whether each flow is a server's side of connections whose client's side is not in the capture."""
    found = np.zeros(flows, bool)
    found[[flow for vip in vips for flow in sorted(vip.rewritten)]] = True
    return found


def _vip_of_flow(scene: Scene, vips: tuple[Vip, ...]) -> Int64:
    """Position of the VIP that each flow belongs to; -1: none, or only later fragments of the flow are here."""
    flows = scene.flows
    found = np.full(len(flows), -1, np.int64)
    for number, vip in enumerate(vips):
        # A balancer that asks the VIP on a server is a health check, not a client.
        checkers = {address for mac in vip.balancer_macs for address in scene.own(mac)} - {vip.identity}
        behind = np.zeros(len(flows), bool)
        behind[list(vip.flow_pairs.values())] = True
        mine = (flows.service == vip.identity) & ~among(flows.client, list(checkers)) & ~behind
        wanted = np.zeros(len(flows), bool)
        for service in vip.services:
            wanted |= (flows.protocol == service.protocol) & (flows.service_port == service.port)
        found[mine & wanted] = number
        found[sorted(vip.rewritten)] = number
    whole = np.zeros(len(flows), bool)
    whole[flows.of_leg[scene.of_services & scene.ends.whole]] = True
    return np.where(whole, found, -1)


def _rows_with(roles: Roles, legs: Flags) -> Flags:
    """Which exchanges have one of the legs under a mask."""
    found = np.zeros(len(roles), bool)
    found[roles.row[legs]] = True
    return found


def _keep_rows(roles: Roles, keep: Flags) -> Roles:
    """The exchanges under a mask, numbered anew."""
    number = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)  # the last for legs of no exchange (row -1)
    row = halved(number)[roles.row]
    inside = row >= 0
    masks = {
        name: getattr(roles, name) & inside
        for name in ("request", "forward", "sent_on", "reply", "from_balancer", "relayed", "answer")
    }
    return Roles(roles.flow[keep], roles.vip[keep], row, **masks)


def end_of_capture(scene: Scene) -> int:
    """Time (ns) of the last frame of the capture."""
    return scene.legs.totals["last_time"]
