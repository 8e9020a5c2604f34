"""Answers to the client that come from another address or port than the VIP's."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.roles import Roles
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, group_rows
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene


def answers_from_elsewhere(scene: Scene, topology: Topology, roles: Roles) -> Int64:
    """The leg (int64, a value an exchange; -1: none) that answers it wrongly, where the VIP does not answer at all.

    Such a leg goes to the client's very port, nothing in the capture asked for it, and its sender is no balancer. Its
    address or its port differs from the VIP's, not both: else it is somebody else's packet.
    """
    flows, ends = scene.flows, scene.ends
    found = np.full(len(roles), -1, np.int64)
    rows = np.flatnonzero(~_answered(roles))
    lonely = _legs_nobody_asked_for(scene, topology, roles)
    if not len(rows) or not len(lonely):
        return found
    flow = roles.flow[rows]
    for of_exchange, of_leg in ((flows.service_port[flow], ends.src_port), (flows.service[flow], ends.src)):
        group, leader = group_rows(
            np.concatenate([flows.client[flow], ends.dst[lonely]]),
            np.concatenate([flows.client_port[flow], ends.dst_port[lonely]]),
            np.concatenate([flows.protocol[flow], ends.protocol[lonely]]),
            np.concatenate([of_exchange, of_leg[lonely]]),
        )
        answer = np.full(len(leader), -1, np.int64)
        answer[group[len(rows) :]] = lonely
        hit = answer[group[: len(rows)]]
        later = (hit >= 0) & (scene.leg_at("first_time", hit) >= flows.first_time[flow]) & (found[rows] < 0)
        found[rows[later]] = hit[later]
    return found


def _answered(roles: Roles) -> Flags:
    answered = np.zeros(len(roles), bool)
    answered[roles.row[roles.reply | roles.from_balancer | roles.answer]] = True
    return answered


def _legs_nobody_asked_for(scene: Scene, topology: Topology, roles: Roles) -> Int64:
    """Legs of no exchange, not of a balancer, in flows whose other direction is not in the capture."""
    flow, legs = scene.flows.of_leg, np.flatnonzero(scene.of_services)
    inbound, outbound = np.zeros(len(scene.flows), bool), np.zeros(len(scene.flows), bool)
    inbound[flow[legs[scene.inbound[legs]]]] = True
    outbound[flow[legs[~scene.inbound[legs]]]] = True
    balancers = [mac for vip in topology.vips for mac in vip.balancer_macs]
    lonely = legs[~(inbound & outbound)[flow[legs]] & (roles.row[legs] < 0)]
    return lonely[~among(scene.ends.src_mac[lonely], balancers)]
