"""A table of unsigned columns over row-major rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dsrcheck.kernel import columns
from dsrcheck.kernel.rows import zeros
from dsrcheck.legs.memory import give_back
from dsrcheck.records import dataclass

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

BLOCK = 8192
"""Rows of the leg table to work on at a time, so that they stay in a processor's cache while columns are read."""

Unsigned = npt.NDArray[np.unsignedinteger]
UInt64 = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@dataclass(frozen=True, eq=False)
class Table(Mapping[str, Unsigned]):
    """Named columns; `len()` counts the rows, and so `columns` the names.

    `records`: a structured array, shape (rows,), whose fields are the columns: uint64, and of legs uint32 and uint8
    too. A column is a view of it, not a copy: look, don't write. Differences of unsigned columns wrap below zero, sums
    of narrow ones above their width; `signed` gives a column to calculate with.
    """

    records: Records

    @property
    def columns(self) -> tuple[str, ...]:
        """The names."""
        return self.records.dtype.names or ()

    @property
    def matrix(self) -> UInt64:
        """All cells, uint64, shape (rows, cells of a row); a view, whose rows are copied at once and not by column."""
        return self.records.view(np.uint64).reshape(len(self.records), self.records.dtype.itemsize // 8)

    def __getitem__(self, name: str) -> Unsigned:
        try:
            return self.records[name]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.records)

    def __bool__(self) -> bool:
        return len(self.records) > 0

    def signed(self, name: str) -> Rows:
        """A column as int64, a copy; right for everything but hashes and halves of addresses."""
        return self[name].astype(np.int64)

    def take(self, rows: npt.NDArray[np.signedinteger] | npt.NDArray[np.bool_] | slice) -> Table:
        """The rows at some positions, or those where a mask is true, as another table."""
        return Table(self.records[rows]) if isinstance(rows, slice) else _table(self.matrix[rows], self.records.dtype)

    def part(self, names: Sequence[str], rows: Rows) -> Table:
        """Some columns at some rows, as a table of 64-bit columns."""
        found = Table(np.empty(len(rows), cells_type(tuple(names))))
        for name in names:
            found[name][:] = self[name][rows]
        return found

    def give_back(self, rows: slice) -> None:
        """Give the memory of some rows back to the system, where it can take it: nobody may read them any more."""
        give_back(self.records[rows])

    def copy(self) -> Table:
        """The same rows, to be written to."""
        return _table(self.matrix.copy(), self.records.dtype)


def _table(matrix: UInt64, kind: np.dtype[np.void]) -> Table:
    return Table(matrix.view(kind).reshape(len(matrix)))


def cells_type(columns: tuple[str, ...]) -> np.dtype[np.void]:
    """The type of a row whose columns are all cells of 64 bits."""
    return np.dtype([(name, np.uint64) for name in columns])


def _leg_type() -> np.dtype[np.void]:
    offsets = columns.LEG_OFFSETS.values()
    return np.dtype({
        "names": columns.LEGS,
        "formats": [f"u{width}" for _, width in offsets],
        "offsets": [offset for offset, _ in offsets],
        "itemsize": 8 * columns.LEG_WIDTH,
    })  # fmt: skip


TYPES = {name: cells_type(names) for name, names in LAYOUT.items()} | {"legs": _leg_type()}
"""The tables that the fold fills, and the types of their rows."""


def empty(kind: np.dtype[np.void]) -> Table:
    """A table without rows."""
    return Table(np.zeros(0, kind))


def blank(kind: np.dtype[np.void], rows: int) -> Table:
    """A table of zeros, in memory that can be given back."""
    return Table(np.frombuffer(zeros(max(1, rows) * kind.itemsize), kind, rows))


def from_buffer(kind: np.dtype[np.void], buffer: memoryview) -> Table:
    """A table over the kernel's own memory."""
    return Table(np.frombuffer(buffer, kind))


def from_matrix(columns: tuple[str, ...], matrix: UInt64) -> Table:
    """A table of 64-bit columns, from a matrix of shape (rows, columns)."""
    return _table(np.ascontiguousarray(matrix), cells_type(columns))


def stack(tables: list[Table]) -> Table:
    """The rows of several tables of the same columns, one after another."""
    return _table(np.concatenate([table.matrix for table in tables]), tables[0].records.dtype)


def sum_by_key(table: Table, keys: int) -> Table:
    """One row for each distinct value of the first `keys` columns, in their order; the other columns are summed."""
    if not table:
        return table
    matrix = table.matrix
    order = np.lexsort(matrix[:, :keys].T[::-1])
    rows = matrix[order]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:, :keys] != rows[:-1, :keys]).any(axis=1)
    starts = np.flatnonzero(new)
    sums = np.add.reduceat(rows[:, keys:], starts, axis=0)
    return from_matrix(table.columns, np.hstack([rows[starts, :keys], sums]))
