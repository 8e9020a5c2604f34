"""The report as JUnit XML, which continuous integration shows as test results: a case for each rule and VIP.

The capture is the class name and the rule the name. What could not be judged is a skipped case that says why, so that
it is not taken for a pass; without a VIP one more case tells that there was nothing to check. The form is that of the
schema of Jenkins' xUnit plugin (junit-10.xsd).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dsrcheck.findings import NOT_APPLICABLE, NOT_OBSERVED, Finding, Verdict
from dsrcheck.report.model import Report, by_severity, failing_severities
from dsrcheck.report.words import culprit, frames_text, many, verdict_words
from dsrcheck.text import printable

NOTHING_BALANCED = "balanced-traffic"
"""Name of the case that tells that there was nothing to check."""
OUTCOMES = ("failure", "skipped")


def render(report: Report, *, fail_on: str = "error") -> str:
    """Return the report as XML in UTF-8; findings at or above the severity `fail_on` fail their case, milder ones are
    its output."""
    name = printable(", ".join(capture.path for capture in report.captures)) or "no capture"
    suites = Element("testsuites", name="dsrcheck")
    suite = SubElement(suites, "testsuite", name=name)
    suite.extend(_cases(report, name, failing_severities(fail_on)))
    counts = {outcome: str(len(suite.findall(f"testcase/{outcome}"))) for outcome in OUTCOMES}
    sums = {"tests": str(len(suite)), "failures": counts["failure"], "errors": "0"}
    for element in (suites, suite):
        element.attrib |= sums
    suite.set("skipped", counts["skipped"])  # the schema has no place for it on testsuites
    SubElement(suite, "system-out").text = _summary(report)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _cases(report: Report, name: str, failing: Sequence[str]) -> Iterator[Element]:
    for verdict in report.verdicts:
        of_vip = f" {verdict.vip}" if verdict.vip else ""
        case = _case(name, f"{verdict.rule} {verdict.name}{of_vip}")
        found = [f for f in by_severity(report.findings) if (f.rule, f.vip) == (verdict.rule, verdict.vip)]
        _judge(case, report, verdict, found, failing)
        yield case
    if report.nothing_to_check:
        case = _case(name, NOTHING_BALANCED)
        _, sentence = verdict_words(report)
        told = SubElement(case, "skipped", message=printable(sentence))
        told.text = "\n".join(map(printable, report.notes))
        yield case


def _case(name: str, rule: str) -> Element:
    return Element("testcase", classname=name, name=printable(rule))


def _judge(case: Element, report: Report, verdict: Verdict, found: Sequence[Finding], failing: Sequence[str]) -> None:
    """Say in a case how its rule stands."""
    grave = [finding for finding in found if finding.severity in failing and not report.is_known(finding)]
    mild = [finding for finding in found if finding not in grave]
    if grave:
        first, *more = grave
        others = f" And {many(len(more), 'culprit')} more." if more else ""
        failure = SubElement(case, "failure", type=first.severity, message=printable(first.message) + others)
        failure.text = "\n".join(_told(grave, report))
    elif verdict.verdict in (NOT_OBSERVED, NOT_APPLICABLE):
        reason = printable(verdict.reason or "no reason given")
        SubElement(case, "skipped", type=verdict.verdict, message=f"{verdict.verdict}: {reason}")
    if mild:
        SubElement(case, "system-out").text = "\n".join(_told(mild, report))


def _told(findings: Sequence[Finding], report: Report) -> Iterator[str]:
    """Findings of one rule in lines: what, who and where of each; once, why it matters and how to mend it."""
    for finding in findings:
        yield printable(f"{finding.severity}: {finding.message}")
        facts = (
            ("culprit", culprit(finding)),
            ("cause", f"follows from {finding.because_of}" if finding.because_of else None),
            ("evidence", frames_text(finding, report)),
            *(("wireshark", text) for text in finding.wireshark_filters),
        )
        if finding.severity != "info":
            yield from (printable(f"  {label}: {text}") for label, text in facts if text)
    first = findings[0]
    if first.severity == "info":
        return
    yield printable(f"why: {' '.join(first.why.split())}")
    for platform, text in first.remedy.items():
        yield printable(f"mend ({platform}):")
        yield from (printable(f"  {line}") for line in text.strip("\n").split("\n"))


def _summary(report: Report) -> str:
    word, sentence = verdict_words(report)
    return "\n".join(map(printable, [f"{word}: {sentence}", *report.notes]))
