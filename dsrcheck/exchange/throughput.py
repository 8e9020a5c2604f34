"""What a VIP carries, and what direct return saves its balancer, in numbers and in text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsrcheck.exchange.connection import reply_bytes, time_span
from dsrcheck.exchange.picked import FAR, Picked
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, column, distinct
from dsrcheck.records import dataclass

NEARLY_ALL = 0.9
"""Share of the exchanges that asked for something: where more have no reply in view, their bytes are not told."""


@dataclass(frozen=True)
class Load:
    """What one VIP carried. Payload bytes of requests and replies; rates in bits/s over the time of its exchanges.

    replies_known: whether of nearly all that was asked replies, or acknowledgements for them, were seen
    rate_with_dsr: of the requests as they pass the balancer; rate_without_dsr: of the replies as well
    """

    request_bytes: int
    reply_bytes: int
    replies_known: bool
    seconds: float
    rate_with_dsr: float
    rate_without_dsr: float

    @property
    def known(self) -> bool:
        """Whether the rates can be told."""
        return self.seconds > 0 and self.reply_bytes > 0


def loads(s: Sides) -> list[Load]:
    """One a VIP, in the order of the topology."""
    replies, by_acks = reply_bytes(s)
    shown = s.reply.seen | by_acks | s.balancer_reply.seen
    asked, wire = s.client_side.total("payload"), s.client_side.total("bytes")
    first, last = time_span(s)
    found = []
    for number in range(len(s.topology.vips)):
        rows = s.roles.vip == number
        seconds = _seconds(first, last, rows & (first < FAR))
        back, sent = int(replies[rows].sum()), int(wire[rows & (first < FAR)].sum())
        rates = (sent * 8 / seconds, (sent + back) * 8 / seconds) if seconds else (0.0, 0.0)
        asking = rows & (asked > 0)
        known = bool(shown[rows].any()) and int((asking & shown).sum()) >= NEARLY_ALL * int(asking.sum())
        found.append(Load(int(asked[rows].sum()), back, known, seconds, *rates))
    return found


@dataclass(frozen=True)
class Rates:
    """What one VIP carried over time, as frames on the wire, in bits/s for each bin of `width` seconds.

    start: second since 1970 of the first bin. with_dsr: of the requests, which pass the balancer in any case; replies:
    what passes it only without direct server return; None where the capture does not hold them all.
    """

    start: int
    width: int
    with_dsr: tuple[float, ...]
    replies: tuple[float, ...] | None


def rates(s: Sides, bins: int) -> list[Rates]:
    """One a VIP, in the order of the topology; at most so many bins.

    The fold counts bytes by second for each pair of MACs; a VIP gets its legs' share of all bytes of the pair.
    """
    found = []
    _, by_acks = reply_bytes(s)
    for number in range(len(s.topology.vips)):
        asked = _legs_of(s.client_side, s, number)
        answered = np.concatenate([_legs_of(s.reply, s, number), _legs_of(s.balancer_reply, s, number)])
        paths = distinct(s.scene.leg_at("path", np.concatenate([asked, answered])))
        table = s.scene.legs.throughput
        seconds = column(table, "second")[among(column(table, "path"), paths)]
        start = int(seconds.min()) if len(seconds) else 0
        length = int(seconds.max()) - start + 1 if len(seconds) else 0
        width = max(-(-length // bins), 1)
        shape = start, width, -(-length // width)
        whole = len(answered) and not (by_acks & (s.roles.vip == number)).any()
        replies = tuple(_binned(s, answered, *shape).tolist()) if whole else None
        found.append(Rates(start, width, tuple(_binned(s, asked, *shape).tolist()), replies))
    return found


def _legs_of(picked: Picked, s: Sides, vip: int) -> Int64:
    legs: Int64 = picked.legs[s.roles.vip[picked.rows] == vip]
    return legs


def _binned(s: Sides, legs: Int64, start: int, width: int, bins: int) -> npt.NDArray[np.float64]:
    """Bits/s of some legs in each bin."""
    table, paths = s.scene.legs.throughput, s.scene.legs.paths
    share = np.zeros(len(paths))
    np.add.at(share, s.scene.leg_at("path", legs), s.scene.leg_at("bytes", legs))
    share /= np.maximum(column(paths, "bytes"), 1)
    part = share[column(table, "path")]
    rows = part > 0
    sums = np.zeros(bins)
    np.add.at(sums, (column(table, "second")[rows] - start) // width, column(table, "bytes")[rows] * part[rows] * 8)
    return sums / width


def _seconds(first: Int64, last: Int64, rows: Flags) -> float:
    return (int(last[rows].max()) - int(first[rows].min())) / 1e9 if np.any(rows) else 0.0


def bit_rate(rate: float) -> str:
    """A rate in bits/s with three digits and its unit."""
    for unit, size in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g} {unit}"
    return f"{rate:.0f} bit/s"


def byte_count(count: int) -> str:
    """A number of bytes with three digits and its unit."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def licence(rate: float) -> str:
    """The smallest licence step that a rate in bits/s fits into: NetScaler VPX Express (5 Mbit/s), 10, 200, 1000."""
    for name, limit in (("VPX Express", 5e6), ("VPX-10", 10e6), ("VPX-200", 200e6), ("VPX-1000", 1e9)):
        if rate <= limit:
            return name
    return "more than VPX-1000"


def licences(load: Load) -> str:
    """The licence steps with direct server return and without, in words."""
    there, without = licence(load.rate_with_dsr), licence(load.rate_without_dsr)
    return f"{there}, with it or without" if there == without else f"{there} with it, {without} without"
