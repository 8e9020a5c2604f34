"""A rule as it is once its file is read: checked and compiled, immutable."""

from __future__ import annotations

from collections.abc import Mapping

from dsrcheck.findings import NOT_APPLICABLE
from dsrcheck.records import dataclass
from dsrcheck.rules.expression import Expression
from dsrcheck.rules.wording import Message

DSR_MODES = ("dsr-*", "unknown")
PLATFORMS = ("linux", "windows", "netscaler", "lvs", "network")
IPV6_VARIANT = "-ipv6"
REMEDY_NAMES = ("vip", "prefix")
"""Placeholders of remedies: the VIP's address, and the length of a host's prefix in its family."""
MESSAGE_NAMES = ("vip", "culprit", "count")
"""Placeholders of messages, beside the columns of the rule's table."""


@dataclass(frozen=True)
class Example:
    """A scenario of the lab, with a fault or without, seen from a vantage, and what the rule must say of it.

    verdict: pass, fail or not-observed; for a rule of severity info: speaks or silent
    topology: whether the network is declared, as `Truth.topology` of the lab has it
    """

    scenario: str
    vantage: str
    verdict: str
    fault: str | None = None
    topology: bool = False


@dataclass(frozen=True)
class Rule:
    """One rule, checked and compiled.

    subject: the table whose rows it judges
    modes: patterns of VIP modes it applies to; modes_denied: modes that break it where DSR is expected
    culprit: the MAC column that names who must change; evidence: the frame columns that show it
    absent: the verdict when there is no row; unmet: when there are rows, and `when` holds for none
    because_of: rules whose failure on the same VIP entails this one's
    remedy: platform, or platform with `-ipv6` for an IPv6 VIP -> template
    """

    id: str
    name: str
    severity: str
    summary: str
    subject: str
    expect: Expression
    message: Message
    needs: str
    why: str
    file: str
    when: Expression | None = None
    message_many: Message | None = None
    culprit: str | None = None
    culprit_role: str | None = None
    absent: str = NOT_APPLICABLE
    unmet: str = NOT_APPLICABLE
    absent_reason: str | None = None
    modes: tuple[str, ...] = DSR_MODES
    modes_denied: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    because_of: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    remedy: tuple[tuple[str, Message], ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns its conditions speak of, in their order."""
        return tuple(dict.fromkeys([*(self.when.names if self.when else ()), *self.expect.names]))

    def remedies(self, values: Mapping[str, str], ipv6: bool = False) -> dict[str, str]:
        """Return platform -> text with `${vip}` and `${prefix}` put in, platforms in their fixed order."""
        templates = dict(self.remedy)
        texts = {}
        for platform in PLATFORMS:
            template = (templates.get(platform + IPV6_VARIANT) if ipv6 else None) or templates.get(platform)
            if template:
                texts[platform] = template.substitute(values).strip()
        return texts
