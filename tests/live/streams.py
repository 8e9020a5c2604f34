"""Captures for watching: what the lab makes, one run after another; and the judge."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from dsrcheck.analysis import Analysis, judge
from dsrcheck.capture import CaptureWriter
from dsrcheck.lab.run import run
from dsrcheck.legs import Legs
from dsrcheck.rules import Rule, load_rules

SECOND = 1_000_000_000
Frames = list[tuple[int, bytes]]


@functools.cache
def catalogue() -> tuple[Rule, ...]:
    """The built-in rules."""
    return tuple(load_rules([]))


def judged(legs: Legs) -> Analysis:
    """What the command line does when nothing is declared."""
    return judge(legs, catalogue())


@functools.cache
def lab_frames(
    scenario: str, fault: str | None = None, seed: int = 0, vantage: str = "mirror"
) -> tuple[tuple[int, bytes], ...]:
    """Time and bytes of the frames on the mirror, or elsewhere."""
    return tuple(run(scenario, fault, seed).frames(vantage))


def one_after_another(scenario: str, faults: Iterable[str | None], apart: int = 25) -> Frames:
    """Runs of a scenario, the beginning of each `apart` seconds after that of the one before."""
    frames: Frames = []
    for seed, fault in enumerate(faults):
        shift = seed * apart * SECOND
        frames += [(time + shift, content) for time, content in lab_frames(scenario, fault, seed)]
    return frames


def write(path: Path, frames: Iterable[tuple[int, bytes]]) -> Path:
    """Write a pcapng file."""
    with CaptureWriter(path) as writer:
        for time, content in frames:
            writer.write(time, content)
    return path
