"""The report: everything the program has to say, in the words and the order it is to be said in.

Renderers only lay it out. Addresses, MACs and times are text here: addresses in lower case, MACs with colons, times as
ISO 8601 UTC with nanoseconds. Nothing depends on the clock or on the machine: the same input gives the same report.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from dsrcheck.exits import Exit
from dsrcheck.findings import FAIL, PASS, SEVERITIES, Finding, Fingerprint, FormerFinding, FrameRef, Verdict
from dsrcheck.records import dataclass

SCHEMA = "dsrcheck.report/1"
INCONCLUSIVE = "inconclusive"
NEVER = "never"
OK = "ok"
FORWARD_PATH_RULES = frozenset({"DSR103"})
REPLY_PATH_RULES = frozenset({"DSR201", "DSR202"})


@dataclass(frozen=True)
class CaptureInfo:
    """One capture as it was read. `truncated`: why and where reading ended early. `dropped`: frames the file says are
    missing, None when it does not tell."""

    path: str
    frames: int
    bytes: int
    link_type: str
    vantage: str
    first_time: str | None = None
    last_time: str | None = None
    truncated: str | None = None
    dropped: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Host:
    """A balancer, server or gateway.

    `provenance`: declared, or inferred from `evidence`. `flows`: None, not counted.
    """

    role: str
    macs: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    name: str | None = None
    provenance: str = "inferred"
    evidence: tuple[str, ...] = ()
    flows: int | None = None


@dataclass(frozen=True)
class Service:
    """A protocol (its name in lower case) and port of a VIP, its mode, and how many flows there were."""

    protocol: str
    port: int
    mode: str
    flows: int


@dataclass(frozen=True)
class VipReport:
    """A VIP and who serves it.

    `reply_bytes_from`: `legs` when replies were seen, `acks` when reckoned from what the clients acknowledge.
    """

    address: str
    mode: str
    provenance: str = "inferred"
    services: tuple[Service, ...] = ()
    balancers: tuple[Host, ...] = ()
    servers: tuple[Host, ...] = ()
    gateways: tuple[Host, ...] = ()
    clients: int = 0
    flows: int = 0
    request_bytes: int = 0
    reply_bytes: int = 0
    reply_bytes_from: str = "legs"
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A row of a step table, one leg of a flow. `verdict`: OK, the rules it breaks, or None: nothing was judged.

    `frame`: the leg's first; not in the JSON report.
    """

    step: int
    role: str
    src_mac: str | None
    dst_mac: str | None
    src_ip: str
    dst_ip: str
    verdict: str | None = None
    frame: FrameRef | None = None

    @property
    def breaks(self) -> tuple[str, ...]:
        """Ids of the rules that it breaks."""
        return () if self.verdict in (None, OK) else tuple(str(self.verdict).split(", "))


@dataclass(frozen=True)
class StepTable:
    """The steps of one flow that stands for all of its kind; `flow` is its number in `dsrcheck flow`."""

    vip: str
    kind: str
    flow: int
    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Baseline:
    """What a report of before had: findings that are known therefore, and those of them that are gone."""

    known: frozenset[Fingerprint]
    gone: tuple[FormerFinding, ...]


@dataclass(frozen=True)
class Report:
    """What was read, who is who, how each rule stands, and what is wrong. `notes`: what else to know, such as how to
    capture better; `baseline`: what was wrong before, where that was told."""

    captures: tuple[CaptureInfo, ...]
    vips: tuple[VipReport, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: tuple[StepTable, ...] = ()
    notes: tuple[str, ...] = ()
    baseline: Baseline | None = None
    schema: str = field(default=SCHEMA, init=False)

    @property
    def verdict(self) -> str:
        """`fail` with an error; `pass` when a VIP's forward and reply path were proved right; else `inconclusive`."""
        if any(finding.severity == "error" for finding in self.findings):
            return FAIL
        return PASS if any(all(self.proved_paths(vip)) for vip in self.vips) else INCONCLUSIVE

    def proved_paths(self, vip: VipReport) -> tuple[bool, bool]:
        """Whether a VIP's forward path and its reply path were seen, or proved, to be right."""
        passed = {verdict.rule for verdict in self.verdicts if verdict.vip == vip.address and verdict.verdict == PASS}
        return bool(passed & FORWARD_PATH_RULES), bool(passed & REPLY_PATH_RULES)

    @property
    def nothing_to_check(self) -> bool:
        """Whether no balanced traffic was found: no VIP, or only declared ones without a flow."""
        return all(vip.provenance == "declared" and not vip.flows for vip in self.vips)

    def is_known(self, finding: Finding) -> bool:
        """Whether a report of before had the finding too; nobody is failed for it again."""
        return self.baseline is not None and finding.fingerprint in self.baseline.known

    @property
    def new(self) -> tuple[int, ...]:
        """Positions of the findings that a report of before did not have; those that only tell are left out."""
        return tuple(
            place
            for place, finding in enumerate(self.findings)
            if finding.severity != "info" and not self.is_known(finding)
        )

    def status(self, fail_on: str = "error", exit_zero: bool = False) -> Exit:
        """The exit status; `fail_on` is the least severity that fails, or `never`. Known findings fail nothing."""
        if exit_zero:
            return Exit.CLEAN
        failing = failing_severities(fail_on)
        if any(finding.severity in failing and not self.is_known(finding) for finding in self.findings):
            return Exit.FINDINGS
        return Exit.NOTHING_TO_CHECK if self.nothing_to_check else Exit.CLEAN

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON contract has it (report/schema.json)."""
        return {
            "schema": self.schema,
            "verdict": self.verdict,
            "captures": [_capture(capture) for capture in self.captures],
            "vips": [_vip(vip) for vip in self.vips],
            "verdicts": [_plain(verdict) for verdict in self.verdicts],
            "findings": [_plain(finding) for finding in self.findings],
            "steps": [_steps(table) for table in self.steps],
            "notes": list(self.notes),
        } | self._compared()

    def _compared(self) -> dict[str, Any]:
        if self.baseline is None:
            return {}
        return {"baseline": {"new": list(self.new), "gone": _plain(self.baseline.gone)}}


def failing_severities(fail_on: str) -> tuple[str, ...]:
    """The severities that fail a run; `fail_on` is the least of them, or `never`."""
    return () if fail_on == NEVER else SEVERITIES[: SEVERITIES.index(fail_on) + 1]


def by_severity(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings worst first; causes before what they entail; else in their order."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.because_of is not None)))


def _capture(capture: CaptureInfo) -> dict[str, Any]:
    fields: dict[str, Any] = _plain(capture)
    return fields | {"truncated": capture.truncated is not None, "truncation": capture.truncated}


def _vip(vip: VipReport) -> dict[str, Any]:
    hosts = {role: [_host(host) for host in getattr(vip, role)] for role in ("balancers", "servers", "gateways")}
    fields: dict[str, Any] = _plain(vip)
    return fields | hosts


def _host(host: Host) -> dict[str, Any]:
    fields: dict[str, Any] = _plain(host)
    return fields if host.flows is not None else {name: value for name, value in fields.items() if name != "flows"}


def _steps(table: StepTable) -> dict[str, Any]:
    fields: dict[str, Any] = _plain(table)
    steps = [{name: value for name, value in step.items() if name != "frame"} for step in fields["steps"]]
    return fields | {"steps": steps}


def _plain(value: Any) -> Any:
    """A frozen dataclass as dictionaries and lists, mappings in the order of their keys."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "items"):
        return {key: _plain(value[key]) for key in sorted(value)}
    return value
