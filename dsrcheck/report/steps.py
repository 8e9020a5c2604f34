"""Step tables: the legs of one flow of each kind, as the two tables in dsr.md print them."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.exchange.roles import Roles
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding
from dsrcheck.report.model import Step, StepTable
from dsrcheck.topology.model import NAT, PROXY

KIND_LIMIT = 8
"""Step tables a VIP: one flow of each kind, the commonest kinds first."""
RULE_OF_ROLE = {
    "request": "DSR1",
    "forward": "DSR1",
    "reply": "DSR2",
    "sent on": "DSR1",
    "answer": "DSR1",
    "return": "DSR1",
}


def step_tables(s: Sides, findings: tuple[Finding, ...]) -> tuple[StepTable, ...]:
    """One table a kind of flow: flows of a kind have the same roles between the same kinds of hosts."""
    tables: list[StepTable] = []
    for number, vip in enumerate(s.topology.vips):
        rows = np.flatnonzero(s.roles.vip == number)
        kinds: dict[tuple[str, ...], list[int]] = {}
        legs_of = _legs_of_rows(s, rows)
        for row in rows.tolist():
            kinds.setdefault(_kind(s, number, row, legs_of[row]), []).append(row)
        for kind, members in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[1][0]))[:KIND_LIMIT]:
            row = members[0]
            flow = int(s.roles.flow[row]) + 1
            title = f"flow {flow}, one of {len(members):,} like it" if len(members) > 1 else f"flow {flow}"
            tables.append(
                StepTable(vip.address, " → ".join(kind), flow, title, _steps(s, number, row, legs_of[row], findings))
            )
    return tuple(tables)


def _legs_of_rows(s: Sides, rows: np.ndarray) -> dict[int, list[int]]:
    wanted = np.isin(s.roles.row, rows) & (s.roles.row >= 0)
    legs = np.flatnonzero(wanted)
    first = s.scene.leg("first_frame")
    found: dict[int, list[int]] = {int(row): [] for row in rows.tolist()}
    for leg in legs[np.argsort(first[legs], kind="stable")].tolist():
        found[int(s.roles.row[leg])].append(leg)
    return found


def _role(s: Sides, number: int, leg: int) -> str:
    r: Roles = s.roles
    if s.topology.vips[number].mode in (NAT, PROXY):
        for name, mask in (
            ("request", r.request),
            ("forward", r.forward),
            ("answer", r.answer),
            ("return", r.from_balancer),
        ):
            if mask[leg]:
                return name
    for name, mask in (("request", r.request), ("forward", r.forward), ("sent on", r.sent_on), ("relayed", r.relayed)):
        if mask[leg]:
            return name
    return "balancer's own" if r.from_balancer[leg] else "reply"


def _kind(s: Sides, number: int, row: int, legs: list[int]) -> tuple[str, ...]:
    """The roles in order, with what would make two flows of the same roles different."""
    ends, vip = s.scene.ends, s.topology.vips[number]
    parts = []
    for leg in legs:
        role = _role(s, number, leg)
        to = int(ends.dst_mac[leg])
        if role == "request" and to in vip.server_macs - vip.balancer_macs:
            role = "request past the balancer"
        if role == "reply" and to in vip.balancer_macs:
            role = "reply to the balancer"
        if role not in parts:
            parts.append(role)
    if s.wrong[row] >= 0:
        parts.append("reply from elsewhere")
    return tuple(parts)


def _steps(s: Sides, number: int, row: int, legs: list[int], findings: tuple[Finding, ...]) -> tuple[Step, ...]:
    ends, book, vip = s.scene.ends, s.scene.book, s.topology.vips[number]
    order = {
        "request": 1,
        "forward": 2,
        "sent on": 2,
        "reply": 3,
        "balancer's own": 3,
        "answer": 3,
        "relayed": 4,
        "return": 4,
    }
    failing = {(f.rule, mac) for f in findings if f.vip == vip.address for mac in (f.subject.mac,)}
    wrong = [int(s.wrong[row])] if s.wrong[row] >= 0 else []
    steps = []
    for leg in [*sorted(legs, key=lambda leg: order[_role(s, number, leg)]), *wrong]:
        role = "reply" if leg in wrong else _role(s, number, leg)
        tunnel = f" (in a tunnel to {book.text(int(ends.outer_dst[leg]))})" if ends.tunnel[leg] else ""
        steps.append(Step(
            step=order[role],
            role=role,
            src_mac=mac_text(int(ends.src_mac[leg])) if ends.src_mac[leg] else None,
            dst_mac=mac_text(int(ends.dst_mac[leg])) if ends.dst_mac[leg] else None,
            src_ip=book.text(int(ends.src[leg])),
            dst_ip=book.text(int(ends.dst[leg])) + tunnel,
            verdict=_verdict(s, number, row, leg, role, failing),
        ))  # fmt: skip
    return tuple(steps)


def _verdict(s: Sides, number: int, row: int, leg: int, role: str, failing: set[tuple[str, str | None]]) -> str:
    """ok, or the rules that this very step breaks."""
    ends, vip = s.scene.ends, s.topology.vips[number]
    source, to = int(ends.src_mac[leg]), int(ends.dst_mac[leg])
    rules = {rule for rule, _ in failing}
    broken = []
    if role == "request" and to in vip.server_macs - vip.balancer_macs:
        broken.append("DSR101")
    if role == "forward":
        broken += ["DSR102"] if to in s.topology.routers and not ends.tunnel[leg] else []
        broken += ["DSR103"] if ends.dst[leg] != vip.identity else []
        broken += ["DSR104"] if ends.src[leg] != s.scene.flows.client[s.roles.flow[row]] else []
    if role == "sent on":
        broken.append("DSR110")
    if role in ("reply", "relayed"):
        broken += ["DSR201"] if ends.src[leg] != vip.identity else []
        broken += ["DSR202"] if to in vip.balancer_macs or role == "relayed" else []
        broken += ["DSR204"] if ("DSR204", mac_text(source)) in failing and s.scene.leg("rst")[leg] else []
    told = [rule for rule in broken if rule in rules]
    return ", ".join(told) if told else "ok"
