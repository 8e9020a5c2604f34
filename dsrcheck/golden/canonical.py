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
    """The bytes of a golden file: sorted, a line a value, ASCII."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _without(value: Any) -> Any:
    """A copy in which the volatile keys are empty, wherever they stand."""
    if isinstance(value, dict):
        return {key: _LEFT_OUT[key] if key in _LEFT_OUT else _without(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item) for item in value]
    return value
