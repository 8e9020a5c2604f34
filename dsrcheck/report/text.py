"""The report for people: the verdict first, then who is who, then what is wrong and how to mend it, worst first.

Fits 80 columns. Everything that comes out of packets and files is made printable where lines are laid out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS, Finding, Verdict
from dsrcheck.report.arrange import Group, groups
from dsrcheck.report.layout import WIDTH, Paint, columns, flowing, paragraph, prose
from dsrcheck.report.model import OK, CaptureInfo, Host, Report, Step, StepTable, VipReport, by_severity
from dsrcheck.report.words import (
    baseline_words,
    culprit,
    culprit_lines,
    duration,
    finding_words,
    many,
    octets,
    verdict_words,
)
from dsrcheck.text import printable

HOST_LIMIT = 8
"""Hosts of one role that are listed; what is more is counted."""
CULPRIT_LIMIT = 20
"""Culprits of one rule that are listed."""
INDENT = 2
LABEL = 10
"""Column at which the text beside a label (`culprit`, `why`, `wireshark`) begins."""


def render(report: Report, *, color: bool = False, steps: bool = False) -> str:
    """Return the report as text; `steps` adds the step tables."""
    paint = Paint(color)
    sections = [
        [*_headline(report, paint), *(line for capture in report.captures for line in _capture(capture, paint))],
        [*_compared(report, paint)],
        *([*_vip(vip, paint)] for vip in report.vips),
        *_findings(report, paint),
        *([*_steps(table, paint)] for table in report.steps if steps),
        *_rules(report, paint),
        [line for note in report.notes for line in paragraph(note, LABEL, "note")],
        _hint(report),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _headline(report: Report, paint: Paint) -> Iterator[str]:
    """The verdict, and who is to blame for each kind of error: all that somebody in a hurry needs."""
    word, sentence = verdict_words(report)
    first, *rest = paragraph(f"{word}: {sentence}")
    yield first.replace(word, paint.rank(word, report.verdict), 1)
    yield from rest
    for line in culprit_lines(report):
        yield from paragraph(line, 2 * INDENT, f"{'':{INDENT}}-")


def _capture(capture: CaptureInfo, paint: Paint) -> Iterator[str]:
    facts = [
        many(capture.frames, "frame"),
        *filter(None, [duration(capture)]),
        capture.link_type,
        f"vantage: {capture.vantage}",
    ]
    if capture.dropped:
        facts.append(f"{many(capture.dropped, 'frame')} dropped")
    yield from paragraph(f"{capture.path}: {', '.join(facts)}", LABEL, "capture")
    for note in filter(None, (capture.truncated and f"cut: {capture.truncated}", *capture.notes)):
        yield from map(paint.dim, paragraph(note, LABEL))


def _compared(report: Report, paint: Paint) -> Iterator[str]:
    """What is new, and what is gone, since a report of before."""
    if report.baseline is None:
        return
    yield from paragraph(baseline_words(report), LABEL, "baseline")
    for word, findings in (("new", [report.findings[place] for place in report.new]), ("gone", report.baseline.gone)):
        for finding in findings:
            lines = paragraph(f"{word} {finding_words(finding)}", LABEL + 2, f"{'':{LABEL}}-")
            yield from (lines if word == "new" else map(paint.dim, lines))


def _vip(vip: VipReport, paint: Paint) -> Iterator[str]:
    services = ", ".join(f"{service.protocol}/{service.port}" for service in vip.services)
    facts = [vip.mode, *([services] if services else []), many(vip.flows, "flow"), many(vip.clients, "client")]
    if vip.flows:
        acknowledged = " by the clients' acks" if vip.reply_bytes_from == "acks" else ""
        facts.append(f"{octets(vip.request_bytes)} in, {octets(vip.reply_bytes)} out{acknowledged}")
    title = f"VIP {vip.address}"
    lines = paragraph(f"{title}  {', '.join(facts)}", INDENT, "")
    yield lines[0].strip().replace(printable(title), paint.bold(printable(title)), 1)
    yield from lines[1:]
    yield from map(paint.dim, _known(vip.provenance, vip.evidence, INDENT))
    yield from _hosts(vip, paint)


def _hosts(vip: VipReport, paint: Paint) -> Iterator[str]:
    """The hosts in columns; how they are known stands once below neighbours that are known alike."""
    roles = (("balancer", vip.balancers), ("server", vip.servers), ("gateway", vip.gateways))
    shown = [(role, host) for role, hosts in roles for host in hosts[:HOST_LIMIT]]
    named = any(host.name for _, host in shown)
    lines = columns([_host_cells(role, host, named) for role, host in shown], INDENT) if shown else []
    for row, ((role, host), line) in enumerate(zip(shown, lines, strict=True)):
        yield line
        following = shown[row + 1 : row + 2]
        last_of_its_kind = not following or _origin(*following[0]) != _origin(role, host)
        if last_of_its_kind and host.evidence != vip.evidence:
            yield from map(paint.dim, _known(host.provenance, _said_of(host), INDENT + LABEL))
    for role, hosts in roles:
        if len(hosts) > HOST_LIMIT:
            yield f"{'':{INDENT}}and {many(len(hosts) - HOST_LIMIT, role)} more (--format json lists them)"


def _origin(role: str, host: Host) -> tuple[str, str, tuple[str, ...]]:
    return role, host.provenance, _said_of(host)


def _said_of(host: Host) -> tuple[str, ...]:
    """How a host is known; it stands beside its MAC, which need not be said again."""
    return tuple(fact.removeprefix(f"{mac} ") for fact in host.evidence for mac in host.macs[:1])


def _host_cells(role: str, host: Host, named: bool) -> list[str]:
    served = many(host.flows, "flow") if host.flows is not None else ""
    return [role, *([host.name or ""] if named else []), " ".join(host.macs), " ".join(host.addresses), served]


def _known(provenance: str, evidence: tuple[str, ...], indent: int) -> Iterator[str]:
    """How a fact is known."""
    facts = dict.fromkeys([*([] if provenance == "inferred" else [provenance]), *evidence])
    if facts:
        yield from paragraph("; ".join(facts), indent)


def _findings(report: Report, paint: Paint) -> Iterator[list[str]]:
    for group in groups(report.findings):
        yield list(_group(group, report, paint))


def _group(group: Group, report: Report, paint: Paint) -> Iterator[str]:
    """Findings of one rule: what each culprit does, and once why it matters and how to mend it.

    Of severity info: what it tells. What follows from another finding is mended with that one, and not told again.
    """
    first = group.first
    several = f"  {group.count:,} times" if group.count > 1 else ""
    whose = f"  VIP {printable(first.vip)}" if first.vip and len(report.vips) > 1 else ""
    severity, title = first.severity.upper(), printable(f"{first.rule} {first.name}")
    yield f"{paint.rank(severity, first.severity)} {paint.bold(title)}{whose}{several}"
    for finding in group.findings[:CULPRIT_LIMIT]:
        yield from paragraph(finding.message, INDENT)
        if finding.severity != "info":
            yield from _row("culprit", culprit(finding))
            yield from _evidence(finding, report)
    if len(group.findings) > CULPRIT_LIMIT:
        more = many(len(group.findings) - CULPRIT_LIMIT, "culprit")
        yield f"{'':{INDENT}}and {more} more (--format json lists them)"
    if first.severity == "info":
        return
    if first.because_of:
        yield from _row("cause", f"follows from {first.because_of}: mend that first")
        return
    yield from _row("why", first.why)
    if first.remedy:
        yield f"{'':{INDENT}}mend"
        for platform, text in first.remedy.items():
            yield from prose(f"{platform}: {text}", 2 * INDENT)


def _row(label: str, text: str) -> list[str]:
    return paragraph(text, INDENT + LABEL, f"{'':{INDENT}}{label}") if text else []


def _evidence(finding: Finding, report: Report) -> Iterator[str]:
    """The frames, as filters to paste into Wireshark; with the capture's name where there are several."""
    captures = list(dict.fromkeys(frame.capture for frame in finding.frames))
    for row, (capture, filter_text) in enumerate(zip(captures, finding.wireshark_filters, strict=False)):
        name = f"{report.captures[capture].path}: " if len(report.captures) > 1 else ""
        yield from paragraph(name + filter_text, INDENT + LABEL, f"{'':{INDENT}}{'' if row else 'wireshark'}")


def _rules(report: Report, paint: Paint) -> Iterator[list[str]]:
    by_vip: dict[str | None, list[Verdict]] = defaultdict(list)
    for verdict in report.verdicts:
        by_vip[verdict.vip].append(verdict)
    for vip, verdicts in by_vip.items():
        title = "Rules on the capture itself" if vip is None else f"Rules for VIP {printable(vip)}"
        yield [paint.bold(title), *_rule_list(verdicts, paint)]


def _rule_list(verdicts: list[Verdict], paint: Paint) -> Iterator[str]:
    groups: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        groups[verdict.verdict].append(verdict)
    for kind in (FAIL, PASS):
        items = [f"{v.rule} {v.name} {_counts(v)}" for v in groups[kind]]
        lines = _two_columns(items)
        for row, line in enumerate(lines):
            yield f"  {paint.rank(kind, kind) if not row else '':{'' if not row else 4}}  {line}"
    by_reason: dict[str, list[str]] = defaultdict(list)
    for verdict in groups[NOT_OBSERVED]:
        by_reason[verdict.reason or "no reason given"].append(verdict.rule)
    for row, (reason, rules) in enumerate(by_reason.items()):
        if not row:
            yield "  not observed"
        yield from paragraph(f"{reason}: {' '.join(rules)}", INDENT + 4, f"{'':{INDENT + 2}}-")
    if groups[NOT_APPLICABLE]:
        yield from flowing([v.rule for v in groups[NOT_APPLICABLE]], 18, "  not applicable")


def _counts(verdict: Verdict) -> str:
    return f"({verdict.failed:,} of {verdict.checked:,})" if verdict.verdict == FAIL else f"({verdict.checked:,})"


def _two_columns(items: list[str]) -> list[str]:
    """Items down two columns where each is short enough for half a line, else one a line."""
    half = (WIDTH - 8) // 2
    if len(items) < 2 or max(map(len, items)) > half:
        return [printable(item) for item in items]
    middle = (len(items) + 1) // 2
    left, right = items[:middle], [*items[middle:], ""]
    return columns([[one, other] for one, other in zip(left, right, strict=False)])


def _steps(table: StepTable, paint: Paint) -> Iterator[str]:
    yield from map(paint.bold, paragraph(f"Steps: {table.kind} ({table.title})"))
    header = ["step", "source MAC", "destination MAC", "source IP", "destination IP", ""]
    cells = [_step_cells(step) for step in table.steps]
    lines = columns([header, *cells], gap=1)
    stacked = max(map(len, lines)) > WIDTH  # the addresses then stand on a line of their own
    if stacked:
        lines = columns([[name, src_mac, dst_mac, held] for name, src_mac, dst_mac, _, _, held in [header, *cells]])
    yield paint.dim(lines[0])
    for step, line in zip(table.steps, lines[1:], strict=True):
        yield line
        if stacked:
            yield from paragraph(f"{step.src_ip} > {step.dst_ip}", LABEL + INDENT)
        if step.verdict not in (None, OK):
            yield from paragraph(f"breaks {step.verdict}", LABEL + INDENT)


def _step_cells(step: Step) -> list[str]:
    held = {None: "", OK: OK}.get(step.verdict, "NO")
    return [f"{step.step} {step.role}", step.src_mac or "-", step.dst_mac or "-", step.src_ip, step.dst_ip, held]


def _hint(report: Report) -> list[str]:
    """Where to read on; what only tells something needs no more."""
    wrong = [finding for finding in by_severity(report.findings) if finding.severity != "info"]
    return [f"More on a rule: dsrcheck explain {wrong[0].rule}"] if wrong else []
