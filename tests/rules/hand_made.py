"""Small tables and rules made by hand, for the tests of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsrcheck.addresses import parse_mac
from dsrcheck.rules.reader import load_rule
from dsrcheck.rules.rule import Rule
from dsrcheck.tables import Column, HostName, SetColumn, Subjects, Tables

CLIENT, BALANCER, WEB1, WEB2 = (parse_mac(f"00:01:aa:bb:cc:{last}") for last in ("01", "0a", "64", "65"))
DTYPES: Mapping[str, Any] = {"mac": np.uint64, "flag": bool, "text": object}

RULE = """
id = "ACME001"
name = "ttl-is-high"
severity = "error"
summary = "The TTL of a request is high."
subject = "exchange"
modes = ["*"]
expect = "request.ttl_min > 10"
culprit = "request.src_mac"
evidence = ["request.first_frame"]
message = "${culprit} sends TTL ${request.ttl_min}."
needs = "Requests."
why = "Low is slow."
"""


def column(kind: str, values: Sequence[Any]) -> Column:
    """Return a column of a kind; None is unknown."""
    known = np.array([value is not None for value in values], dtype=bool)
    blank = "" if kind == "text" else 0
    filled = [blank if value is None else value for value in values]
    return Column(np.array(filled, dtype=DTYPES.get(kind, np.int64)), known, kind)


def sets(values: Sequence[frozenset[Any] | None], kind: str = "mac") -> SetColumn:
    """Return a column of sets; None is unknown."""
    index = np.array([-1 if value is None else place for place, value in enumerate(values)], dtype=np.int64)
    return SetColumn(index, tuple(value or frozenset() for value in values), kind)


def subjects(
    name: str,
    columns: Mapping[str, Column | SetColumn],
    vip: Sequence[int],
    capture: Sequence[int] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Subjects:
    """Return a table with a VIP for each row."""
    captures = np.array(capture if capture is not None else [0] * len(vip), dtype=np.int64)
    return Subjects(name, len(vip), columns, np.array(vip, dtype=np.int64), captures, reasons or {})


def tables(*parts: Subjects, vips: Sequence[str] = ("10.0.0.10",), addresses: Sequence[str] = ()) -> Tables:
    """Return tables in which the article's hosts are known."""
    hosts = {
        (-1, CLIENT): HostName("client", CLIENT, "10.0.0.1"),
        (-1, BALANCER): HostName("balancer", BALANCER, "10.0.0.11"),
        (-1, WEB1): HostName("server", WEB1, "10.0.0.100", "web1"),
    }
    return Tables({part.name: part for part in parts}, tuple(addresses), tuple(vips), hosts)


def rule_file(folder: Path, text: str = RULE, name: str = "ACME001-ttl-is-high.toml") -> Path:
    """Write a rule file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def rule(folder: Path, **changes: str | None) -> Rule:
    """Load the rule above with keys replaced by TOML values, added, or (None) left out."""
    lines = [line for line in RULE.strip().split("\n") if line.split(" ")[0] not in changes]
    added = [f"{key} = {value}" for key, value in changes.items() if value is not None]
    return load_rule(rule_file(folder, "\n".join([*lines, *added]) + "\n"), "ACME001-ttl-is-high.toml")
