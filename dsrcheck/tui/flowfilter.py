"""The filter of the flows: a condition in the language of the rules, over every flow of the capture.

Rules speak of the flows of balanced services (the table `exchange`); here there is a row for every flow, and what is
not known of one is unknown, as everywhere: a flow is shown where the condition is known to hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from textual.suggester import Suggester

from dsrcheck.exchange import build_tables
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.summary import flow_totals
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES, Int64
from dsrcheck.rules.columns import COLUMNS, ColumnInfo
from dsrcheck.rules.expression import Expression, Scope, compile_expression
from dsrcheck.tables import Column, SetColumn, Subjects, Tables
from dsrcheck.tui.flowtable import flow_states

OWN: Mapping[str, ColumnInfo] = {
    "flow.service": ColumnInfo("address", "the service's address"),
    "flow.frames": ColumnInfo("number", "frames of the flow, every hop counted"),
    "flow.bytes": ColumnInfo("number", "bytes of them on the wire"),
    "flow.seconds": ColumnInfo("number", "from its first frame to its last"),
    "flow.state": ColumnInfo("text", "as in the table: `closed`, `reset`, `SYN only` ..."),
}
"""Columns of every flow that rules do not have."""
EVERY_FLOW = ("flow.number", "flow.protocol", "flow.client", "flow.client_port", "service.port", *OWN)
"""Columns that are known of flows of no balanced service too."""
NAMES: Mapping[str, ColumnInfo] = {**COLUMNS["exchange"], **OWN}

LAST_WORD = re.compile(r"[a-z_.]+$")


def compile_filter(text: str) -> Expression:
    """A condition over flows. Raises ExpressionError."""
    return compile_expression(text, NAMES)


class FlowFilter:
    """Evaluates conditions over the flows of one analysis; keeps the columns that were asked for."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._columns: dict[str, Column | SetColumn] = {}

    def rows(self, condition: Expression) -> Int64:
        """Rows of the flows for which a condition is known to hold, in their order."""
        flows = len(self._sides.scene.flows)
        self._read([name for name in condition.names if name not in self._columns])
        nothing = np.full(flows, -1, np.int64)
        columns = {name: self._columns[name] for name in condition.names if name in self._columns}
        subjects = Subjects("exchange", flows, columns, nothing, nothing)
        held: Int64 = np.flatnonzero(condition.run(Scope(subjects, self._tables)).true)
        return held

    @cached_property
    def _tables(self) -> Tables:
        book = self._sides.scene.book
        return Tables({}, tuple(book.text(identity) for identity in range(len(book))))

    def _read(self, names: list[str]) -> None:
        of_every_flow = [name for name in names if name in EVERY_FLOW]
        if of_every_flow:
            known = _every_flow(self._sides)
            self._columns |= {name: known[name] for name in of_every_flow}
        others = [name for name in names if name not in EVERY_FLOW]
        if others:
            # The tables are made anew rather than kept with every analysis: they are the biggest part of it.
            tables, _ = build_tables(self._sides.scene, self._sides.topology)
            known_here = tables.subjects["exchange"].columns
            flow, flows = self._sides.roles.flow, len(self._sides.scene.flows)
            self._columns |= {name: _spread(known_here[name], flow, flows) for name in others if name in known_here}


def _every_flow(s: Sides) -> dict[str, Column]:
    flows = s.scene.flows
    totals = flow_totals(s.scene.columns, flows)
    ports = np.isin(flows.protocol, PORT_PROTOCOLS)
    state, states = flow_states(totals)
    protocols, place = np.unique(flows.protocol, return_inverse=True)
    names = np.array([PROTOCOL_NAMES.get(number, str(number)) for number in protocols.tolist()] or [""], object)
    return {
        "flow.number": Column(np.arange(1, len(flows) + 1)),
        "flow.protocol": Column(names[place], None, "text"),
        "flow.client": Column(flows.client, None, "address"),
        "flow.client_port": Column(flows.client_port, ports),
        "flow.service": Column(flows.service, None, "address"),
        "service.port": Column(flows.service_port, ports),
        "flow.frames": Column(totals.frames),
        "flow.bytes": Column(totals.bytes),
        "flow.seconds": Column((totals.last_time - totals.first_time) / 1e9),
        "flow.state": Column(np.array(states or [""], object)[state], None, "text"),
    }


def _spread(column: Column | SetColumn, flow: Int64, flows: int) -> Column | SetColumn:
    """A column of the exchanges as one of all flows; unknown where there is no exchange."""
    if isinstance(column, SetColumn):
        index = np.full(flows, -1, np.int64)
        index[flow] = column.index
        return SetColumn(index, column.sets, column.kind)
    values = np.zeros(flows, column.values.dtype)
    if column.kind == "text":
        values[:] = ""
    values[flow] = column.values
    known = np.zeros(flows, bool)
    known[flow] = True if column.known is None else column.known
    return Column(values, known, column.kind)


class NameSuggester(Suggester):
    """Completes the name of a column that is being typed."""

    def __init__(self) -> None:
        super().__init__(case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed to the first name that begins with it."""
        word = LAST_WORD.search(value)
        if word is None or len(word[0]) < 2:
            return None
        found = next((name for name in NAMES if name.startswith(word[0]) and name != word[0]), None)
        return value + found[len(word[0]) :] if found else None
