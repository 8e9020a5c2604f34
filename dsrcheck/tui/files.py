"""Captures that are complete, as something to watch: one snapshot, and that is all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike

from dsrcheck.analysis import Analysis
from dsrcheck.capture import CaptureWriter, open_capture
from dsrcheck.live import Aged, KeptFile, Rates, Snapshot, State
from dsrcheck.text import printable


class CompleteCaptures:
    """A `Watch` of files. `analyze`: judges them."""

    def __init__(self, paths: Sequence[str], analyze: Callable[[Sequence[str]], Analysis]) -> None:
        self.name = printable(" ".join(paths))
        self._paths, self._analyze = tuple(paths), analyze

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield the one snapshot. Raises CaptureError, TopologyError, RuleError."""
        analysis = self._analyze(self._paths)
        legs = analysis.sides.scene.legs
        totals = legs.totals
        cut = [f"{facts.path}: {facts.truncated}" for facts in legs.captures if facts.truncated]
        known = [facts.dropped for facts in legs.captures if facts.dropped is not None]
        yield Snapshot(
            analysis, totals["frames"], totals["bytes"], sum(known) if known else None,
            totals["first_time"] if totals["frames"] else None, totals["last_time"] if totals["frames"] else None,
            Rates(), Aged(), None, State.ENDED, printable("; ".join(cut)) or None,
            tuple(KeptFile(path) for path in self._paths),
        )  # fmt: skip

    def stop(self) -> None:
        """There is nothing to stop."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write all frames to a pcapng file, an interface for each there was. Raises OSError, CaptureError."""
        interfaces = []
        for name in self._paths:
            with open_capture(name) as capture:
                for _ in capture.batches():
                    pass
                interfaces.append(list(capture.interfaces))
        with CaptureWriter(path, [known for several in interfaces for known in several]) as writer:
            first = 0
            for name, several in zip(self._paths, interfaces, strict=True):
                with open_capture(name) as capture:
                    for batch in capture.batches():
                        for row in range(batch.count):
                            start = batch.offset[row]
                            data = batch.data[start : start + batch.captured[row]]
                            at = first + batch.interface[row]
                            writer.write(batch.time[row], data, at, batch.original[row])
                first += len(several)
