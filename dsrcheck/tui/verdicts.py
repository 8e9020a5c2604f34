"""The overview's texts: the verdict, who is who, the ways that flows take, how each rule stands."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from dsrcheck.exchange.throughput import Load, bit_rate
from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS, Finding, Verdict
from dsrcheck.report.model import CaptureInfo, Host, Report, VipReport, by_severity
from dsrcheck.report.words import culprit, many, octets, verdict_words
from dsrcheck.text import printable
from dsrcheck.tui.picture import is_broken, step_title
from dsrcheck.tui.signs import COLOURS, FAINT, SIGNS, STEP_COLOURS

VIP_LIMIT = 24
"""VIPs drawn in full; further ones are counted."""
HOST_LIMIT = 12
WAY_LIMIT, STEP_LIMIT = 4, 8
FAMILIES = {
    "1": "forward", "2": "reply", "3": "ARP, NDP", "4": "network", "5": "MTU", "6": "ICMP", "7": "worth",
    "9": "capture",
}  # fmt: skip
"""First digit of a rule's number -> what its family is about."""
WIDEST_BAR = 40
BAR_LABEL = 46
"""Columns that a rate takes before its bar."""


def headline(report: Report) -> Content:
    """The verdict in a sentence, and who is to blame for each kind of error."""
    word, sentence = verdict_words(report)
    lines = [Content.assemble((f"{SIGNS[report.verdict]} {word}", f"bold {COLOURS[report.verdict]}"), f"  {sentence}")]
    errors = [finding for finding in by_severity(report.findings) if finding.severity == "error"]
    for finding in [finding for finding in errors if finding.because_of is None][:4]:
        who = culprit(finding)
        lines.append(Content.assemble(
            ("  ✗ ", COLOURS["error"]), (f"{finding.rule} {finding.name}", "bold"), f"  {who}" if who else "",
        ))  # fmt: skip
    entailed = sum(finding.because_of is not None for finding in errors)
    if entailed:
        follow = "follows" if entailed == 1 else "follow"
        lines.append(Content.styled(f"    and {many(entailed, 'more error')} that {follow} from this", FAINT))
    several = len(report.captures) > 1
    lines += [Content.styled(capture_line(capture, several), FAINT) for capture in report.captures[:4]]
    for capture in report.captures:
        if capture.truncated:
            cut = printable(f"! {capture.path} is cut: {capture.truncated}")
            lines.append(Content.styled(cut, COLOURS["warning"]))
    return Content("\n").join(lines)


def capture_line(capture: CaptureInfo, named: bool) -> str:
    """A capture in a line; of one alone the title tells the name."""
    facts = [many(capture.frames, "frame"), octets(capture.bytes), capture.link_type, f"vantage: {capture.vantage}"]
    if capture.first_time and capture.last_time:
        facts.append(f"{capture.first_time[:19].replace('T', ' ')} to {capture.last_time[11:19]} UTC")
    if capture.dropped:
        facts.append(f"{capture.dropped:,} dropped")
    name = f"{capture.path}: " if named else ""
    return printable(name + ", ".join(facts))


def who_is_who(vip: VipReport, report: Report, load: Load | None, width: int) -> Content:
    """A VIP's balancers, servers and gateways, each with what is wrong with it, and what it carries."""
    services = " ".join(f"{service.protocol}/{service.port}" for service in vip.services)
    mode = "mode unknown" if vip.mode == "unknown" else vip.mode
    about = f"  {many(vip.flows, 'flow')} of {many(vip.clients, 'client')}"
    title = Content.assemble((f"VIP {printable(vip.address)}", "bold"), f"  {mode}  {services}", (about, FAINT))
    known = [*([] if vip.provenance == "inferred" else [vip.provenance]), *vip.evidence[:2]]
    lines = [title, *(Content.styled(f"  {printable(fact)}", FAINT) for fact in known)]
    roles = (("balancer", vip.balancers), ("server", vip.servers), ("gateway", vip.gateways))
    for role, hosts in roles:
        lines += [_host(role, host, vip, report) for host in hosts[:HOST_LIMIT]]
        if len(hosts) > HOST_LIMIT:
            lines.append(Content.styled(f"    and {many(len(hosts) - HOST_LIMIT, role)} more", FAINT))
    return Content("\n").join([*lines, *_savings(vip, load, min(WIDEST_BAR, width - BAR_LABEL))])


def _host(role: str, host: Host, vip: VipReport, report: Report) -> Content:
    blamed = _blamed(host, vip, report)
    worst = blamed[0].severity if blamed else ""
    sign = SIGNS[worst] if worst else " "
    name = printable(host.name or "")
    where = "  ".join(filter(None, (name, " ".join(host.macs[:2]), " ".join(host.addresses[:2]))))
    more = len(host.macs) - 2
    rules = " ".join(dict.fromkeys(finding.rule for finding in blamed))
    served = many(host.flows, "flow") if host.flows is not None else ""
    return Content.assemble(
        (f"  {sign} ", COLOURS.get(worst, "")), (f"{role:<8}", "bold"), f"  {where}",
        (f" +{more}" if more > 0 else "", FAINT), (f"  {served}" if served else "", FAINT),
        (f"  {rules}", COLOURS.get(worst, "")),
    )  # fmt: skip


def _blamed(host: Host, vip: VipReport, report: Report) -> list[Finding]:
    """Errors and warnings on this VIP that name the host as culprit, worst first."""
    return [
        finding
        for finding in by_severity(report.findings)
        if finding.vip == vip.address and finding.severity != "info" and finding.subject.mac in host.macs
    ]


def _savings(vip: VipReport, load: Load | None, room: int) -> list[Content]:
    """What the balancer has to carry with direct return, beside what it would have to carry without."""
    acks = ", by the clients' acks" if vip.reply_bytes_from == "acks" else ""
    lines = [Content.styled(f"  {octets(vip.request_bytes)} requested, {octets(vip.reply_bytes)} replied{acks}", FAINT)]
    if load is None or not load.known:
        return lines
    most = max(load.rate_without_dsr, 1.0)
    rows = (("with DSR", load.rate_with_dsr, "$success"), ("without", load.rate_without_dsr, FAINT))
    for place, (title, rate, colour) in enumerate(rows):
        label = "through the balancer" if not place else ""
        bar = "█" * round(max(room, 1) * rate / most) or "▏"
        lines.append(Content.assemble(f"  {label:<20}  {title:<8} {bit_rate(rate):>12} ", (bar, colour)))
    return lines


def ways(vip: VipReport, report: Report) -> Content:
    """The ways that the VIP's flows take, the commonest first, each by the steps of one of them."""
    lines: list[Content] = []
    for table in [table for table in report.steps if table.vip == vip.address][:WAY_LIMIT]:
        lines += [Content(""), Content.assemble((printable(table.kind), "bold"), (f"  {table.title}", FAINT))]
        for step in table.steps[:STEP_LIMIT]:
            broken = is_broken(step)
            colour = COLOURS[FAIL] if broken else STEP_COLOURS.get(step.step, "")
            ends = f"{step.src_mac or 'no MAC':<17} → {step.dst_mac or 'no MAC':<17}  {step.src_ip} → {step.dst_ip}"
            verdict = f"✗ {step.verdict}" if broken else "✓" if step.verdict else ""
            lines.append(Content.assemble((f"  {step_title(step):<10} ", colour), ends, (f"  {verdict}", colour)))
    return Content("\n").join(lines)


def matrix(verdicts: list[Verdict], named: bool) -> Content:
    """How each rule stands, a line a family: sign and number; with names where there is room, and the failed first."""
    counts = {
        kind: sum(verdict.verdict == kind for verdict in verdicts)
        for kind in (FAIL, PASS, NOT_OBSERVED, NOT_APPLICABLE)
    }
    words = {FAIL: "failed", PASS: "passed", NOT_OBSERVED: "not observed", NOT_APPLICABLE: "not applicable"}
    legend = Content("  ").join(
        Content.styled(f"{SIGNS[kind]} {count} {words[kind]}", COLOURS[kind]) for kind, count in counts.items()
    )
    lines = [legend]
    families: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        digits = "".join(filter(str.isdigit, verdict.rule))
        families.setdefault(digits[:1], []).append(verdict)
    for family, members in sorted(families.items()):
        cells = [Content.styled(_cell(verdict), COLOURS[verdict.verdict]) for verdict in members]
        lines.append(Content.assemble((f"{FAMILIES.get(family, 'others'):<9}", FAINT), Content(" ").join(cells)))
    lines += [Content(""), *_unseen(verdicts)]
    if named:
        lines += [Content(""), *_named(verdicts)]
    return Content("\n").join(lines)


def _unseen(verdicts: list[Verdict]) -> Iterable[Content]:
    """Why rules are not observed, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.verdict == NOT_OBSERVED:
            by_reason.setdefault(verdict.reason or "no reason given", []).append(verdict.rule.removeprefix("DSR"))
    for reason, rules in by_reason.items():
        yield Content.assemble((f"? {printable(' '.join(rules))}  ", COLOURS[NOT_OBSERVED]), (printable(reason), FAINT))


def _cell(verdict: Verdict) -> str:
    number = verdict.rule.removeprefix("DSR")
    return f"{SIGNS[verdict.verdict]}{printable(number, 12)}"


def _named(verdicts: list[Verdict]) -> Iterable[Content]:
    """Rules that were judged, with their names and for how many subjects."""
    for verdict in sorted(verdicts, key=lambda verdict: verdict.verdict != FAIL):
        if verdict.verdict in (FAIL, PASS):
            counted = (
                f"{verdict.failed:,} of {verdict.checked:,}" if verdict.verdict == FAIL else f"{verdict.checked:,}"
            )
            sign = SIGNS[verdict.verdict]
            yield Content.assemble(
                (f"{sign} {verdict.rule} ", COLOURS[verdict.verdict]), f"{printable(verdict.name)}  ", (counted, FAINT)
            )


def notes(report: Report) -> Content:
    """What else to know."""
    more = len(report.vips) - VIP_LIMIT
    lines = [f"and {many(more, 'VIP')} more"] * (more > 0)
    lines += [printable(note) for note in report.notes]
    lines += [printable(f"{capture.path}: {note}") for capture in report.captures for note in capture.notes]
    return Content("\n").join(Content.styled(line, FAINT) for line in lines)
