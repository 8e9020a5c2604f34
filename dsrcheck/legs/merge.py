"""Tables of two pieces to those of the whole, and tables of several captures to one set: columns at a time.

Rows keep the order of their first frame, as in a fold of the whole: first those of the earlier piece, then those that
only the later one has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dsrcheck.kernel.columns import PATH_FRAMES, PATHS
from dsrcheck.kernel.fold import CLAIM_LIMIT, FRAGMENT_LIMIT, ICMP_LIMIT
from dsrcheck.kernel.numbering import number_rows
from dsrcheck.legs.bycolumn import SAMPLES, UNUSED
from dsrcheck.legs.progress import merge_progress
from dsrcheck.legs.table import BLOCK, LAYOUT, SECONDS, Rows, Table, UInt64, Unsigned, blank, stack, sum_by_key

Tables = Mapping[str, Table]

LISTS = {"claims": CLAIM_LIMIT, "icmp": ICMP_LIMIT, "fragments": FRAGMENT_LIMIT}
PATH_KEYS = PATHS[:PATH_FRAMES]  # the key columns come before `frames`
LEG_KEYS = (
    "path", "protocol", "fragment", "src_high", "src_low", "dst_high", "dst_low", "src_port", "dst_port",
)  # fmt: skip
FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)

SUMS = (
    "frames", "bytes", "payload", "hash", "echo_requests", "echo_replies", "syn", "syn_ack", "fin", "rst", "ip_frames",
)  # fmt: skip
SMALLEST = ("first_time", "ttl_min")
LARGEST = ("last_frame", "last_time", "ttl_max", "outer_ttl_max", "longest", "hash_cut")


def merge_tables(earlier: Tables, later: Tables, keys: tuple[UInt64, UInt64], spend: bool = False) -> dict[str, Table]:
    """The tables of the whole, from those of two consecutive pieces.

    keys: `leg_keys` of both; spend: the memory of both leg tables goes back to the system as that of the whole grows.
    """
    merged: dict[str, Table] = {}
    merged["paths"], path_of = _merge_paths(earlier["paths"], later["paths"])
    same = _same_legs(earlier, later, keys, path_of)
    shared = np.flatnonzero(same >= 0)
    mine, theirs = earlier["legs"].take(same[shared]), later["legs"].take(shared)
    theirs["path"][:] = path_of[theirs.signed("path")]

    whole, leg_of = _with_new_legs(earlier["legs"], later["legs"], same, path_of, spend)
    for start in range(0, len(shared), BLOCK):
        rows = slice(start, start + BLOCK)
        whole.matrix[same[shared[rows]]] = _merge_rows(mine.take(rows), theirs.take(rows), LEG_KEYS).matrix
    merged["legs"] = whole
    restarts = earlier["restarts"], later["restarts"]
    merged["restarts"] = merge_progress(whole, (mine, theirs), shared, restarts, leg_of)
    for name, limit in LISTS.items():
        after = _point(later[name], "path", path_of) if name == "fragments" else later[name]
        merged[name] = stack([earlier[name], after.take(slice(0, limit))]).take(slice(0, limit))
    rates = _point(later["throughput"], "path", path_of)
    merged["throughput"] = sum_by_key(stack([earlier["throughput"], rates]), SECONDS["throughput"])
    merged["syn_rate"] = sum_by_key(stack([earlier["syn_rate"], later["syn_rate"]]), SECONDS["syn_rate"])
    return merged


def leg_keys(paths: Table, legs: Table) -> UInt64:
    """A hash of the key of each leg, the same in whichever piece it is; whoever finds two alike compares the keys."""
    of_path = _hashed(np.zeros(len(paths), np.uint64), paths, PATH_KEYS)
    keys = np.empty(len(legs), np.uint64)
    for start in range(0, len(legs), BLOCK):
        rows = slice(start, start + BLOCK)
        block = legs.take(rows)
        keys[rows] = _hashed(of_path[block["path"]], block, LEG_KEYS[1:])
    return keys


def _hashed(start: UInt64, table: Table, names: Sequence[str]) -> UInt64:
    h = start
    for name in names:
        h = (h ^ table[name]) * FACTOR
        h ^= h >> np.uint64(32)
    return h


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


def _changed(table: Table, column: str, values: Unsigned) -> Table:
    changed = table.copy()
    changed[column][:] = values
    return changed


def _point(table: Table, column: str, new: Rows) -> Table:
    """A table whose `column` counted rows that have moved."""
    return _changed(table, column, new[table.signed(column)].astype(np.uint64)) if table else table


def _merge_paths(earlier: Table, later: Table) -> tuple[Table, Rows]:
    """Paths with equal keys merged; and the place of each path of `later` in the result."""
    same = _find(earlier, later, PATH_KEYS)
    shared, new = np.flatnonzero(same >= 0), np.flatnonzero(same < 0)
    place = same.copy()
    place[new] = len(earlier) + np.arange(len(new))
    whole = stack([earlier, later.take(new)])
    whole.matrix[same[shared]] = _merge_rows(earlier.take(same[shared]), later.take(shared), PATH_KEYS).matrix
    return whole, place


def _same_legs(earlier: Tables, later: Tables, keys: tuple[UInt64, UInt64], path_of: Rows) -> Rows:
    """For each leg of `later` the leg of `earlier` that has the same key, -1 if there is none."""
    same = _places(*keys)
    shared = np.flatnonzero(same >= 0)
    mine, theirs = earlier["legs"], later["legs"]
    alike = np.array_equal(mine["path"][same[shared]], path_of[theirs["path"][shared]])
    alike = alike and all(np.array_equal(mine[key][same[shared]], theirs[key][shared]) for key in LEG_KEYS[1:])
    # Where two legs of a piece have one hash, one of them may have been found for the other.
    return same if alike else _find(mine, _point(theirs, "path", path_of), LEG_KEYS)


def _places(values: UInt64, wanted: UInt64) -> Rows:
    """For each of the wanted values a place where it is among the others, -1 if there is none.

    By sorting both: an index of hashes takes many times their memory.
    """
    order, wanted_order = np.argsort(values), np.argsort(wanted)
    in_order = values[order]
    place = np.searchsorted(in_order, wanted[wanted_order])
    inside = np.flatnonzero(place < len(values))
    hit = inside[in_order[place[inside]] == wanted[wanted_order[inside]]]
    found = np.full(len(wanted), -1, np.int64)
    found[wanted_order[hit]] = order[place[hit]]
    return found


def _with_new_legs(earlier: Table, later: Table, same: Rows, path_of: Rows, spend: bool) -> tuple[Table, Rows]:
    """The legs of `earlier` and the others of `later`; and the place of each leg of `later` among them."""
    new = same < 0
    place = same.copy()
    place[new] = len(earlier) + np.arange(np.count_nonzero(new))
    whole = blank(earlier.records.dtype, len(earlier) + int(np.count_nonzero(new)))
    at = 0
    for table, kept in ((earlier, None), (later, new)):
        for start in range(0, len(table), BLOCK):
            rows = slice(start, start + BLOCK)
            block = table.matrix[rows] if kept is None else table.matrix[rows][kept[rows]]
            whole.matrix[at : at + len(block)] = block
            at += len(block)
            if spend:
                table.give_back(rows)
    behind = whole["path"][len(earlier) :]
    behind[:] = path_of[behind]
    return whole, place


def _merge_rows(a: Table, b: Table, keys: Sequence[str]) -> Table:
    """Rows of the same keys, merged one by one."""
    whole = a.copy()
    for name in whole.columns:
        if name not in keys:
            _merge_column(whole[name], name, a, b)
    if "mss" in whole.columns:
        _merge_first(whole, a, b)
        _merge_samples(whole, a, b)
        _merge_initial_numbers(whole, a, b)
    return whole


def _find(table: Table, wanted: Table, keys: Sequence[str]) -> Rows:
    """For each row of `wanted` the row of `table` that has the same key, -1 if there is none. Keys differ in each."""
    group, _ = number_rows([np.concatenate([table[key], wanted[key]]) for key in keys])
    place = group[len(table) :]
    return np.where(place < len(table), place, -1)


def _merge_column(out: Unsigned, name: str, a: Table, b: Table) -> None:
    if name in SUMS:
        np.add(a[name], b[name], out=out)
    elif name in SMALLEST:
        np.minimum(a[name], b[name], out=out)
    elif name in LARGEST:
        np.maximum(a[name], b[name], out=out)


def _merge_first(whole: Table, a: Table, b: Table) -> None:
    """What tells of the first RST; and the smallest MSS, where 0 is none."""
    missing = a["rst_frame"] == 0
    for column in ("rst_frame", "rst_ack"):
        whole[column][missing] = b[column][missing]
    lower = (a["mss"] == 0) | ((b["mss"] < a["mss"]) & (b["mss"] != 0))
    whole["mss"][lower] = b["mss"][lower]


def _merge_samples(whole: Table, a: Table, b: Table) -> None:
    """The bottom sketch of both: the smallest distinct hashes."""
    hashes = np.sort(np.stack([part[name] for part in (a, b) for name in SAMPLES], axis=1), axis=1)
    hashes[:, 1:][hashes[:, 1:] == hashes[:, :-1]] = UNUSED
    hashes.sort(axis=1)
    for place, name in enumerate(SAMPLES):
        whole[name][:] = hashes[:, place]


def _merge_initial_numbers(whole: Table, a: Table, b: Table) -> None:
    """The columns isn and isn_*: the first initial sequence number, and how it changed."""
    mine, theirs = a["isn_frames"] != 0, b["isn_frames"] != 0
    seam = mine & theirs & (latest_number(a) != b["isn"])
    more = mine & theirs & (a["isn_changes"] == 0) & ~seam

    def put(column: str, where: npt.NDArray[np.bool_], values: Unsigned) -> None:
        whole[column][where] = values[where]

    for column in ("isn", "isn_frames", "isn_first_time", "isn_last_time", "isn_first_frame", "isn_last_frame"):
        put(column, ~mine, b[column])
    put("isn_frames", more, a["isn_frames"] + b["isn_frames"])
    put("isn_last_time", more, b["isn_last_time"])
    put("isn_last_frame", more, b["isn_last_frame"])
    whole["isn_changes"][:] = a["isn_changes"] + b["isn_changes"] + seam
    put("isn_other", seam, b["isn"])
    put("isn_other", b["isn_changes"] != 0, b["isn_other"])


def latest_number(legs: Table) -> Unsigned:
    """The initial sequence number of each leg's last SYN (0 where it has none)."""
    return np.where(legs["isn_changes"] != 0, legs["isn_other"], legs["isn"])
