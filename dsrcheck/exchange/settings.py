"""The setting table: what a declared topology says beside what the capture shows (rule DSR406)."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.exchange.arrays import flags, ints, texts
from dsrcheck.exchange.roles import Roles
from dsrcheck.flows.table import Flags, distinct
from dsrcheck.records import dataclass
from dsrcheck.tables import Column, Subjects
from dsrcheck.topology.declared import DeclaredVip
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.model import MODES, UNKNOWN, Vip
from dsrcheck.topology.scene import Scene


@dataclass(frozen=True)
class Setting:
    """One declared fact and what is seen of it; `agrees` is None when the capture cannot tell."""

    vip: int
    kind: str
    declared: str
    seen: str
    agrees: bool | None
    mac: int = 0
    frame: int = 0


def setting_table(
    scene: Scene, topology: Topology, roles: Roles, reasons: dict[str, str], expect: str = "dsr"
) -> Subjects:
    """A row a declared fact; a mode that the user expects of every VIP is one."""
    rows: list[Setting] = []
    if expect in MODES:
        rows = [row for number, vip in enumerate(topology.vips) for row in _mode(vip, expect, number)]
    if topology.declared:
        declared = {vip.address: vip for vip in topology.declared.vips}
        for number, vip in enumerate(topology.vips):
            if vip.address in declared:
                rows += _settings(scene, topology, roles, number, vip, declared[vip.address])
    known = flags(row.agrees is not None for row in rows)
    macs, frames = ints(row.mac for row in rows), ints(row.frame for row in rows)
    columns = {
        "setting.kind": Column(texts(row.kind for row in rows), None, "text"),
        "setting.declared": Column(texts(row.declared for row in rows), None, "text"),
        "setting.seen": Column(texts(row.seen for row in rows), None, "text"),
        "setting.agrees": Column(flags(bool(row.agrees) for row in rows), known, "flag"),
        "setting.mac": Column(macs, macs > 0, "mac"),
        "setting.frame": Column(frames, frames > 0, "frame"),
    }
    vip_of = ints(row.vip for row in rows)
    return Subjects("setting", len(rows), columns, vip_of, np.zeros(len(rows), np.int64), reasons)


def _settings(
    scene: Scene, topology: Topology, roles: Roles, number: int, vip: Vip, declared: DeclaredVip
) -> list[Setting]:
    if vip.remote:
        return _mode(vip, declared.mode, number)  # the MACs here are routers'
    mine = roles.row >= 0
    mine[mine] = roles.vip[roles.row[mine]] == number
    return [
        *_mode(vip, declared.mode, number),
        *_servers(scene, topology, roles, mine, number, vip, declared),
        *_addresses(scene, number, declared),
        *_owner(scene, number, vip, declared),
    ]


def _mode(vip: Vip, declared: str | None, number: int) -> list[Setting]:
    if not declared:
        return []
    seen = sorted({service.mode for service in vip.services} - {UNKNOWN})
    return [Setting(number, "mode", declared, ", ".join(seen) or "no mode", seen == [declared] if seen else None)]


def _servers(
    scene: Scene, topology: Topology, roles: Roles, mine: Flags, number: int, vip: Vip, declared: DeclaredVip
) -> list[Setting]:
    """Servers that answer or get forwards and are not declared; declared ones may take no part."""
    if not declared.servers or not declared.server_macs:
        return []
    ends, first = scene.ends, scene.leg("first_frame")
    found = []
    legs = mine & (ends.tunnel == 0)
    for mask, macs in ((legs & roles.reply, ends.src_mac), (legs & roles.forward, ends.dst_mac)):
        for mac in distinct(macs[mask]).tolist():
            part = mask & (macs == mac)
            known = mac in declared.server_macs
            strange = mac not in declared.balancer_macs | topology.routers and mac != 0
            if known or strange:
                names = ", ".join(sorted(map(mac_text, declared.server_macs)))
                text = mac_text(mac)
                found.append(Setting(number, "server", names, text, known, 0 if known else mac, int(first[part].min())))
    return list({(row.kind, row.seen): row for row in found}.values())


def _addresses(scene: Scene, number: int, declared: DeclaredVip) -> list[Setting]:
    """Declared addresses of declared hosts, beside the MAC that states them by ARP or NDP."""
    found = []
    for host in (*declared.servers, *declared.balancers):
        for text in host.addresses:
            address = scene.book.find_text(text)
            stated = scene.mac_of.get(address, frozenset()) if address >= 0 else frozenset()
            if host.macs and stated:
                strange = sorted(stated - set(host.macs))
                frame = _first_statement(scene, address, strange[0]) if strange else 0
                seen = ", ".join(map(mac_text, sorted(stated)))
                name = f"{host.name or host.role} {text} at {', '.join(map(mac_text, host.macs))}"
                found.append(Setting(number, "address", name, seen, not strange, strange[0] if strange else 0, frame))
    return found


def _owner(scene: Scene, number: int, vip: Vip, declared: DeclaredVip) -> list[Setting]:
    """Who owns the VIP by ARP: a MAC that is declared as a balancer (a server that claims it is for other rules)."""
    owners = scene.owners.get(vip.identity, frozenset())
    if not declared.balancer_macs or not owners:
        return []
    strange = sorted(owners - declared.balancer_macs - declared.server_macs)
    names = ", ".join(map(mac_text, sorted(declared.balancer_macs)))
    seen = ", ".join(map(mac_text, strange or sorted(owners)))
    frame = _first_statement(scene, vip.identity, strange[0]) if strange else 0
    return [Setting(number, "owner", names, seen, not strange, strange[0] if strange else 0, frame)]


def _first_statement(scene: Scene, address: int, mac: int) -> int:
    claims = scene.claims
    mine = (claims.address == address) & (claims.mac == mac)
    return int(claims.frame[mine].min()) if mine.any() else 0
