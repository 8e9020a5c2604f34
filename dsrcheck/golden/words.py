"""What differs between a report of before and the present one, in words, the weightiest first.

The report of before comes from a file that anybody may have edited: nothing of its shape is taken for granted, and what
cannot be told in words is left to the diff.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dsrcheck.findings import FAIL, Finding
from dsrcheck.golden.assertions import in_brackets
from dsrcheck.report.model import Report
from dsrcheck.report.words import many

Row = Mapping[str, Any]
Key = tuple[str, ...]
_TRAFFIC = ("mode", "provenance", "clients", "flows", "request_bytes", "reply_bytes", "reply_bytes_from")


def differences(before: Row, after: Row, report: Report) -> Iterator[str]:
    """Compare canonical reports; `report` is the whole present one, for its sentences."""
    yield from _changed("the report", before, after, ("verdict",))
    old_vips, new_vips = _by_key(before, "vips", "address"), _by_key(after, "vips", "address")
    yield from (f"VIP {address} is gone" for (address,) in old_vips.keys() - new_vips.keys())
    yield from (
        f"VIP {address} is new: {new_vips[address,]['mode']}" for (address,) in new_vips.keys() - old_vips.keys()
    )
    both = {"None", *(address for (address,) in old_vips.keys() & new_vips.keys())}
    told: set[Key] = set()
    yield from _rules(before, after, report, both, told)
    yield from _findings(before, after, report, both, told)
    for (address,) in sorted(old_vips.keys() & new_vips.keys()):
        yield from _vip(f"VIP {address}", old_vips[address,], new_vips[address,])
    yield from _captures(before, after)
    yield from _steps(before, after)


def _rules(before: Row, after: Row, report: Report, vips: set[str], told: set[Key]) -> Iterator[str]:
    """Verdicts that changed: those that fail now first, with all that the present report says of it."""
    old, new = (_by_key(side, "verdicts", "rule", "vip") for side in (before, after))
    lines: list[tuple[bool, Key, str]] = []
    for key in sorted(old.keys() | new.keys()):
        rule, vip = key
        name, where = _name(rule, new.get(key) or old[key]), _of(vip)
        was, now = (side.get(key, {}).get("verdict") for side in (old, new))
        if vip not in vips and now != FAIL:
            continue  # that the VIP is new, or gone, says it
        if now == FAIL != was:
            told.add(key)
            failing = [f for f in report.findings if (f.rule, str(f.vip)) == key]
            text = f"{name} now fails{where}: {' '.join(f.message + in_brackets(f) for f in failing) or f'was {was}'}"
        elif was is None or now is None:
            text = f"{name} is judged {'now' if was is None else 'no more'}{where}: {now or f'was {was}'}"
        elif was != now:
            text = f"{name}{where}: {was} -> {now}"
        else:
            continue
        lines.append((now != FAIL, key, text))
    yield from (text for _, _, text in sorted(lines))
    for key in sorted(old.keys() & new.keys()):
        if key[1] in vips and old[key].get("verdict") == new[key].get("verdict"):
            yield from _changed(f"{_name(key[0], new[key])}{_of(key[1])}", old[key], new[key], ("checked", "failed"))


def _findings(before: Row, after: Row, report: Report, vips: set[str], told: set[Key]) -> Iterator[str]:
    old, new = (_findings_of(side) for side in (before, after))
    present = {_finding_key(*finding.fingerprint): finding for finding in report.findings}
    for key in sorted(old.keys() | new.keys()):
        rule, vip, culprit = key
        if vip not in vips:
            continue
        row = new.get(key) or old[key]
        name, where, whom = _name(rule, row), _of(vip), f"{_role(row)} {culprit}" if culprit != "None" else ""
        if key not in old:
            if (rule, vip) not in told:
                yield f"{name} speaks anew{where}{', of ' + whom if whom else ''}: {_sentence(present.get(key))}"
        elif key not in new:
            yield f"{name}{where}: finding is gone{', of ' + whom if whom else ''}"
        else:
            label = " ".join(filter(None, (f"{name}{where}", whom)))
            yield from _changed(label, old[key], new[key], ("severity", "count", "because_of"))
            frames = [_frames(side[key]) for side in (old, new)]
            if frames[0] != frames[1]:
                yield f"{label}: frames {frames[0]} -> {frames[1]}"


def _vip(label: str, old: Row, new: Row) -> Iterator[str]:
    for role in ("balancer", "server", "gateway"):
        old_hosts, new_hosts = (_hosts(side, f"{role}s") for side in (old, new))
        yield from (f"{label}: {role} {macs} is gone" for macs in sorted(old_hosts.keys() - new_hosts.keys()))
        yield from (f"{label}: {role} {macs} is new" for macs in sorted(new_hosts.keys() - old_hosts.keys()))
        for macs in sorted(old_hosts.keys() & new_hosts.keys()):
            fields = ("addresses", "name", "flows", "provenance")
            yield from _changed(f"{label}: {role} {macs}", old_hosts[macs], new_hosts[macs], fields)
    old_services, new_services = (_by_key(side, "services", "protocol", "port") for side in (old, new))
    for protocol, port in sorted(old_services.keys() | new_services.keys()):
        service = f"{label}: service {protocol}/{port}"
        row = [side.get((protocol, port)) for side in (old_services, new_services)]
        if row[0] is None or row[1] is None:
            yield f"{service} is {'new' if row[0] is None else 'gone'}"
        else:
            yield from _changed(service, row[0], row[1], ("mode", "flows"))
    yield from _changed(label, old, new, _TRAFFIC)


def _captures(before: Row, after: Row) -> Iterator[str]:
    old, new = (_rows(side, "captures") for side in (before, after))
    if len(old) != len(new):
        yield f"{many(len(new), 'capture')}, was {len(old)}"
    fields = ("path", "frames", "bytes", "link_type", "vantage", "first_time", "last_time", "truncated", "dropped")
    for one, other in zip(old, new, strict=False):
        yield from _changed(f"capture {other['path']}", one, other, fields)


def _steps(before: Row, after: Row) -> Iterator[str]:
    old, new = (_by_key(side, "steps", "vip", "kind") for side in (before, after))
    yield from (f"no more flows of VIP {vip} like: {kind}" for vip, kind in sorted(old.keys() - new.keys()))
    yield from (f"flows of VIP {vip} like none before: {kind}" for vip, kind in sorted(new.keys() - old.keys()))


def _changed(label: str, old: Row, new: Row, fields: tuple[str, ...]) -> Iterator[str]:
    """The fields that differ, in one line."""
    parts = [
        f"{field.replace('_', ' ')} {_value(old.get(field))} -> {_value(new.get(field))}"
        for field in fields
        if old.get(field) != new.get(field)
    ]
    if parts:
        yield f"{label}: {', '.join(parts)}"


def _value(value: object) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else "none" if value is None else str(value)


def _rows(side: Row, key: str) -> list[Row]:
    value = side.get(key)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _by_key(side: Row, key: str, *fields: str) -> dict[Key, Row]:
    return {tuple(str(row.get(field)) for field in fields): row for row in _rows(side, key)}


def _hosts(side: Row, key: str) -> dict[str, Row]:
    return {_value(row.get("macs")): row for row in _rows(side, key)}


def _findings_of(side: Row) -> dict[Key, Row]:
    found = {}
    for row in _rows(side, "findings"):
        subject = _subject(row)
        found[_finding_key(row.get("rule"), row.get("vip"), subject.get("mac") or subject.get("address"))] = row
    return found


def _finding_key(rule: object, vip: object, culprit: object) -> Key:
    return str(rule), str(vip), str(culprit)


def _subject(row: Row) -> Row:
    subject = row.get("subject")
    return subject if isinstance(subject, dict) else {}


def _role(row: Row) -> str:
    return str(_subject(row).get("role") or "host")


def _frames(row: Row) -> str:
    return ", ".join(f"{frame.get('capture')}:{frame.get('number')}" for frame in _rows(row, "frames")) or "none"


def _name(rule: str, row: Row) -> str:
    return f"{rule} {row.get('name')}"


def _of(vip: str) -> str:
    return "" if vip == "None" else f" for {vip}"


def _sentence(finding: Finding | None) -> str:
    return f"{finding.message}{in_brackets(finding)}" if finding else ""
