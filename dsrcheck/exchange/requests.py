"""Family 1, the first step: whether requests reach the balancer."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.arrays import flags
from dsrcheck.exchange.picked import first_legs, take, take_leg
from dsrcheck.exchange.sides import Sides, flag
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, are_among, column
from dsrcheck.tables import Column
from dsrcheck.topology.hops import share_packets
from dsrcheck.topology.model import DECLARED


def request_facts(s: Sides) -> dict[str, Column]:
    """The derived columns `request.*`."""
    ends, request = s.scene.ends, s.request
    past, doubtful = _astray(s)
    astray = first_legs(s.scene, request.legs[past], request.rows[past], len(s.roles))
    bad = astray >= 0
    arrives = s.is_balancer(request.of_first(ends.dst_mac)) & s.visible.sent(request.of_first(ends.src_mac))
    arrives[request.rows[doubtful]] = False
    return {
        "request.to_balancer": flag(~bad, bad | (request.seen & arrives)),
        "request.astray_mac": Column(take(ends.dst_mac, astray), bad, "mac"),
        "request.astray_from": Column(take(ends.src_mac, astray), bad, "mac"),
        "request.astray_frame": Column(take_leg(s.scene, "first_frame", astray), bad, "frame"),
    }


def _astray(s: Sides) -> tuple[Flags, Flags]:
    """(which request legs go past the balancer, which may and may not).

    To a server, or to anybody where the balancers are declared.
    """
    to = s.scene.ends.dst_mac
    at_balancer = s.legs_at(s.request, to, s.balancer_keys)
    astray = s.legs_at(s.request, to, s.server_keys) & ~at_balancer
    declared = flags(vip.provenance == DECLARED and bool(vip.balancers) and not vip.remote for vip in s.topology.vips)
    of_declared = np.append(declared, False)[s.roles.vip[s.request.rows]]
    astray |= of_declared & ~at_balancer & (to[s.request.legs] != 0)
    # At a server, a balancer that keeps the requester's MAC looks like a requester: it must be known by its own.
    by_own_mac = np.zeros(len(s.topology.vips), bool)
    sent = s.legs_at(s.forward, s.scene.ends.src_mac, s.balancer_keys)
    by_own_mac[s.roles.vip[s.forward.rows[sent]]] = True
    hosts = [mac for view in s.topology.views for mac in view.hosts]
    elsewhere = s.visible.has_mirror | (bool(hosts) & ~among(to[s.request.legs], hosts))
    astray &= ~_forwarded_too(s, astray, at_balancer)
    known = (by_own_mac[s.roles.vip[s.request.rows]] | elsewhere) & _by_requester(s, of_declared)
    return astray & known, astray & ~known


def _by_requester(s: Sides, of_declared: Flags) -> Flags:
    """Which request legs are known to be sent by who asks, and not by a balancer whose own port is not in view.

    That is who states the client's address, or whom the reply goes to; or who is none of declared balancers. Where
    balancers keep the requester's MAC it must be seen to send to a balancer as well: else its own port may be out of
    view, and these be forwards.
    """
    scene, rows = s.scene, s.request.rows
    sender = scene.ends.src_mac[s.request.legs]
    stating = scene.claims.take(scene.claims.stating)
    stated = are_among((scene.flows.client[s.roles.flow[rows]], sender), (stating.address, stating.mac))
    answered = s.reply.seen[rows] & (s.reply.of_first(scene.ends.dst_mac)[rows] == sender)
    keeping = np.zeros(len(s.topology.vips), bool)
    kept = s.roles.row[scene.kept_forwards[0]]
    keeping[s.roles.vip[kept[kept >= 0]]] = True
    paths, asks = scene.legs.paths, np.zeros(len(rows), bool)
    for number in np.flatnonzero(keeping).tolist():
        asked = among(column(paths, "dst_mac"), list(s.topology.vips[number].balancer_macs))
        asks |= (s.roles.vip[rows] == number) & among(sender, column(paths, "src_mac")[asked])
    known: Flags = (stated | answered | of_declared) & (asks | ~keeping[s.roles.vip[rows]])
    return known


def _forwarded_too(s: Sides, astray: Flags, at_balancer: Flags) -> Flags:
    """Which request legs carry packets that are also sent to a balancer: whoever sends them on, no client does both."""
    found = np.zeros(len(astray), bool)
    at = np.full(len(s.roles), -1, np.int64)
    at[s.request.rows[at_balancer]] = s.request.legs[at_balancer]
    both = np.flatnonzero(astray & (at[s.request.rows] >= 0))
    found[both] = share_packets(s.scene.samples, s.request.legs[both], at[s.request.rows[both]])
    return found
