"""To how many servers one connection was forwarded."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.picked import distinct_values
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, are_among

TUNNEL_END = 1 << 50
"""Set in the key of a server that is known by its tunnel's outer address, to keep it apart from MACs."""


def servers_per_connection(s: Sides) -> tuple[Int64, Flags]:
    """(servers that one connection was forwarded to, whether that is known).

    Legs of connections that follow one another are not one: a second server that got a SYN of its own, with another
    number, got a connection of its own.
    """
    ends, count = s.scene.ends, len(s.roles)
    legs, rows = s.forward.legs, s.forward.rows
    keep = ~among(ends.dst_mac[legs], s.routers) | (ends.tunnel[legs] > 0)
    # A SYN that a silent server got and that was then given to another one is still one connection of one server.
    only_syn = s.scene.leg_at("syn", legs) == s.scene.leg_at("frames", legs)
    doubtful = np.flatnonzero(only_syn & s.reply.seen[rows])
    answers = (s.reply.rows, ends.src_mac[s.reply.legs])
    keep[doubtful] &= are_among((rows[doubtful], ends.dst_mac[legs[doubtful]]), answers)
    legs, rows = legs[keep], rows[keep]
    server = np.where(ends.tunnel[legs] > 0, ends.outer_dst[legs] | TUNNEL_END, ends.dst_mac[legs])
    servers = distinct_values(rows, server, count)
    several = servers > 1
    opened = s.scene.leg_at("isn_frames", legs) > 0
    numbers = distinct_values(rows[opened], s.scene.leg_at("isn", legs[opened]), count)
    own_connection = (numbers > 0) & (numbers >= servers) & (np.bincount(rows[opened], minlength=count) >= servers)
    reused = s.request.total("isn_changes") > 0
    sure = ~several | own_connection | (s.tcp & ~reused)
    known = (servers > 0) & s.visible.of_balancer(s.roles.vip) & sure & (s.tcp | ~several)
    return np.where(own_connection & several, 1, servers), known


def other_server_frame(s: Sides) -> Int64:
    """First frame of the forward leg that came last: where the connection changed its server."""
    found = np.zeros(len(s.roles), np.int64)
    np.maximum.at(found, s.forward.rows, s.scene.leg_at("first_frame", s.forward.legs))
    return found
