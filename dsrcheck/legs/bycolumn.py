"""The leg table by column: what judging asks for, each column by itself and in as few bytes as hold its values.

Rows are for the fold, which touches one leg at a time; whoever reads a column of them fetches four bytes of every 256.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dsrcheck.legs.table import BLOCK, Table, Unsigned
from dsrcheck.records import dataclass

ENDS = ("src_high", "src_low", "dst_high", "dst_low", "src_port", "dst_port", "protocol", "fragment")
"""The columns that tell who talks with whom."""
SAMPLES = ("sample_hash_0", "sample_hash_1", "sample_hash_2", "sample_hash_3")
"""The bottom sketch of packet hashes, in ascending order; places that are not used are UNUSED."""
UNUSED = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
JUDGED = (
    *ENDS, *SAMPLES, "path", "hash", "hash_cut", "frames", "bytes", "payload", "longest", "ttl_min", "ttl_max",
    "first_frame", "last_frame", "first_time", "last_time", "seq_first", "seq_top", "seq_advance", "ack_frames",
    "ack_advance", "syn", "syn_ack", "fin", "rst", "rst_frame", "rst_ack", "mss", "echo_requests", "echo_replies",
    "isn", "isn_frames", "isn_changes", "isn_last_frame", "isn_first_time", "isn_last_time",
)  # fmt: skip
"""The columns that judging asks for."""


@dataclass(frozen=True, eq=False)
class Columns(Mapping[str, Unsigned]):
    """Named columns, each an array of its own width; `len()` counts the rows, as of a `Table`. Look, don't write."""

    arrays: Mapping[str, Unsigned]
    rows: int

    def __getitem__(self, name: str) -> Unsigned:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return self.rows

    def without(self, names: Sequence[str]) -> Columns:
        """All columns but some."""
        return Columns({name: values for name, values in self.arrays.items() if name not in names}, self.rows)


def by_column(table: Table, names: Sequence[str] = JUDGED, spend: bool = False) -> Columns:
    """Copies columns of a table of rows.

    `spend`: the rows are read for the last time, and their memory goes back to the system as the columns grow.
    """
    # All ones that a column has anywhere tell how wide it is, in one pass over the rows as they lie.
    ones = Table(np.bitwise_or.reduce(table.matrix, axis=0, keepdims=True).view(table.records.dtype).reshape(1))
    arrays = {name: _room(int(ones[name][0]), len(table)) for name in names}
    held = [(arrays[name], table[name]) for name in names if ones[name][0]]
    for start in range(0, len(table), BLOCK):
        rows = slice(start, start + BLOCK)
        for values, column in held:
            values[rows] = column[rows]
        if spend:
            table.give_back(rows)
    return Columns(arrays, len(table))


def _room(ones: int, rows: int) -> Unsigned:
    """An array for values that have no other bits than these; where they have none, one 0 for all rows."""
    if not ones:
        return np.broadcast_to(np.uint8(0), rows)
    return np.empty(
        rows, next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if ones <= np.iinfo(kind).max)
    )
