"""The report in Markdown, for a merge request's comment or a step summary: what is broken first, the rest folded away.

For the dialects of GitHub and GitLab. Nothing from packets, files or names becomes markup, a link or a mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS, Finding, Verdict
from dsrcheck.report.arrange import Group, blocks, groups, matrix
from dsrcheck.report.model import INCONCLUSIVE, Host, Report, VipReport
from dsrcheck.report.words import baseline_words, culprit, finding_words, frames_of, many, octets, verdict_words
from dsrcheck.text import printable

SIGNS = {
    FAIL: "❌", PASS: "✅", INCONCLUSIVE: "❔", NOT_OBSERVED: "❔", NOT_APPLICABLE: "–",
    "error": "❌", "warning": "⚠️", "info": "ℹ️",
}  # fmt: skip
CULPRIT_LIMIT = 10
"""Culprits of one rule that are listed; a comment has room for 65,536 characters."""
HOST_LIMIT = 8

_ADDRESS = re.compile(
    r"(?<![\w.:])((?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|(?<=::))|\d{1,3}(?:\.\d{1,3}){3})(?!\w|:\w)"
)
"""A MAC or IP address in a sentence. They stand as code: `:100:` of an IPv6 address would become a picture."""
_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~#&$!]|^[-+=]|(?<=\d)\.(?= )|:(?=//)")


def render(report: Report) -> str:
    """Return the report as Markdown."""
    word, sentence = verdict_words(report)
    shown = groups(report.findings)
    sections = [
        [f"## {SIGNS[report.verdict]} {word}: {prose(sentence)}"],
        _captures(report),
        _vips(report),
        _compared(report),
        *(_group(group, report) for group in shown if group.first.severity != "info"),
        [f"- {SIGNS['info']} {prose(group.first.message)}" for group in shown if group.first.severity == "info"],
        [f"> {prose(note)}" for note in report.notes],
        _matrix(report),
    ]
    return "\n\n".join("\n".join(section) for section in map(list, sections) if section) + "\n"


def prose(text: str) -> str:
    """Text that is read as text, on one line; addresses in it stand as code."""
    parts = _ADDRESS.split(printable(" ".join(text.split())))
    return "".join(code(part) if place % 2 else _escape(part) for place, part in enumerate(parts))


def _escape(text: str) -> str:
    # A mention or a reference is looked for in what is shown, whatever was escaped: an empty comment breaks it.
    return re.sub(r"@|www(?=\.)", r"\g<0><!-- -->", _MARKUP.sub(r"\\\g<0>", text))


def code(text: str, in_table: bool = False) -> str:
    """Text as code, on one line; a table would split it at a bar."""
    safe = printable(text).replace("|", "\\|") if in_table else printable(text)
    fence = "`" * (max(map(len, re.findall("`+", safe)), default=0) + 1)
    pad = " " if safe.startswith("`") or safe.endswith("`") else ""
    return f"{fence}{pad}{safe}{pad}{fence}" if safe else ""


def _captures(report: Report) -> Iterator[str]:
    for place, capture in enumerate(report.captures):
        if place:
            yield ""
        facts = [many(capture.frames, "frame"), capture.link_type, f"vantage: {capture.vantage}"]
        cut = f" **Cut**: {prose(capture.truncated)}" if capture.truncated else ""
        yield f"{code(capture.path)}: {prose(', '.join(facts))}.{cut}"


def _compared(report: Report) -> Iterator[str]:
    """How the findings stand against a report of before."""
    if report.baseline:
        yield f"**Baseline**: {prose(baseline_words(report))}."
        if report.baseline.gone:
            yield ""
        for finding in report.baseline.gone:
            yield f"- ~~{prose(finding_words(finding))}~~"


def _vips(report: Report) -> Iterator[str]:
    if not report.vips:
        return
    yield "| VIP | mode | service | balancer | servers | flows | in | out |"
    yield "|---|---|---|---|---|--:|--:|--:|"
    for vip in report.vips:
        yield f"| {' | '.join(_vip_cells(vip))} |"


def _vip_cells(vip: VipReport) -> Iterator[str]:
    yield code(vip.address, in_table=True)
    yield prose(vip.mode)
    yield prose(", ".join(f"{service.protocol}/{service.port}" for service in vip.services))
    yield _hosts(vip.balancers)
    yield _hosts(vip.servers)
    yield f"{vip.flows:,}"
    yield octets(vip.request_bytes)
    yield octets(vip.reply_bytes)


def _hosts(hosts: tuple[Host, ...]) -> str:
    cells = [
        " ".join(
            [
                *([prose(host.name)] if host.name else []),
                *(code(text, in_table=True) for text in host.addresses or host.macs),
            ]
        )
        for host in hosts[:HOST_LIMIT]
    ]
    more = len(hosts) - HOST_LIMIT
    return "<br>".join([*cells, *([f"and {more} more"] if more > 0 else [])])


def _group(group: Group, report: Report) -> Iterator[str]:
    """Findings of one rule: who did what, seen where; then once why it matters and how to mend it."""
    first = group.first
    vip = f" for {code(first.vip)}" if first.vip and len(report.vips) > 1 else ""
    cause = f" – follows from {prose(first.because_of)}" if first.because_of else ""
    yield f"### {SIGNS[first.severity]} {prose(f'{first.rule} {first.name}')}{vip}{cause}"
    yield ""
    for finding in group.findings[:CULPRIT_LIMIT]:
        yield from _finding(finding, report)
    more = len(group.findings) - CULPRIT_LIMIT
    if more > 0:
        yield f"- and {many(more, 'culprit')} more"
    yield from _folded("Why it matters, and how to mend it", explanation(first.why, first.remedy))


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    known = "*known* " if report.is_known(finding) else ""
    yield f"- {known}{prose(finding.message)}"
    who = culprit(finding)
    if who:
        yield f"  - culprit: {prose(who)}"
    for capture, filter_text in zip(frames_of(finding), finding.wireshark_filters, strict=False):
        where = f" in {code(report.captures[capture].path)}" if len(report.captures) > 1 else ""
        yield f"  - Wireshark: {code(filter_text)}{where}"


def explanation(why: str, remedy: Mapping[str, str]) -> Iterator[str]:
    """Lines that say why a rule matters and, platform by platform, how to mend what breaks it."""
    yield prose(why)
    for platform, text in remedy.items():
        yield ""
        yield f"**{prose(platform)}**"
        for block in blocks(text):
            yield ""
            yield from _fenced(block.text.split("\n")) if block.is_command else [prose(block.text)]


def _fenced(lines: Iterable[str]) -> Iterator[str]:
    safe = [printable(line.strip()) for line in lines]
    fence = "`" * max(3, max(map(len, re.findall("`+", "\n".join(safe))), default=0) + 1)
    yield from (fence, *safe, fence)


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{title}</summary>", "", *lines, "", "</details>")


def _matrix(report: Report) -> Iterator[str]:
    if not report.verdicts:
        return
    columns = list(dict.fromkeys(verdict.vip for verdict in report.verdicts))
    heads = ["capture" if vip is None else code(vip, in_table=True) for vip in columns]
    table = [f"| rule | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for row in matrix(report):
        cells = [_cell(row.verdicts[vip]) if vip in row.verdicts else "" for vip in columns]
        table.append(f"| {prose(f'{row.rule} {row.name}')} | {' | '.join(cells)} |")
    yield from list(_folded("All rules", table))[1:]


def _cell(verdict: Verdict) -> str:
    sign = SIGNS[verdict.verdict]
    if verdict.verdict == FAIL:
        return f"{sign} {verdict.failed:,} of {verdict.checked:,}"
    return f"{sign} {verdict.checked:,}" if verdict.verdict == PASS else f"{sign} {prose(verdict.reason or '')}"
