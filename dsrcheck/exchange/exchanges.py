"""The exchange table: one wide row a flow of a balanced service, with what rules of families 1 and 2 ask for.

Each derived flag is three-valued: known true, known false, or unknown because this capture cannot show it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsrcheck.exchange.arrays import Texts, ints
from dsrcheck.exchange.connection import flow_facts
from dsrcheck.exchange.forwards import forward_facts
from dsrcheck.exchange.others import too_big_flows
from dsrcheck.exchange.replies import reply_columns, reply_facts
from dsrcheck.exchange.requests import request_facts
from dsrcheck.exchange.sides import Sides, flag
from dsrcheck.flows.coded import Coded, coded, narrow
from dsrcheck.flows.table import PROTOCOL_NAMES, Int64, column
from dsrcheck.tables import Array, Column, Subjects


def exchange_table(s: Sides, reasons: Mapping[str, str]) -> Subjects:
    """A row an exchange; its frame columns count in the capture that the exchange was first seen in."""
    return Subjects("exchange", len(s.roles), exchange_columns(s), s.roles.vip, _captures(s), reasons)


def exchange_columns(s: Sides) -> dict[str, Column]:
    """All columns of the exchange table but those of the VIP itself; one value an exchange."""
    flows, flow = s.scene.flows, s.roles.flow
    columns = _narrowed(
        {
            "flow.number": Column(flow + 1, None, "number"),
            "flow.protocol": Column(_protocol_names(s.protocol), None, "text"),
            "flow.client": Column(flows.client[flow], None, "address"),
            "flow.client_port": Column(flows.client_port[flow], None, "number"),
            "service.port": Column(flows.service_port[flow], None, "number"),
            "service.balanced": Column(np.ones(len(flow), bool), None, "flag"),
        }
    )
    for role in (s.request.columns("request"), s.forward.columns("forward"), reply_columns(s)):
        columns |= _narrowed(role)
    for facts in (request_facts, forward_facts, reply_facts, flow_facts):
        columns |= _narrowed(facts(s))
    lost, told_again = columns["forward.lost_for_size"], too_big_flows(s.scene, s.roles)
    known = told_again if lost.known is None else lost.known | told_again
    return columns | {"forward.lost_for_size": flag(lost.values | told_again, known)}


def _narrowed(columns: Mapping[str, Column]) -> dict[str, Column]:
    """The same columns in as few bytes as hold their values: there are many columns, and a row for each exchange."""
    return {
        name: Column(_fitting(column.values), None if column.known is None else _fitting(column.known), column.kind)
        for name, column in columns.items()
    }


def _fitting(values: Array) -> Array:
    """The same values: one for all rows, or in fewer bytes; those that are text or coded as they are."""
    if isinstance(values, Coded) or values.dtype == object or not len(values):
        return values
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        return np.broadcast_to(lowest, len(values))
    if lowest >= 0:
        return narrow(values)
    fits = highest <= np.iinfo(np.int32).max and lowest >= np.iinfo(np.int32).min
    return values.astype(np.int32) if fits else values


def _protocol_names(protocol: Int64) -> Texts:
    """Names of IP protocols, `tcp`, `udp` and so on, each as one object for all rows."""
    names = np.array([PROTOCOL_NAMES.get(number, str(number)) for number in range(256)], object)
    return coded(names, protocol)


def _captures(s: Sides) -> Int64:
    """The capture of each exchange: that of the first leg of its client side, else the first."""
    of_interface = ints(interface.capture for interface in s.scene.legs.interfaces)
    first = s.client_side.first
    found = np.zeros(len(first), np.int64)
    seen = (first >= 0) & (len(of_interface) > 0)
    found[seen] = of_interface[column(s.scene.legs.paths, "interface")[s.scene.leg_at("path", first[seen])]]
    return found
