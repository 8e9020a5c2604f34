"""What a case, or a test, may assert of a report: of its verdict, of a VIP, of rules, of the number of findings.

Each kind answers `broken(report)`: None when it holds, else what is so instead, naming rule, culprit and frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dsrcheck.findings import FAIL, PASS, Finding, Verdict
from dsrcheck.records import dataclass
from dsrcheck.report.model import Report, VipReport
from dsrcheck.report.words import culprit, many

EACH, ANY, NONE = "each", "any", "none"
FRAME_LIMIT = 8
FINDING_LIMIT = 5
_SAYS = {PASS: "passes", FAIL: "fails", "not-observed": "is not observed", "not-applicable": "is not applicable"}


class Assertion(Protocol):
    """One statement on a report; `line`: where it stands in its file."""

    @property
    def line(self) -> int: ...

    @property
    def title(self) -> str:
        """The statement in a few words."""

    def broken(self, report: Report) -> str | None:
        """Return why it does not hold, or None."""


@dataclass(frozen=True)
class ReportVerdict:
    """The report as a whole: pass, fail or inconclusive."""

    line: int
    verdict: str

    @property
    def title(self) -> str:
        return f"report: {self.verdict}"

    def broken(self, report: Report) -> str | None:
        if report.verdict == self.verdict:
            return None
        errors = [finding for finding in report.findings if finding.severity == "error"]
        return f"the report's verdict is {report.verdict}, not {self.verdict}{_listed(errors)}"


@dataclass(frozen=True)
class VipFacts:
    """A VIP: one of some modes, and exactly these servers and balancers (their MACs or addresses). None: whatever."""

    line: int
    vip: str
    modes: tuple[str, ...] = ()
    servers: frozenset[str] | None = None
    balancers: frozenset[str] | None = None

    @property
    def title(self) -> str:
        facts = [f"mode {' or '.join(self.modes)}"] if self.modes else []
        facts += [role for role in ("servers", "balancers") if getattr(self, role) is not None]
        return ", ".join(facts)  # without the VIP: an IPv6 address would cut a test's name in two

    def broken(self, report: Report) -> str | None:
        vip = next((vip for vip in report.vips if vip.address == self.vip), None)
        if vip is None:
            return f"{self.vip} is not found to be a VIP; found: {', '.join(v.address for v in report.vips) or 'none'}"
        wrong = [*self.wrong_mode(vip), *self.wrong_hosts(vip, "server"), *self.wrong_hosts(vip, "balancer")]
        return f"VIP {self.vip}: {'; '.join(wrong)}" if wrong else None

    def wrong_mode(self, vip: VipReport) -> Iterable[str]:
        if self.modes and vip.mode not in self.modes:
            yield f"mode is {vip.mode}, not {' or '.join(self.modes)}"

    def wrong_hosts(self, vip: VipReport, role: str) -> Iterable[str]:
        """Say which hosts are missing, and which are too many."""
        wanted: frozenset[str] | None = getattr(self, f"{role}s")
        if wanted is None:
            return
        names = [frozenset((*host.macs, *host.addresses)) for host in getattr(vip, f"{role}s")]
        seen = frozenset(name for host in names for name in host)
        yield from (f"{role} {name} is not there" for name in sorted(wanted - seen))
        yield from (f"{role} {' '.join(sorted(host))} is not expected" for host in names if not host & wanted)


@dataclass(frozen=True)
class RuleVerdict:
    """Rules have a verdict: each of them, any of them, or none; of a failing one, who is to blame and some frames.

    A rule passes when it passes for some VIP (or for `vip`) and fails for none.
    culprits: exactly whom the findings name, by MAC or address; frames: numbers that are among the findings' frames
    """

    line: int
    rules: tuple[str, ...]
    verdict: str
    how: str = EACH
    vip: str | None = None
    culprits: frozenset[str] | None = None
    frames: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        if self.how == NONE:
            return f"no {self.verdict} of {', '.join(self.rules)}"
        return f"{(' or ' if self.how == ANY else ', ').join(self.rules)}: {self.verdict}"

    def broken(self, report: Report) -> str | None:
        holding = [rule for rule in self.rules if self.holds(report, rule)]
        if self.how == NONE:
            return self.told(report, holding, f"must not {_infinitive(self.verdict)}") if holding else None
        if self.how == ANY and not holding:
            return self.told(report, self.rules, f"one of {', '.join(self.rules)} must {_infinitive(self.verdict)}")
        others = [rule for rule in self.rules if rule not in holding]
        if self.how == EACH and others:
            return self.told(report, others, f"must {_infinitive(self.verdict)}")
        return self.wrong_evidence([finding for finding in self.findings(report) if finding.rule in holding])

    def holds(self, report: Report, rule: str) -> bool:
        seen = {verdict.verdict for verdict in self.verdicts(report, rule)}
        # Not so for NONE: a rule that fails for one VIP may still pass wrongly for another.
        return self.verdict in seen and not (self.verdict == PASS and FAIL in seen and self.how != NONE)

    def verdicts(self, report: Report, rule: str) -> list[Verdict]:
        return [v for v in report.verdicts if v.rule == rule and (self.vip is None or v.vip in (None, self.vip))]

    def findings(self, report: Report) -> list[Finding]:
        return [f for f in report.findings if f.rule in self.rules and (self.vip is None or f.vip in (None, self.vip))]

    def told(self, report: Report, rules: Iterable[str], wanted: str) -> str:
        """What the rules say instead."""
        states = "; ".join(self.state(report, rule) for rule in rules)
        found = [finding for finding in self.findings(report) if finding.rule in tuple(rules)]
        return f"{states}, but {wanted}{_listed(found)}"

    def state(self, report: Report, rule: str) -> str:
        said = dict.fromkeys(
            f"{_SAYS[v.verdict]}{f' ({v.reason})' if v.reason else ''}" for v in self.verdicts(report, rule)
        )
        return f"{rule} {' and '.join(said) or 'has no verdict'}"

    def wrong_evidence(self, findings: list[Finding]) -> str | None:
        named = frozenset(
            name for finding in findings for name in (finding.subject.mac, finding.subject.address) if name
        )
        if self.culprits is not None:
            missed = self.culprits - named
            blamed = [f for f in findings if not {f.subject.mac, f.subject.address} & self.culprits]
            if missed or blamed:
                whom = f"{' and '.join(self.rules)} must blame {', '.join(sorted(self.culprits))} and nobody else"
                return f"{whom}{_listed(findings)}"
        frames = {frame.number for finding in findings for frame in finding.frames}
        missing = [number for number in self.frames if number not in frames]
        if missing:
            numbers = ", ".join(map(str, missing))
            return f"{' and '.join(self.rules)} must stand on frame {numbers} too{_listed(findings)}"
        return None


@dataclass(frozen=True)
class FindingCount:
    """How many findings there are of some rules, or of a severity besides those of some rules."""

    line: int
    count: int
    rules: tuple[str, ...] = ()
    severity: str | None = None
    besides: tuple[str, ...] = ()
    vip: str | None = None

    @property
    def title(self) -> str:
        what = " or ".join(self.rules) or f"severity {self.severity}"
        besides = f" besides {', '.join(self.besides)}" if self.besides else ""
        return f"{many(self.count, 'finding') if self.count else 'no finding'} of {what}{besides}"

    def broken(self, report: Report) -> str | None:
        found = [finding for finding in report.findings if self.counts(finding)]
        if len(found) == self.count:
            return None
        return f"{many(len(found), 'finding')} instead of {self.title}{_listed(found)}"

    def counts(self, finding: Finding) -> bool:
        mine = finding.rule in self.rules if self.rules else finding.severity == self.severity
        return mine and finding.rule not in self.besides and (self.vip is None or finding.vip in (None, self.vip))


def _infinitive(verdict: str) -> str:
    return verdict if verdict in (PASS, FAIL) else f"be {verdict}"


def _listed(findings: list[Finding]) -> str:
    """The first few findings, a line each."""
    lines = [f"\n  {describe(finding)}" for finding in findings[:FINDING_LIMIT]]
    more = len(findings) - FINDING_LIMIT
    return "".join(lines) + (f"\n  and {many(more, 'finding')} more" if more > 0 else "")


def describe(finding: Finding) -> str:
    """A finding in one line: rule, severity, VIP, culprit, message, frames."""
    parts = [f"{finding.rule} {finding.name} ({finding.severity})", *([f"for {finding.vip}"] if finding.vip else [])]
    whose = culprit(finding)
    parts += [f"culprit {whose}"] if whose else []
    return f"{', '.join(parts)}: {finding.message}{in_brackets(finding)}"


def in_brackets(finding: Finding) -> str:
    """The first few frames of a finding, with their captures where there are several; nothing when it has none."""
    if not finding.frames:
        return ""
    several = len({frame.capture for frame in finding.frames}) > 1
    shown = [f"{frame.capture}:{frame.number}" if several else str(frame.number) for frame in finding.frames]
    more = len(shown) - FRAME_LIMIT
    rest = f" and {more} more" if more > 0 else ""
    return f" (frame{'s' * (len(shown) > 1)} {', '.join(shown[:FRAME_LIMIT])}{rest})"
