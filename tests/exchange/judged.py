"""The tables of hand-made traffic, and their columns as plain Python values."""

from __future__ import annotations

from typing import Any

from dsrcheck.exchange import build_tables
from dsrcheck.exchange.sides import Sides
from dsrcheck.tables import Column, Tables
from dsrcheck.topology.infer import infer
from dsrcheck.topology.scene import read_scene
from tests.ladder import ETHERNET, Host, Ladder


def judged(net: Ladder, at: Host | None = None, link_type: int = ETHERNET) -> tuple[Tables, Sides]:
    """The tables of a capture of this traffic, on a mirror or at a host."""
    scene = read_scene(net.legs(at, link_type))
    return build_tables(scene, infer(scene))


def values(tables: Tables, name: str) -> list[Any]:
    """A column's values, None where they are unknown; the table is the one that has it."""
    (table,) = [table for table in tables.subjects.values() if name in table.columns]
    column = table.columns[name]
    assert isinstance(column, Column)
    known = [True] * table.rows if column.known is None else column.known.tolist()
    return [value if sure else None for value, sure in zip(column.values.tolist(), known, strict=True)]


def last(net: Ladder, name: str, at: Host | None = None) -> Any:
    """The value of the last row."""
    return values(judged(net, at)[0], name)[-1]
