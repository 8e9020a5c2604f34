"""Step tables: the legs of one flow of each kind, as the two tables of the project's description of DSR print them.

Kinds are told by columns; only the one flow of a kind that is printed is looked at leg by leg.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsrcheck.addresses import mac_text
from dsrcheck.exchange.arrays import flags
from dsrcheck.exchange.roles import VIP_SHIFT
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding, FrameRef
from dsrcheck.flows.coded import among, halved
from dsrcheck.flows.table import Int64, distinct, group_rows
from dsrcheck.records import dataclass
from dsrcheck.report.model import OK, Step, StepTable
from dsrcheck.topology.model import NAT, PROXY
from dsrcheck.topology.scene import Scene

KIND_LIMIT = 8
"""Step tables a VIP: one flow of each kind, the commonest kinds first."""

(REQUEST, FORWARD, SENT_ON, REPLY, OWN, ANSWER, RELAYED, RETURN, PAST, TO_BALANCER, ELSEWHERE) = range(1, 12)
"""What a leg is, and last what makes flows of the same roles different; 0 stands for no leg."""
WORDS = (
    "", "request", "forward", "sent on", "reply", "balancer's own", "answer", "relayed", "return",
    "request past the balancer", "reply to the balancer", "reply from elsewhere",
)  # fmt: skip
BITS = 4
"""A kind is one number: the codes above in order, so many bits each; a flow has no more of them than fit."""
STEPS = {
    REQUEST: 1, PAST: 1, FORWARD: 2, SENT_ON: 2, REPLY: 3, TO_BALANCER: 3, ELSEWHERE: 3, OWN: 3, ANSWER: 3,
    RELAYED: 4, RETURN: 4,
}  # fmt: skip


@dataclass(frozen=True)
class RoleLegs:
    """The legs of all exchanges, sorted by exchange and first frame: rows of the leg table, their exchange and role."""

    legs: Int64
    rows: Int64
    roles: npt.NDArray[np.int8]

    def of_row(self, row: int) -> list[tuple[int, int]]:
        """(leg, role) of one exchange."""
        start, end = np.searchsorted(self.rows, [row, row + 1]).tolist()
        return list(zip(self.legs[start:end].tolist(), self.roles[start:end].tolist(), strict=True))


def step_tables(s: Sides, findings: tuple[Finding, ...]) -> tuple[StepTable, ...]:
    """One table a kind of flow: flows of a kind have the same roles between the same kinds of hosts."""
    legs = role_legs(s)
    kinds = _kinds(s, legs)
    tables = []
    for number, vip in enumerate(s.topology.vips):
        rows = np.flatnonzero(s.roles.vip == number)
        values, first, counts = np.unique(kinds[rows], return_index=True, return_counts=True)
        for place in np.lexsort((first, -counts))[:KIND_LIMIT].tolist():
            row, count = int(rows[first[place]]), int(counts[place])
            flow = int(s.roles.flow[row]) + 1
            title = f"flow {flow}, one of {count:,} like it" if count > 1 else f"flow {flow}"
            steps = tuple(_steps(s, number, row, legs.of_row(row), findings).values())
            tables.append(StepTable(vip.address, _kind_text(int(values[place])), flow, title, steps))
    return tuple(tables)


def flow_steps(s: Sides, flow: int, findings: tuple[Finding, ...]) -> dict[int, Step]:
    """Leg -> the step that it is, in the order of steps, for the exchange that a flow (row) is part of; or nothing.

    The legs are of several flows where addresses are rewritten, or where the reply comes from elsewhere.
    """
    mine = distinct(np.concatenate([s.roles.row[s.scene.flows.of_leg == flow], _answered_elsewhere(s, flow)]))
    rows = mine[mine >= 0]
    if not len(rows):
        return {}
    row = int(rows[0])
    legs = role_legs(s, np.flatnonzero(s.roles.row == row))
    return _steps(s, int(s.roles.vip[row]), row, legs.of_row(row), findings)


def _answered_elsewhere(s: Sides, flow: int) -> Int64:
    """Exchanges whose reply, from another address than the VIP, is in this flow."""
    rows = np.flatnonzero(s.wrong >= 0)
    found: Int64 = rows[s.scene.flows.of_leg[s.wrong[rows]] == flow]
    return found


def role_legs(s: Sides, legs: Int64 | None = None) -> RoleLegs:
    """What some legs, each of an exchange, are in it; by default the legs of all exchanges."""
    legs = halved(np.flatnonzero(s.roles.row >= 0)) if legs is None else legs
    legs = legs[np.argsort(s.roles.row[legs], kind="stable")]  # within an exchange as they appeared: so legs come
    rows, r = s.roles.row[legs], s.roles
    rewriting = flags(vip.mode in (NAT, PROXY) for vip in s.topology.vips)[r.vip[rows]] if len(rows) else rows > 0
    by_balancer = r.from_balancer[legs]
    roles = np.select(
        [r.request[legs], r.forward[legs], rewriting & r.answer[legs], rewriting & by_balancer, r.sent_on[legs],
         r.relayed[legs], by_balancer],
        np.array([REQUEST, FORWARD, ANSWER, RETURN, SENT_ON, RELAYED, OWN], np.int8),
        np.int8(REPLY),
    )  # fmt: skip
    return RoleLegs(legs, rows, roles)


def _kinds(s: Sides, legs: RoleLegs) -> Int64:
    """The kind of each exchange: its roles in order of appearance, with what tells flows of the same roles apart."""
    key = s.roles.vip[legs.rows] << VIP_SHIFT | s.scene.ends.dst_mac[legs.legs]
    to_balancer = among(key, s.balancer_keys)
    codes = legs.roles.copy()
    codes[(codes == REQUEST) & among(key, s.server_keys) & ~to_balancer] = PAST
    codes[(codes == REPLY) & to_balancer] = TO_BALANCER
    leader = _once(legs.rows, codes)
    rows = legs.rows[leader]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kinds = np.zeros(len(s.roles), np.int64)
    np.add.at(kinds, rows, codes[leader].astype(np.int64) << BITS * place)
    elsewhere = np.flatnonzero(s.wrong >= 0)
    kinds[elsewhere] |= ELSEWHERE << BITS * np.bincount(rows, minlength=len(s.roles))[elsewhere]
    return kinds


def _once(rows: Int64, codes: npt.NDArray[np.int8]) -> Int64:
    """The places of the first of each code in a row, in order; rows are sorted, and few have a code twice."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    bits = np.bitwise_or.reduceat(np.int64(1) << codes, starts) if len(starts) else codes
    twice = np.bitwise_count(bits) < np.diff(starts, append=len(rows))
    mixed = np.repeat(twice, np.diff(starts, append=len(rows)))
    first = ~mixed
    places = np.flatnonzero(mixed)
    _, leader = group_rows(rows[places], codes[places])
    first[places[leader]] = True
    return np.flatnonzero(first)


def _kind_text(kind: int) -> str:
    codes = []
    while kind:
        codes.append(kind & (1 << BITS) - 1)
        kind >>= BITS
    return " → ".join(WORDS[code] for code in sorted(codes, key=STEPS.__getitem__))


def _steps(
    s: Sides, number: int, row: int, legs: list[tuple[int, int]], findings: tuple[Finding, ...]
) -> dict[int, Step]:
    """Leg -> its step."""
    ends, book, vip = s.scene.ends, s.scene.book, s.topology.vips[number]
    failing = failing_hosts(findings, vip.address)
    elsewhere = [(int(s.wrong[row]), REPLY)] if s.wrong[row] >= 0 else []
    steps = {}
    for leg, role in [*sorted(legs, key=lambda pair: STEPS[pair[1]]), *elsewhere]:
        tunnel = f" (in a tunnel to {book.text(int(ends.outer_dst[leg]))})" if ends.tunnel[leg] else ""
        steps[leg] = Step(
            step=STEPS[role],
            role=WORDS[role],
            src_mac=mac_text(int(ends.src_mac[leg])) if ends.src_mac[leg] else None,
            dst_mac=mac_text(int(ends.dst_mac[leg])) if ends.dst_mac[leg] else None,
            src_ip=book.text(int(ends.src[leg])),
            dst_ip=book.text(int(ends.dst[leg])) + tunnel,
            verdict=", ".join(broken_rules(s, row, leg, role, failing)) or OK,
            frame=first_frame(s.scene, leg),
        )
    return steps


def first_frame(scene: Scene, leg: int) -> FrameRef:
    """The first frame of a leg."""
    interface = int(scene.legs.paths["interface"][scene.leg_at("path", leg)])
    return FrameRef(scene.legs.interfaces[interface].capture, int(scene.leg_at("first_frame", leg)))


def failing_hosts(findings: tuple[Finding, ...], vip: str) -> set[tuple[str, str | None]]:
    """(rule, MAC of the culprit) of a VIP's findings."""
    return {(finding.rule, finding.subject.mac) for finding in findings if finding.vip == vip}


def broken_rules(s: Sides, row: int, leg: int, role: int, failing: set[tuple[str, str | None]]) -> tuple[str, ...]:
    """The rules that this very leg of an exchange breaks."""
    ends, vip = s.scene.ends, s.topology.vips[int(s.roles.vip[row])]
    source, to = int(ends.src_mac[leg]), int(ends.dst_mac[leg])
    from_vip = bool(ends.src[leg] == vip.identity)
    reset = bool(s.scene.leg_at("rst", leg)) and ("DSR204", mac_text(source)) in failing
    is_reply = role in (REPLY, RELAYED)
    broken = {
        "DSR101": role == REQUEST and to in vip.server_macs - vip.balancer_macs,
        "DSR102": role == FORWARD and to in s.topology.routers and not ends.tunnel[leg],
        "DSR103": role == FORWARD and ends.dst[leg] != vip.identity,
        "DSR104": role == FORWARD and ends.src[leg] != s.scene.flows.client[s.roles.flow[row]],
        "DSR110": role == SENT_ON,
        "DSR201": is_reply and not from_vip,
        "DSR202": is_reply and (to in vip.balancer_macs or role == RELAYED),
        "DSR204": is_reply and reset,
    }
    rules = {rule for rule, _ in failing}
    return tuple(rule for rule, breaks in broken.items() if breaks and rule in rules)
