"""The report as golden files keep it: what was judged and found, without what may change and mean the same.

Left out are the sentences (message, why, remedy, reason, evidence, notes, titles), which come from rule files and may
be worded better, the folder of the capture, and what follows from the rest (Wireshark filters). Kept is what they speak
of: verdicts and their counts, culprits, frames, hosts, modes, steps. What is left still holds to the report's schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from dsrcheck.report.model import Report

WIDTH = 180
"""Characters of the longest line that holds several values."""

_LEFT_OUT: Mapping[str, Any] = {
    "message": "",
    "why": "",
    "remedy": {},
    "wireshark_filters": [],
    "reason": None,
    "evidence": [],
    "notes": [],
    "title": "",
    "truncation": None,
}


def canonical(report: Report) -> dict[str, Any]:
    """The report as plain data, without its volatile parts."""
    plain: dict[str, Any] = _without(report.to_dict())
    for capture in plain["captures"]:
        capture["path"] = PurePath(capture["path"]).name
    return plain


def golden_text(document: object) -> str:
    """The text of a golden file: sorted ASCII JSON, a verdict or a step in one line, so that a diff has it whole.

    Raises RecursionError for what is nested as no report is.
    """
    return "\n".join(_lines(document)) + "\n"


def _lines(value: object) -> list[str]:
    """A value in one line if it is that short, else its items on lines of their own."""
    if not value or not isinstance(value, dict | list):
        return [json.dumps(value)]
    if isinstance(value, dict):
        opening, closing = "{", "}"
        items = [(f"{json.dumps(key)}: ", _lines(value[key])) for key in sorted(value)]
    else:
        opening, closing = "[", "]"
        items = [("", _lines(item)) for item in value]
    if all(len(lines) == 1 for _, lines in items):
        flat = f"{opening}{', '.join(label + lines[0] for label, lines in items)}{closing}"
        if len(flat) <= WIDTH:
            return [flat]
    laid_out = [opening]
    for place, (label, (first, *rest)) in enumerate(items, 1):
        laid_out += [f" {label}{first}", *(f" {line}" for line in rest)]
        laid_out[-1] += "," * (place < len(items))
    return [*laid_out, closing]


def _without(value: Any) -> Any:
    """A copy in which the volatile keys are empty, wherever they stand."""
    if isinstance(value, dict):
        return {key: _LEFT_OUT[key] if key in _LEFT_OUT else _without(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item) for item in value]
    return value
