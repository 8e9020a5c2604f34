"""Columns that take little memory: of few values kept once each, and of small numbers kept in few bytes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[Any]
Scalar = TypeVar("Scalar", bound=np.generic)


FEW = 16
"""Values that are sooner compared with each row than looked up."""


def at(values: Values, rows: Any) -> Any:
    """`values[rows]`, taken: in half the time where the positions are flags, or fewer than 64 bits wide."""
    if isinstance(rows, np.ndarray) and rows.ndim == values.ndim == 1:
        return values.take(np.flatnonzero(rows) if rows.dtype == bool else rows)
    return values[rows]


class Coded(NDArrayOperatorsMixin):
    """A column of few distinct values: the values, and for each row the place of its own among them.

    What hangs on a leg's path, such as its MACs, is kept a value a path. Rows of it are taken as of an array; to
    compare it with a number is to compare the few values. Where that does not do it is the array that it stands for.
    """

    def __init__(self, values: Values, codes: npt.NDArray[np.integer]) -> None:
        self.values, self.codes = values, codes

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return self.codes.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array."""
        return self.values.dtype

    def tolist(self) -> list[Any]:
        """As of an array."""
        found: list[Any] = np.asarray(self).tolist()
        return found

    def __getitem__(self, rows: Any) -> Any:
        return at(self.values, at(self.codes, rows))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        whole: Values = at(self.values.astype(dtype or self.dtype, copy=False), self.codes)
        return whole

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and all(self._is_alike(other) for other in inputs):
            parts = [part.values if isinstance(part, Coded) else part for part in inputs]
            return Coded(ufunc(*parts), self.codes)
        whole = [np.asarray(part) if isinstance(part, Coded) else part for part in inputs]
        return getattr(ufunc, method)(*whole, **kwargs)

    def _is_alike(self, other: object) -> bool:
        return other.codes is self.codes if isinstance(other, Coded) else np.ndim(cast(Any, other)) == 0


def coded(values: npt.NDArray[Scalar], codes: npt.NDArray[np.integer]) -> npt.NDArray[Scalar]:
    """`values[codes]`, typed as the array which it stands for, most of whose methods it has not."""
    return cast("npt.NDArray[Scalar]", Coded(values, codes))


def halved(values: Values) -> Int64:
    """Numbers that fit 31 bits, as int32; typed as wide as they stand for: who shifts them far widens them first."""
    return cast(Int64, values.astype(np.int32, copy=False))


def narrow(values: Values) -> Values:
    """Unsigned numbers in as few bytes as hold them all."""
    if values.dtype == bool:
        return values
    highest = int(values.max()) if len(values) else 0
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if highest <= np.iinfo(kind).max)
    return values.astype(kind, copy=False)


def among(values: Int64, few: Collection[int] | Int64) -> Flags:
    """Whether each value is one of a few; of a coded column the values are looked up once each."""
    wanted = few if isinstance(few, np.ndarray) else np.array(list(few), np.int64)
    if isinstance(values, Coded):
        return at(among(values.values, wanted), values.codes)
    if len(wanted) > FEW:
        ordered = np.sort(wanted)
        found: Flags = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
        return found
    found = np.zeros(len(values), bool)
    for one in wanted.tolist():
        found |= values == one
    return found


def rows_with(column: Int64, rows: Int64) -> dict[int, Int64]:
    """Value -> those of the rows that have it, in their order; values are sorted."""
    if isinstance(column, Coded):
        _, place = np.unique(column.values, return_inverse=True)
        key = narrow(place)[column.codes[rows]]  # few bytes are sorted by counting
    else:
        key = column[rows]
    order = np.argsort(key, kind="stable")
    ends = np.flatnonzero(np.diff(key[order])) + 1
    return {int(column[part[0]]): part for part in np.split(rows[order], ends)} if len(rows) else {}
