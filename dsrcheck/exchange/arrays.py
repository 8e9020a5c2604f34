"""Few Python values, such as one a VIP, as the arrays that columns hold."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dsrcheck.flows.table import Flags, Int64

Texts = npt.NDArray[np.object_]


def ints(values: Iterable[int]) -> Int64:
    """As int64."""
    return np.array(list(values), np.int64)


def flags(values: Iterable[bool]) -> Flags:
    """As bool."""
    return np.array(list(values), bool)


def texts(values: Iterable[str]) -> Texts:
    """As objects, each a str."""
    return np.array(list(values), object)
