"""What the renderers for people say alike: the verdict in a sentence, the culprit, the frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from dsrcheck.findings import FAIL, PASS, SEVERITIES, Finding, FormerFinding
from dsrcheck.report.model import CaptureInfo, Report, VipReport, by_severity

NAMED_LIMIT = 3
"""VIPs, and culprits of one rule, that a sentence names; what is more is counted."""


def many(count: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun: `1 frame`, `1,203 frames`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def octets(count: int) -> str:
    """A number of bytes with a unit of thousands, three digits or so."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            return f"{count} B" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    raise AssertionError


def listing(items: Sequence[str]) -> str:
    """The first few of many items, and how many more there are."""
    more = len(items) - NAMED_LIMIT
    return ", ".join(items[:NAMED_LIMIT]) + (f" and {more} more" if more > 0 else "")


def verdict_words(report: Report) -> tuple[str, str]:
    """The verdict in a word or two, and the sentence that says what it rests on."""
    vips = listing([f"{vip.address} ({vip.mode})" for vip in report.vips])
    counts = [
        many(number, severity)
        for severity in SEVERITIES[:2]
        if (number := sum(finding.severity == severity for finding in report.findings))
    ]
    found = f"; {' and '.join(counts)}" if counts else ""
    if report.verdict == FAIL:
        return "FAIL", " and ".join(counts) + (f" for {vips}" if vips else "")
    if report.nothing_to_check:
        where = "this capture" if len(report.captures) == 1 else "these captures"
        return "NOTHING TO CHECK", f"no balanced traffic in {where}{found}"
    if report.verdict == PASS:
        proved = [f"{vip.address} ({vip.mode})" for vip in report.vips if all(report.proved_paths(vip))]
        rest = len(report.vips) - len(proved)
        others = f"; not enough seen of {many(rest, 'other VIP')}" if rest else ""
        return "PASS", f"{listing(proved)}: the forward path and the reply path are right{others}{found}"
    unproved = sorted({path for vip in report.vips for path in _unproved_paths(report, vip)})
    seen = "no error seen, but not enough to call it right"
    return "INCONCLUSIVE", f"{vips}: {seen}: {' and '.join(unproved)} not proved{found}"


def _unproved_paths(report: Report, vip: VipReport) -> Iterator[str]:
    for path, proved in zip(("forward path", "reply path"), report.proved_paths(vip), strict=True):
        if not proved:
            yield path


def culprit_lines(report: Report) -> list[str]:
    """Who is to blame for each kind of error, a line a rule, and how many errors follow from these."""
    errors = [finding for finding in by_severity(report.findings) if finding.severity == "error"]
    culprits: dict[str, list[str]] = defaultdict(list)
    for finding in errors:
        if finding.because_of is None:
            culprits[finding.name].append(culprit(finding) or "see below")
    lines = [f"{name}: {listing(named)}" for name, named in culprits.items()]
    entailed = sum(finding.because_of is not None for finding in errors)
    verb = "follows" if entailed == 1 else "follow"
    return [*lines, *([f"{many(entailed, 'more error')} that {verb} from this"] if entailed else [])]


def duration(capture: CaptureInfo) -> str:
    """How long a capture lasts, and from when; empty where it has no times."""
    if not (capture.first_time and capture.last_time):
        return ""
    seconds = (_moment(capture.last_time) - _moment(capture.first_time)).total_seconds()
    return f"{seconds:,.1f} s from {capture.first_time[:19].replace('T', ' ')} UTC"


def _moment(time: str) -> datetime:
    """A time of the report, to the microsecond: datetime knows no nanoseconds."""
    return datetime.fromisoformat(time[:26])


def culprit(finding: Finding | FormerFinding) -> str:
    """Whose behaviour or settings must change, in one line; empty when it is not known."""
    subject = finding.subject
    return " ".join(part for part in (subject.role, subject.mac, subject.address) if part)


def frames_of(finding: Finding) -> dict[int, list[int]]:
    """Position of a capture -> the frames in it that show the finding."""
    found: dict[int, list[int]] = defaultdict(list)
    for frame in finding.frames:
        found[frame.capture].append(frame.number)
    return dict(found)


def frames_text(finding: Finding, report: Report) -> str:
    """The frames in words: `frames 12, 40 of segment.pcap`; empty when there are none."""
    return "; ".join(
        f"frame{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))} of {report.captures[capture].path}"
        for capture, numbers in frames_of(finding).items()
    )


def baseline_words(report: Report) -> str:
    """How the findings stand against a report of before; empty where there is none."""
    if report.baseline is None:
        return ""
    known = sum(finding.severity != "info" for finding in report.findings) - len(report.new)
    counts = f"{len(report.new):,} new, {known:,} known, {len(report.baseline.gone):,} gone"
    return f"findings since the report of before: {counts}"


def finding_words(finding: Finding | FormerFinding) -> str:
    """A finding in one line: rule, VIP and culprit."""
    whose = f" for {finding.vip}" if finding.vip else ""
    return f"{finding.severity} {finding.rule} {finding.name}{whose}: {culprit(finding) or 'no culprit'}"
