"""What a capture shows before anybody has a role: legs once each, flows, claims, hops, and the MACs that talk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dsrcheck.addresses import GROUP_BIT, AddressBook
from dsrcheck.flows.table import PORT_PROTOCOLS, Flags, Flows, Int64, LegEnds, column, group_rows, join_flows, leg_ends
from dsrcheck.legs import Legs
from dsrcheck.topology.claims import Claims, claim_columns, pairs
from dsrcheck.topology.hops import Hops, find_hops

INITIAL_TTLS = (32, 64, 128, 255)
"""What hosts send with (Linux 64, Windows 128, network gear 255, old ones 32): a packet with it crossed no router."""


@dataclass(frozen=True)
class Scene:
    """The facts that inference and the exchange tables start from."""

    legs: Legs
    flows: Flows
    claims: Claims
    hops: Hops
    primary: Flags
    """One leg of each that several interfaces saw (same flow, direction, MACs and tunnel): the one with most frames."""

    @property
    def ends(self) -> LegEnds:
        return self.flows.ends

    @property
    def book(self) -> AddressBook:
        return self.flows.ends.book

    def leg(self, name: str) -> Int64:
        """A column of the leg table, int64."""
        return column(self.legs.legs, name)

    @cached_property
    def of_services(self) -> Flags:
        """Legs that can be part of a balanced service: transport with ports, unicast MACs, primary."""
        ends = self.ends
        unicast = ((ends.src_mac | ends.dst_mac) & GROUP_BIT == 0) & (self.flows.of_leg >= 0)
        return self.primary & unicast & np.isin(ends.protocol, PORT_PROTOCOLS)

    @cached_property
    def service_of_leg(self) -> Int64:
        """The address (identity) of the service each leg belongs to."""
        return self.flows.service[self.flows.of_leg]

    @cached_property
    def inbound(self) -> Flags:
        return self.flows.inbound

    @cached_property
    def owners(self) -> dict[int, frozenset[int]]:
        """Address -> MACs that own it by ARP or NDP (answers and announcements, not mere questions)."""
        owning = self.claims.take(self.claims.owning)
        return _grouped(pairs(owning.address, owning.mac))

    @cached_property
    def stated(self) -> dict[int, frozenset[int]]:
        """MAC -> addresses it has stated to be its own, also by the sender address of a question."""
        stating = self.claims.take(self.claims.stating & (self.claims.address >= 0))
        return _grouped(pairs(stating.mac, stating.address))

    @cached_property
    def own(self) -> dict[int, frozenset[int]]:
        """MAC -> its addresses: what it has stated, and what it speaks for end to end: it sends from the address with a
        TTL that no router has lowered, is sent packets for it, and nobody else states it."""
        ends = self.ends
        passed_on = np.zeros(len(ends.src), bool)
        passed_on[self.hops.after] = True
        fresh = self.of_services & ~passed_on & np.isin(self.leg("ttl_max"), INITIAL_TTLS)
        sent = pairs(ends.src_mac[fresh], ends.src[fresh])
        taken = pairs(ends.dst_mac[self.of_services], ends.dst[self.of_services])
        services = set(np.unique(self.service_of_leg[self.hops.before]).tolist())
        speaks = {
            (mac, address) for mac, address in sent & taken if address not in services and not self.mac_of.get(address)
        }
        stated = {(mac, address) for mac, addresses in self.stated.items() for address in addresses}
        return _grouped(stated | speaks)

    @cached_property
    def mac_of(self) -> dict[int, frozenset[int]]:
        """Address -> MACs that have stated it, questions included."""
        stating = self.claims.take(self.claims.stating)
        return _grouped(pairs(stating.address, stating.mac))

    @cached_property
    def asked(self) -> dict[int, frozenset[int]]:
        """Address -> MACs that asked for it by ARP or NDP: it is on their link."""
        asking = self.claims.take(self.claims.asking)
        return _grouped(pairs(asking.target, asking.mac))

    @cached_property
    def unicast_edges(self) -> dict[tuple[int, int], int]:
        """(sender, receiver) -> frames, of unicast frames with both MACs: IP legs and ARP/NDP."""
        ends, frames = self.ends, self.leg("frames")
        src = np.concatenate([ends.src_mac, self.claims.src_mac])
        dst = np.concatenate([ends.dst_mac, self.claims.dst_mac])
        count = np.concatenate([frames, np.ones(len(self.claims), np.int64)])
        usable = ((src | dst) & GROUP_BIT == 0) & (src != 0) & (dst != 0)
        src, dst, count = src[usable], dst[usable], count[usable]
        group, leader = group_rows(src, dst)
        sums = np.bincount(group, weights=count, minlength=len(leader)).astype(np.int64)
        return dict(zip(zip(src[leader].tolist(), dst[leader].tolist(), strict=True), sums.tolist(), strict=True))


def _grouped(rows: set[tuple[int, ...]]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for key, value in rows:
        found.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in found.items()}


def read_scene(legs: Legs) -> Scene:
    """Everything that can be said of a fold without knowing anybody's role."""
    ends = leg_ends(legs)
    flows = join_flows(legs, ends)
    return Scene(legs, flows, claim_columns(legs, ends.book), find_hops(legs, flows), _primary(legs, ends, flows))


def _primary(legs: Legs, ends: LegEnds, flows: Flows) -> Flags:
    primary = np.zeros(len(ends.src), bool)
    if not len(primary):
        return primary
    frames = column(legs.legs, "frames")
    order = np.argsort(-frames, kind="stable")
    _, leader = group_rows(
        flows.of_leg[order], flows.inbound[order].astype(np.int64), ends.src_mac[order], ends.dst_mac[order],
        ends.tunnel[order], ends.outer_dst[order], ends.whole[order].astype(np.int64),
    )  # fmt: skip
    primary[order[leader]] = True
    return primary
