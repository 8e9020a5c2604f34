"""The same packets under two MAC pairs are two hops of one path: finds those pairs of legs.

Two legs of one one-way five-tuple carry the same packets when their bottom sketches of packet hashes share an entry
(MACs, TTL and checksums are no part of a packet's hash). Packets that were changed on the way are told by the box: it
takes packets of a five-tuple and sends as many of that five-tuple at once. What is not a hop: legs that
share the receiver's MAC, or the sender's unless they follow at once: a balancer may keep the requester's MAC as source,
while a host that sends a packet again waits for its retransmission timer.
"""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import UInt64
from dsrcheck.flows.table import Flags, Flows, Int64, LegEnds, are_among, column
from dsrcheck.legs.bycolumn import SAMPLES, UNUSED, Columns
from dsrcheck.records import dataclass

AT_ONCE = 100_000_000
"""A forwarder passes packets on within this time (ns); no TCP sends again so soon (RFC 6298: 1 s, Linux 200 ms)."""
FURTHEST = 6
"""How many legs back, in order of appearance, the leg before is looked for: no network plans a path of more hops."""
FEW_ROUTERS = 3
"""By so much, at most, the TTL falls over the hops of one capture; a balancer that sets it anew jumps further."""


@dataclass(frozen=True)
class Hops:
    """Pairs of legs (int64 rows of the leg table): `before` arrives at a box, `after` leaves it, the same packets."""

    before: Int64
    after: Int64

    def __len__(self) -> int:
        return len(self.before)


def sample_columns(columns: Columns) -> tuple[UInt64, ...]:
    """The bottom sketch of all legs, a column a place, ascending; unused places are all ones."""
    return tuple(columns[name].astype(np.uint64, copy=False) for name in SAMPLES)


def share_packets(samples: tuple[UInt64, ...], one: Int64, other: Int64) -> Flags:
    """Whether legs `one[i]` and `other[i]` are seen to carry some of the same packets, by all legs' sketches."""
    smallest = samples[0][one]
    shared: Flags = (smallest == samples[0][other]) & (smallest != UNUSED)
    left = np.flatnonzero(~shared)  # few: who carries the same packets mostly has the same sketch
    theirs = [hashes[other[left]] for hashes in samples]
    for hashes in samples:
        mine = hashes[one[left]]
        found = np.logical_or.reduce([mine == other_hash for other_hash in theirs])
        shared[left] |= found & (mine != UNUSED)
    return shared


def find_hops(columns: Columns, flows: Flows, to_owner: Flags) -> Hops:
    """All hops of a capture: each leg paired with every leg before it that carries its packets.

    columns: of the leg table. to_owner: bool, a value a leg, whether its destination MAC owns, by ARP or NDP, the
    address that the flow's service has.
    """
    ends, samples = flows.ends, sample_columns(columns)
    interface = ends.link >> 36
    start, end, ttl, frames = (column(columns, name) for name in ("first_time", "last_time", "ttl_max", "frames"))
    one_way = flows.of_leg << 2 | flows.inbound << 1 | ~ends.whole
    owned = np.isin(one_way, one_way[to_owner])
    order = np.argsort(one_way, kind="stable")  # and as they appeared: so legs come
    sorted_way = one_way[order]
    befores, afters = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for distance in range(1, min(FURTHEST, len(order) - 1) + 1):
        place = np.flatnonzero(sorted_way[:-distance] == sorted_way[distance:])
        if not len(place):
            break
        before, after = order[place], order[place + distance]
        mine = _other_receiver(ends, ttl, before, after)
        before, after = before[mine], after[mine]
        kept = ends.src_mac[before] == ends.src_mac[after]
        # Who was itself sent a flow's packets is no requester whose MAC a balancer could keep.
        received = kept.copy()
        received[kept] = are_among((one_way[before[kept]], ends.src_mac[before[kept]]), (one_way, ends.dst_mac))
        # Two legs begin and end together when a box passes packets on as they come.
        begin_at_once = np.abs(start[after] - start[before]) < AT_ONCE
        at_once = begin_at_once & (np.abs(end[after] - end[before]) < AT_ONCE)
        onward = (ends.dst_mac[before] == ends.src_mac[after]) & (ends.dst_mac[before] != 0)
        back = (ends.dst_mac[after] == ends.src_mac[before]) & (ends.dst_mac[after] != 0)
        # A box that takes a five-tuple's packets and sends packets of that five-tuple passed them on, changed or not;
        # a single packet of each may be two hosts' own, such as a RST of the server and one of the balancer.
        as_many = at_once & (frames[before] == frames[after]) & (frames[before] > 1)
        # What is sent long after the last packet, by the clock of one interface, was sent again and not passed on.
        later = (start[after] > end[before] + AT_ONCE) & (interface[before] == interface[after])
        shared = share_packets(samples, before, after) & ~later
        same = shared | onward | back | as_many
        # Where the owner is sent the packets, it is the one that passes them on: two servers are no hop of each other.
        by_owner = to_owner[before] | to_owner[after] | ~owned[before]
        # The last packets may be missing on one of them: the box lost them, or the capture ends. A box that spreads a
        # five-tuple over several hosts sends each its packets somewhere between the first and the last that it takes.
        within = (start[after] >= start[before]) & (end[after] - end[before] < AT_ONCE)
        follows = at_once | (shared & (begin_at_once | within))
        may_follow = ~received & by_owner & (ends.tunnel[before] == 0)
        same &= ~kept | (follows & may_follow)
        turned = _turned(onward, back, kept & to_owner[after] & ~to_owner[before], ttl[after] - ttl[before])
        befores.append(np.where(turned, after, before)[same])
        afters.append(np.where(turned, before, after)[same])
    return Hops(np.concatenate(befores), np.concatenate(afters))


def _other_receiver(ends: LegEnds, ttl: Int64, before: Int64, after: Int64) -> Flags:
    """Whether two legs of a one-way five-tuple go to different places: another MAC, or out of or into a tunnel."""
    cooked = (ends.dst_mac[before] == 0) & (ttl[before] > ttl[after])  # Linux cooked: no destination MAC
    differ = (ends.dst_mac[before] != ends.dst_mac[after]) | (ends.tunnel[before] != ends.tunnel[after])
    found: Flags = differ | cooked
    return found


def _turned(onward: Flags, back: Flags, to_owner: Flags, rise: Int64) -> Flags:
    """Whether the leg that appeared second comes first on the path.

    What leaves the MAC that the other leg goes to comes after it. Else a TTL that is a little higher tells, for frames
    may be stored out of order; with one sender for both, what goes to the owner of the address comes first.
    """
    found: Flags = (back & ~onward) | (~onward & ~back & (((rise > 0) & (rise <= FEW_ROUTERS)) | to_owner))
    return found
