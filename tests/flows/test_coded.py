"""Columns of few distinct values stand for arrays, and are compared value by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsrcheck.flows.coded import Coded, among, coded, narrow, rows_with

VALUES, CODES = np.array([7, 1 << 40, 7, 0]), np.array([3, 1, 0, 1, 2, 0], np.uint8)
WHOLE = VALUES[CODES]


@pytest.mark.parametrize("column", [WHOLE, coded(VALUES, CODES)], ids=["array", "coded"])
def test_stands_for_an_array(column: Any) -> None:
    """Rows, comparisons, arithmetic, membership and grouping are those of the array."""
    assert column[[0, 2]].tolist() == [0, 7]
    assert np.asarray(column == 7).tolist() == [False, False, True, False, True, True]
    assert np.asarray((column | 1) + column).tolist() == ((WHOLE | 1) + WHOLE).tolist()
    assert (np.ones(6, bool) & (column > 7)).tolist() == (WHOLE > 7).tolist()
    assert among(column, {7, 5}).tolist() == (WHOLE == 7).tolist()
    assert among(column, set(range(100))).tolist() == (WHOLE < 100).tolist()
    assert {value: rows.tolist() for value, rows in rows_with(column, np.arange(1, 6)).items()} == {
        7: [2, 4, 5],
        1 << 40: [1, 3],
    }


def test_comparing_keeps_the_codes() -> None:
    """What is worked out of columns with the same codes costs an operation a value."""
    column = coded(VALUES, CODES)
    assert isinstance((column | column) == 7, Coded)
    assert not isinstance(column == coded(VALUES, CODES.copy()), Coded)


@pytest.mark.parametrize(("highest", "kind"), [(255, np.uint8), (256, np.uint16), (1 << 32, np.uint64), (0, np.uint8)])
def test_narrow(highest: int, kind: type[np.unsignedinteger]) -> None:
    """Numbers take as few bytes as hold them all."""
    numbers = np.array([0, highest], np.uint64)
    assert narrow(numbers).dtype == kind
    assert narrow(numbers).tolist() == numbers.tolist()
