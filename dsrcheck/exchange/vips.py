"""The VIP table: a row a VIP, with who owns it when, where forwards come from, and what it carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsrcheck.exchange.exchanges import FAR, Sides, reply_bytes, span
from dsrcheck.exchange.servers import owning_rows
from dsrcheck.flows.table import column
from dsrcheck.tables import Column, Subjects
from dsrcheck.topology.claims import ANNOUNCEMENT, GRATUITOUS
from dsrcheck.topology.evidence import AT_ONCE
from dsrcheck.topology.model import Vip
from dsrcheck.topology.scene import Scene

FAILOVER_GRACE = 5_000_000_000
"""Requests may go to the old owner for so long (ns) after a move: neighbours take the announcement within seconds."""


@dataclass(frozen=True)
class Ownership:
    """Who owns a VIP: how many at one time, and two rivals with a frame each."""

    at_once: int
    known: bool
    rival: int = 0
    rival_frame: int = 0
    owner_frame: int = 0


@dataclass(frozen=True)
class Move:
    """A VIP that changed its balancer: whether requests followed, and the frame that shows that they did not."""

    moved: bool
    followed: bool = True
    new_mac: int = 0
    old_mac: int = 0
    frame: int = 0
    claim_frame: int = 0


def vip_table(s: Sides, reasons: dict[str, str]) -> Subjects:
    vips = s.topology.vips
    owners = [_ownership(s, vip) for vip in vips]
    moves = [_move(s, vip, number) for number, vip in enumerate(vips)]
    sources = [_forward_source(s, number) for number in range(len(vips))]
    back, by_acks = reply_bytes(s)
    counted = [int(back[s.roles.vip == number].sum()) for number in range(len(vips))]
    asked = s.client_side.total("payload")
    requests = [int(asked[s.roles.vip == number].sum()) for number in range(len(vips))]
    snip = [_snip(s, vip, number) for number, vip in enumerate(vips)]
    columns = {
        "vip.owners_at_once": Column(_ints(o.at_once for o in owners), _flags(o.known for o in owners), "number"),
        "vip.rival_mac": Column(_ints(o.rival for o in owners), _flags(o.rival > 0 for o in owners), "mac"),
        "vip.rival_frame": Column(_ints(o.rival_frame for o in owners), _flags(o.rival > 0 for o in owners), "frame"),
        "vip.owner_frame": Column(_ints(o.owner_frame for o in owners), _flags(o.rival > 0 for o in owners), "frame"),
        "vip.moved": Column(_flags(m.moved for m in moves), None, "flag"),
        "vip.followed": Column(_flags(m.followed for m in moves), _flags(m.moved for m in moves), "flag"),
        "vip.new_mac": Column(_ints(m.new_mac for m in moves), _flags(m.moved for m in moves), "mac"),
        "vip.old_mac": Column(_ints(m.old_mac for m in moves), _flags(m.moved for m in moves), "mac"),
        "vip.stale_frame": Column(_ints(m.frame for m in moves), _flags(m.frame > 0 for m in moves), "frame"),
        "vip.move_frame": Column(_ints(m.claim_frame for m in moves), _flags(m.claim_frame > 0 for m in moves), "frame"),
        "vip.forward_source": Column(_texts(kind for kind, _, _ in sources), _flags(bool(k) for k, _, _ in sources), "text"),
        "vip.forward_source_mac": Column(_ints(m for _, m, _ in sources), _flags(m > 0 for _, m, _ in sources), "mac"),
        "vip.forward_source_frame": Column(_ints(f for _, _, f in sources), _flags(f > 0 for _, _, f in sources), "frame"),
        "vip.snip_in_subnet": Column(_flags(ok for ok, _, _, _ in snip), _flags(k for _, k, _, _ in snip), "flag"),
        "vip.balancer_mac": Column(_ints(m for _, _, m, _ in snip), _flags(m > 0 for _, _, m, _ in snip), "mac"),
        "vip.snip_frame": Column(_ints(f for _, _, _, f in snip), _flags(f > 0 for _, _, _, f in snip), "frame"),
        "vip.request_bytes": Column(_ints(requests), _flags(r + c > 0 for r, c in zip(requests, counted, strict=True)), "number"),
        "vip.reply_bytes": Column(_ints(counted), _flags(_replies_known(s, number) for number in range(len(vips))), "number"),
    }  # fmt: skip
    columns |= _throughput(s, counted, requests)
    return Subjects("vip", len(vips), columns, np.arange(len(vips)), np.zeros(len(vips), np.int64), reasons)


def _ints(values) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array(list(values), np.int64)


def _flags(values) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array(list(values), bool)


def _texts(values) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array(list(values), dtype=object)


def _ownership(s: Sides, vip: Vip) -> Ownership:
    """Owners at one time: two MACs answer one asker within a second, or claims go back and forth between MACs that are
    not both balancers. One change a failover is no fault, nor are two balancers' claims that cross once."""
    claims = s.scene.claims
    rows = owning_rows(s.scene, vip.identity)
    known = s.visible.has_mirror or s.visible.asker_is_here(vip.identity)
    if not len(rows):
        return Ownership(0, False)
    mac, time = claims.mac[rows], claims.time[rows]
    change = np.flatnonzero(mac[1:] != mac[:-1])
    at_once = change[
        (time[change + 1] - time[change] < AT_ONCE) & (claims.dst_mac[rows[change + 1]] == claims.dst_mac[rows[change]])
    ]
    balancers = vip.balancer_macs
    both_balance = np.isin(mac[change], list(balancers)) & np.isin(mac[change + 1], list(balancers))
    crossing = np.isin(change, at_once) & both_balance
    faults = change[(np.isin(change, at_once) & ~both_balance) | (crossing & (crossing.sum() > 1))]
    if not len(faults) and len(change) > 2 and not np.isin(claims.kind[rows], (GRATUITOUS, ANNOUNCEMENT)).any():
        faults = change[~both_balance]  # answers go back and forth, and nobody announced a move
    if not len(faults):
        return Ownership(1, known)
    first = int(faults[0])
    pair = sorted((first, first + 1), key=lambda place: int(mac[place]) in balancers)
    owner, rival = pair[1], pair[0]
    rivals = set(mac[faults].tolist()) | set(mac[faults + 1].tolist())
    return Ownership(len(rivals), True, int(mac[rival]), int(claims.frame[rows[rival]]), int(claims.frame[rows[owner]]))


def _move(s: Sides, vip: Vip, number: int) -> Move:
    """Failover: the last owner's tenure, and requests that still go to another balancer MAC long after it began."""
    claims, scene = s.scene.claims, s.scene
    rows = owning_rows(scene, vip.identity)
    rows = rows[np.isin(claims.mac[rows], list(vip.balancer_macs))]
    mac = claims.mac[rows]
    changes = np.flatnonzero(mac[1:] != mac[:-1])
    if not len(changes):
        return _silent_move(s, vip, number)
    took = int(changes[-1]) + 1
    new, old, since = int(mac[took]), int(mac[took - 1]), int(claims.time[rows[took]])
    legs = s.request.legs[s.roles.vip[s.request.rows] == number]
    late = legs[(scene.ends.dst_mac[legs] == old) & (scene.leg("last_time")[legs] > since + FAILOVER_GRACE)]
    claim_frame = int(claims.frame[rows[took]])
    if len(late):
        return Move(True, False, new, old, int(scene.leg("last_frame")[late].min()), claim_frame)
    return Move(True, True, new, old, 0, claim_frame)


def _silent_move(s: Sides, vip: Vip, number: int) -> Move:
    """A second balancer forwards or answers while requests go on to the first, which forwards no more."""
    scene, ends = s.scene, s.scene.ends
    mine = s.roles.vip[s.forward.rows] == number
    legs = s.forward.legs[mine]
    senders = sorted(set(ends.src_mac[legs].tolist()) & vip.balancer_macs)
    requests = s.request.legs[s.roles.vip[s.request.rows] == number]
    for old in senders:
        gone = int(scene.leg("last_time")[legs[ends.src_mac[legs] == old]].max())
        later = legs[(ends.src_mac[legs] != old) & (scene.leg("first_time")[legs] > gone)]
        stale = requests[(ends.dst_mac[requests] == old) & (scene.leg("first_time")[requests] > gone + AT_ONCE)]
        retried = stale[scene.leg("last_time")[stale] - scene.leg("first_time")[stale] > AT_ONCE]
        lasting = len(retried) and int(scene.leg("last_time")[retried].max()) > gone + FAILOVER_GRACE
        if len(later) and lasting:
            new = int(ends.src_mac[later[0]])
            return Move(
                True,
                False,
                new,
                old,
                int(scene.leg("first_frame")[retried].min()),
                int(scene.leg("first_frame")[later].min()),
            )
    return Move(False)


def _forward_source(s: Sides, number: int) -> tuple[str, int, int]:
    """(kind, a MAC, a frame): whose MAC the forwarded frames carry as source: balancer, requester, mixed or third."""
    ends = s.scene.ends
    rows = np.flatnonzero((s.roles.vip == number) & s.forward.seen & s.request.seen)
    if not len(rows):
        return "", 0, 0
    source, asker = s.forward.of_first(ends.src_mac)[rows], s.request.of_first(ends.src_mac)[rows]
    frame = s.forward.leg_of_first("first_frame")[rows]
    kept = source == asker
    if kept.all():
        return "requester", int(source[0]), int(frame[0])
    odd = int(np.flatnonzero(kept != kept[0])[0]) if kept.any() else 0
    return ("mixed" if kept.any() else "balancer"), int(source[odd]), int(frame[odd])


def _snip(s: Sides, vip: Vip, number: int) -> tuple[bool, bool, int, int]:
    """(in subnet, known, balancer's MAC, frame): a balancer that forwards into a router because none of its own addresses
    is in the VIP's subnet. Good where it reaches servers on its own segment."""
    import ipaddress

    ends, scene = s.scene.ends, s.scene
    mine = s.forward.legs[(s.roles.vip[s.forward.rows] == number) & (ends.tunnel[s.forward.legs] == 0)]
    into_router = mine[np.isin(ends.dst_mac[mine], list(s.topology.routers))]
    sender = int(ends.src_mac[into_router[0]]) if len(into_router) else 0
    snips = [address for host in vip.balancers for address in host.addresses]
    declared = [address for host in vip.balancers if host.provenance == "declared" for address in host.addresses]
    if vip.subnet and declared:
        network = ipaddress.ip_network(vip.subnet)
        inside = any(ipaddress.ip_address(address) in network for address in declared)
        box = min((mac for host in vip.balancers for mac in host.macs), default=0)
        return inside, True, box, int(scene.leg("first_frame")[mine].min()) if len(mine) else 0
    if not len(mine):
        return True, False, 0, 0
    if len(into_router):
        near = any(_same_subnet(address, vip.address) for address in snips)
        frame = int(scene.leg("first_frame")[into_router].min())
        return near, not near and bool(snips), sender, frame
    return True, bool(snips) and any(_same_subnet(address, vip.address) for address in snips), 0, 0


def _same_subnet(one: str, other: str) -> bool:
    """Whether two addresses share the prefix that any usual subnet has (IPv4 /16 as the widest, IPv6 /64)."""
    import ipaddress

    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    shift = 16 if first.version == 4 else 64
    return first.version == second.version and int(first) >> shift == int(second) >> shift


def _replies_known(s: Sides, number: int) -> bool:
    rows = s.roles.vip == number
    counted, by_acks = reply_bytes(s)
    return bool((rows & (s.reply.seen | by_acks | s.balancer_reply.seen)).any())


def _throughput(s: Sides, counted: list[int], requests: list[int]) -> dict[str, Column]:
    """Mean rates of the balancer with DSR (requests only) and without (requests and replies), in text."""
    first, last = span(s)
    rates, known = [], []
    for number in range(len(s.topology.vips)):
        rows = (s.roles.vip == number) & (first < FAR)
        seconds = (int(last[rows].max()) - int(first[rows].min())) / 1e9 if rows.any() else 0.0
        wire = int(s.client_side.total("bytes")[rows].sum())
        known.append(seconds > 0 and counted[number] > 0)
        with_dsr = wire * 8 / seconds if seconds else 0.0
        without = (wire + counted[number]) * 8 / seconds if seconds else 0.0
        rates.append(
            (bit_rate(with_dsr), bit_rate(without), byte_count(counted[number]), licence(with_dsr), licence(without))
        )
    names = ("rate_with_dsr", "rate_without_dsr", "bytes_saved", "licence_with_dsr", "licence_without_dsr")
    columns = {
        f"vip.{name}": Column(_texts(row[place] for row in rates), _flags(known), "text")
        for place, name in enumerate(names)
    }
    return columns | {"vip.throughput_known": Column(_flags(known), None, "flag")}


def bit_rate(rate: float) -> str:
    for unit, size in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g} {unit}"
    return f"{rate:.0f} bit/s"


def byte_count(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def licence(rate: float) -> str:
    """The smallest licence step of the time (dsr.md: VPX Express 5 Mbit/s, VPX-10, -200, -1000) that a rate fits into."""
    for name, limit in (("VPX Express", 5e6), ("VPX-10", 10e6), ("VPX-200", 200e6), ("VPX-1000", 1e9)):
        if rate <= limit:
            return name
    return "more than VPX-1000"


def balancer_bytes(scene: Scene) -> int:
    """All bytes of the capture, for the head of a report."""
    return int(column(scene.legs.legs, "bytes").sum())
