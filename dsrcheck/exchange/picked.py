"""Sums the legs of one role up to one value an exchange: the columns `request.*`, `forward.*`, `reply.*` ..."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt

from dsrcheck.exchange.roles import Roles
from dsrcheck.flows.coded import Coded, at, coded, halved, narrow
from dsrcheck.flows.table import Flags, Int64, group_rows
from dsrcheck.records import dataclass
from dsrcheck.tables import Column
from dsrcheck.topology.scene import Scene

FAR = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Picked:
    """The legs of one role.

    legs: rows of the leg table; rows: the exchange of each; count: how many exchanges there are
    first: first leg of each exchange, -1 where there is none
    """

    scene: Scene
    legs: Int64
    rows: Int64
    count: int
    first: Int64

    @cached_property
    def seen(self) -> Flags:
        """Whether an exchange has a leg of this role."""
        return self.first >= 0

    @cached_property
    def _first_path(self) -> npt.NDArray[np.unsignedinteger]:
        """The path of the first leg of each exchange; one beyond the last where there is none."""
        paths = len(self.scene.legs.paths)
        return narrow(take(self.scene.ends.path, self.first, paths))

    @cached_property
    def _totals(self) -> dict[str, npt.NDArray[np.unsignedinteger]]:
        return {}

    def total(self, name: str) -> Int64:
        """Sum of a leg column over the legs of each exchange."""
        if name not in self._totals:
            sums = np.zeros(self.count, np.int64)
            np.add.at(sums, self.rows, self.scene.leg_at(name, self.legs))
            self._totals[name] = narrow(sums)
        return self._totals[name].astype(np.int64)

    def greatest(self, name: str) -> Int64:
        """Greatest value of a leg column in each exchange, 0 where there is no leg."""
        found = np.zeros(self.count, np.int64)
        np.maximum.at(found, self.rows, self.scene.leg_at(name, self.legs))
        return found

    def least(self, name: str) -> Int64:
        """Least value of a leg column in each exchange (FAR where there is no leg)."""
        found = np.full(self.count, FAR)
        np.minimum.at(found, self.rows, self.scene.leg_at(name, self.legs))
        return found

    def of_first(self, values: Int64, missing: int = 0) -> Int64:
        """A value a leg, taken from the first leg of each exchange."""
        if isinstance(values, Coded):
            return coded(np.append(values.values, missing), self._first_path)
        return take(values, self.first, missing)

    def leg_of_first(self, name: str, missing: int = 0) -> Int64:
        """A leg column, taken from the first leg of each exchange."""
        return take_leg(self.scene, name, self.first, missing)

    def any(self, of_leg: Flags) -> Flags:
        """Whether a flag holds for one of the legs of each exchange."""
        found = np.zeros(self.count, bool)
        found[self.rows[of_leg[self.legs]]] = True
        return found

    def distinct(self, values: Int64) -> Int64:
        """How many different values the legs of each exchange have."""
        return distinct_values(self.rows, values[self.legs], self.count)

    def columns(self, role: str) -> dict[str, Column]:
        """The contract's columns of a role; unknown where the role was not seen."""
        ends, seen = self.scene.ends, self.seen

        def column(values: Int64, kind: str) -> Column:
            return Column(values, seen, kind)

        def mac(values: Int64) -> Column:
            return Column(values, seen & (values != 0), "mac")  # 0: the link type has none

        return {
            f"{role}.seen": Column(seen, None, "flag"),
            f"{role}.src_mac": mac(self.of_first(ends.src_mac)),
            f"{role}.dst_mac": mac(self.of_first(ends.dst_mac)),
            f"{role}.src_ip": column(self.of_first(ends.src, -1), "address"),
            f"{role}.dst_ip": column(self.of_first(ends.dst, -1), "address"),
            f"{role}.src_port": column(self.of_first(ends.src_port), "number"),
            f"{role}.dst_port": column(self.of_first(ends.dst_port), "number"),
            f"{role}.vlan": column(self.of_first(ends.link) & 0xF_FFFF_FFFF, "number"),
            f"{role}.ttl_min": column(np.where(seen, self.least("ttl_min"), 0), "number"),
            f"{role}.ttl_max": column(self.greatest("ttl_max"), "number"),
            f"{role}.frames": column(self.total("frames"), "number"),
            f"{role}.bytes": column(self.total("bytes"), "number"),
            f"{role}.first_frame": column(self.leg_of_first("first_frame"), "frame"),
        }


def pick(scene: Scene, roles: Roles, mask: Flags) -> Picked:
    """The legs under `mask`; the first of each exchange is the one with the earliest frame."""
    legs = halved(np.flatnonzero(mask & (roles.row >= 0)))
    rows = roles.row[legs]
    return Picked(scene, legs, rows, len(roles), first_legs(scene, legs, rows, len(roles)))


def first_legs(scene: Scene, legs: Int64, rows: Int64, count: int) -> Int64:
    """The leg with the earliest frame of each of `count` rows, -1 where there is none."""
    frames = scene.leg_at("first_frame", legs)
    in_order = bool((frames[1:] > frames[:-1]).all())  # the fold's own order
    order = slice(None, None, -1) if in_order else np.argsort(-frames, kind="stable")  # the earliest is written last
    first = halved(np.full(count, -1, np.int32))
    first[rows[order]] = legs[order]
    return first


def take(values: Int64, rows: Int64, missing: int = 0) -> Int64:
    """The values at some positions; `missing` for -1."""
    if isinstance(values, Coded):
        codes = take(cast(Int64, values.codes), rows, len(values.values))
        return coded(np.append(values.values, missing), narrow(codes))
    if not len(values):
        return np.full(len(rows), missing, np.int64)
    return np.where(rows >= 0, at(values, rows), np.int64(missing))


def take_leg(scene: Scene, name: str, legs: Int64, missing: int = 0) -> Int64:
    """A leg column at some legs; `missing` for -1."""
    found, seen = np.full(len(legs), missing, np.int64), legs >= 0
    found[seen] = scene.leg_at(name, legs[seen])
    return found


def distinct_values(rows: Int64, values: Int64, count: int) -> Int64:
    """How many distinct values each of `count` rows has."""
    if (rows[1:] > rows[:-1]).all():  # one of each at most
        return np.bincount(rows, minlength=count)
    _, leader = group_rows(rows, values)
    return np.bincount(rows[leader], minlength=count)
