"""`dsrcheck.analyze`: from capture files to a report, and the tables behind it as pandas frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from dsrcheck.capture.source import PIECE_BYTES, size_of_files
from dsrcheck.exchange import build_tables
from dsrcheck.exchange.sides import Sides
from dsrcheck.legs import Legs, read_legs
from dsrcheck.legs.read import Watch
from dsrcheck.records import dataclass
from dsrcheck.report.build import build_report
from dsrcheck.report.model import Report
from dsrcheck.rules import Rule, evaluate, load_rules, select_rules
from dsrcheck.topology.declared import Declaration, read_topology
from dsrcheck.topology.infer import infer
from dsrcheck.topology.scene import Scene, read_scene

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Analysis:
    """A judged capture. `report` is what every renderer draws; the tables are made when asked for."""

    report: Report
    sides: Sides

    @cached_property
    def legs(self) -> pd.DataFrame:
        """One row a leg: path, addresses and ports as text, and all counters of the fold.

        Raises LookupError after `analyze(..., tables=False)`.
        """
        from dsrcheck.frames import legs_frame

        return legs_frame(self.sides.scene)

    @cached_property
    def flows(self) -> pd.DataFrame:
        """One row a two-way flow, numbered as `dsrcheck flow` does."""
        from dsrcheck.frames import flows_frame

        return flows_frame(self.sides)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row an ARP or NDP frame, in order."""
        from dsrcheck.frames import claims_frame

        return claims_frame(self.sides.scene)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row a finding of the report."""
        from dsrcheck.frames import findings_frame

        return findings_frame(self.report)


def analyze(
    path: str | PathLike[str],
    *more: str | PathLike[str],
    topology: str | PathLike[str] | None = None,
    expect: str = "dsr",
    rules: Iterable[str | PathLike[str]] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    jobs: int = 1,
    dask: str | None = None,
    watch: Watch | None = None,
    steps: bool = True,
    tables: bool = True,
) -> Analysis:
    """Judges one or more captures of the same traffic.

    topology: a TOML file that declares who is who; expect: `dsr`, `any`, or a mode that every VIP must have; rules:
    folders with further rule files; select, ignore: rule ids, names, or prefixes of ids such as `DSR3`; jobs: processes
    that read (a script that asks for several must be one that can be imported, as multiprocessing wants it); dask:
    address of a Dask scheduler whose workers read, or `local`; watch: is called while captures are read, see
    dsrcheck.legs.read; steps: whether the report has step tables; tables: whether `Analysis.legs` can be had, for which
    all that reading counted is kept, and that is most of the memory. The result is the same whoever reads.
    Raises CaptureError, TopologyError, RuleError, WorkerError (ClusterError where there is no cluster).
    """
    catalogue = select_rules(load_rules([Path(folder) for folder in rules]), select, ignore)
    declared = read_topology(Path(topology)) if topology is not None else None
    legs = _read([os.fsdecode(name) for name in (path, *more)], jobs, dask, watch)
    return _judge(read_scene(legs, declared, spend=not tables), catalogue, declared, expect, steps)


def _read(names: list[str], jobs: int, dask: str | None, watch: Watch | None) -> Legs:
    if dask is not None:
        from dsrcheck.legs.cluster import read_legs_on

        return read_legs_on(dask, names, watch=watch)
    if jobs > 1 and size_of_files(names) >= 2 * PIECE_BYTES:  # small captures are read before a process starts
        from dsrcheck.legs.workers import read_legs_by

        return read_legs_by(names, jobs, watch=watch)
    return read_legs(names, watch=watch)


def judge(
    legs: Legs, catalogue: Sequence[Rule], declared: Declaration | None = None, expect: str = "dsr", steps: bool = True
) -> Analysis:
    """The same for a fold that is there already: what live views and tests of the forwarder call."""
    return _judge(read_scene(legs, declared), catalogue, declared, expect, steps)


def _judge(scene: Scene, catalogue: Sequence[Rule], declared: Declaration | None, expect: str, steps: bool) -> Analysis:
    topology = infer(scene, declared)
    tables, sides = build_tables(scene, topology, expect)
    verdicts, findings = evaluate(catalogue, tables, expect)
    del tables  # the widest of all, and told
    return Analysis(build_report(sides, verdicts, findings, steps), sides)
