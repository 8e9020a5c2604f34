"""The report as JSON: the contract with programs. Same report, same bytes."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from dsrcheck.report.model import Report


def render(report: Report) -> str:
    """Return the report as ASCII JSON, indented, ending in a newline; no character of it can move a cursor."""
    return json.dumps(report.to_dict(), indent=2).replace("\x7f", "\\u007f") + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema that every report holds to."""
    loaded: dict[str, Any] = json.loads(resources.files("dsrcheck.report").joinpath("schema.json").read_text("utf-8"))
    return loaded
