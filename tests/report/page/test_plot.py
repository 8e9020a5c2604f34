"""The curve of bytes over time: scales, areas, and what is not known."""

from __future__ import annotations

import re

import pytest

from dsrcheck.exchange.throughput import Rates
from dsrcheck.report.illustrations import Throughput
from dsrcheck.report.page.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Plot, plot


def plotted(rates: Rates, average: float | None = None) -> Plot:
    """The curve of some rates."""
    made = plot(Throughput("192.0.2.1", rates, average))
    assert made is not None
    return made


def heights(path: str) -> list[float]:
    """The height of each step of an area, from its base."""
    return [HEIGHT - BOTTOM - float(y) for y in re.findall(r"L[\d.]+ ([\d.]+)H", path)]


def test_areas_are_to_scale() -> None:
    """The axis ends at a round number; heights are in proportion; the replies stand on the requests."""
    made = plotted(Rates(0, 1, (1e6, 2e6, 0.0), (0.0, 6e6, 0.0)))
    full = HEIGHT - TOP - BOTTOM
    assert [tick.label for tick in made.up] == ["0 bit/s", "2 Mbit/s", "4 Mbit/s", "6 Mbit/s", "8 Mbit/s"]
    assert heights(made.with_dsr) == pytest.approx([full / 8, full / 4, 0], abs=0.1)
    assert heights(made.without) == pytest.approx([full / 8, full, 0], abs=0.1)
    assert (made.peak_with, made.peak_without) == ("2 Mbit/s", "8 Mbit/s")


def test_time_runs_from_edge_to_edge() -> None:
    """Ticks tell seconds, however wide a bin is."""
    made = plotted(Rates(1_700_000_000, 10, (1.0,) * 12, None))
    assert (made.across[0].at, made.across[-1].at) == (LEFT, WIDTH - RIGHT)
    assert (made.across[0].label, made.across[-1].label) == ("0 s", "120 s")
    assert made.start == "2023-11-14 22:13:20 UTC"


def test_replies_that_are_not_all_seen() -> None:
    """Then only an average may be known, drawn as a line."""
    made = plotted(Rates(0, 1, (1e6,), None), 4e6)
    assert made.without == ""
    assert made.average == TOP
    assert made.average_label == "4 Mbit/s"
    assert plotted(Rates(0, 1, (1e6,), None)).average is None


def test_nothing_to_plot() -> None:
    """No bytes, no curve; bytes of nothing, a flat one."""
    assert plot(Throughput("192.0.2.1", Rates(0, 1, (), None))) is None
    assert heights(plotted(Rates(0, 1, (0.0,), (0.0,))).with_dsr) == [0]
