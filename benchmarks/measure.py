"""Measuring programs from outside: processor seconds and memory of a whole process, by the kernel's own books."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds of processors (user and system, of the process and its children), seconds that passed,
    and the most memory of any one of its processes in bytes.
    """

    cpu: float
    wall: float
    memory: int


@dataclass(frozen=True)
class Program:
    """A program to measure. `feed`: a file that comes by a pipe on standard input. `wanted`: statuses to end with."""

    name: str
    command: Sequence[str]
    feed: Path | None = None
    wanted: tuple[int, ...] = (0,)

    def run(self) -> Cost:
        """Run it once. Raises RuntimeError when it fails."""
        feeder = None
        if self.feed is not None:
            feeder = subprocess.Popen(["cat", str(self.feed)], stdout=subprocess.PIPE)
        begun = time.perf_counter()
        process = subprocess.Popen(
            self.command,
            stdin=feeder.stdout if feeder else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if feeder is not None and feeder.stdout is not None:
            feeder.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if feeder is not None:
            feeder.wait()
        if process.returncode not in self.wanted:
            raise RuntimeError(f"{' '.join(self.command)} ended with status {process.returncode}")
        return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024)


@dataclass(frozen=True)
class Pair:
    """Two programs that were run by turns. `ratios` are of processor seconds, ours to theirs, a turn each."""

    ours: Cost
    theirs: Cost
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median."""
        return statistics.median(self.ratios)


def middle(costs: Sequence[Cost]) -> Cost:
    """Medians, one by one."""
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
        int(statistics.median(cost.memory for cost in costs)),
    )


def alternate(ours: Program, theirs: Program, turns: int, by_wall: bool = False) -> Pair:
    """Run two programs by turns, so that what else the machine does falls on both alike."""
    runs = [(ours.run(), theirs.run()) for _ in range(turns)]
    ratios = [one.wall / other.wall if by_wall else one.cpu / other.cpu for one, other in runs]
    return Pair(middle([one for one, _ in runs]), middle([other for _, other in runs]), tuple(ratios))


def machine() -> str:
    """The machine and the day, without its name."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    total = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    cores = len(os.sched_getaffinity(0))
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{names[0] if names else platform.machine()}, {cores} cores",
        f"{total / 1e6:.0f} GB of memory",
        f"{platform.system()} {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()}",
    ]
    return ", ".join(parts)


def busy() -> float:
    """How many processes want a processor, a minute's mean: above 1, times that pass say little."""
    return os.getloadavg()[0]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
