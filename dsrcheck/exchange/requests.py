"""Family 1, the first step: whether requests reach the balancer."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.arrays import flags
from dsrcheck.exchange.picked import first_legs, take, take_leg
from dsrcheck.exchange.sides import Sides, flag
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags
from dsrcheck.tables import Column
from dsrcheck.topology.model import DECLARED


def request_facts(s: Sides) -> dict[str, Column]:
    """The derived columns `request.*`."""
    ends, request = s.scene.ends, s.request
    past = _astray(s)
    astray = first_legs(s.scene, request.legs[past], request.rows[past], len(s.roles))
    bad = astray >= 0
    arrives = s.is_balancer(request.of_first(ends.dst_mac)) & s.visible.sent(request.of_first(ends.src_mac))
    return {
        "request.to_balancer": flag(~bad, bad | (request.seen & arrives)),
        "request.astray_mac": Column(take(ends.dst_mac, astray), bad, "mac"),
        "request.astray_from": Column(take(ends.src_mac, astray), bad, "mac"),
        "request.astray_frame": Column(take_leg(s.scene, "first_frame", astray), bad, "frame"),
    }


def _astray(s: Sides) -> Flags:
    """Which request legs go past the balancer: to a server, or to anybody where the balancers are declared."""
    to = s.scene.ends.dst_mac
    at_balancer = s.legs_at(s.request, to, s.balancer_keys)
    astray = s.legs_at(s.request, to, s.server_keys) & ~at_balancer
    declared = flags(vip.provenance == DECLARED and bool(vip.balancers) and not vip.remote for vip in s.topology.vips)
    if len(declared):
        astray |= declared[s.roles.vip[s.request.rows]] & ~at_balancer & (to[s.request.legs] != 0)
    # At a server, a balancer that keeps the requester's MAC looks like a requester: it must be known by its own.
    by_own_mac = np.zeros(len(s.topology.vips), bool)
    sent = s.legs_at(s.forward, s.scene.ends.src_mac, s.balancer_keys)
    by_own_mac[s.roles.vip[s.forward.rows[sent]]] = True
    hosts = [mac for view in s.topology.views for mac in view.hosts]
    elsewhere = s.visible.has_mirror | (bool(hosts) & ~among(to[s.request.legs], hosts))
    return astray & (by_own_mac[s.roles.vip[s.request.rows]] | elsewhere)
