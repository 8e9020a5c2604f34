"""The leg table by column."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsrcheck
from dsrcheck.kernel.columns import LEGS
from dsrcheck.kernel.rows import zeros
from dsrcheck.legs.bycolumn import JUDGED, by_column
from dsrcheck.legs.table import BLOCK, TYPES, Table, empty, from_buffer

KIND = TYPES["legs"]


def made(rows: int, values: dict[str, int]) -> Table:
    """A table in the fold's own memory; each value in the last row, half of it in the first, else zeros."""
    table = from_buffer(KIND, memoryview(zeros(max(1, rows) * KIND.itemsize)).cast("Q")[: rows * KIND.itemsize // 8])
    for name, value in values.items():
        table[name][0], table[name][-1] = value // 2, value
    return table


@given(st.dictionaries(st.sampled_from(JUDGED), st.integers(0, 2**64 - 1)), st.integers(2, 40))
def test_columns_are_those_of_the_rows(values: dict[str, int], rows: int) -> None:
    """Every value, in the fewest bytes that hold it."""
    values = {name: value % (1 << 8 * KIND[name].itemsize) for name, value in values.items()}
    table = made(rows, values)
    columns = by_column(table)
    assert len(columns) == rows
    assert tuple(columns) == JUDGED
    for name, column in columns.items():
        wanted = [values.get(name, 0) // 2, *[0] * (rows - 2), values.get(name, 0)]
        assert column.tolist() == wanted
        assert 8 * column.dtype.itemsize >= max(wanted).bit_length()
        assert column.dtype.itemsize == 1 or 4 * column.dtype.itemsize < max(wanted).bit_length()


def test_no_rows() -> None:
    """Columns of no legs have no values."""
    columns = by_column(empty(KIND))
    assert len(columns) == 0
    assert {len(column) for column in columns.values()} == {0}


def test_a_column_of_nothing_takes_no_memory() -> None:
    """One 0 stands for all rows."""
    assert by_column(made(1000, {}))["rst"].strides == (0,)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_spent_rows_go_back_to_the_system() -> None:
    """Block after block; and the columns hold what the rows held."""
    rows = 16 * BLOCK + 5
    table = made(rows, {})
    table["first_frame"][:] = np.arange(rows)
    held = resident()
    columns = by_column(table, ("first_frame",), spend=True)
    assert held - resident() > 0.9 * table.records.nbytes - columns["first_frame"].nbytes
    assert columns["first_frame"].tolist() == list(range(rows))
    assert not table["first_frame"][:BLOCK].any()


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_spent_rows_elsewhere_stay() -> None:
    """Only memory of the fold's own kind goes back; an array's belongs to its allocator."""
    table = Table(np.zeros(3 * BLOCK, KIND))
    table["frames"][:] = 7
    by_column(table, spend=True)
    assert (table["frames"] == 7).all()


def test_judging_asks_for_no_other_columns() -> None:
    """Whatever names a column of the leg table, of all that works on scenes, finds it there."""
    root = Path(dsrcheck.__file__).parent
    rooms = ("topology", "exchange", "report", "illustrate", "tui", "golden")
    files = [*(path for room in rooms for path in (root / room).rglob("*.py")), root / "flowview.py"]
    asked = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in LEGS
    }
    assert {"frames", "isn_last_frame", "ttl_max"} < asked <= set(JUDGED)
