"""What rules come to: a verdict per rule and VIP, and the findings. The fields are those of the JSON report.

All texts are safe to print: whatever came out of packets or files is already escaped.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsrcheck.records import dataclass

PASS = "pass"
FAIL = "fail"
NOT_OBSERVED = "not-observed"
NOT_APPLICABLE = "not-applicable"

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Verdict:
    """How one rule stands for one VIP (`vip` None: for the captures as a whole).

    checked counts the subjects judged on evidence, failed those of them that broke the rule; reason tells why nothing
    could be judged, and is None where something was.
    """

    rule: str
    name: str
    vip: str | None
    verdict: str
    checked: int = 0
    failed: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Subject:
    """The culprit: the host whose behaviour or settings must change, as far as it is known."""

    role: str | None = None
    mac: str | None = None
    address: str | None = None


@dataclass(frozen=True, order=True)
class FrameRef:
    """A frame: position of its capture, and its number in it, from 1 as Wireshark counts."""

    capture: int
    number: int


Fingerprint = tuple[str, str | None, str | None]
"""Rule, VIP and culprit: what stays of a finding from one capture to the next, when counts and frames do not."""


@dataclass(frozen=True)
class FormerFinding:
    """A finding of a report of before."""

    rule: str
    name: str
    severity: str
    vip: str | None
    subject: Subject

    @property
    def fingerprint(self) -> Fingerprint:
        return self.rule, self.vip, self.subject.mac or self.subject.address


@dataclass(frozen=True)
class Finding:
    """What is wrong, who the culprit is, why it matters, the frames that show it, and how to mend it.

    count: subjects (such as connections) that this one culprit broke the rule for
    because_of: the rule whose failure on the same VIP entails this one
    wireshark_filters: a display filter for each capture that has `frames`, in their order
    remedy: platform -> text
    """

    rule: str
    name: str
    severity: str
    vip: str | None
    subject: Subject
    because_of: str | None
    count: int
    message: str
    why: str
    frames: tuple[FrameRef, ...]
    wireshark_filters: tuple[str, ...]
    remedy: Mapping[str, str]

    @property
    def fingerprint(self) -> Fingerprint:
        return self.rule, self.vip, self.subject.mac or self.subject.address
