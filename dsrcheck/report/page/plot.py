"""The curve of bytes over time: what the balancer carries with direct server return, and would carry without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import floor, log10

from dsrcheck.exchange.throughput import bit_rate
from dsrcheck.records import dataclass
from dsrcheck.report.illustrations import Throughput

WIDTH, HEIGHT = 760, 230
LEFT, RIGHT, TOP, BOTTOM = 76, 12, 12, 30
TICKS = 4


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at `x` or `y`."""

    at: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Two areas as SVG paths (`without` empty where the replies are not all in the capture), and their axes.

    `average`: height of the line for the average without direct server return, where only that is known.
    """

    with_dsr: str
    without: str
    peak_with: str
    peak_without: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    start: str
    average: float | None
    average_label: str


def plot(throughput: Throughput) -> Plot | None:
    """Lay the curve of a VIP out; None where there is nothing to show."""
    rates = throughput.rates
    if not rates.with_dsr:
        return None
    together = [one + other for one, other in zip(rates.with_dsr, rates.replies, strict=True)] if rates.replies else []
    average = throughput.average_without if not together else None
    top = _round_up(max([*rates.with_dsr, *together, average or 0.0]))
    scale = (HEIGHT - TOP - BOTTOM) / top
    base = HEIGHT - BOTTOM
    return Plot(
        _area(rates.with_dsr, scale),
        _area(together, scale) if together else "",
        bit_rate(max(rates.with_dsr)),
        bit_rate(max(together)) if together else "",
        tuple(_across(len(rates.with_dsr), rates.width)),
        tuple(Tick(base - top * part / TICKS * scale, bit_rate(top * part / TICKS)) for part in range(TICKS + 1)),
        f"{datetime.fromtimestamp(rates.start, UTC):%Y-%m-%d %H:%M:%S} UTC",
        base - average * scale if average else None,
        bit_rate(average) if average else "",
    )


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 8 times a power of ten: quarters of it are round."""
    power = 10.0 ** floor(log10(max(value, 1.0)))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def _area(values: Sequence[float], scale: float) -> str:
    base = HEIGHT - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / len(values)
    points = [f"M{LEFT} {base}"]
    for place, value in enumerate(values):
        y = base - value * scale
        points.append(f"L{LEFT + place * step:.1f} {y:.1f}H{LEFT + (place + 1) * step:.1f}")
    return "".join(points) + f"V{base}Z"


def _across(bins: int, width: int) -> Iterator[Tick]:
    step = (WIDTH - LEFT - RIGHT) / bins
    every = max(bins // 6, 1)
    for place in range(0, bins + 1, every):
        yield Tick(LEFT + place * step, f"{place * width:,} s")
