"""The virtual clock, durations in words, and chance from a seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.lab.clock import MILLISECOND, SECOND, Clock, Dice, duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("250 ms", 250 * MILLISECOND), ("3 s", 3 * SECOND), ("1.5 s", 1_500_000_000), ("0.1 ms", 100_000), ("7 ns", 7)],
)
def test_durations_are_exact(text: str, nanoseconds: int) -> None:
    """A duration in words is a whole number of nanoseconds."""
    assert duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "-1 s", "1e3 s", "1,5 s", "1 h", "1. s", "9999999999999999999 s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The message shows what was written and what would do."""
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)


@given(st.lists(st.integers(0, 50)))
def test_events_happen_in_order_of_time_then_of_asking(times: list[int]) -> None:
    """Equal times keep the order in which they were asked for: nothing else may decide."""
    clock = Clock()
    seen: list[tuple[int, int]] = []
    for number, time in enumerate(times):
        clock.at(time, seen.append, (time, number))
    clock.run(100)
    assert seen == sorted((time, number) for number, time in enumerate(times))
    assert clock.now == 100


def test_a_cancelled_timer_does_nothing() -> None:
    """And the others still fire."""
    clock = Clock()
    seen: list[str] = []
    clock.timer(5, lambda: seen.append("kept"))
    clock.timer(3, lambda: seen.append("cancelled")).cancel()
    clock.run(10)
    assert seen == ["kept"]


def test_chance_is_the_same_everywhere() -> None:
    """The first numbers of a seed and a name, written down once: another machine must draw the same."""
    dice = Dice(7, "client1")
    assert [dice.between(0, 999) for _ in range(5)] == [988, 212, 599, 400, 955]
