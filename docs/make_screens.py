"""Draws the README's pictures of the terminal interface: the overview, a finding, and a ladder, from golden captures.

    python docs/make_screens.py

Needs the extras `tui` and `dev`. The screens are what the program shows on a terminal of 100 by 30; nothing is added.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dsrcheck.analysis import judge
from dsrcheck.live import Watch, watch_files
from dsrcheck.rules import load_rules
from dsrcheck.tui.app import DsrcheckApp

HERE = Path(__file__).parent
SIZE = (100, 30)
ARP_PROBLEM = "pcaps/real-ipvs-arp-problem/capture.pcap"
PICTURES = {
    "screen-overview.svg": (ARP_PROBLEM, ""),
    "screen-finding.svg": (ARP_PROBLEM, "2"),
    "screen-ladder.svg": (ARP_PROBLEM, "3 enter"),
}
"""File -> golden capture, and the keys that lead to the screen."""


def main() -> None:
    """Draw them all."""
    for name in PICTURES:
        (HERE / name).write_text(picture(name), encoding="utf-8")


def picture(name: str) -> str:
    """One of them, as SVG."""
    capture, keys = PICTURES[name]
    return asyncio.run(_screen(capture, keys.split()))


async def _screen(capture: str, keys: Sequence[str]) -> str:
    judged = partial(judge, catalogue=load_rules())

    def open_captures(paths: Sequence[str]) -> Watch:
        return watch_files([HERE.parent / path for path in paths], judged)

    app = DsrcheckApp(open_captures([capture]), open_captures, load_rules())
    app.watch_source.name = Path(capture).parent.name
    async with app.run_test(size=SIZE) as pilot:
        for key in ["", *keys]:
            if key:
                await pilot.press(key)
            for _ in range(3):  # a worker's message may start another worker
                await app.workers.wait_for_complete()
                await pilot.pause()
        drawn = app.export_screenshot(title="dsrcheck view", simplify=True)
    # Textual's marks are made of chance numbers; the same screen is to be the same file.
    return re.sub(r"terminal-\d+", "terminal", drawn)


if __name__ == "__main__":
    main()
