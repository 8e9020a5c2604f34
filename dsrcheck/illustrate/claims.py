"""The ladder of ARP and NDP about a VIP: who asked, and who answered. Claims are kept by the fold: nothing is read."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import GROUP_BIT, mac_text
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding
from dsrcheck.flows.ladder import LadderHost, Rung, Skipped
from dsrcheck.flows.marks import Kind
from dsrcheck.flows.table import Int64
from dsrcheck.illustrate.order import in_order_of_the_path
from dsrcheck.report.illustrations import EvidenceLadder, MarkedRung
from dsrcheck.topology.claims import ASKING, KIND_NAMES, Claims

RUNG_LIMIT = 9
HOST_LIMIT = 4
LOOKED_AT = 200
BEFORE = 2
"""Claims shown before the first that a finding stands on: the question that it answers."""


def claim_ladder(s: Sides, finding: Finding) -> EvidenceLadder | None:
    """ARP and NDP about the VIP, around the frames that a finding stands on; none where it stands on others."""
    claims = s.scene.claims
    of_interface = np.array([interface.capture for interface in s.scene.legs.interfaces], np.int64)
    if not finding.frames or not len(claims):
        return None
    capture = finding.frames[0].capture
    numbers = [frame.number for frame in finding.frames if frame.capture == capture]
    here = of_interface[claims.interface] == capture
    identity = next((vip.identity for vip in s.topology.vips if vip.address == finding.vip), -1)
    shown = np.isin(claims.frame, numbers) & here
    if not shown.any():
        return None
    about = here & ((claims.address == identity) | (claims.target == identity) | shown)
    asker = int(claims.dst_mac[shown][0])
    if not asker & GROUP_BIT:  # what this asker asked, and everything that it was told
        about &= (claims.src_mac == asker) | (claims.dst_mac == asker)
    rows = np.flatnonzero(about)
    start = max(int(np.searchsorted(rows, np.flatnonzero(shown)[0])) - 2, 0)
    picked = claims.take(_of_few_hosts(claims, rows[start:]))
    hosts, rungs = _claim_rungs(s, picked)
    marked = [MarkedRung(rung, evidence=rung.number in numbers) for rung in rungs]
    left = len(rows) - start - len(rungs)
    return EvidenceLadder(
        finding.rule,
        finding.vip,
        f"ARP and NDP about {finding.vip}",
        hosts,
        (*marked, *([Skipped(left)] if left > 0 else [])),
    )


def _of_few_hosts(claims: Claims, rows: Int64) -> Int64:
    """The first rows that a ladder of few columns can show."""
    hosts: set[int] = set()
    shown: list[int] = []
    for row in rows[:LOOKED_AT].tolist():
        both = {int(claims.src_mac[row]), int(claims.dst_mac[row])}
        if len(hosts | both) <= HOST_LIMIT and len(shown) < RUNG_LIMIT:
            hosts |= both
            shown.append(row)
    return np.array(shown, np.int64)


def _claim_rungs(s: Sides, claims: Claims) -> tuple[tuple[LadderHost, ...], list[Rung]]:
    """The hosts, everybody as one of them, and a rung a claim."""
    text = s.scene.book.text
    macs = list(dict.fromkeys(np.stack([claims.src_mac, claims.dst_mac], 1).ravel().tolist()))
    names = {mac: "everybody" if mac & GROUP_BIT else _role_of(s, mac) for mac in macs}
    rungs = []
    for row in range(len(claims)):
        kind = int(claims.kind[row])
        address, target = (text(int(side)) if side >= 0 else "?" for side in (claims.address[row], claims.target[row]))
        said = f"who has {target}? tell {address}" if kind in ASKING else f"{address} is at {mac_text(claims.mac[row])}"
        source, to = int(claims.src_mac[row]), int(claims.dst_mac[row])
        rungs.append(Rung(
            number=int(claims.frame[row]),
            time=int(claims.time[row] - claims.time[0]),
            source=macs.index(source),
            target=macs.index(to),
            kind=Kind.NEW,
            reset=False,
            text=f"{KIND_NAMES[kind]}: {said}",
            macs=(mac_text(source), mac_text(to)),
            addresses=(address, target),
        ))  # fmt: skip
    return in_order_of_the_path(tuple(LadderHost(mac_text(mac), names[mac]) for mac in macs), rungs)


def _role_of(s: Sides, mac: int) -> str:
    for vip in s.topology.vips:
        for host in (*vip.balancers, *vip.servers):
            if mac in host.macs:
                return f"{host.role} {host.name or ', '.join(host.addresses[:2])}".strip()
    stated = sorted(s.scene.book.text(address) for address in s.scene.stated.get(mac, ()))
    return "gateway" if mac in s.topology.routers else f"host {', '.join(stated[:2])}".strip()
