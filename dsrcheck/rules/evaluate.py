"""Judging: every rule over every VIP's rows, to verdicts and findings.

A row that a rule's `when` leaves out is skipped; one of which `when` or `expect` is unknown was not observed, and never
counts as a pass. Everything runs over columns; only findings, which are few and bounded, are made one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS, Finding, Verdict
from dsrcheck.records import dataclass
from dsrcheck.rules import kleene
from dsrcheck.rules.blame import findings_of
from dsrcheck.rules.columns import CAPTURE_TABLES, MEANINGS
from dsrcheck.rules.expression import Scope
from dsrcheck.rules.rule import Rule
from dsrcheck.tables import Array, Column, SetColumn, Subjects, Tables, empty_subjects
from dsrcheck.text import printable

_ANY_VIP = -1


@dataclass(frozen=True)
class _Modes:
    """The mode of each row of a table, as a position in `names`; -1 where rows have none."""

    names: tuple[str, ...]
    place: Array

    def fit(self, patterns: Iterable[str]) -> Array:
        """Return which rows are in one of the modes."""
        fits = [_fits(name, patterns) for name in self.names]
        return np.array([*fits, True], dtype=bool)[self.place]


@dataclass(frozen=True)
class _Judged:
    """A rule's reading of a table: bool columns over its rows, and the modes that the rule speaks of here."""

    rule: Rule
    subjects: Subjects
    modes: _Modes
    patterns: tuple[str, ...]
    mode_fits: Array
    skipped: Array
    passed: Array
    failed: Array


def evaluate(
    rules: Sequence[Rule], tables: Tables, expect: str = "dsr"
) -> tuple[tuple[Verdict, ...], tuple[Finding, ...]]:
    """Judge the tables by the rules.

    expect: as `--expect`: with `dsr`, or a mode of that family, a mode that a rule denies breaks the rule; with any
    other, a VIP is judged by the mode it has.
    Returns verdicts by rule and VIP in report order, and findings likewise.
    """
    verdicts: list[Verdict] = []
    findings: list[Finding] = []
    modes = {name: _modes(table, tables) for name, table in tables.subjects.items()}
    nothing = _Modes((), np.empty(0, dtype=np.int64))
    for rule in rules:
        subjects = tables.subjects.get(rule.subject) or empty_subjects(rule.subject)
        judged = _judge(rule, subjects, tables, modes.get(rule.subject, nothing), expect)
        for vip in _vips_of(subjects, tables):
            verdict, found = _conclude(judged, tables, vip)
            verdicts.append(verdict)
            findings.extend(found)
    return tuple(verdicts), tuple(_with_causes(rules, verdicts, findings))


def _judge(rule: Rule, subjects: Subjects, tables: Tables, modes: _Modes, expect: str) -> _Judged:
    """Evaluate a rule's conditions on all rows of its table at once."""
    scope = Scope(subjects, tables)
    applies = rule.when.run(scope) if rule.when else kleene.constant(True, subjects.rows)
    holds = rule.expect.run(scope)
    patterns = (*rule.modes, *(rule.modes_denied if expect.startswith("dsr") else ()))
    mode_fits = modes.fit(patterns)
    return _Judged(
        rule=rule,
        subjects=subjects,
        modes=modes,
        patterns=patterns,
        mode_fits=mode_fits,
        skipped=applies.false | ~mode_fits,
        passed=applies.true & holds.true & mode_fits,
        failed=applies.true & holds.false & mode_fits,
    )


def _fits(mode: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(mode, pattern) for pattern in patterns)


def _modes(subjects: Subjects, tables: Tables) -> _Modes:
    """Return the mode of each row: its own (a service's), else its VIP's; unknown where nothing tells."""
    if subjects.name in CAPTURE_TABLES:
        return _Modes((), np.full(subjects.rows, -1, dtype=np.int64))
    texts = _texts(subjects, "vip.mode")
    if texts is None:
        texts = np.array([*_modes_of_vips(tables), "unknown"], dtype=object)[subjects.vip]
    names = sorted(set(texts.tolist()))
    place = np.zeros(subjects.rows, dtype=np.int8)
    for number, name in enumerate(names[1:], 1):
        place[texts == name] = number
    return _Modes(tuple(names), place)


def _modes_of_vips(tables: Tables) -> list[str]:
    """Return the mode of each VIP, from the table of VIPs."""
    modes = ["unknown"] * len(tables.vips)
    vips = tables.subjects.get("vip")
    texts = _texts(vips, "vip.mode") if vips else None
    if vips and texts is not None:
        for vip, mode in zip(vips.vip.tolist(), texts.tolist(), strict=True):
            modes[vip] = mode
    return modes


def _texts(subjects: Subjects, name: str) -> Array | None:
    column = subjects.columns.get(name)
    if not isinstance(column, Column):
        return None
    return np.asarray(column.values) if column.known is None else np.where(column.known, column.values, "unknown")


def _vips_of(subjects: Subjects, tables: Tables) -> list[int]:
    """Return the VIPs that a verdict is due for: all of them, and none (-1) where rows belong to none."""
    if subjects.name in CAPTURE_TABLES:
        return [_ANY_VIP]
    homeless = [_ANY_VIP] if bool((subjects.vip < 0).any()) else []
    return [*range(len(tables.vips)), *homeless]


def _conclude(judged: _Judged, tables: Tables, vip: int) -> tuple[Verdict, list[Finding]]:
    """Sum a rule's rows of one VIP up."""
    rule = judged.rule
    mine = judged.subjects.vip == vip if vip >= 0 else judged.subjects.vip < 0
    passed, failed = int((mine & judged.passed).sum()), int((mine & judged.failed).sum())
    address = tables.vips[vip] if vip >= 0 else None
    verdict = Verdict(rule.id, rule.name, address, NOT_APPLICABLE, passed + failed, failed)
    if passed + failed == 0:
        kind, why = _why_not(judged, tables, mine, vip)
        return replace(verdict, verdict=kind, reason=why), []
    findings, left_out = findings_of(rule, judged.subjects, tables, vip, np.flatnonzero(mine & judged.failed))
    reason = f"{left_out} further culprits are not listed" if left_out else None
    if rule.severity == "info":
        return replace(verdict, verdict=PASS, failed=0, reason=reason), findings
    return replace(verdict, verdict=FAIL if failed else PASS, reason=reason), findings


def _why_not(judged: _Judged, tables: Tables, mine: Array, vip: int) -> tuple[str, str]:
    """Tell why nothing could be judged: verdict and reason."""
    rule, subjects = judged.rule, judged.subjects
    if mode := _unfit_mode(judged, tables, mine, vip):
        return NOT_APPLICABLE, f"the VIP is in mode {printable(mode, 40)}"
    unseen = np.flatnonzero(mine & ~judged.skipped)
    if len(unseen):
        return NOT_OBSERVED, _reason(rule, subjects, int(unseen[0]))
    if mine.any():
        return rule.unmet, rule.absent_reason or "none of what it judges is of the kind that it is about"
    if rule.absent_reason:
        return rule.absent, rule.absent_reason
    what = MEANINGS.get(rule.subject, rule.subject)
    return rule.absent, f"the capture holds nothing of the kind: {what}"


def _unfit_mode(judged: _Judged, tables: Tables, mine: Array, vip: int) -> str | None:
    """Return the VIP's mode where it, and not the traffic, is why the rule does not apply."""
    rows = np.flatnonzero(mine)
    if len(rows):
        fits = bool(judged.mode_fits[rows].any())
        return None if fits else judged.modes.names[int(judged.modes.place[rows[0]])]
    mode = _modes_of_vips(tables)[vip] if vip >= 0 else None
    return None if mode is None or _fits(mode, judged.patterns) else mode


def _reason(rule: Rule, subjects: Subjects, row: int) -> str:
    """Tell why a row could not be judged: by the first column that is unknown in it."""
    unknown = next((name for name in rule.names if _is_unknown(subjects, name, row)), rule.subject)
    parts = unknown.split(".")
    for length in range(len(parts), 0, -1):
        if reason := subjects.reasons.get(".".join(parts[:length])):
            return printable(reason)
    return f"this capture does not show {unknown}"


def _is_unknown(subjects: Subjects, name: str, row: int) -> bool:
    column = subjects.columns.get(name)
    if column is None:
        return True
    if isinstance(column, SetColumn):
        return bool(column.index[row] < 0)
    return not kleene.from_column(column).known[row]


def _with_causes(rules: Sequence[Rule], verdicts: Sequence[Verdict], findings: Sequence[Finding]) -> Iterator[Finding]:
    """Name the first of a rule's causes that failed on the same VIP."""
    causes = {rule.id: rule.because_of for rule in rules}
    failed = {(verdict.rule, verdict.vip) for verdict in verdicts if verdict.verdict == FAIL}
    for finding in findings:
        cause = next((cause for cause in causes[finding.rule] if (cause, finding.vip) in failed), None)
        yield replace(finding, because_of=cause)
