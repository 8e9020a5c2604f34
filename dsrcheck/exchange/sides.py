"""The legs of each role in every exchange: what all columns of the exchange table start from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from dsrcheck.exchange.arrays import flags, ints
from dsrcheck.exchange.elsewhere import answers_from_elsewhere
from dsrcheck.exchange.picked import Picked, pick
from dsrcheck.exchange.roles import VIP_SHIFT, Roles, mac_keys
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import TCP, Flags, Int64
from dsrcheck.records import dataclass
from dsrcheck.tables import Column
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene

SETTLE = 1_000_000_000
"""What happens in the last second (ns) of a capture may have gone on after it."""
LONGEST_PACKET = 1500
"""An IP packet longer than that on a plain Ethernet was cut or joined by the capturing host's offload."""


@dataclass(frozen=True)
class Sides:
    """The exchanges with their legs picked by role; every column of values below has one value an exchange."""

    scene: Scene
    topology: Topology
    roles: Roles
    visible: Visibility
    request: Picked
    forward: Picked
    sent_on: Picked
    reply: Picked
    balancer_reply: Picked
    """From the VIP, by the balancer itself and not for a server."""
    wrong: Int64
    """Leg that answers the client from another address or port than the VIP's, -1 where there is none."""

    @cached_property
    def known(self) -> dict[Callable[..., Any], Any]:
        """What has been worked out `once`."""
        return {}

    @cached_property
    def client_side(self) -> Picked:
        """The legs that tell what the client sends: the request, or where that is not seen the forward."""
        unseen = ~self.request.seen[self.forward.rows]
        first = np.where(self.request.seen, self.request.first, self.forward.first)
        rows = np.concatenate([self.request.rows, self.forward.rows[unseen]])
        legs = np.concatenate([self.request.legs, self.forward.legs[unseen]])
        return Picked(self.scene, legs, rows, len(self.roles), first)

    @cached_property
    def protocol(self) -> Int64:
        """IP protocol number."""
        return self.scene.flows.protocol[self.roles.flow]

    @cached_property
    def tcp(self) -> Flags:
        """Whether it is a TCP connection."""
        tcp: Flags = self.protocol == TCP
        return tcp

    @cached_property
    def remote(self) -> Flags:
        """Whether its VIP is on another link: the MACs here are routers', and nobody's in particular."""
        return flags(vip.remote for vip in self.topology.vips)[self.roles.vip]

    @cached_property
    def routers(self) -> Int64:
        """MACs of the routers, sorted."""
        return ints(sorted(self.topology.routers))

    @cached_property
    def balancer_keys(self) -> Int64:
        """Keys of the balancers of all VIPs, sorted."""
        return mac_keys(self.topology.vips, "balancer_macs")

    @cached_property
    def server_keys(self) -> Int64:
        """Keys of the servers of all VIPs, sorted."""
        return mac_keys(self.topology.vips, "server_macs")

    def is_balancer(self, macs: Int64) -> Flags:
        """Whether each MAC is a balancer of its exchange's VIP."""
        return among(self.roles.vip << VIP_SHIFT | macs, self.balancer_keys)

    def is_server(self, macs: Int64) -> Flags:
        """Whether each MAC is a server of its exchange's VIP."""
        return among(self.roles.vip << VIP_SHIFT | macs, self.server_keys)

    def legs_at(self, picked: Picked, macs: Int64, keys: Int64) -> Flags:
        """Which of the picked legs have a MAC (given a value a leg of the capture) under the keys of their VIP."""
        return among(self.roles.vip[picked.rows] << VIP_SHIFT | macs[picked.legs], keys)


def pick_sides(scene: Scene, topology: Topology, roles: Roles, visible: Visibility) -> Sides:
    """The legs of each role, picked."""
    return Sides(
        scene, topology, roles, visible,
        request=pick(scene, roles, roles.request),
        forward=pick(scene, roles, roles.forward),
        sent_on=pick(scene, roles, roles.sent_on),
        reply=pick(scene, roles, roles.reply),
        balancer_reply=pick(scene, roles, roles.from_balancer & ~roles.relayed),
        wrong=answers_from_elsewhere(scene, topology, roles),
    )  # fmt: skip


Fact = TypeVar("Fact")


def once(fact: Callable[[Sides], Fact]) -> Callable[[Sides], Fact]:
    """A fact of all exchanges that is worked out once, however many columns ask for it: it must not be written to."""

    @functools.wraps(fact)
    def known(s: Sides) -> Fact:
        if fact not in s.known:
            s.known[fact] = fact(s)
        found: Fact = s.known[fact]
        return found

    return known


def flag(true: Flags, known: Flags) -> Column:
    """A column of flags."""
    return Column(true, known, "flag")
