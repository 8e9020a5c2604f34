"""The tables that rules speak of: columns, rows that belong to a VIP, and who the hosts are.

Pure data over NumPy. `exchange` fills the tables, `rules` judges their rows; neither knows the other.

Every column is three-valued: where `known` is False the capture does not show the value, and whatever is built on it
is unknown too. That is what keeps a rule from passing on something nobody saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import numpy.typing as npt

from dsrcheck.records import dataclass

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Column:
    """One value a row.

    values: int64, uint64, int32, uint32, float64, bool, or object (str) by `kind`; shape (rows,)
    known: bool, shape (rows,); None when every row is known
    kind: number, mac (48 bits in uint64), address (position in `Tables.addresses`; -1 is unknown), text, flag,
        time (int64 nanoseconds since 1970 UTC), frame (number in its capture, from 1)
    """

    values: Array
    known: Array | None = None
    kind: str = "number"


@dataclass(frozen=True)
class SetColumn:
    """A set a row, shared by many rows, such as the balancer's MACs.

    index: int64, shape (rows,), position in `sets`; -1 where the set is unknown
    sets: of MACs or address positions (int), or of texts (str), by `kind`
    """

    index: Array
    sets: tuple[frozenset[int] | frozenset[str], ...]
    kind: str = "mac"


@dataclass(frozen=True)
class Subjects:
    """A table whose rows a rule judges.

    name: exchange, vip, server, capture, icmp, probe, setting, ...
    columns: by their dotted names; a column that is left out counts as unknown in every row
    vip: int64, shape (rows,), position in `Tables.vips`; -1 for what belongs to no VIP
    capture: int64, shape (rows,), the capture that the frame columns count in
    reasons: column name or its dotted prefix -> a sentence why this capture may not show it
    """

    name: str
    rows: int
    columns: Mapping[str, Column | SetColumn]
    vip: Array
    capture: Array
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = {"vip": self.vip.shape, "capture": self.capture.shape}
        for name, column in self.columns.items():
            sizes[name] = column.index.shape if isinstance(column, SetColumn) else column.values.shape
            if isinstance(column, Column) and column.known is not None:
                sizes[f"{name} (known)"] = column.known.shape
        wrong = {name: shape for name, shape in sizes.items() if shape != (self.rows,)}
        if wrong:
            raise ValueError(f"table {self.name} has {self.rows} rows, but {wrong}")


@dataclass(frozen=True)
class HostName:
    """What is known of the host behind a MAC; texts may come from files and are not yet safe to print."""

    role: str
    mac: int
    address: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Tables:
    """All that rules are evaluated on.

    subjects: tables by name
    addresses: the texts that address columns count in, lower case
    vips: addresses of the VIPs in report order
    hosts: (position in `vips`, or -1 for any; MAC) -> the host
    """

    subjects: Mapping[str, Subjects]
    addresses: Sequence[str] = ()
    vips: tuple[str, ...] = ()
    hosts: Mapping[tuple[int, int], HostName] = field(default_factory=dict)

    def host(self, vip: int, mac: int) -> HostName | None:
        """Return the host behind `mac` as this VIP sees it, else as the whole capture does."""
        return self.hosts.get((vip, mac)) or self.hosts.get((-1, mac))


def empty_subjects(name: str) -> Subjects:
    """Return a table without rows: there is nothing of the kind in the capture."""
    nothing = np.empty(0, dtype=np.int64)
    return Subjects(name, 0, {}, nothing, nothing)
