"""Flows and topology to the tables that rules speak of."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.exchanges import Sides, exchange_columns, sides
from dsrcheck.exchange.others import capture_table, icmp_table, probe_table, too_big_flows
from dsrcheck.exchange.reasons import reasons_for
from dsrcheck.exchange.roles import assign_roles
from dsrcheck.exchange.servers import server_table
from dsrcheck.exchange.settings import setting_table
from dsrcheck.exchange.vips import vip_table
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.table import column
from dsrcheck.tables import Column, HostName, SetColumn, Subjects, Tables
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene


def build_tables(scene: Scene, topology: Topology, expect: str = "dsr") -> tuple[Tables, Sides]:
    """Every table a rule may judge, and the exchanges with their legs for step tables and reports.

    expect: `dsr` (a VIP that rewrites addresses is a fault), `any`, or the one mode that every VIP must have.
    """
    visible = Visibility(scene, topology)
    roles = assign_roles(scene, topology)
    s = sides(scene, topology, roles, visible)
    reasons = reasons_for(topology, visible)
    subjects = {
        "exchange": _exchange_table(s, reasons),
        "vip": vip_table(s, reasons),
        "server": server_table(scene, topology, roles, visible, reasons),
        "probe": probe_table(scene, topology, visible, reasons),
        "icmp": icmp_table(scene, topology, reasons),
        "setting": setting_table(scene, topology, roles, reasons, expect),
        "capture": capture_table(scene, topology, roles),
    }
    subjects = {name: _with_vip_columns(table, topology, expect) for name, table in subjects.items()}
    book = scene.book
    hosts = {
        (number, mac): HostName(host.role, mac, host.addresses[0] if host.addresses else None, host.name)
        for number, vip in enumerate(topology.vips)
        for host in (*vip.servers, *vip.balancers)
        for mac in host.macs
    }
    hosts |= {(-1, mac): HostName("gateway", mac, _address_of(scene, mac)) for mac in topology.routers}
    hosts |= {
        (-1, mac): HostName("host", mac, _address_of(scene, mac))
        for mac in visible.speakers
        if (-1, mac) not in hosts and len(visible.speakers) < 10_000
    }
    addresses = tuple(book.text(identity) for identity in range(len(book)))
    return Tables(subjects, addresses, tuple(vip.address for vip in topology.vips), hosts), s


def _address_of(scene: Scene, mac: int) -> str | None:
    stated = sorted(scene.stated.get(mac, ()))
    return scene.book.text(stated[0]) if stated else None


def _exchange_table(s: Sides, reasons: dict[str, str]) -> Subjects:
    columns = dict(exchange_columns(s))
    lost = columns["forward.lost_for_size"]
    again = too_big_flows(s.scene, s.roles)
    known = lost.known if lost.known is not None else np.ones(len(again), bool)
    columns["forward.lost_for_size"] = Column(lost.values | again, known | again, "flag")
    interface = column(s.scene.legs.paths, "interface")
    first = s.client_side.first
    capture_of = np.array([interface.capture for interface in s.scene.legs.interfaces], np.int64)
    path = s.scene.leg("path")
    if len(first) and len(path):
        capture = np.where(first >= 0, capture_of[interface[path[np.maximum(first, 0)]]], 0)
    else:
        capture = np.zeros(len(first), np.int64)
    return Subjects("exchange", len(s.roles), columns, s.roles.vip, capture, reasons)


def _with_vip_columns(table: Subjects, topology: Topology, expect: str) -> Subjects:
    """Adds the columns `vip.*` that every table has: address, mode, whether it should return directly, sets of MACs."""
    vips = topology.vips
    number = table.vip
    inside = number >= 0
    place = np.where(inside, number, 0)

    def each(values: list[object], dtype: object) -> np.ndarray:
        found = np.array(values, dtype=dtype) if values else np.zeros(1, dtype)
        return found[place]

    added: dict[str, Column | SetColumn] = {
        "vip.address": Column(each([vip.identity for vip in vips], np.int64), inside & (each([vip.identity for vip in vips], np.int64) >= 0), "address"),
        "vip.mode": Column(each([vip.mode for vip in vips], object), inside, "text"),
        "vip.dsr_expected": Column(np.full(table.rows, expect.startswith("dsr")), None, "flag"),
        "vip.balancer_macs": SetColumn(number, tuple(vip.balancer_macs for vip in vips), "mac"),
        "vip.server_macs": SetColumn(number, tuple(vip.server_macs for vip in vips), "mac"),
        "vip.gateway_macs": SetColumn(number, tuple(frozenset(vip.gateways) for vip in vips), "mac"),
    }  # fmt: skip
    return Subjects(table.name, table.rows, dict(table.columns) | added, table.vip, table.capture, table.reasons)
