"""What changes from one snapshot to the next: findings that appear, and findings that are over.

A finding is over when its evidence has aged away, or when its rule no longer fails for its culprit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from dsrcheck.findings import Finding
from dsrcheck.live.model import Snapshot
from dsrcheck.records import dataclass
from dsrcheck.report.model import by_severity

Key = tuple[str, str | None, str | None]
"""Rule, VIP, and MAC (or address) of the culprit: its role may turn out to be another, and it is the same finding."""


@dataclass(frozen=True)
class Standing:
    """A finding that stands: as it is now, and since when (ns)."""

    finding: Finding
    since: int


@dataclass(frozen=True)
class News:
    """A finding that has appeared at `time` (ns of the capture), or is over after it stood since `since`."""

    time: int
    since: int
    finding: Finding
    over: bool

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return (self.time - self.since) / 1e9


@dataclass(frozen=True)
class Seen:
    """What a watch has told so far. `standing`: the findings of the last snapshot. `severities`: of all that ever were.

    `balanced`: whether there ever was balanced traffic.
    """

    standing: Mapping[Key, Standing] = field(default_factory=lambda: MappingProxyType({}))
    severities: frozenset[str] = frozenset()
    balanced: bool = False


def compare(seen: Seen, snapshot: Snapshot) -> tuple[Seen, tuple[News, ...]]:
    """What is new in a snapshot: what is over first, then what has appeared, worst first."""
    report, now = snapshot.analysis.report, snapshot.now or 0
    findings = {_key(finding): finding for finding in by_severity(report.findings)}
    over = [
        News(now, stood.since, stood.finding, over=True) for key, stood in seen.standing.items() if key not in findings
    ]
    fresh = [News(now, now, finding, over=False) for key, finding in findings.items() if key not in seen.standing]
    standing = {
        key: Standing(finding, seen.standing[key].since if key in seen.standing else now)
        for key, finding in findings.items()
    }
    severities = seen.severities | {finding.severity for finding in report.findings}
    balanced = seen.balanced or not report.nothing_to_check
    return Seen(MappingProxyType(standing), severities, balanced), (*over, *fresh)


def _key(finding: Finding) -> Key:
    return finding.rule, finding.vip, finding.subject.mac or finding.subject.address
