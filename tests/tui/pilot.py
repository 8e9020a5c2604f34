"""Runs the interface without a terminal: presses keys, waits for its workers, and reads the screen as text.

`DSRCHECK_ACCEPT=1 pytest tests/tui` writes the screens anew: read the difference before you commit it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.worker import WorkerCancelled

import dsrcheck
from dsrcheck import live
from dsrcheck.analysis import Analysis, judge
from dsrcheck.live import Snapshot, Watch
from dsrcheck.rules import Rule, load_rules, select_rules
from dsrcheck.tui.app import DsrcheckApp

ROOT = Path(__file__).resolve().parents[2]
SCREENS = Path(__file__).parent / "screens"
SMALL, LARGE = (80, 24), (200, 60)

Script = Callable[[Pilot[None], DsrcheckApp], Awaitable[Any]]


RULES = (
    *(f"DSR{number}" for number in (101, 102, 103, 104, 105, 106, 107, 109, 110)),
    *(f"DSR{number}" for number in (201, 202, 203, 204, 205, 206, 207, 209)),
    *(f"DSR{number}" for number in (301, 302, 303, 304, 401, 402, 503, 703, 705, 901, 902)),
)
"""The rules that the screens are tested with: a rule more is no reason for other screens."""


@lru_cache
def catalogue() -> tuple[Rule, ...]:
    """Those rules."""
    return select_rules(load_rules(), RULES)


@lru_cache
def analyze(*paths: str) -> Analysis:
    """Judge captures by the rules of the program; once, however many tests look at them."""
    return dsrcheck.analyze(*paths)


def watch_files(paths: Sequence[str]) -> Watch:
    """Complete captures, as `dsrcheck view` watches them."""
    return live.watch_files(paths, partial(judge, catalogue=catalogue()))


def snapshot_of(path: str, **changed: Any) -> Snapshot:
    """The snapshot of a capture, with some fields put to other values."""
    *_, snapshot = watch_files([path]).snapshots()
    return replace(snapshot, **changed)


def drive(watch: Watch, script: Script, size: tuple[int, int] = SMALL) -> DsrcheckApp:
    """Run the application over a watch while a script presses keys; returns it as it ended."""

    async def run() -> DsrcheckApp:
        app = DsrcheckApp(watch, watch_files, catalogue())
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            await script(pilot, app)
        return app

    return asyncio.run(run())


async def settle(pilot: Pilot[None]) -> None:
    """Wait until no worker runs, and all that they and the keys set off is drawn."""
    for _ in range(3):  # a worker's message may start another worker
        while not all(worker.is_finished for worker in pilot.app.workers):
            with suppress(WorkerCancelled):  # one that a newer one took the place of: the others are still waited for
                await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, each when what the one before set off is done."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Type a text."""
    names = {
        " ": "space", ".": "full_stop", "=": "equals_sign", "'": "apostrophe", "_": "underscore",
        ">": "greater_than_sign",
    }  # fmt: skip
    for character in text:
        await pilot.press(names.get(character, character))
    await settle(pilot)


def screen_text(app: DsrcheckApp) -> str:
    """What is on the screen, a line a row, without what is blank at its end."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


def screen_after(path: str, keys: Sequence[str] = (), size: tuple[int, int] = SMALL) -> str:
    """The screen of a capture after some keys."""
    shown: list[str] = []

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        await press(pilot, *keys)
        shown.append(screen_text(app))

    drive(watch_files([path]), script, size)
    return shown[0]


def assert_is_screen(text: str, name: str) -> None:
    """Hold a screen to the file that was accepted."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get("DSRCHECK_ACCEPT"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; DSRCHECK_ACCEPT=1 accepts what is new"
