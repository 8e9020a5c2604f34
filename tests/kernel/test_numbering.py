"""Numbers of rows, by the plainest of means and by the kernel, interpreted and compiled."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel.both import versions

VALUES = st.one_of(st.integers(0, 3), st.sampled_from([-1, 1 << 32, (1 << 63) - 1, -(1 << 63)]))


@pytest.fixture(scope="module", params=list(versions("numbering").items()), ids=lambda version: version[0])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    """The module, interpreted and, where it is built, compiled."""
    module: ModuleType = request.param[1]
    return module


@given(rows=st.lists(st.tuples(VALUES, VALUES), max_size=200))
def test_equal_rows_have_one_number(kernel: ModuleType, rows: list[tuple[int, int]]) -> None:
    """Numbers count up in order of appearance, and each leader is the first row of its number."""
    known: dict[tuple[int, int], int] = {}
    expected = [known.setdefault(row, len(known)) for row in rows]
    columns = np.array(rows, np.int64).reshape(-1, 2)
    numbers, leaders = kernel.number_rows([columns[:, 0], columns[:, 1]])
    assert numbers.tolist() == expected
    assert [rows[leader] for leader in leaders] == list(known)
    assert leaders.tolist() == [expected.index(number) for number in range(len(known))]


def test_many_rows(kernel: ModuleType) -> None:
    """The index grows with the distinct rows, whatever the width of the columns."""
    values = np.arange(5000, dtype=np.uint32) % 1234
    numbers, leaders = kernel.number_rows([values, values.astype(np.uint8), values.astype(np.uint64) << np.uint64(40)])
    assert numbers.tolist() == values.tolist()
    assert leaders.tolist() == list(range(1234))
