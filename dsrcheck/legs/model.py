"""`Legs`: everything that is kept of one capture, or of several."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

import numpy as np

from dsrcheck.capture import Batch, Interface
from dsrcheck.kernel import columns
from dsrcheck.kernel.fold import Fold
from dsrcheck.kernel.twins import TWIN_FRAMES
from dsrcheck.legs.merge import join_tables, leg_keys, merge_tables
from dsrcheck.legs.table import (
    LAYOUT,
    SECONDS,
    TYPES,
    Table,
    UInt64,
    cells_type,
    empty,
    from_buffer,
    from_matrix,
    sum_by_key,
)
from dsrcheck.legs.totals import merge_totals
from dsrcheck.records import dataclass

STATIONS = ("interface", "mac", "sent", "received", "ip_sent", "first_time", "last_time")


@dataclass(frozen=True)
class CapturedInterface:
    """An interface of one of the captures; column `interface` of the tables counts these.

    `capture`: position in `Legs.captures`. `facts`: what the capture says of it (its `index` there, link type, name).
    """

    capture: int
    facts: Interface


@dataclass(frozen=True)
class CaptureFacts:
    """What is known of a capture as a whole.

    `path`: as given, `-` for standard input. `frames`: as Wireshark counts. `bytes`: of the frames, as they were on the
    wire. `first_time`, `last_time`: earliest and latest in nanoseconds, None without frames. `truncated`: where and why
    reading ended before the capture's end, None if it did not. `dropped`: frames that were lost while capturing, None
    if the file says nothing of it. `untimed`: frames without a time of their own.
    """

    path: str
    format: str
    frames: int
    bytes: int
    interfaces: tuple[Interface, ...]
    first_time: int | None
    last_time: int | None
    truncated: str | None
    dropped: int | None
    interrupted: bool
    untimed: int


@dataclass(frozen=True, eq=False)
class Legs:
    """The tables of a fold (columns: dsrcheck.kernel.columns), and what the captures say of themselves.

    `totals`: frames and bytes; `twins` (copies dropped), `undecoded`, `not_ip`, `cut` (transport header not captured),
    `offload` (frames longer than any on the wire), times in nanoseconds, `time_backwards` (how often time ran back);
    `claims`, `icmp`, `fragments`: how many there were, also those beyond the tables' limits; `folded_legs` and their
    frames and bytes: legs given up for want of memory; `unlisted`: rows left out of other full tables.
    `head`, `tail`: what merging with the piece before and the piece after needs; None and empty for whole captures.
    """

    paths: Table
    legs: Table
    restarts: Table
    claims: Table
    icmp: Table
    fragments: Table
    syn_rate: Table
    throughput: Table
    totals: dict[str, int]
    interfaces: tuple[CapturedInterface, ...] = ()
    captures: tuple[CaptureFacts, ...] = ()
    head: Batch | None = None
    tail: array[int] = field(default_factory=lambda: array("Q"))

    @staticmethod
    def of(fold: Fold, interfaces: Sequence[Interface] = ()) -> Legs:
        """The tables of a fold, without a copy of the big ones; the fold must not fold any further."""
        buffers = fold.buffers()
        tables = {name: from_buffer(kind, buffers[name]) for name, kind in TYPES.items()}
        for name, keys in SECONDS.items():
            tables[name] = sum_by_key(tables[name], keys)
        totals = np.frombuffer(buffers["totals"], np.uint64).tolist()
        return replace(
            _assemble(tables, dict(zip(columns.TOTALS, totals, strict=True))),
            interfaces=tuple(CapturedInterface(0, interface) for interface in interfaces),
            head=_head(fold),
            tail=fold.tail(),
        )

    @staticmethod
    def none() -> Legs:
        """The tables of no frames at all."""
        return _assemble({name: empty(kind) for name, kind in TYPES.items()}, dict.fromkeys(columns.TOTALS, 0))

    @cached_property
    def stations(self) -> Table:
        """A row for each MAC of an interface: frames it sent and received, IP packets it sent, first and last time."""
        sides = []
        for side, known in (("src_mac", 1), ("dst_mac", 2)):
            paths = self.paths.take((self.paths["macs"] & np.uint64(known)) != 0)
            nothing = np.zeros(len(paths), np.uint64)
            counts = [paths["frames"], nothing] if side == "src_mac" else [nothing, paths["frames"]]
            ip_sent = paths["ip_frames"] if side == "src_mac" else nothing
            sides.append(
                np.stack(
                    [paths["interface"], paths[side], *counts, ip_sent, paths["first_time"], paths["last_time"]], 1
                )
            )
        rows = np.concatenate(sides)
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        if not len(rows):
            return empty(cells_type(STATIONS))
        new = np.ones(len(rows), bool)
        new[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
        starts = np.flatnonzero(new)
        sums = np.add.reduceat(rows[:, 2:5], starts, axis=0)
        first, last = np.minimum.reduceat(rows[:, 5], starts), np.maximum.reduceat(rows[:, 6], starts)
        return from_matrix(STATIONS, np.column_stack([rows[starts, :2], sums, first, last]))

    @property
    def tables(self) -> dict[str, Table]:
        """The tables that the fold fills, by name."""
        return {name: getattr(self, name) for name in LAYOUT}

    @cached_property
    def keys(self) -> UInt64:
        """What merging looks legs up by, worked out where a piece is folded; one value a leg."""
        return leg_keys(self.paths, self.legs)

    @staticmethod
    def merge(earlier: Legs, later: Legs, spend: bool = False) -> Legs:
        """The tables of one capture from those of two pieces of it, one after the other.

        The pieces count frames through the whole capture (`Batch.first_number`) and know the same interfaces. A piece
        folded with `seam=True` has held its first frames back: here they meet the end of the piece before. Merging in
        any order gives what folding the whole gives, but for what full tables left out, and for sequence numbers that
        jump by 2**31 or more. spend: the pieces must not be used any more, their memory goes back to the system.
        """
        if later.head is None:
            return _merge(earlier, later, spend)
        if earlier.head is not None and earlier.head.count < TWIN_FRAMES:
            fold, pieces = Fold(seam=True), [earlier.head, later.head]  # that head is all of `earlier`
        else:
            fold, pieces = Fold(), [later.head]
            fold.resume(earlier.tail)
        interfaces = max(earlier.interfaces, later.interfaces, key=len)
        for piece in pieces:
            fold.fold(piece, [interface.facts.link_type for interface in interfaces])
        seam = replace(Legs.of(fold), interfaces=interfaces, captures=later.captures)
        if fold.head is None:
            seam = _merge(earlier, seam, spend)
        rest = replace(later, head=None, tail=later.tail if len(later.tail) == 2 * TWIN_FRAMES else seam.tail)
        return _merge(seam, rest, spend)

    @staticmethod
    def join(captures: Sequence[Legs]) -> Legs:
        """The tables of several captures as one: interfaces are renumbered, frames keep their capture's numbers."""
        if len(captures) == 1:
            return captures[0]
        interfaces: list[CapturedInterface] = []
        facts: list[CaptureFacts] = []
        offsets = []
        for legs in captures:
            offsets.append(len(interfaces))
            interfaces += [replace(known, capture=known.capture + len(facts)) for known in legs.interfaces]
            facts += legs.captures
        tables = join_tables([legs.tables for legs in captures], offsets)
        totals = functools.reduce(
            lambda one, other: merge_totals(one, other, one_clock=False), [legs.totals for legs in captures]
        )
        return replace(_assemble(tables, totals), interfaces=tuple(interfaces), captures=tuple(facts))

    def whole(self) -> Legs:
        """Without what only serves the merge."""
        return replace(self, head=None, tail=array("Q"))


def _assemble(tables: Mapping[str, Table], totals: dict[str, int]) -> Legs:
    return Legs(
        paths=tables["paths"],
        legs=tables["legs"],
        restarts=tables["restarts"],
        claims=tables["claims"],
        icmp=tables["icmp"],
        fragments=tables["fragments"],
        syn_rate=tables["syn_rate"],
        throughput=tables["throughput"],
        totals=totals,
    )


def _merge(earlier: Legs, later: Legs, spend: bool) -> Legs:
    """Merge pieces where nothing was held back at the seam."""
    tables = merge_tables(earlier.tables, later.tables, (earlier.keys, later.keys), spend)
    return replace(
        _assemble(tables, merge_totals(earlier.totals, later.totals)),
        interfaces=max(earlier.interfaces, later.interfaces, key=len),
        captures=later.captures or earlier.captures,
        head=earlier.head,
        tail=later.tail,
    )


def _head(fold: Fold) -> Batch | None:
    if fold.head is None:
        return None
    data = bytearray()
    offset, captured, original, time, interface = (array("q") for _ in range(5))
    for content, length, at, where in fold.head:
        offset.append(len(data))
        captured.append(len(content))
        original.append(length)
        time.append(at)
        interface.append(where)
        data += content
    return Batch(data, len(offset), offset, captured, original, time, interface, fold.first_number)
