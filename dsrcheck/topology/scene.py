"""What a capture shows before anybody has a role: legs once each, flows, claims, hops, and the MACs that talk."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property

import numpy as np

from dsrcheck.addresses import GROUP_BIT, AddressBook, UInt64
from dsrcheck.flows.coded import among, at
from dsrcheck.flows.table import (
    PORT_PROTOCOLS,
    Flags,
    Flows,
    Int64,
    LegEnds,
    are_among,
    column,
    distinct,
    distinct_rows,
    group_rows,
    join_flows,
    leg_ends,
)
from dsrcheck.legs import Legs, Table
from dsrcheck.legs.bycolumn import ENDS, Columns, by_column
from dsrcheck.legs.table import TYPES, empty
from dsrcheck.records import dataclass
from dsrcheck.topology.claims import Claims, claim_columns, pairs
from dsrcheck.topology.declared import Declaration
from dsrcheck.topology.hops import Hops, find_hops, sample_columns

INITIAL_TTLS = (32, 64, 128, 255)
"""What hosts send with (Linux 64, Windows 128, network gear 255, old ones 32): a packet with it crossed no router."""


@dataclass(frozen=True)
class Scene:
    """The facts that inference and the exchange tables start from."""

    legs: Legs
    columns: Columns
    """The columns of the leg table that judging asks for; those that tell who talks with whom are in `ends`."""
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

    @property
    def samples(self) -> tuple[UInt64, ...]:
        """The bottom sketch of packet hashes of all legs, a column a place; see `share_packets`."""
        return sample_columns(self.columns)

    def leg(self, name: str) -> Int64:
        """A column of the leg table as int64: a copy, so ask for the legs of interest where they are few."""
        return column(self.columns, name)

    def leg_at(self, name: str, legs: Int64 | Flags | int) -> Int64:
        """A column of the leg table at some legs, or a value at one of them, int64."""
        found: Int64 = at(self.columns[name], legs).astype(np.int64)
        return found

    @property
    def rows(self) -> Table:
        """The leg table with all its columns. Raises LookupError where it was given up."""
        if len(self.legs.legs) < len(self.columns):
            raise LookupError("the rows of the leg table were given up when the capture was judged (tables=False)")
        return self.legs.legs

    @cached_property
    def of_services(self) -> Flags:
        """Legs that can be part of a balanced service: transport with ports, unicast MACs, primary.

        Where the capture cuts frames before the ports they are 0, and all connections of two hosts are one leg.
        """
        ends = self.ends
        unicast = ((ends.src_mac | ends.dst_mac) & GROUP_BIT == 0) & (self.flows.of_leg >= 0)
        with_ports = ~ends.whole | (ends.src_port > 0) | (ends.dst_port > 0)
        flags: Flags = self.primary & unicast & with_ports & among(ends.protocol, PORT_PROTOCOLS)
        return flags

    @cached_property
    def service_of_leg(self) -> Int64:
        """The address (identity) of the service each leg belongs to."""
        return self.flows.service[self.flows.of_leg]

    @cached_property
    def inbound(self) -> Flags:
        """Whether each leg runs towards the service."""
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
    def own_addresses(self) -> tuple[Int64, Int64]:
        """(MACs, the addresses of each), sorted: what a MAC has stated, and what it speaks for end to end.

        It speaks for an address when it sends from it with a TTL that no router has lowered, is sent packets for it,
        and nobody states it. An address whose packets are passed on is a service's, and no host's own by that.
        """
        ends, rows = self.ends, np.flatnonzero(self.of_services)
        stating = self.claims.take(self.claims.stating & (self.claims.address >= 0))
        fresh = rows[~self.passed_on[rows] & among(self.leg_at("ttl_max", rows), INITIAL_TTLS)]
        mac, address = distinct_rows(ends.src_mac[fresh], ends.src[fresh])
        open_ = ~among(address, self.relayed_services) & ~among(address, list(self.mac_of))
        mac, address = mac[open_], address[open_]
        taken = are_among((mac, address), distinct_rows(ends.dst_mac[rows], ends.dst[rows]))
        macs, addresses = (mac[taken], stating.mac), (address[taken], stating.address)
        mac, address = distinct_rows(np.concatenate(macs), np.concatenate(addresses))
        return mac, address

    def own(self, mac: int) -> frozenset[int]:
        """The addresses of one MAC, of `own_addresses`."""
        if mac not in self._own:
            macs, addresses = self.own_addresses
            start, stop = np.searchsorted(macs, (mac, mac + 1))
            self._own[mac] = frozenset(addresses[start:stop].tolist())
        return self._own[mac]

    @cached_property
    def _own(self) -> dict[int, frozenset[int]]:
        """What `own` has been asked for."""
        return {}

    @cached_property
    def passed_on(self) -> Flags:
        """Legs whose packets are seen to have arrived at their sender before; one value a leg."""
        passed_on = np.zeros(len(self.ends.src), bool)
        passed_on[self.hops.after] = True
        return passed_on

    @cached_property
    def relayed_services(self) -> Int64:
        """Addresses of services whose packets, or replies, are passed on by somebody."""
        return distinct(self.service_of_leg[self.hops.before])

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
        found: Counter[tuple[int, int]] = Counter()
        for edges in self.edges_of_interfaces.values():
            found.update({edge: frames for edge, frames in edges.items() if 0 not in edge})
        return dict(found)

    @cached_property
    def speakers(self) -> frozenset[int]:
        """MACs that sent at least one frame here."""
        paths, used = self.legs.paths, distinct(self.ends.path)
        macs = np.concatenate([column(paths, "src_mac")[used], self.claims.src_mac])
        return frozenset(distinct(macs).tolist()) - {0}

    @cached_property
    def kept_forwards(self) -> tuple[Int64, Int64]:
        """(legs that a box passed on with the requester's MAC as source, the MAC at which it took the packets)."""
        before, after = self.hops.before, self.hops.after
        kept = self.ends.src_mac[before] == self.ends.src_mac[after]
        legs, first = np.unique(after[kept], return_index=True)
        return legs, self.ends.dst_mac[before[kept][first]]

    @cached_property
    def edges_of_interfaces(self) -> dict[int, dict[tuple[int, int], int]]:
        """Interface -> (sender, receiver) -> frames of IP legs and ARP/NDP to no group address; MAC 0: not known."""
        paths, path, claims = self.legs.paths, self.ends.path, self.claims
        frames = np.zeros(len(paths), np.int64)
        np.add.at(frames, path, self.leg("frames"))
        # A forward that keeps the requester's MAC as source was sent by the box that took the request.
        kept, sender = self.kept_forwards
        np.subtract.at(frames, path[kept], self.leg_at("frames", kept))
        used = np.flatnonzero(frames > 0)
        interfaces = column(paths, "interface")
        interface = np.concatenate([interfaces[used], interfaces[path[kept]], claims.interface])
        src = np.concatenate([column(paths, "src_mac")[used], sender, claims.src_mac])
        dst = np.concatenate([column(paths, "dst_mac")[used], self.ends.dst_mac[kept], claims.dst_mac])
        count = np.concatenate([frames[used], self.leg_at("frames", kept), np.ones(len(claims), np.int64)])
        group, leader = group_rows(interface, src, dst)
        sums = np.zeros(len(leader), np.int64)
        np.add.at(sums, group, count)
        found: dict[int, dict[tuple[int, int], int]] = {}
        columns = (interface[leader].tolist(), src[leader].tolist(), dst[leader].tolist(), sums.tolist())
        for number, sender, receiver, total in zip(*columns, strict=True):
            edges = found.setdefault(number, {})
            if not (sender | receiver) & GROUP_BIT:
                edges[sender, receiver] = total
        return found


def _grouped(rows: set[tuple[int, ...]]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for key, value in rows:
        found.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in found.items()}


def read_scene(legs: Legs, declared: Declaration | None = None, spend: bool = False) -> Scene:
    """Everything that can be said of a fold without knowing anybody's role; declared VIPs have a place in the book.

    spend: the memory of the leg table goes back to the system; `legs` must not be used any more.
    """
    columns = by_column(legs.legs, spend=spend)
    if spend:
        legs = replace(legs, legs=empty(TYPES["legs"]))
    ends = leg_ends(legs, columns, tuple(vip.address for vip in declared.vips) if declared else ())
    columns = columns.without(ENDS)
    flows = join_flows(legs, columns, ends)
    claims = claim_columns(legs, ends.book)
    owning = claims.take(claims.owning)
    to_owner = are_among((flows.service[flows.of_leg], ends.dst_mac), (owning.address, owning.mac))
    hops = find_hops(columns, flows, to_owner)
    return Scene(legs, columns, flows, claims, hops, _primary(legs, columns, ends, flows))


def _primary(legs: Legs, columns: Columns, ends: LegEnds, flows: Flows) -> Flags:
    # Only paths of the same MACs and tunnel (other interface, other VLAN) and fragments have legs to choose from.
    paths = legs.paths
    alike, _ = group_rows(*(column(paths, name) for name in ("src_mac", "dst_mac", "tunnel")))
    several = np.bincount(alike)[alike] > 1 if len(alike) else np.zeros(0, bool)
    open_ = np.flatnonzero(several[ends.path] | ~ends.whole)
    primary = np.ones(len(ends.src), bool)
    primary[open_] = False
    order = open_[np.argsort(-column(columns, "frames")[open_], kind="stable")]
    _, leader = group_rows(
        flows.of_leg[order], flows.inbound[order].astype(np.int64), ends.src_mac[order], ends.dst_mac[order],
        ends.tunnel[order], ends.outer_dst[order], ends.whole[order].astype(np.int64),
    )  # fmt: skip
    primary[order[leader]] = True
    return primary
