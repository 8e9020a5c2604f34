"""The smaller tables: the balancer's questions for servers, ICMP about services, and the captures themselves."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import GROUP_BIT
from dsrcheck.exchange.roles import Roles
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.table import column, group_rows
from dsrcheck.tables import Column, Subjects
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene

ASKED_OFTEN = 3
"""So many questions without an answer: Linux asks three times before it gives a neighbour up (mcast_solicit)."""
REDIRECTS = {(4, 5), (6, 137)}
"""(IP version, type) of ICMP redirects: RFC 792 and RFC 4861, 4.5."""
TOO_BIG = {(4, 3), (6, 2)}
OFTEN = 3


def probe_table(scene: Scene, topology: Topology, visible: Visibility, reasons: dict[str, str]) -> Subjects:
    """A row a balancer MAC and address it asks for: was the question ever answered?"""
    claims = scene.claims
    rows: list[tuple[int, int, int, int, int, bool, bool]] = []
    for number, vip in enumerate(topology.vips):
        known = any(view.hosts & vip.balancer_macs for view in topology.views) or visible.has_mirror
        asking = claims.asking & np.isin(claims.src_mac, list(vip.balancer_macs)) & (claims.target >= 0)
        asking &= (claims.target != vip.identity) & (claims.dst_mac & GROUP_BIT != 0)
        places = np.flatnonzero(asking)
        group, leader = group_rows(claims.src_mac[places], claims.target[places])
        counts = np.bincount(group, minlength=len(leader))
        for lead, count in zip(places[leader].tolist(), counts.tolist(), strict=True):
            target, asker = int(claims.target[lead]), int(claims.src_mac[lead])
            answered = target in scene.mac_of
            rows.append(
                (
                    number,
                    asker,
                    target,
                    int(claims.frame[lead]),
                    count,
                    answered,
                    known and (answered or count >= ASKED_OFTEN),
                )
            )
    table = list(zip(*rows, strict=True)) if rows else [()] * 7
    vip, mac, target_, frame, count_, answered_, known_ = (np.array(values) for values in table)
    columns = {
        "probe.src_mac": Column(mac.astype(np.int64), None, "mac"),
        "probe.target": Column(target_.astype(np.int64), None, "address"),
        "probe.count": Column(count_.astype(np.int64), None, "number"),
        "probe.frame": Column(frame.astype(np.int64), None, "frame"),
        "probe.answered": Column(answered_.astype(bool), known_.astype(bool), "flag"),
    }
    return Subjects("probe", len(rows), columns, vip.astype(np.int64), np.zeros(len(rows), np.int64), reasons)


def icmp_table(scene: Scene, topology: Topology, reasons: dict[str, str]) -> Subjects:
    """A row an ICMP message that quotes a balanced service (or a packet from it)."""
    table, book = scene.legs.icmp, scene.book
    quoted_src = book.find(table["quoted_src_high"], table["quoted_src_low"])
    quoted_dst = book.find(table["quoted_dst_high"], table["quoted_dst_low"])
    protocol = column(table, "quoted_protocol")
    src_port, dst_port = column(table, "quoted_src_port"), column(table, "quoted_dst_port")
    vip = np.full(len(table), -1, np.int64)
    for number, candidate in enumerate(topology.vips):
        for service in candidate.services:
            to = (quoted_dst == candidate.identity) & (dst_port == service.port)
            back = (quoted_src == candidate.identity) & (src_port == service.port)
            vip[(to | back) & (protocol == service.protocol)] = number
    rows = np.flatnonzero(vip >= 0)
    version, kind = column(table, "version")[rows], column(table, "type")[rows]

    def is_one_of(kinds: set[tuple[int, int]]) -> np.ndarray:
        return np.array([pair in kinds for pair in zip(version.tolist(), kind.tolist(), strict=True)], bool)

    columns = {
        "icmp.src_mac": Column(column(table, "src_mac")[rows], None, "mac"),
        "icmp.src_ip": Column(book.find(table["src_high"], table["src_low"])[rows], None, "address"),
        "icmp.dst_ip": Column(book.find(table["dst_high"], table["dst_low"])[rows], None, "address"),
        "icmp.type": Column(kind, None, "number"),
        "icmp.code": Column(column(table, "code")[rows], None, "number"),
        "icmp.redirect": Column(is_one_of(REDIRECTS), None, "flag"),
        "icmp.too_big": Column(is_one_of(TOO_BIG), None, "flag"),
        "icmp.about_service": Column(np.ones(len(rows), bool), None, "flag"),
        "icmp.frame": Column(column(table, "frame")[rows], None, "frame"),
    }
    return Subjects("icmp", len(rows), columns, vip[rows], np.zeros(len(rows), np.int64), reasons)


def too_big_flows(scene: Scene, roles: Roles) -> np.ndarray:
    """Rows of exchanges about which the same too-big came again and again: the client does not heed it, or never got it."""
    table, book = scene.legs.icmp, scene.book
    version, kind = column(table, "version"), column(table, "type")
    big = ((version == 4) & (kind == 3) & (column(table, "code") == 4)) | ((version == 6) & (kind == 2))
    flows, flow = scene.flows, roles.flow
    group, _ = group_rows(
        np.concatenate([flows.client[flow], book.find(table["quoted_src_high"], table["quoted_src_low"])[big]]),
        np.concatenate([flows.service[flow], book.find(table["quoted_dst_high"], table["quoted_dst_low"])[big]]),
        np.concatenate([flows.client_port[flow], column(table, "quoted_src_port")[big]]),
        np.concatenate([flows.service_port[flow], column(table, "quoted_dst_port")[big]]),
    )
    counts = np.bincount(group[len(flow) :], minlength=int(group.max()) + 1 if len(group) else 0)
    return counts[group[: len(flow)]] >= OFTEN if len(flow) else np.zeros(0, bool)


def capture_table(scene: Scene, topology: Topology, roles: Roles) -> Subjects:
    """A row a capture: how far it can be trusted."""
    legs = scene.legs
    captures = legs.captures
    count = len(captures)
    dropped = np.array([capture.dropped or 0 for capture in captures], np.int64)
    truncated = np.array([bool(capture.truncated) for capture in captures], bool)
    has_macs = np.array(
        [all(i.link_type not in NO_DESTINATION_MAC for i in capture.interfaces) for capture in captures], bool
    )
    where = np.array([capture.truncated or "" for capture in captures], dtype=object)
    totals = legs.totals
    started = _started_share(scene, roles)
    columns = {
        "capture.whole": Column(~truncated & (dropped == 0), None, "flag"),
        "capture.truncated": Column(truncated, None, "flag"),
        "capture.truncated_where": Column(where, None, "text"),
        "capture.dropped": Column(dropped, None, "number"),
        "capture.has_macs": Column(has_macs, None, "flag"),
        "capture.twins": _total(totals, "twins", count),
        "capture.offload_frames": _total(totals, "offload", count),
        "capture.time_backwards": _total(totals, "time_backwards", count),
        "capture.flows_from_start_share": Column(np.full(count, started if started is not None else 0, np.int64),
                                                 np.full(count, started is not None), "number"),
    }  # fmt: skip
    return Subjects("capture", count, columns, np.full(count, -1, np.int64), np.arange(count), {})


NO_DESTINATION_MAC = {0, 12, 14, 101, 108, 113, 228, 229, 276}
"""Link types without a destination MAC: raw IP, BSD loopback, Linux cooked v1 and v2."""


def _total(totals: dict[str, int], name: str, count: int) -> Column:
    """A total of the whole fold, told with the first capture."""
    values = np.zeros(count, np.int64)
    values[:1] = totals.get(name, 0)
    return Column(values, None, "number")


def _started_share(scene: Scene, roles: Roles) -> int | None:
    """Percent of TCP exchanges that were caught from their SYN; None when there is no TCP exchange."""
    tcp = scene.flows.protocol[roles.flow] == 6
    opened = np.zeros(len(roles), bool)
    legs = np.flatnonzero((roles.row >= 0) & (scene.leg("syn") > 0))
    opened[roles.row[legs]] = True
    return int(100 * (opened & tcp).sum() // tcp.sum()) if tcp.any() else None
