"""The virtual clock: integer nanoseconds and a heap of what happens next. Nothing in the lab looks at another clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000

_UNITS = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": 60 * SECOND}


def duration(text: str) -> int:
    """Nanoseconds of a duration in words: `250 ms`, `3 s`, `1.5 s`. Exact, no floating point. Raises ValueError."""
    number, _, unit = text.strip().partition(" ")
    whole, point, fraction = number.partition(".")
    if unit.strip() not in _UNITS or not whole.isdigit() or (point and not fraction.isdigit()) or len(number) > 18:
        raise ValueError(f"{text!r} is no duration; write a number and one of {', '.join(_UNITS)}, as in '250 ms'")
    nanoseconds: int = int(whole + fraction) * _UNITS[unit.strip()] // 10 ** len(fraction)
    return nanoseconds


class Timer:
    """Something that will happen once, unless cancelled."""

    __slots__ = ("action", "time")

    def __init__(self, time: int, action: Callable[[], None]) -> None:
        self.time = time
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None

    def fire(self) -> None:
        """Act, if nobody cancelled it."""
        action, self.action = self.action, None
        if action is not None:
            action()


class Clock:
    """Time, and the events that are due: at one time in the order in which they were asked for."""

    def __init__(self, now: int = 0) -> None:
        self.now = now
        self._heap: list[tuple[int, int, Callable[..., None], tuple[object, ...]]] = []
        self._asked = 0

    def at(self, time: int, action: Callable[..., None], *arguments: object) -> None:
        """Have `action(*arguments)` called at `time`; at once if that is past."""
        self._asked += 1
        heapq.heappush(self._heap, (time if time > self.now else self.now, self._asked, action, arguments))

    def timer(self, delay: int, action: Callable[[], None]) -> Timer:
        """As `at`, some time from now, and it can be cancelled."""
        timer = Timer(self.now + delay, action)
        self.at(timer.time, timer.fire)
        return timer

    @property
    def due(self) -> int | None:
        """Time of the next event, or none."""
        return self._heap[0][0] if self._heap else None

    def run(self, until: int) -> None:
        """Let everything happen that is due up to and including `until`, then set the time to it."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= until:
            self.now, _, action, arguments = pop(heap)
            action(*arguments)
        self.now = max(self.now, until)


class Dice:
    """Chance from a seed and a name: each host and link has its own, so that a change here moves nothing there.

    Only `random.getrandbits` is used, of a generator seeded by text: the same on every machine and Python.
    """

    __slots__ = ("_bits",)

    def __init__(self, seed: int, name: str) -> None:
        self._bits = random.Random(f"{seed}/{name}").getrandbits

    def bits(self, count: int) -> int:
        return self._bits(count)

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included, nearly even (32 bits over the span)."""
        return low + (self._bits(32) * (high - low + 1) >> 32)
