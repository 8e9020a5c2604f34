"""Templates of rule texts: the placeholders they may hold, and how a value of the tables is written for people.

Whatever is put in is escaped: addresses and names may come out of packets and files.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dsrcheck.addresses import mac_text
from dsrcheck.findings import Subject
from dsrcheck.tables import HostName, SetColumn, Subjects, Tables
from dsrcheck.text import printable

VALUE_LIMIT = 120
SET_LIMIT = 8
UNKNOWN: Mapping[str, str] = {"mac": "an unseen MAC", "address": "an unseen address"}


class Message(string.Template):
    """A template whose placeholders are column names: `${request.dst_mac}`. A dollar sign is written `$$`."""

    idpattern = "(?!)"  # only the braced form
    braceidpattern = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
    flags = re.NOFLAG  # exact case

    def fill(self, values: Mapping[str, str]) -> str:
        """Put the values in; all of them are there, since loading a rule checks the placeholders."""
        return self.substitute(values)


def host_text(mac: int, host: HostName | None, role: str | None = None) -> str:
    """Write a host with what is known of it: `server web1, 10.0.0.100 (00:01:aa:bb:cc:64)`."""
    if host is None:
        return f"the {role or 'host'} {mac_text(mac)}"
    known = ", ".join(printable(part, VALUE_LIMIT) for part in (host.name, host.address) if part)
    role = role or printable(host.role, VALUE_LIMIT)
    return f"{role} {known} ({mac_text(mac)})" if known else f"{role} {mac_text(mac)}"


def mac_with_role(mac: int, host: HostName | None) -> str:
    """Write a MAC with what is known of its host: `00:01:aa:bb:cc:64 (server 10.0.0.100)`."""
    if mac == 0xFFFF_FFFF_FFFF:
        return "ff:ff:ff:ff:ff:ff (broadcast)"
    if host is None:
        return mac_text(mac)
    known = " ".join(printable(part, VALUE_LIMIT) for part in (host.role, host.name or host.address) if part)
    return f"{mac_text(mac)} ({known})"


def time_text(nanoseconds: int) -> str:
    """ISO 8601 UTC with nanoseconds; the bare number beyond the calendar."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    except (ValueError, OverflowError, OSError):
        return f"{nanoseconds} ns"


def value_text(tables: Tables, subjects: Subjects, name: str, row: int) -> str:
    """Write the value of a column in one row."""
    column = subjects.columns.get(name)
    vip = int(subjects.vip[row])
    if column is None:
        return "unknown"
    if isinstance(column, SetColumn):
        return _set_text(tables, column, vip, int(column.index[row]))
    if column.known is not None and not column.known[row]:
        return UNKNOWN.get(column.kind, "unknown")
    return _scalar_text(tables, column.kind, column.values[row], vip)


def _set_text(tables: Tables, column: SetColumn, vip: int, place: int) -> str:
    if place < 0:
        return "unknown"
    texts = [_scalar_text(tables, column.kind, element, vip) for element in sorted(column.sets[place])]
    shown = ", ".join(texts[:SET_LIMIT]) or "none"
    return f"{shown} and {len(texts) - SET_LIMIT} more" if len(texts) > SET_LIMIT else shown


def _scalar_text(tables: Tables, kind: str, value: Any, vip: int) -> str:
    match kind:
        case "mac":
            return mac_with_role(int(value), tables.host(vip, int(value)))
        case "address":
            position = int(value)
            return printable(tables.addresses[position], VALUE_LIMIT) if position >= 0 else UNKNOWN["address"]
        case "time":
            return time_text(int(value))
        case "flag":
            return "yes" if value else "no"
        case _:
            return printable(str(value), VALUE_LIMIT)


def subject_of(mac: int | None, host: HostName | None, role: str | None) -> Subject:
    """Describe the culprit for the report."""
    address = printable(host.address, VALUE_LIMIT) if host and host.address else None
    known_role = printable(host.role, VALUE_LIMIT) if host else None
    return Subject(role or known_role, None if mac is None else mac_text(mac), address)


def vip_values(vip: str | None) -> dict[str, str]:
    """Return what `${vip}` and `${prefix}` (length of a host's prefix) stand for; without a VIP, for any."""
    if vip is None:
        return {"vip": "VIP", "prefix": "32"}
    return {"vip": printable(vip, VALUE_LIMIT), "prefix": "128" if ":" in vip else "32"}


def first_upper(text: str) -> str:
    """Begin a sentence: a placeholder may stand at its head."""
    return text[:1].upper() + text[1:]
