"""The report as SARIF 2.1.0, which code scanning shows: rules with their explanation, findings with their evidence.

The form: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. A capture has no lines, and viewers insist
on one: the line is the number of the frame. A code flow tells the steps of one connection that shows the finding:
request, forward, reply.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dsrcheck.findings import Finding, FormerFinding, FrameRef
from dsrcheck.report.markdown import explanation
from dsrcheck.report.model import Report, Step, StepTable, by_severity
from dsrcheck.report.words import culprit, frames_text
from dsrcheck.rules import Rule, explain
from dsrcheck.rules.wording import vip_values
from dsrcheck.text import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
FINGERPRINT = "dsrcheckFinding/v1"
GITHUB_FINGERPRINT = "primaryLocationLineHash"
"""The one that GitHub tells an alert of today from one of yesterday by; it would reckon it from lines of text."""
STANDARD_INPUT = "standard-input"

Object = dict[str, Any]


def render(report: Report, *, rules: Sequence[Rule] = (), version: str = "0") -> str:
    """Return the report as ASCII JSON; `rules` explain those that were judged, `version` is the program's."""
    judged = list(dict.fromkeys((verdict.rule, verdict.name) for verdict in report.verdicts))
    known = {rule.id: rule for rule in rules}
    places = {rule: place for place, (rule, _) in enumerate(judged)}
    run = {
        "tool": {
            "driver": {
                "name": "dsrcheck",
                "semanticVersion": version,
                "rules": [_rule(rule, name, known.get(rule)) for rule, name in judged],
            }
        },
        "artifacts": [
            {"location": {"uri": _uri(capture.path)}, "roles": ["analysisTarget"]} for capture in report.captures
        ],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notifications(report))}],
        "results": [
            *(_result(finding, report, places[finding.rule]) for finding in by_severity(report.findings)),
            *(_gone(finding) for finding in (report.baseline.gone if report.baseline else ())),
        ],
        "properties": {"verdict": report.verdict},
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"


def _rule(identity: str, name: str, rule: Rule | None) -> Object:
    described: Object = {"id": identity, "name": printable(name)}
    if rule is None:
        return described
    remedy = rule.remedies(vip_values(None))
    return described | {
        "shortDescription": _text(" ".join(rule.summary.split())),
        "fullDescription": _text(" ".join(rule.why.split())),
        "help": {"text": explain(rule), "markdown": "\n".join(explanation(rule.why, remedy))},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(finding: Finding, report: Report, place: int) -> Object:
    frames = finding.frames or (FrameRef(0, 1),)
    result: Object = {
        "ruleId": finding.rule,
        "ruleIndex": place,
        "level": LEVELS[finding.severity],
        "message": _text("\n".join(_told(finding, report))),
        "locations": [_location(frames[0], report) | _culprit(finding)],
        "partialFingerprints": _fingerprints(finding),
        "occurrenceCount": finding.count,
    }
    if report.baseline:
        result["baselineState"] = "unchanged" if report.is_known(finding) else "new"
    if len(frames) > 1:
        result["relatedLocations"] = [_location(frame, report, f"frame {frame.number}") for frame in frames[1:]]
    table = _table_of(finding, report.steps)
    if table:
        steps = [_step(number, step, finding, report) for number, step in enumerate(table.steps, 1)]
        told = _text(f"{table.kind} ({table.title})")
        result["codeFlows"] = [{"message": told, "threadFlows": [{"locations": steps}]}]
    return result


def _gone(finding: FormerFinding) -> Object:
    """A finding that a report of before had."""
    return {
        "ruleId": finding.rule,
        "level": LEVELS[finding.severity],
        "message": _text(f"{finding.rule} {finding.name}: {culprit(finding) or 'no culprit'}: gone"),
        "partialFingerprints": _fingerprints(finding),
        "baselineState": "absent",
    }


def _fingerprints(finding: Finding | FormerFinding) -> Object:
    digest = hashlib.sha256(repr(finding.fingerprint).encode()).hexdigest()[:32]
    return {FINGERPRINT: digest, GITHUB_FINGERPRINT: digest}


def _told(finding: Finding, report: Report) -> Iterator[str]:
    yield finding.message
    if finding.severity == "info":
        return
    facts = (
        ("Culprit", culprit(finding)),
        ("Follows from", finding.because_of),
        ("Evidence", frames_text(finding, report)),
    )
    yield from (f"{label}: {text}." for label, text in facts if text)


def _culprit(finding: Finding) -> Object:
    who = culprit(finding)
    return {"logicalLocations": [{"fullyQualifiedName": printable(who)}]} if who else {}


def _table_of(finding: Finding, tables: Iterable[StepTable]) -> StepTable | None:
    """The connection that shows a finding: one with a step that breaks the rule, else one with a frame of it."""
    mine = [table for table in tables if table.vip == finding.vip]
    breaking = [table for table in mine if any(_breaks(step, finding) for step in table.steps)]
    shown = [table for table in mine if any(step.frame in finding.frames for step in table.steps)]
    return next(iter([*breaking, *shown]), None)


def _breaks(step: Step, finding: Finding) -> bool:
    return finding.rule in step.breaks and finding.subject.mac in (None, step.src_mac, step.dst_mac)


def _step(number: int, step: Step, finding: Finding, report: Report) -> Object:
    """A step as a place in the chain of evidence."""
    text = f"{step.step} {step.role}: {step.src_ip} > {step.dst_ip}, {step.src_mac or '?'} > {step.dst_mac or '?'}"
    broken = f", breaks {', '.join(step.breaks)}" if step.breaks else ""
    location = _location(step.frame or FrameRef(0, 1), report, text + broken)
    return {
        "location": location,
        "executionOrder": number,
        "importance": "essential" if finding.rule in step.breaks else "important",
        "kinds": [printable(step.role)],
    }


def _location(frame: FrameRef, report: Report, told: str | None = None) -> Object:
    path = report.captures[frame.capture].path if report.captures else "-"
    physical = {
        "artifactLocation": {"uri": _uri(path), "index": frame.capture},
        "region": {"startLine": frame.number},
    }
    return {"physicalLocation": physical} | ({"message": _text(told)} if told else {})


def _uri(path: str) -> str:
    """A path as a relative reference, as it was given; an absolute one as a file: URI."""
    if path == "-":
        return STANDARD_INPUT
    pure = Path(os.path.normpath(path))
    return pure.as_uri() if pure.is_absolute() else quote(os.fsencode(pure.as_posix()))


def _notifications(report: Report) -> Iterator[Object]:
    """What else to know: the report's notes, and captures that were not read whole."""
    for place, capture in enumerate(report.captures):
        location = {"physicalLocation": {"artifactLocation": {"uri": _uri(capture.path), "index": place}}}
        if capture.truncated:
            yield _notification("warning", f"cut: {capture.truncated}") | {"locations": [location]}
        for note in capture.notes:
            yield _notification("note", note) | {"locations": [location]}
    for note in report.notes:
        yield _notification("note", note)


def _notification(level: str, text: str) -> Object:
    return {"level": level, "message": _text(text)}


def _text(text: str) -> Object:
    """A message. Braces with a number and `[text](target)` mean something in SARIF, but not in ours."""
    lines = "\n".join(map(printable, text.split("\n")))
    return {"text": lines.replace("](", "] (").replace("{", "{{").replace("}", "}}")}
