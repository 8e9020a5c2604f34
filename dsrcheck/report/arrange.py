"""The order and the groups in which findings, verdicts and remedies are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from dsrcheck.findings import Finding, Verdict
from dsrcheck.records import dataclass
from dsrcheck.report.model import Report, by_severity


@dataclass(frozen=True)
class Group:
    """Findings of one rule and VIP, one a culprit. Why it matters and how to mend it is the same for all of them."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def count(self) -> int:
        """Subjects that broke the rule, by whomever."""
        return sum(finding.count for finding in self.findings)


def groups(findings: tuple[Finding, ...]) -> tuple[Group, ...]:
    """Findings by rule and VIP: worst first, causes before what they entail."""
    found: dict[tuple[str, str | None], list[Finding]] = defaultdict(list)
    for finding in by_severity(findings):
        found[finding.rule, finding.vip].append(finding)
    return tuple(Group(tuple(members)) for members in found.values())


@dataclass(frozen=True)
class Row:
    """A rule's verdicts, by VIP; None is the VIP of rules on the captures themselves."""

    rule: str
    name: str
    verdicts: Mapping[str | None, Verdict]


def matrix(report: Report) -> tuple[Row, ...]:
    """The verdicts, a row for each rule in the order of the report."""
    rows: dict[tuple[str, str], dict[str | None, Verdict]] = defaultdict(dict)
    for verdict in report.verdicts:
        rows[verdict.rule, verdict.name][verdict.vip] = verdict
    return tuple(Row(rule, name, verdicts) for (rule, name), verdicts in rows.items())


@dataclass(frozen=True)
class Block:
    """A paragraph of a remedy, or lines that are to be copied as they are."""

    text: str
    is_command: bool


def blocks(remedy: str) -> tuple[Block, ...]:
    """The paragraphs and commands of a remedy; a line that is indented is a command, in the indent it has."""
    return tuple(_blocks(remedy.strip("\n").split("\n")))


def _blocks(lines: Iterable[str]) -> Iterator[Block]:
    held: list[str] = []
    commands = False
    for line in [*lines, ""]:
        is_command = line[:1].isspace()
        if held and (is_command != commands or not line.strip()):
            yield Block("\n".join(held) if commands else " ".join(held), commands)
            held = []
        if line.strip():
            held.append(line.rstrip() if is_command else line.strip())
            commands = is_command
