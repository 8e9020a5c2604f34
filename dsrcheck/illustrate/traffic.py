"""Who sends what to whom: the legs of each role between the same two MACs, as one arrow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsrcheck.addresses import mac_text, parse_mac
from dsrcheck.exchange.sides import Sides
from dsrcheck.report.illustrations import Arrow, Traffic
from dsrcheck.report.model import Report
from dsrcheck.report.steps import STEPS, WORDS, RoleLegs, broken_rules, failing_hosts

ARROW_LIMIT = 24


def traffic(s: Sides, report: Report, legs: RoleLegs) -> Iterator[Traffic]:
    """The arrows of each VIP: legs of one role between the same two MACs are one."""
    ends = s.scene.ends
    for number, vip in enumerate(s.topology.vips):
        failing = failing_hosts(report.findings, vip.address)
        mine = np.flatnonzero(s.roles.vip[legs.rows] == number)
        known = mine[(ends.src_mac[legs.legs[mine]] > 0) & (ends.dst_mac[legs.legs[mine]] > 0)]
        sender, receiver = ends.src_mac[legs.legs[known]], ends.dst_mac[legs.legs[known]]
        keys = np.stack([legs.roles[known], sender, receiver, legs.rows[known]], axis=1)
        keys, once = np.unique(keys, axis=0, return_index=True)
        _, first, counts = np.unique(keys[:, :3], axis=0, return_index=True, return_counts=True)
        arrows = []
        for place, flows in zip(known[once[first]].tolist(), counts.tolist(), strict=True):
            leg, row, role = int(legs.legs[place]), int(legs.rows[place]), int(legs.roles[place])
            broken = broken_rules(s, row, leg, role, failing)
            macs = mac_text(int(ends.src_mac[leg])), mac_text(int(ends.dst_mac[leg]))
            arrows.append(Arrow(STEPS[role], WORDS[role], *macs, flows, broken))
        arrows.sort(key=lambda arrow: (not arrow.breaks, -arrow.flows, arrow.step, arrow.src_mac, arrow.dst_mac))
        shown = tuple(arrows[:ARROW_LIMIT])
        yield Traffic(vip.address, shown, len(arrows) - len(shown), _addresses(s, shown))


def _addresses(s: Sides, arrows: tuple[Arrow, ...]) -> dict[str, str]:
    """MAC -> the first address that it states to be its own."""
    text = s.scene.book.text
    macs = dict.fromkeys(mac for arrow in arrows for mac in (arrow.src_mac, arrow.dst_mac))
    stated = {mac: sorted(map(text, s.scene.stated.get(parse_mac(mac), ()))) for mac in macs}
    return {mac: addresses[0] for mac, addresses in stated.items() if addresses}
