"""Column arithmetic with three truth values, after Kleene's strong logic: true, false, unknown.

A `Vector` is a column of values with a column of what is known of them. Unknown is contagious, except where the other
side decides alone: `False and unknown` is False, `True or unknown` is True.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from dsrcheck.records import dataclass
from dsrcheck.tables import Array, Column, SetColumn


@dataclass(frozen=True)
class Vector:
    """Values of any dtype and a bool array `known`, both of shape (rows,)."""

    values: Array
    known: Array

    @property
    def true(self) -> Array:
        """Rows where a flag is known to hold."""
        return self.values.astype(bool) & self.known

    @property
    def false(self) -> Array:
        """Rows where a flag is known not to hold."""
        return ~self.values.astype(bool) & self.known


@lru_cache(maxsize=16)
def _everywhere(flag: bool, rows: int) -> Array:
    """The same flag for every row, in one byte of memory; not to be written to."""
    return np.broadcast_to(np.bool_(flag), rows)


def unknown(rows: int) -> Vector:
    """Return a column of which nothing is known."""
    return Vector(np.broadcast_to(np.int64(0), rows), _everywhere(False, rows))


def constant(value: object, rows: int) -> Vector:
    """Return the same value for every row."""
    dtype = object if isinstance(value, str) else None
    return Vector(np.broadcast_to(np.array(value, dtype=dtype), rows), _everywhere(True, rows))


def from_column(column: Column) -> Vector:
    """Return a table's column in the dtypes that comparisons here rely on: numbers are signed."""
    values = np.asarray(column.values)
    known = _everywhere(True, len(values)) if column.known is None else column.known.astype(bool, copy=False)
    if column.kind == "mac":
        values = values.astype(np.uint64)
    elif column.kind == "address":
        known = known & (values >= 0)
    elif column.kind == "flag":
        values = values.astype(bool)
    elif values.dtype.kind == "u":
        values = np.minimum(values.astype(np.uint64), np.uint64(np.iinfo(np.int64).max)).astype(np.int64)
    elif values.dtype.kind == "i":
        values = values.astype(np.int64)
    elif values.dtype.kind == "f":
        known = known & ~np.isnan(values)
    return Vector(values, known)


def both(left: Vector, right: Vector) -> Vector:
    """Return left and right."""
    true = left.true & right.true
    return Vector(true, true | left.false | right.false)


def either(left: Vector, right: Vector) -> Vector:
    """Return left or right."""
    true = left.true | right.true
    return Vector(true, true | (left.false & right.false))


def negation(operand: Vector) -> Vector:
    """Return not operand."""
    return Vector(operand.false, operand.known)


def compare(operator: Callable[[Array, Array], Array], left: Vector, right: Vector) -> Vector:
    """Return `operator` of both sides, known where both are."""
    known = left.known & right.known
    return Vector(operator(left.values, right.values).astype(bool) & known, known)


def combine(operator: Callable[[Array, Array], Array], left: Vector, right: Vector) -> Vector:
    """Return a sum or difference; 64-bit numbers wrap."""
    with np.errstate(all="ignore"):
        return Vector(operator(left.values, right.values), left.known & right.known)


def remainder(left: Vector, right: Vector) -> Vector:
    """Return left % right with the divisor's sign, as Python does; unknown where the divisor is 0."""
    divides = right.values != 0
    with np.errstate(all="ignore"):
        values = np.remainder(left.values, np.where(divides, right.values, 1))
    return Vector(values, left.known & right.known & divides)


def member(left: Vector, column: SetColumn) -> Vector:
    """Return whether each row's value is in that row's set. One pass over the sets' members."""
    known = left.known & (column.index >= 0)
    pairs = [(place, element) for place, elements in enumerate(column.sets) for element in elements]
    if not pairs:
        return Vector(np.zeros(len(known), dtype=bool), known)
    dtype = {"text": object, "mac": np.uint64}.get(column.kind, np.int64)
    place = np.array([pair[0] for pair in pairs], dtype=np.int64)
    elements, code = np.unique(np.array([pair[1] for pair in pairs], dtype=dtype), return_inverse=True)
    values = left.values[known]
    nearest = np.minimum(np.searchsorted(elements, values), len(elements) - 1)
    found = (elements[nearest] == values).astype(bool)
    inside = np.zeros(len(known), dtype=bool)
    inside[known] = found & np.isin(column.index[known] * len(elements) + nearest, place * len(elements) + code)
    return Vector(inside, known)
