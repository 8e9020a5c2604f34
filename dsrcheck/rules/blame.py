"""From the rows that broke a rule to findings: one a culprit, with a count, a message and the frames that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsrcheck.findings import Finding, FrameRef
from dsrcheck.rules import kleene
from dsrcheck.rules.kleene import Vector
from dsrcheck.rules.rule import Rule
from dsrcheck.rules.wording import first_upper, host_text, subject_of, value_text, vip_values
from dsrcheck.tables import Array, Column, Subjects, Tables

FRAMES_A_FINDING = 10
CULPRITS_A_RULE = 100
"""Most findings of one rule on one VIP; a flood of made-up MACs must not become a flood of findings."""
ROWS_LOOKED_AT = 1000
"""Most rows whose evidence is read for the frames of one finding; many rows may share a frame."""

_NO_CULPRIT = -1


def findings_of(rule: Rule, subjects: Subjects, tables: Tables, vip: int, rows: Array) -> tuple[list[Finding], int]:
    """Group failing rows by culprit, the busiest culprits where there are too many; and how many were left out."""
    if not len(rows):
        return [], 0
    rows = rows[np.lexsort((rows, _earliest(rule, subjects, rows), subjects.capture[rows]))]
    culprits = _culprits(rule, subjects, rows)
    macs, first, group, counts = np.unique(culprits, return_index=True, return_inverse=True, return_counts=True)
    busiest = np.lexsort((macs, -counts))[:CULPRITS_A_RULE]
    chosen = busiest[np.lexsort((macs[busiest], first[busiest]))]
    found = [_finding(rule, subjects, tables, vip, int(macs[place]), rows[group == place]) for place in chosen]
    return found, len(macs) - len(chosen)


def _vector(subjects: Subjects, name: str | None, rows: Array) -> Vector:
    """Read some rows of a column; all of them unknown where the table leaves it out."""
    column = subjects.columns.get(name) if name else None
    if not isinstance(column, Column):
        return kleene.unknown(len(rows))
    known = None if column.known is None else column.known[rows]
    return kleene.from_column(Column(column.values[rows], known, column.kind))


def _culprits(rule: Rule, subjects: Subjects, rows: Array) -> Array:
    """Return the culprit's MAC of each row as int64; -1 where it is not known."""
    vector = _vector(subjects, rule.culprit, rows)
    return np.where(vector.known, vector.values.astype(np.int64), _NO_CULPRIT)


def _earliest(rule: Rule, subjects: Subjects, rows: Array) -> Array:
    """Return the first evidence frame of each row; the highest number where there is none."""
    earliest = np.full(len(rows), np.iinfo(np.int64).max, dtype=np.int64)
    for name in rule.evidence:
        vector = _vector(subjects, name, rows)
        earliest = np.where(vector.known, np.minimum(earliest, vector.values), earliest)
    return earliest


def _finding(rule: Rule, subjects: Subjects, tables: Tables, vip: int, mac: int, rows: Array) -> Finding:
    address = tables.vips[vip] if vip >= 0 else None
    host = tables.host(vip, mac) if mac != _NO_CULPRIT else None
    subject = subject_of(mac if mac != _NO_CULPRIT else None, host, rule.culprit_role)
    frames = _frames(rule, subjects, rows)
    if mac != _NO_CULPRIT:
        culprit = host_text(mac, host, rule.culprit_role)
    else:
        culprit = f"a {rule.culprit_role}" if rule.culprit_role else "an unseen host"
    extras = {"vip": vip_values(address)["vip"], "culprit": culprit, "count": f"{len(rows):,}"}
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=rule.severity,
        vip=address,
        subject=subject,
        because_of=None,
        count=len(rows),
        message=_message(rule, subjects, tables, rows, extras),
        why=" ".join(rule.why.split()),
        frames=frames,
        wireshark_filters=_filters(frames),
        remedy=rule.remedies(vip_values(address), ipv6=bool(address and ":" in address)),
    )


def _message(rule: Rule, subjects: Subjects, tables: Tables, rows: Array, extras: Mapping[str, str]) -> str:
    """Fill the rule's message from the earliest row."""
    template = rule.message_many if len(rows) > 1 and rule.message_many else rule.message
    names = [name for name in template.get_identifiers() if name not in extras]
    values = {name: value_text(tables, subjects, name, int(rows[0])) for name in names}
    return first_upper(" ".join(template.fill({**values, **extras}).split()))


def _frames(rule: Rule, subjects: Subjects, rows: Array) -> tuple[FrameRef, ...]:
    """Return up to FRAMES_A_FINDING distinct frames, those of the earliest rows, in order."""
    rows = rows[:ROWS_LOOKED_AT]
    vectors = [_vector(subjects, name, rows) for name in rule.evidence]
    frames: dict[FrameRef, None] = {}
    for place, capture in enumerate(subjects.capture[rows].tolist()):
        for vector in vectors:
            if vector.known[place] and vector.values[place] > 0 and len(frames) < FRAMES_A_FINDING:
                frames[FrameRef(capture, int(vector.values[place]))] = None
        if len(frames) == FRAMES_A_FINDING:
            break
    return tuple(sorted(frames))


def _filters(frames: Sequence[FrameRef]) -> tuple[str, ...]:
    """Return a display filter for each capture; Wireshark 4 wants commas between the members of a set."""
    captures = sorted({frame.capture for frame in frames})
    numbers = {capture: ", ".join(str(f.number) for f in frames if f.capture == capture) for capture in captures}
    return tuple(f"frame.number in {{{numbers[capture]}}}" for capture in captures)
