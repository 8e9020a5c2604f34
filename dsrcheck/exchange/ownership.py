"""Who owns a VIP by ARP or NDP, and whether requests follow when it moves to another balancer."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import GROUP_BIT, is_virtual_router_mac
from dsrcheck.exchange.roles import end_of_capture
from dsrcheck.exchange.servers import owning_rows
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Int64, distinct, distinct_at, distinct_rows
from dsrcheck.records import dataclass
from dsrcheck.topology.claims import ANNOUNCEMENT, GRATUITOUS, REPLY
from dsrcheck.topology.evidence import AT_ONCE
from dsrcheck.topology.model import Vip

VRRP = 112
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
    stranger_known: bool = False
    """Whether a stranger would be in view: one of the claimants is a balancer, and who asks for the VIP is seen."""
    stranger: int = 0
    stranger_frame: int = 0


@dataclass(frozen=True)
class Move:
    """A VIP that changed its balancer: whether requests followed, and the frame that shows that they did not.

    known: whether it is in view which way requests took after the move
    """

    moved: bool
    known: bool = False
    followed: bool = True
    new_mac: int = 0
    old_mac: int = 0
    frame: int = 0
    claim_frame: int = 0


def ownership_of(s: Sides, vip: Vip) -> Ownership:
    """How many own a VIP at one time. One change a failover is no fault."""
    rows = owning_rows(s.scene, vip.identity)
    if not len(rows):
        return Ownership(0, False)
    before, after = _contested_changes(s, vip, rows)
    owned = bool(set(s.scene.claims.mac[rows].tolist()) & vip.balancer_macs)
    stranger, stranger_frame = _stranger(s, vip, rows, np.append(before, after))
    known = s.visible.has_mirror or s.visible.asker_is_here(vip.identity) or stranger > 0
    if not len(after):
        return Ownership(1, known, 0, 0, 0, owned and known, stranger, stranger_frame)
    mac, frame = s.scene.claims.mac[rows], s.scene.claims.frame[rows]
    first = (int(before[0]), int(after[0]))
    rival, owner = sorted(first, key=lambda place: _is_rightful(int(mac[place]), vip))
    rivals = distinct(np.concatenate([mac[before], mac[after]]))
    shown = int(mac[rival]), int(frame[rival]), int(frame[owner])
    return Ownership(len(rivals), True, *shown, owned and known, stranger, stranger_frame)


def _is_rightful(mac: int, vip: Vip) -> tuple[bool, bool]:
    """What speaks for a claimant: that it balances; that its MAC is one that a pair of routers or balancers shares."""
    return mac in vip.balancer_macs, is_virtual_router_mac(mac)


def _stranger(s: Sides, vip: Vip, rows: Int64, contests: Int64) -> tuple[int, int]:
    """(MAC, frame) of who answers for the VIP beside its owner and is neither balancer nor server; 0: nobody.

    Beside the owner is who contests it, or who answers by ARP for this and another address that others own too. At the
    owner itself, who contests it may be another balancer, whose work is not in view.
    """
    claims = s.scene.claims
    known = vip.balancer_macs | vip.server_macs
    owners = set(claims.mac[rows].tolist()) & vip.balancer_macs
    contested = set(claims.mac[rows[contests]].tolist())
    if s.visible.at_balancer and not s.visible.has_mirror:
        contested = set()
    for row in rows.tolist():
        mac = int(claims.mac[row])
        if mac in known or not owners:
            continue
        for_others = sum(mac in macs and len(macs) > 1 for macs in s.scene.owners.values())
        if mac in contested or (int(claims.kind[row]) == REPLY and for_others > 1):
            return mac, int(claims.frame[row])
    return 0, 0


def _contested_changes(s: Sides, vip: Vip, rows: Int64) -> tuple[Int64, Int64]:
    """Pairs of claims of a VIP (positions in `rows`, which are by time): in the second another MAC contests the first.

    Two MACs answer one asker within a second, one answers another's claim with its own (RFC 5227, 2.4: a defence), or
    claims go back and forth between MACs that are not both balancers. Two balancers' claims may cross while one takes
    over from the other, but not again and again for longer than that.
    """
    claims = s.scene.claims
    mac, time, asker = claims.mac[rows], claims.time[rows], claims.dst_mac[rows]
    change = np.flatnonzero(mac[1:] != mac[:-1])
    next_ = (asker[change + 1] == asker[change]) | (asker[change + 1] == mac[change])
    # Proxy ARP waits for up to a second: meanwhile others have asked, and have been answered.
    order = np.argsort(asker, kind="stable")
    earlier, later = order[:-1], order[1:]
    same = (asker[earlier] == asker[later]) & (mac[earlier] != mac[later]) & (asker[later] & GROUP_BIT == 0)
    pairs = np.concatenate([np.stack([change, change + 1])[:, next_], np.stack([earlier, later])[:, same]], axis=1)
    after, before = distinct_rows(*pairs[::-1])  # by the second's time
    at_once = time[after] - time[before] < AT_ONCE
    before, after = before[at_once], after[at_once]
    balances = among(mac, list(vip.balancer_macs))
    both_balance = balances[before] & balances[after]
    crossing = after[both_balance]
    lasting = len(crossing) > 1 and bool(time[crossing[-1]] - time[crossing[0]] > AT_ONCE)
    before, after = before[~both_balance | lasting], after[~both_balance | lasting]
    announced = among(claims.kind[rows], (GRATUITOUS, ANNOUNCEMENT)).any()
    if not len(after) and len(change) > 2 and not announced:
        change = change[~(balances[change] & balances[change + 1])]
        return change, change + 1  # answers go back and forth, and nobody announced a move
    return before, after


def move_of(s: Sides, vip: Vip, number: int) -> Move:
    """Failover: the last owner's tenure, and requests that still go to another balancer's MAC long after it began."""
    found = _claimed_move(s, vip) or _advertised_move(s, vip)
    if not found:
        return _silent_move(s, vip, number)
    old, new, since, frame = found
    scene = s.scene
    legs = s.request.legs[s.roles.vip[s.request.rows] == number]
    to, last = scene.ends.dst_mac[legs], scene.leg_at("last_time", legs)
    late = legs[(to == old) & (last > since + FAILOVER_GRACE)]
    follow = (to == new) & (last > since)
    # On a mirror, or at who asks, they are seen to follow; at the old owner, to come no more.
    in_view = s.visible.has_mirror or bool(s.visible.at_host(scene.ends.src_mac[legs]).any())
    gone = bool(s.visible.at_host(np.array([old]))[0]) and bool((to == old).any())
    gone &= end_of_capture(scene) > since + FAILOVER_GRACE
    stale = int(scene.leg_at("last_frame", late).min()) if len(late) else 0
    return Move(
        True, bool(len(late)) or (in_view and bool(follow.any())) or gone, not len(late), new, old, stale, frame
    )


def _claimed_move(s: Sides, vip: Vip) -> tuple[int, int, int, int] | None:
    """(old MAC, new MAC, time, frame) of the last change of a VIP's balancer by ARP or NDP."""
    claims = s.scene.claims
    rows = owning_rows(s.scene, vip.identity)
    rows = rows[among(claims.mac[rows], list(vip.balancer_macs))]
    mac = claims.mac[rows]
    changes = np.flatnonzero(mac[1:] != mac[:-1])
    if not len(changes):
        return None
    took = int(changes[-1]) + 1
    return int(mac[took - 1]), int(mac[took]), int(claims.time[rows[took]]), int(claims.frame[rows[took]])


def _advertised_move(s: Sides, vip: Vip) -> tuple[int, int, int, int] | None:
    """The same by VRRP, in which only who has the address advertises: one falls silent, then another begins.

    Adverts go to a group (RFC 5798, 5.1.1.2), so every host of the segment gets them.
    """
    scene, tenures = s.scene, []
    adverts = (scene.ends.protocol == VRRP) & (scene.ends.dst_mac & GROUP_BIT != 0)
    for mac in sorted(vip.balancer_macs):
        legs = np.flatnonzero(adverts & (scene.ends.src_mac == mac))
        if len(legs):
            times, last = scene.leg_at("first_time", legs), scene.leg_at("last_time", legs)
            tenures.append((int(times.min()), int(last.max()), mac, int(legs[np.argmin(times)])))
    tenures.sort()
    if len(tenures) < 2 or tenures[-2][1] >= tenures[-1][0]:
        return None
    since, _, new, leg = tenures[-1]
    return tenures[-2][2], new, since, int(scene.leg_at("first_frame", leg))


def _silent_move(s: Sides, vip: Vip, number: int) -> Move:
    """A second balancer forwards or answers while requests go on to the first, which forwards no more."""
    ends = s.scene.ends
    forwards = s.forward.legs[s.roles.vip[s.forward.rows] == number]
    requests = s.request.legs[s.roles.vip[s.request.rows] == number]

    def at(name: str, legs: Int64) -> Int64:
        return s.scene.leg_at(name, legs)

    for old in sorted(set(distinct_at(ends.src_mac, forwards).tolist()) & vip.balancer_macs):
        gone = int(at("last_time", forwards[ends.src_mac[forwards] == old]).max())
        later = forwards[(ends.src_mac[forwards] != old) & (at("first_time", forwards) > gone)]
        stale = requests[(ends.dst_mac[requests] == old) & (at("first_time", requests) > gone + AT_ONCE)]
        stale = stale[at("last_time", stale) - at("first_time", stale) > AT_ONCE]  # sent again
        if len(later) and len(stale) and int(at("last_time", stale).max()) > gone + FAILOVER_GRACE:
            frame, taken_over = int(at("first_frame", stale).min()), int(at("first_frame", later).min())
            return Move(True, True, False, int(ends.src_mac[later[0]]), old, frame, taken_over)
    return Move(False)
