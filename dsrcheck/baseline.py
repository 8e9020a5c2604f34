"""`--baseline`: a report of before, and which of today's findings it does not have.

A finding is known when the report of before has one of the same rule, VIP and culprit; how often it came up, and in
which frames, may differ. Findings of severity info accuse nobody and are not compared.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsrcheck.findings import SEVERITIES, FormerFinding, Subject
from dsrcheck.report.model import SCHEMA, Baseline, Report
from dsrcheck.text import printable

SIZE_LIMIT = 64 << 20
TEXT_LIMIT = 1000
INFO = "info"
_RULE_ID = re.compile(r"[A-Z]+[0-9]+")


class BaselineError(Exception):
    """A file that is no report of before: one line that says what it is, or what to do."""


def read_baseline(path: Path) -> tuple[FormerFinding, ...]:
    """The findings of a JSON report, of this or another version of the program. Raises BaselineError."""
    name = printable(str(path))
    try:
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise BaselineError(f"{name}: cannot be read: {error.strerror}") from None
    if len(data) > SIZE_LIMIT:
        raise BaselineError(f"{name}: is longer than {SIZE_LIMIT:,} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BaselineError(f"{name}: is no report of before; make one: dsrcheck analyze --format json -o FILE CAPTURE")
    rows = document.get("findings")
    if not isinstance(rows, list):
        raise BaselineError(f"{name}: findings: must be a list")
    try:
        found = tuple(_finding(row) for row in rows)
    except ValueError as error:
        raise BaselineError(f"{name}: findings: {error}") from None
    return tuple(finding for finding in found if finding.severity != INFO)


def compare(report: Report, before: tuple[FormerFinding, ...]) -> Report:
    """The report with its findings held against those of before."""
    present = {finding.fingerprint for finding in report.findings}
    known = frozenset(finding.fingerprint for finding in before)
    gone = tuple(finding for finding in before if finding.fingerprint not in present)
    return replace(report, baseline=Baseline(known, gone))


def _finding(row: Any) -> FormerFinding:
    """What is needed of a finding in a file. Raises ValueError."""
    if not isinstance(row, dict):
        raise ValueError("must be objects")
    subject = row.get("subject")
    if not isinstance(subject, dict):
        raise ValueError("one without a subject")
    rule, severity = _text(row, "rule"), _text(row, "severity")
    if not rule or not _RULE_ID.fullmatch(rule):
        raise ValueError(f"{printable(str(rule), 40)!r} is no rule id")
    if severity not in SEVERITIES:
        raise ValueError(f"{printable(str(severity), 40)!r} is no severity")
    return FormerFinding(
        rule=rule,
        name=_text(row, "name") or "",
        severity=severity,
        vip=_text(row, "vip"),
        subject=Subject(*(_text(subject, key) for key in ("role", "mac", "address"))),
    )


def _text(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and (not isinstance(value, str) or len(value) > TEXT_LIMIT):
        raise ValueError(f"{key} must be a text of at most {TEXT_LIMIT:,} characters")
    return value
