"""How long the screens take on a capture with many flows, beside what they wait for: the analysis itself.

    python -m benchmarks.tui                     100,000 flows
    python -m benchmarks.tui --flows 1_000_000

Needs the extra `tui`. The application runs without a terminal, on a screen of 200 by 60. Seconds that passed, and
seconds of processors, which say more on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from textual.worker import WorkerCancelled

from benchmarks.traffic import make, write
from dsrcheck.analysis import judge
from dsrcheck.live import Snapshot, Watch, watch_files
from dsrcheck.rules import load_rules
from dsrcheck.tui.app import DsrcheckApp
from dsrcheck.tui.flows import FlowsView

SIZE = (200, 60)
LEGS_A_FLOW = 3
FRAMES_A_FLOW = 12


class Ready:
    """A watch whose one snapshot is there already: what is measured is the screens alone."""

    name = "benchmark"

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshots(self) -> Iterator[Snapshot]:
        yield self._snapshot

    def stop(self) -> None:
        """There is nothing to stop."""

    def save(self, path: object) -> None:
        """Nothing is saved."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flows", type=int, default=100_000)
    flows = parser.parse_args().flows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.pcap"
        write(path, make(FRAMES_A_FLOW * flows, LEGS_A_FLOW * flows))
        begun, busy = time.perf_counter(), time.process_time()
        *_, snapshot = watch_files([path], partial(judge, catalogue=load_rules())).snapshots()
        print(f"{len(snapshot.analysis.sides.scene.flows):,} flows of {snapshot.frames:,} frames")
        taken = [("analysis", time.perf_counter() - begun, time.process_time() - busy)]
        print(f"{'':<18}  {'passed':>8}  {'processors':>10}")
        for what, passed, used in [*taken, *asyncio.run(measure(Ready(snapshot)))]:
            print(f"{what:<18}  {passed:8.3f}  {used:10.3f}")


async def measure(watch: Watch) -> list[tuple[str, float, float]]:
    """What each step takes, until all of it is on the screen."""
    taken: list[tuple[str, float, float]] = []
    app = DsrcheckApp(watch, lambda paths: watch, load_rules())
    begun, busy = time.perf_counter(), time.process_time()
    async with app.run_test(size=SIZE) as pilot:

        async def step(what: str, *keys: str, times: int = 1) -> None:
            start, used = (time.perf_counter(), time.process_time()) if taken else (begun, busy)
            for _ in range(times):
                await pilot.press(*keys)
            while not all(worker.is_finished for worker in app.workers):
                with suppress(WorkerCancelled):  # one that a newer one took the place of
                    await app.workers.wait_for_complete()
            await pilot.pause()
            taken.append((what, (time.perf_counter() - start) / times, (time.process_time() - used) / times))

        await step("overview")
        await step("flows", "3")
        await step("a page down", "pagedown", times=20)
        await step("to the end", "end")
        await step("sorted by port", "s", "s")
        assert isinstance(app.screen, FlowsView)
        app.screen.filter_by("flow.frames > 10 and flow.state == 'closed'")
        await step("filtered")
        app.screen.filter_by("reply.src_ip == vip.address and request.ttl_max > 60")
        await step("by rules' columns")
        await step("a ladder", "home", "enter")
    return taken


if __name__ == "__main__":
    main()
