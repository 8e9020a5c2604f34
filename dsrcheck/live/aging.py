"""What has been idle for long leaves the tables, and is counted; so a watch of days stays as small as what goes on.

A flow leaves whole: all its legs, and those of the connection that a balancer opened for it, by the last frame of any
of them. Half a flow would look like a fault.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.table import Flags, Int64, column, group_rows
from dsrcheck.legs import Legs, Table
from dsrcheck.live.model import Aged
from dsrcheck.records import dataclass
from dsrcheck.topology.claims import ASKING

CLAIMS_KEPT = 20_000
"""Most claims that are remembered beyond the time that makes others old."""
PATHS_KEPT = 10_000
"""So many paths are remembered whether frames come on them or not."""


@dataclass(frozen=True)
class Keeping:
    """What to keep: flows with a frame at or after `since` (ns), and of these no more than `most` legs."""

    since: int
    most: int


def age(sides: Sides, keeping: Keeping) -> tuple[Legs, Aged]:
    """The legs that `sides` was made of without those to leave, and what has left."""
    legs = sides.scene.legs
    stay = _staying(sides, keeping)
    gone = legs.legs.take(~stay)
    aged = Aged(len(gone), int(column(gone, "frames").sum()), int(column(gone, "bytes").sum()))
    seconds = keeping.since // 1_000_000_000
    kept = replace(
        legs,
        claims=legs.claims.take(_claims_to_keep(sides, keeping.since)),
        icmp=_since(legs.icmp, "time", keeping.since),
        fragments=_since(legs.fragments, "time", keeping.since),
        syn_rate=_since(legs.syn_rate, "second", seconds),
        throughput=_since(legs.throughput, "second", seconds),
    )
    if not aged.legs:
        return kept, aged
    return _drop_paths(_drop_legs(kept, stay), keeping.since), aged


def _staying(sides: Sides, keeping: Keeping) -> Flags:
    """Which legs stay: the whole flow, or none of it."""
    flows = sides.scene.flows
    of_leg = _whole_flows(sides)
    last = np.zeros(len(flows), np.int64)
    np.maximum.at(last, of_leg, sides.scene.leg("last_time"))
    stay = last >= keeping.since
    legs_of = np.bincount(of_leg, minlength=len(flows))
    if legs_of[stay].sum() > keeping.most:
        newest = np.argsort(-last, kind="stable")
        stay &= False
        stay[newest[np.cumsum(legs_of[newest]) <= keeping.most]] = True
    staying: Flags = stay[of_leg]
    return staying


def _whole_flows(sides: Sides) -> Int64:
    """The flow of each leg; for a connection that a balancer opened for a client's flow, that one."""
    flows, roles = sides.scene.flows, sides.roles
    front = np.arange(len(flows))
    inside = roles.row >= 0
    front[flows.of_leg[inside]] = roles.flow[roles.row[inside]]
    return front[flows.of_leg]


def _claims_to_keep(sides: Sides, since: int) -> Flags:
    """Claims since then, and of the older ones the last by which a host is known to have its address.

    Who is where must not be forgotten while traffic flows and nobody asks. That a host claimed what is another's must:
    of a VIP the claims of its balancers are kept, of any other address those of the MAC that claimed it last.
    """
    table, book = sides.scene.legs.claims, sides.scene.book
    mac, kind = column(table, "mac"), column(table, "kind")
    address, target = book.find(table["high"], table["low"]), book.find(table["target_high"], table["target_low"])
    asked = np.where(np.isin(kind, ASKING), target, -1)
    latest = _last_of(column(table, "interface"), column(table, "vlan"), mac, kind, address, asked)
    rightful = mac == mac[_last_of_each(address)] if len(mac) else np.zeros(0, bool)
    for vip in sides.topology.vips:
        ours = address == vip.identity
        rightful = np.where(ours, np.isin(mac, list(vip.balancer_macs)), rightful)
    old = np.flatnonzero(latest & rightful)[-CLAIMS_KEPT:]
    keep: Flags = column(table, "time") >= since
    keep[old] = True
    return keep


def _last_of_each(values: Int64) -> Int64:
    """For each row the position of the last row with the same value."""
    group, _ = group_rows(values)
    last = np.zeros(len(values), np.int64)
    np.maximum.at(last, group, np.arange(len(values)))
    return last[group]


def _last_of(*columns: Int64) -> Flags:
    """Which rows are the last of those that are equal in all columns."""
    group, _ = group_rows(*columns)
    flags = np.zeros(len(group), bool)
    flags[_last_of_each(group)] = True
    return flags


def _since(table: Table, name: str, since: int) -> Table:
    return table.take(column(table, name) >= since) if table else table


def _drop_legs(legs: Legs, stay: Flags) -> Legs:
    """Without some legs, and what belongs to them."""
    place = np.cumsum(stay) - 1
    table = legs.legs.take(stay)
    restarts = legs.restarts
    if restarts:
        restarts = restarts.take(stay[restarts.signed("leg")])
        restarts["leg"][:] = place[restarts.signed("leg")].astype(np.uint64)
        table["restart"][:] = 0
        table["restart"][restarts.signed("leg")] = np.arange(1, len(restarts) + 1, dtype=np.uint64)
    return replace(legs, legs=table, restarts=restarts)


def _drop_paths(legs: Legs, since: int) -> Legs:
    """Without the paths that nothing is left of, if there are many."""
    if len(legs.paths) <= PATHS_KEPT:
        return legs
    stay = column(legs.paths, "last_time") >= since
    for part in (legs.legs, legs.fragments, legs.throughput):
        stay[part.signed("path")] = True
    place = (np.cumsum(stay) - 1).astype(np.uint64)

    def moved(part: Table) -> Table:
        part = Table(part.records.copy())
        part["path"][:] = place[part.signed("path")]
        return part

    return replace(
        legs, paths=legs.paths.take(stay), legs=moved(legs.legs), fragments=moved(legs.fragments),
        throughput=moved(legs.throughput),
    )  # fmt: skip
