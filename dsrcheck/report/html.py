"""The report as one page: it needs no script, no font and no image from elsewhere, and may be mailed or archived.

What it draws (`Illustrations`) is made beforehand; without it the page has no pictures. Its parts are Jinja templates
under page/, with autoescape: nothing from packets, files or names becomes markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined

from dsrcheck.findings import Finding, Verdict
from dsrcheck.records import dataclass
from dsrcheck.report.arrange import Block, Group, blocks, groups, matrix
from dsrcheck.report.illustrations import EvidenceLadder, Illustrations
from dsrcheck.report.model import Report, VipReport
from dsrcheck.report.page.ladder import Drawing, drawing
from dsrcheck.report.page.plot import Plot, plot
from dsrcheck.report.page.topology import Picture, picture
from dsrcheck.report.words import (
    baseline_words,
    culprit,
    culprit_lines,
    duration,
    finding_words,
    frames_of,
    many,
    octets,
    verdict_words,
)
from dsrcheck.text import printable

CULPRIT_LIMIT = 20
"""Culprits of one rule that are listed."""
TITLES = {
    "linux": "Linux", "windows": "Windows", "netscaler": "NetScaler", "lvs": "Linux Virtual Server",
    "network": "Network",
}  # fmt: skip


@dataclass(frozen=True)
class DrawnVip:
    """A VIP with its picture, its curve, and a ladder where no finding has one."""

    vip: VipReport
    picture: Picture | None
    plot: Plot | None
    ladders: tuple[DrawnLadder, ...]


@dataclass(frozen=True)
class DrawnLadder:
    """A ladder laid out."""

    ladder: EvidenceLadder
    drawing: Drawing


@dataclass(frozen=True)
class DrawnGroup:
    """Findings of one rule, with the ladders that show them; `elsewhere`: the rule whose ladder shows them as well."""

    group: Group
    ladders: tuple[DrawnLadder, ...]
    elsewhere: str | None = None

    @property
    def shown(self) -> tuple[Finding, ...]:
        return self.group.findings[:CULPRIT_LIMIT]

    @property
    def more(self) -> int:
        return len(self.group.findings) - len(self.shown)

    @property
    def remedy(self) -> tuple[tuple[str, tuple[Block, ...]], ...]:
        return tuple((TITLES.get(name, name), blocks(text)) for name, text in self.group.first.remedy.items())


def render(report: Report, *, illustrations: Illustrations | None = None) -> str:
    """Return the report as HTML."""
    drawn = illustrations or Illustrations()
    word, sentence = verdict_words(report)
    shown = [_group(group, drawn) for group in groups(report.findings)]
    columns = list(dict.fromkeys(verdict.vip for verdict in report.verdicts if verdict.vip))
    return _environment().get_template("page.html.jinja").render(
        report=report,
        word=word,
        sentence=sentence,
        culprits=culprit_lines(report),
        vips=[_vip(report, vip, drawn) for vip in report.vips],
        wrong=[one for one in shown if one.group.first.severity != "info"],
        told=[one.group.first for one in shown if one.group.first.severity == "info"],
        columns=columns,
        rows=matrix(report),
        notes=(*report.notes, *drawn.notes),
        compared=baseline_words(report),
    )  # fmt: skip


def _group(group: Group, drawn: Illustrations) -> DrawnGroup:
    key = group.first.rule, group.first.vip
    return DrawnGroup(group, _ladders(drawn, *key), drawn.elsewhere.get(key))


def _vip(report: Report, vip: VipReport, drawn: Illustrations) -> DrawnVip:
    traffic = next((one for one in drawn.traffic if one.vip == vip.address), None)
    curve = next((one for one in drawn.throughput if one.vip == vip.address), None)
    return DrawnVip(
        vip,
        picture(vip, traffic, _culprits(report, vip)) if traffic else None,
        plot(curve) if curve else None,
        _ladders(drawn, None, vip.address),
    )


def _culprits(report: Report, vip: VipReport) -> dict[str, list[str]]:
    """MAC -> the errors and warnings that the host with it must be mended for; what follows from others not counted."""
    found: dict[str, list[str]] = {}
    for finding in report.findings:
        to_blame = finding.severity != "info" and finding.because_of is None and finding.vip == vip.address
        if to_blame and finding.subject.mac:
            found.setdefault(finding.subject.mac, []).append(finding.rule)
    return found


def _ladders(drawn: Illustrations, rule: str | None, vip: str | None) -> tuple[DrawnLadder, ...]:
    mine = (one for one in drawn.ladders if (one.rule, one.vip) == (rule, vip))
    return tuple(DrawnLadder(one, drawing(one)) for one in mine)


def _environment() -> Environment:
    folder = resources.files(f"{__package__}.page")
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Markup is what our own macros return; everything else may have come from outside.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters |= {
        "many": many,
        "octets": octets,
        "culprit": culprit,
        "duration": duration,
        "in_a_line": finding_words,
    }
    environment.globals |= {"evidence": _evidence, "verdict_text": _verdict_text}
    return environment


def _evidence(finding: Finding, report: Report) -> Iterator[tuple[str, str]]:
    """Pairs of a capture's name, where there are several, and the filter that shows the frames in Wireshark."""
    for capture, text in zip(frames_of(finding), finding.wireshark_filters, strict=False):
        yield report.captures[capture].path if len(report.captures) > 1 else "", text


def _verdict_text(verdict: Verdict) -> str:
    """What a cell of the matrix says beside its sign."""
    if verdict.reason:
        return verdict.reason
    return f"{verdict.failed:,} of {verdict.checked:,}" if verdict.failed else f"{verdict.checked:,}"
