"""Sequence and acknowledgement progress of two pieces of a leg to that of the whole (see Fold for what it is).

A leg's frames fall into runs: one for each connection on the same ports, divided by its rows in `restarts`. The first
run of the later piece goes on with the last run of the earlier one, unless it opens with the SYN of another connection.
When it is followed by a restart with the very number that the earlier piece's last SYN had, that SYN was a
retransmission: no restart, seen as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dsrcheck.kernel.legs import RESTART_LIMIT
from dsrcheck.legs.table import TYPES, Rows, Table, UInt64, stack
from dsrcheck.records import dataclass

Flags = npt.NDArray[np.bool_]

SEQUENCE = ("seq_frame", "seq_first", "seq_top", "seq_advance", "ack_first", "ack_top", "ack_advance")
WRITTEN = (*SEQUENCE, "ack_frames")
READ = (
    *WRITTEN, "restart", "isn", "isn_frames", "isn_changes", "isn_other", "isn_first_frame", "isn_first_time",
)  # fmt: skip
MASK_32 = np.uint64(0xFFFF_FFFF)
NONE = np.uint64(0)


@dataclass(frozen=True)
class Progress:
    """How far runs have come, one value a leg: highest number, and advance since the first."""

    top: UInt64
    advance: UInt64

    def then(self, first: UInt64, run: Progress) -> Progress:
        """With another part of the same run behind, that begins at `first`."""
        ahead = ((first - self.top) & MASK_32).astype(np.int64)
        step = np.where(ahead < 1 << 31, ahead, ahead - (1 << 32)) + run.advance.astype(np.int64)
        return Progress(np.where(step > 0, run.top, self.top), self.advance + np.maximum(step, 0).astype(np.uint64))

    def where(self, condition: Flags, other: Progress) -> Progress:
        """This where the condition holds, the other elsewhere."""
        return Progress(np.where(condition, self.top, other.top), np.where(condition, self.advance, other.advance))

    def since(self, start: UInt64) -> Progress:
        """Counted from a later start."""
        return Progress(self.top, self.advance - start)


def merge_progress(
    whole: Table, both_have: tuple[Table, Table], shared: Rows, restarts_of: tuple[Table, Table], leg_of: Rows
) -> Table:
    """Set the columns of progress in `whole`, the merged legs, and return the merged restarts.

    `both_have`: the legs that both pieces have, as the earlier and as the later one has them; `shared`: their places in
    the later. `restarts_of`: those of both. `leg_of`: the place in `whole` of each leg of the later piece. Legs that
    only one piece has are right already.
    """
    restarts, later_restarts = restarts_of[0].copy(), restarts_of[1]
    everywhere = np.arange(len(shared))
    a, b = (legs.part(READ, everywhere) for legs in both_have)
    out = whole.part(WRITTEN, leg_of[shared])
    mine, theirs = a["seq_frame"] != 0, b["seq_frame"] != 0
    both = mine & theirs
    for name in SEQUENCE:
        out[name][:] = np.where(mine, a[name], b[name])
    out["ack_frames"][:] = a["ack_frames"] + b["ack_frames"]

    kept, new = _merge_runs(out, a, b, both, shared, restarts, later_restarts)
    kept["leg"][:] = leg_of[kept.signed("leg")].astype(np.uint64)
    new["leg"][:] = leg_of[shared[new.signed("leg")]].astype(np.uint64)
    for name in WRITTEN:
        whole[name][leg_of[shared]] = out[name]

    merged = stack([restarts, kept, new])
    merged = merged.take(np.argsort(merged["frame"], kind="stable")[:RESTART_LIMIT])
    whole["restart"][:] = 0
    whole["restart"][merged.signed("leg")] = np.arange(1, len(merged) + 1, dtype=np.uint32)
    return merged


def _merge_runs(
    out: Table, a: Table, b: Table, both: Flags, shared: Rows, restarts: Table, rows: Table
) -> tuple[Table, Table]:
    """Merge the runs that meet at the seam, for the legs of both pieces.

    `out`, `a`, `b`: those legs in the whole, the earlier and the later piece; `shared` their places in the later piece.
    `restarts`: of the earlier piece, `rows`: of the later. Returns the rows of the later piece that are left, with
    their progress counted from the start of the whole, and new ones for connections that begin at the seam.
    """
    first, second = _first_rows(rows, shared)
    again, third = first >= 0, second >= 0
    at_first, at_second = _row(rows, first), _row(rows, second)
    known = a["isn_frames"] != 0
    latest = np.where(a["isn_changes"] != 0, a["isn_other"], a["isn"])
    opened = (b["isn_frames"] != 0) & (b["isn_first_frame"] == b["seq_frame"])
    new = both & opened & ~(known & (latest == b["isn"]))
    joined = both & ~new
    repeated = joined & again & known & (at_first["isn"] == latest)
    kept_from = np.where(repeated, second, first)

    def run(kind: str, start: UInt64) -> tuple[Progress, Progress]:
        """The later piece's first run, and the second: each with its own advance."""
        end = Progress(b[f"{kind}_top"], b[f"{kind}_advance"])
        one = Progress(at_first[f"{kind}_top"], at_first[f"{kind}_advance"]).where(again, end)
        two = Progress(at_second[f"{kind}_top"], at_second[f"{kind}_advance"]).where(third, end)
        return one, two.since(np.where(repeated, one.advance, start))

    zero = np.zeros(len(a), np.uint64)
    one, two = run("seq", zero)
    seq = Progress(a["seq_top"], a["seq_advance"])
    seq = seq.then(b["seq_first"], one).where(joined, seq)
    seq = seq.then(at_first["isn"], two).where(repeated, seq)

    acked = np.where(a["restart"] != 0, _row(restarts, a.signed("restart") - 1)["acked"], a["ack_frames"]) != 0
    ack = Progress(a["ack_top"], a["ack_advance"])
    ack_one, ack_two = run("ack", zero)
    one_acks = np.where(again, at_first["ack_frames"], b["ack_frames"]) != 0
    parts = (
        (joined & one_acks, b["ack_first"], ack_one),
        (repeated & (at_first["acked"] != 0), at_first["ack_first"], ack_two),
    )
    for here, begins, part in parts:
        fresh = Progress(part.top, ack.advance + part.advance)
        _note_first_ack(restarts, a, here & ~acked, begins)
        ack = ack.then(begins, part).where(acked, fresh).where(here, ack)
        acked = acked | here

    rest = {}
    for kind, now, runs in (("seq", seq, (one, two)), ("ack", ack, (ack_one, ack_two))):
        passed = np.where(joined, runs[0].advance, NONE) + np.where(repeated, runs[1].advance, NONE)
        rest[kind] = now.advance - passed  # what to add to the later piece's own count
        ends = both & (new | (kept_from >= 0))
        out[f"{kind}_advance"][both] = (rest[kind] + b[f"{kind}_advance"])[both]
        out[f"{kind}_top"][both] = np.where(ends, b[f"{kind}_top"], now.top)[both]
    out["ack_first"][:] = np.where(a["ack_frames"] != 0, a["ack_first"], b["ack_first"])

    kept = _counted_on(rows, shared, a, both, rest)
    continued = joined & (kept_from >= 0)
    kept["seq_top"][kept_from[continued]] = seq.top[continued]
    kept["ack_top"][kept_from[continued]] = ack.top[continued]
    left = np.ones(len(rows), bool)
    left[first[repeated]] = False
    return kept.take(left), _new_rows(a, b, new, one_acks)


def _first_rows(rows: Table, legs: Rows) -> tuple[Rows, Rows]:
    """The first and the second row of each leg, -1 where there is none."""
    first = np.full(len(legs), -1, np.int64)
    second = first.copy()
    if rows:
        owner = rows.signed("leg")
        order = np.argsort(owner, kind="stable")
        start = np.searchsorted(owner[order], legs)
        for found, place in ((first, start), (second, start + 1)):
            inside = np.flatnonzero(place < len(order))
            row = order[place[inside]]
            own = owner[row] == legs[inside]
            found[inside[own]] = row[own]
    return first, second


def _row(rows: Table, places: Rows) -> Table:
    """The rows at some places; zeros for -1."""
    return stack([rows, Table(np.zeros(1, rows.records.dtype))]).take(places)


def _note_first_ack(restarts: Table, a: Table, here: Flags, first: UInt64) -> None:
    """The first acknowledgement of a connection whose restart was in the earlier piece."""
    here = here & (a["restart"] != 0)
    row = a.signed("restart")[here] - 1
    restarts["acked"][row] = 1
    restarts["ack_first"][row] = first[here]


def _counted_on(rows: Table, shared: Rows, a: Table, both: Flags, rest: Mapping[str, UInt64]) -> Table:
    """The restarts of the later piece with the progress of the earlier one added."""
    kept = rows.copy()
    place = {"seq_advance": rest["seq"], "ack_advance": rest["ack"], "ack_frames": a["ack_frames"]}
    if rows:
        of_leg = np.full(int(max(rows.signed("leg").max(), shared.max(initial=0))) + 1, -1, np.int64)
        of_leg[shared[both]] = np.flatnonzero(both)
        pair = of_leg[rows.signed("leg")]
        for column, values in place.items():
            kept[column][pair >= 0] += values[pair[pair >= 0]]
    return kept


def _new_rows(a: Table, b: Table, new: Flags, acked: Flags) -> Table:
    """Restarts at the seam; `leg` is the position among the legs of both pieces."""
    before, after = a.take(new), b.take(new)
    rows = Table(np.zeros(len(before), TYPES["restarts"]))
    for column in ("seq_top", "seq_advance", "ack_frames", "ack_top", "ack_advance"):
        rows[column][:] = before[column]
    rows["leg"][:] = np.flatnonzero(new).astype(np.uint64)
    rows["isn"][:] = after["isn"]
    rows["frame"][:] = after["isn_first_frame"]
    rows["time"][:] = after["isn_first_time"]
    rows["acked"][:] = acked[new]
    rows["ack_first"][:] = np.where(acked[new], after["ack_first"], NONE)
    return rows
