"""Tables of two pieces to those of the whole, and tables of several captures to one set: columns at a time.

Rows keep the order of their first frame, as in a fold of the whole: first those of the earlier piece, then those that
only the later one has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dsrcheck.kernel.columns import LEG_FRAMES, PATH_FRAMES
from dsrcheck.kernel.fold import CLAIM_LIMIT, FRAGMENT_LIMIT, ICMP_LIMIT
from dsrcheck.legs.progress import merge_progress
from dsrcheck.legs.table import LAYOUT, SECONDS, Rows, Table, UInt64, stack, sum_by_key

Tables = Mapping[str, Table]

LISTS = {"claims": CLAIM_LIMIT, "icmp": ICMP_LIMIT, "fragments": FRAGMENT_LIMIT}
PATH_KEYS, LEG_KEYS = PATH_FRAMES, LEG_FRAMES  # the key columns come before `frames`
SAMPLES = 4
BLOCK = 8192  # rows to merge at a time, so that their columns stay in a processor's cache
UNUSED = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

SUMS = (
    "frames", "bytes", "payload", "data_frames", "hash", "hash_cut", "echo_requests", "echo_replies",
    "syn", "syn_ack", "fin", "rst", "ip_frames",
)  # fmt: skip
SMALLEST = ("first_time", "ttl_min", "outer_ttl_min")
LARGEST = ("last_frame", "last_time", "ttl_max", "outer_ttl_max", "longest", "last_data_time")
FIRST = {"data_frame": ("data_time",), "rst_frame": ("rst_time", "rst_ack"), "fin_frame": ("fin_time",)}
"""Frame columns (0: none yet), and the columns that tell of that same frame."""


def merge_tables(earlier: Tables, later: Tables) -> dict[str, Table]:
    """The tables of the whole, from those of two consecutive pieces."""
    merged: dict[str, Table] = {}
    merged["paths"], path_of = _merge_keyed(earlier["paths"], later["paths"], PATH_KEYS)
    legs = _point(later["legs"], "path", path_of)
    merged["legs"], leg_of = _merge_keyed(earlier["legs"], legs, LEG_KEYS)
    merged["restarts"] = merge_progress(merged["legs"], earlier, {**later, "legs": legs}, leg_of)
    for name, limit in LISTS.items():
        after = _point(later[name], "path", path_of) if name == "fragments" else later[name]
        merged[name] = stack([earlier[name], after.take(slice(0, limit))]).take(slice(0, limit))
    rates = _point(later["throughput"], "path", path_of)
    merged["throughput"] = sum_by_key(stack([earlier["throughput"], rates]), SECONDS["throughput"])
    merged["syn_rate"] = sum_by_key(stack([earlier["syn_rate"], later["syn_rate"]]), SECONDS["syn_rate"])
    return merged


def join_tables(captures: Sequence[Tables], interfaces: Sequence[int]) -> dict[str, Table]:
    """The tables of captures that have nothing in common; `interfaces`: what to add to the interfaces of each."""
    parts: dict[str, list[Table]] = {name: [] for name in LAYOUT}
    paths = legs = restarts = 0
    for tables, interface in zip(captures, interfaces, strict=True):
        offsets = {"interface": interface, "path": paths, "leg": legs}
        for name in LAYOUT:
            part = tables[name]
            for column, offset in offsets.items():
                if offset and column in part.columns:
                    part = _changed(part, column, part[column] + np.uint64(offset))
            parts[name].append(part)
        if restarts:
            row = parts["legs"][-1]["restart"]
            parts["legs"][-1] = _changed(parts["legs"][-1], "restart", np.where(row, row + np.uint64(restarts), row))
        paths, legs, restarts = (
            paths + len(tables["paths"]),
            legs + len(tables["legs"]),
            restarts + len(tables["restarts"]),
        )
    joined = {name: stack(tables) for name, tables in parts.items()}
    joined["syn_rate"] = sum_by_key(joined["syn_rate"], SECONDS["syn_rate"])
    joined["throughput"] = sum_by_key(joined["throughput"], SECONDS["throughput"])
    return joined


def _changed(table: Table, column: str, values: UInt64) -> Table:
    matrix = table.matrix.copy()
    matrix[:, table.columns.index(column)] = values
    return Table(table.columns, matrix)


def _point(table: Table, column: str, new: Rows) -> Table:
    """A table whose `column` counted rows that have moved."""
    return _changed(table, column, new[table.signed(column)].astype(np.uint64)) if table else table


def _merge_keyed(earlier: Table, later: Table, keys: int) -> tuple[Table, Rows]:
    """Rows with equal keys merged; and the place of each row of `later` in the result."""
    same = _find(earlier.matrix[:, :keys], later.matrix[:, :keys])
    known = same >= 0
    place = same.copy()
    place[~known] = len(earlier) + np.arange(np.count_nonzero(~known))
    result = stack([earlier, later.take(~known)])
    shared = np.flatnonzero(known)
    for start in range(0, len(shared), BLOCK):
        rows = shared[start : start + BLOCK]
        result.matrix[same[rows]] = _merge_rows(earlier.take(same[rows]), later.take(rows), keys)
    return result, place


def _merge_rows(a: Table, b: Table, keys: int) -> UInt64:
    """Rows of the same keys, merged one by one."""
    whole = Table(a.columns, a.matrix.copy())
    for name in whole.columns[keys:]:
        _merge_column(whole[name], name, a, b)
    if "mss" in whole.columns:
        _merge_first(whole, a, b)
        _merge_samples(whole, a, b)
        _merge_initial_numbers(whole, a, b)
    return whole.matrix


def _find(keys: UInt64, wanted: UInt64) -> Rows:
    """For each row of `wanted` the row of `keys` that is equal, -1 if there is none."""
    both = np.ascontiguousarray(np.concatenate([keys, wanted]))
    _, group = np.unique(both.view(f"V{8 * both.shape[1]}").ravel(), return_inverse=True)
    row = np.full(len(both), -1, np.int64)
    row[group[: len(keys)]] = np.arange(len(keys))
    return row[group[len(keys) :]]


def _merge_column(out: UInt64, name: str, a: Table, b: Table) -> None:
    if name in SUMS:
        np.add(a[name], b[name], out=out)
    elif name in SMALLEST:
        np.minimum(a[name], b[name], out=out)
    elif name in LARGEST:
        np.maximum(a[name], b[name], out=out)


def _merge_first(whole: Table, a: Table, b: Table) -> None:
    """Columns of the first frame of a kind; and the smallest MSS, where 0 is none."""
    for name, others in FIRST.items():
        missing = a[name] == 0
        for column in (name, *others):
            whole[column][missing] = b[column][missing]
    lower = (a["mss"] == 0) | ((b["mss"] < a["mss"]) & (b["mss"] != 0))
    whole["mss"][lower] = b["mss"][lower]


def _merge_samples(whole: Table, a: Table, b: Table) -> None:
    """The bottom sketch of both: the smallest distinct hashes, with the frame of `a` where both have one."""

    def places(kind: str) -> UInt64:
        return np.stack([part[f"sample_{kind}_{place}"] for part in (a, b) for place in range(SAMPLES)], axis=1)

    hashes, frames, counts = places("hash"), places("frame"), places("count")
    order = np.argsort(hashes, axis=1, kind="stable")
    hashes, frames, counts = (np.take_along_axis(part, order, axis=1) for part in (hashes, frames, counts))
    twice = (hashes[:, 1:] == hashes[:, :-1]) & (hashes[:, 1:] != UNUSED)
    counts[:, :-1] += np.where(twice, counts[:, 1:], np.uint64(0))
    gone = np.pad(twice, ((0, 0), (1, 0)))
    order = np.argsort(gone, axis=1, kind="stable")[:, :SAMPLES]
    hashes[gone] = UNUSED
    frames[gone] = counts[gone] = 0
    for kind, part in (("hash", hashes), ("frame", frames), ("count", counts)):
        kept = np.take_along_axis(part, order, axis=1)
        for place in range(SAMPLES):
            whole[f"sample_{kind}_{place}"][:] = kept[:, place]


def _merge_initial_numbers(whole: Table, a: Table, b: Table) -> None:
    """The columns isn and isn_*: the first initial sequence number, and how it changed."""
    mine, theirs = a["isn_frames"] != 0, b["isn_frames"] != 0
    seam = mine & theirs & (latest_number(a) != b["isn"])
    more = mine & theirs & (a["isn_changes"] == 0) & ~seam

    def put(column: str, where: npt.NDArray[np.bool_], values: UInt64) -> None:
        whole[column][where] = values[where]

    for column in ("isn", "isn_frames", "isn_first_time", "isn_last_time", "isn_first_frame", "isn_last_frame"):
        put(column, ~mine, b[column])
    put("isn_frames", more, a["isn_frames"] + b["isn_frames"])
    put("isn_last_time", more, b["isn_last_time"])
    put("isn_last_frame", more, b["isn_last_frame"])
    whole["isn_changes"][:] = a["isn_changes"] + b["isn_changes"] + seam
    put("isn_other", seam, b["isn"])
    put("isn_other_frame", seam, b["isn_first_frame"])
    put("isn_other", b["isn_changes"] != 0, b["isn_other"])
    put("isn_other_frame", b["isn_changes"] != 0, b["isn_other_frame"])


def latest_number(legs: Table) -> UInt64:
    """The initial sequence number of each leg's last SYN (0 where it has none)."""
    return np.where(legs["isn_changes"] != 0, legs["isn_other"], legs["isn"])
