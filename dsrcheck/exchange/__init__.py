"""Flows and topology to the tables that rules speak of."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import AddressTexts
from dsrcheck.exchange.arrays import ints, texts
from dsrcheck.exchange.exchanges import exchange_table
from dsrcheck.exchange.others import capture_table, icmp_table, probe_table
from dsrcheck.exchange.reasons import reasons_for
from dsrcheck.exchange.roles import assign_roles
from dsrcheck.exchange.servers import server_table
from dsrcheck.exchange.settings import setting_table
from dsrcheck.exchange.sides import Sides, pick_sides
from dsrcheck.exchange.vips import vip_table
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.coded import coded, narrow
from dsrcheck.tables import Column, HostName, SetColumn, Subjects, Tables
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene

HOST_LIMIT = 10_000
"""MACs of a capture that are named when they are nobody's; more are no segment's, but somebody's who makes them up."""


def build_tables(scene: Scene, topology: Topology, expect: str = "dsr") -> tuple[Tables, Sides]:
    """Every table a rule may judge, and the exchanges with their legs for step tables and reports.

    expect: `dsr` (a VIP that rewrites addresses is a fault), `any`, or the one mode that every VIP must have.
    """
    visible = Visibility(scene, topology)
    roles = assign_roles(scene, topology)
    s = pick_sides(scene, topology, roles, visible)
    reasons = reasons_for(topology, visible)
    subjects = {
        "exchange": exchange_table(s, reasons),
        "vip": vip_table(s, reasons),
        "server": server_table(s, reasons),
        "probe": probe_table(scene, topology, visible, reasons),
        "icmp": icmp_table(scene, topology, visible, reasons),
        "setting": setting_table(scene, topology, roles, reasons, expect),
        "capture": capture_table(scene, topology, roles),
    }
    subjects = {name: _with_vip_columns(table, topology, expect) for name, table in subjects.items()}
    vips = tuple(vip.address for vip in topology.vips)
    return Tables(subjects, AddressTexts(scene.book), vips, _hosts(scene, topology, visible)), s


def _hosts(scene: Scene, topology: Topology, visible: Visibility) -> dict[tuple[int, int], HostName]:
    """(VIP's position, or -1 for all; MAC) -> who it is, for subjects of findings and messages."""
    hosts = {
        (number, mac): HostName(host.role, mac, host.addresses[0] if host.addresses else None, host.name)
        for number, vip in enumerate(topology.vips)
        for host in (*vip.servers, *vip.balancers)
        for mac in host.macs
    }
    virtual = frozenset(vip.identity for vip in topology.vips)
    hosts |= {(-1, mac): HostName("gateway", mac, _address_of(scene, mac, virtual)) for mac in topology.routers}
    others = visible.speakers - topology.routers if len(visible.speakers) < HOST_LIMIT else frozenset()
    return hosts | {(-1, mac): HostName("host", mac, _address_of(scene, mac, virtual)) for mac in sorted(others)}


def _address_of(scene: Scene, mac: int, virtual: frozenset[int]) -> str | None:
    """What to call a host: an address that it states, but none that is a VIP and so says nothing of whose it is."""
    stated = sorted(scene.stated.get(mac, frozenset()) - virtual)
    return scene.book.text(stated[0]) if stated else None


def _with_vip_columns(table: Subjects, topology: Topology, expect: str) -> Subjects:
    """Adds the columns `vip.*` that every table has: address, mode, whether it should return directly, sets of MACs."""
    vips, number = topology.vips, table.vip
    inside = number >= 0
    place = np.where(inside, number, len(vips))  # the last is for rows of no VIP
    place = narrow(place)
    address = coded(ints([*(vip.identity for vip in vips), -1]), place)
    mode = coded(texts([*(vip.mode for vip in vips), ""]), place)
    added: dict[str, Column | SetColumn] = {
        "vip.address": Column(address, inside & (address >= 0), "address"),
        "vip.mode": Column(mode, inside, "text"),
        "vip.dsr_expected": Column(np.full(table.rows, expect.startswith("dsr")), None, "flag"),
        "vip.balancer_macs": SetColumn(number, tuple(vip.balancer_macs for vip in vips), "mac"),
        "vip.server_macs": SetColumn(number, tuple(vip.server_macs for vip in vips), "mac"),
        "vip.gateway_macs": SetColumn(number, tuple(frozenset(vip.gateways) for vip in vips), "mac"),
    }
    return Subjects(table.name, table.rows, dict(table.columns) | added, table.vip, table.capture, table.reasons)
