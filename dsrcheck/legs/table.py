"""A table of unsigned 64-bit columns over one row-major matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsrcheck.kernel import columns

LAYOUT = {
    "paths": columns.PATHS,
    "legs": columns.LEGS,
    "restarts": columns.RESTARTS,
    "claims": columns.CLAIMS,
    "icmp": columns.MESSAGES,
    "fragments": columns.FRAGMENTS,
    "syn_rate": columns.SYN_RATE,
    "throughput": columns.THROUGHPUT,
}
"""The tables that the fold fills, and their columns."""
SECONDS = {"syn_rate": 3, "throughput": 2}
"""The histograms by second, and how many of their columns are the key."""

UInt64 = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table(Mapping[str, UInt64]):
    """Named columns; `len()` counts the rows, and so `columns` the names.

    `matrix`: uint64, shape (rows, columns). A column is a view of it, not a copy: look, don't write. Differences of
    unsigned columns wrap below zero; `signed` gives a column to calculate with.
    """

    columns: tuple[str, ...]
    matrix: UInt64

    def __getitem__(self, name: str) -> UInt64:
        try:
            return self.matrix[:, self.columns.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.matrix)

    def __bool__(self) -> bool:
        return len(self.matrix) > 0

    def signed(self, name: str) -> npt.NDArray[np.int64]:
        """A column as int64, still a view; right for everything but hashes and halves of addresses."""
        return self[name].view(np.int64)

    def take(self, rows: npt.NDArray[np.signedinteger] | npt.NDArray[np.bool_] | slice) -> Table:
        """The rows at some positions, or those where a mask is true, as another table."""
        return Table(self.columns, self.matrix[rows])


def empty(columns: tuple[str, ...]) -> Table:
    """A table without rows."""
    return Table(columns, np.zeros((0, len(columns)), np.uint64))


def from_buffer(columns: tuple[str, ...], buffer: memoryview) -> Table:
    """A table over the kernel's own memory."""
    return Table(columns, np.frombuffer(buffer, np.uint64).reshape(-1, len(columns)))


def stack(tables: list[Table]) -> Table:
    """The rows of several tables of the same columns, one after another."""
    return Table(tables[0].columns, np.concatenate([table.matrix for table in tables]))


def sum_by_key(table: Table, keys: int) -> Table:
    """One row for each distinct value of the first `keys` columns, in their order; the other columns are summed."""
    if not table:
        return table
    order = np.lexsort(table.matrix[:, :keys].T[::-1])
    rows = table.matrix[order]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:, :keys] != rows[:-1, :keys]).any(axis=1)
    starts = np.flatnonzero(new)
    return Table(table.columns, np.hstack([rows[starts, :keys], np.add.reduceat(rows[:, keys:], starts, axis=0)]))
