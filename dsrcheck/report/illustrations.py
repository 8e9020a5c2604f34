"""What a page draws beside the report: who sends what to whom, ladders of frames, bytes over time.

Plain data, made only when a page is asked for (`dsrcheck.illustrate`): ladders take reading the captures again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dsrcheck.exchange.throughput import Rates
from dsrcheck.flows.ladder import LadderHost, Rung, Skipped
from dsrcheck.records import dataclass


@dataclass(frozen=True)
class Arrow:
    """What one host sends another in one role, over all connections of a VIP. `breaks`: ids of rules."""

    step: int
    role: str
    src_mac: str
    dst_mac: str
    flows: int
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """The arrows of one VIP, broken ones first; `more`: how many are left out. `addresses`: MAC -> what it states."""

    vip: str
    arrows: tuple[Arrow, ...]
    more: int = 0
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MarkedRung:
    """A frame of a ladder. `breaks`: rules that its leg breaks; `evidence`: whether the finding stands on it."""

    rung: Rung
    breaks: tuple[str, ...] = ()
    evidence: bool = False


@dataclass(frozen=True)
class EvidenceLadder:
    """Frames that show a finding (`rule` None: how a VIP's connections go). `command` shows all of them."""

    rule: str | None
    vip: str | None
    title: str
    hosts: tuple[LadderHost, ...]
    rungs: tuple[MarkedRung | Skipped, ...]
    command: str | None = None


@dataclass(frozen=True)
class Throughput:
    """The bytes of one VIP over time; `average_without`: bits/s without direct server return, where that is known."""

    vip: str
    rates: Rates
    average_without: float | None = None


@dataclass(frozen=True)
class Illustrations:
    """All there is to draw.

    notes: what could not be drawn, and why; elsewhere: (rule, VIP) of a finding whose evidence stands in a ladder of
    another finding -> the rule of that.
    """

    traffic: tuple[Traffic, ...] = ()
    ladders: tuple[EvidenceLadder, ...] = ()
    throughput: tuple[Throughput, ...] = ()
    notes: tuple[str, ...] = ()
    elsewhere: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
