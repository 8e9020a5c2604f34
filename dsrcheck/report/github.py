"""The report as workflow commands of GitHub Actions: an annotation for each finding, worst first.

GitHub shows ten errors, ten warnings and ten notices of a step. The form:
https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#setting-an-error-message
"""

from __future__ import annotations

from collections.abc import Iterator

from dsrcheck.findings import FAIL, PASS, Finding
from dsrcheck.report.model import Report, by_severity
from dsrcheck.report.words import baseline_words, culprit, frames_text, verdict_words
from dsrcheck.text import printable

COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
KNOWN = "notice"
"""For what a report of before had too (--baseline): it fails nothing."""
TITLE_LIMIT = 255
MESSAGE_LIMIT = 3000
"""Characters; GitHub cuts a message at 4,096 bytes."""


def render(report: Report) -> str:
    """Return a line for each annotation, and the verdict last, as plain text for whoever reads the log."""
    word, sentence = verdict_words(report)
    findings = sorted(by_severity(report.findings), key=report.is_known)
    lines = [_finding(finding, report) for finding in findings]
    if report.verdict not in (PASS, FAIL):  # or a run without any annotation would be taken for a pass
        lines.append(_annotation("warning", word.capitalize(), [sentence, *report.notes], _file(report, 0)))
    log = filter(None, [f"{word}: {sentence}", baseline_words(report)])
    return "\n".join([*lines, *map(printable, log)]) + "\n"


def _finding(finding: Finding, report: Report) -> str:
    title = f"{finding.rule} {finding.name}" + (f" ({finding.vip})" if len(report.vips) > 1 and finding.vip else "")
    capture = finding.frames[0].capture if finding.frames else 0
    return _annotation(
        "notice" if report.is_known(finding) else COMMANDS[finding.severity],
        title,
        _told(finding, report),
        _file(report, capture),
    )


def _told(finding: Finding, report: Report) -> Iterator[str]:
    yield finding.message
    facts = (
        ("Culprit", culprit(finding)),
        ("Follows from", finding.because_of),
        ("Evidence", frames_text(finding, report)),
    )
    if finding.severity != "info":
        yield from (f"{label}: {text}" for label, text in facts if text)
    if report.is_known(finding):
        yield "Known: the report of before has it too."
    yield f"Why it matters, and how to mend it: dsrcheck explain {finding.rule}"


def _file(report: Report, capture: int) -> str | None:
    """The file that an annotation is of; standard input is none."""
    path = report.captures[capture].path if report.captures else "-"
    return None if path == "-" else path


def _annotation(command: str, title: str, lines: Iterator[str] | list[str], file: str | None) -> str:
    facts = {"file": file, "title": printable(title, TITLE_LIMIT)}
    properties = ",".join(f"{name}={_property(text)}" for name, text in facts.items() if text)
    message = "\n".join(map(printable, lines))[:MESSAGE_LIMIT]
    return f"::{command} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
