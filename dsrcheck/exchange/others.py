"""The smaller tables: the balancer's questions for servers, ICMP about services, and the captures themselves."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import GROUP_BIT
from dsrcheck.exchange.arrays import flags, ints, texts
from dsrcheck.exchange.roles import Roles
from dsrcheck.exchange.sides import flag
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import TCP, Flags, Int64, are_among, column, distinct, group_rows
from dsrcheck.tables import Column, Subjects
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene

ASKED_OFTEN = 3
"""So many questions without an answer: Linux asks three times before it gives a neighbour up (mcast_solicit)."""
REDIRECTS: set[tuple[int, ...]] = {(4, 5), (6, 137)}
"""(IP version, type) of ICMP redirects: RFC 792 and RFC 4861, 4.5."""
TOO_BIG: set[tuple[int, ...]] = {(4, 3, 4), (6, 2, 0)}
"""(IP version, type, code) of too-big messages: RFC 1191, 4 and RFC 4443, 3.2."""
OFTEN = 3
"""So many messages of one kind about one flow are no slip."""
NO_DESTINATION_MAC = {0, 12, 14, 101, 108, 113, 228, 229, 276}
"""Link types without a destination MAC: raw IP, BSD loopback, Linux cooked v1 and v2."""
NO_ROWS = np.zeros(0, np.int64)


def probe_table(scene: Scene, topology: Topology, visible: Visibility, reasons: dict[str, str]) -> Subjects:
    """A row a balancer MAC and address it asks for: was the question ever answered?"""
    claims = scene.claims
    questions = claims.asking & (claims.target >= 0) & (claims.dst_mac & GROUP_BIT != 0)
    places, asked, number = [NO_ROWS], [NO_ROWS], [NO_ROWS]
    for place, vip in enumerate(topology.vips):
        mine = questions & among(claims.src_mac, list(vip.balancer_macs)) & (claims.target != vip.identity)
        rows = np.flatnonzero(mine)
        group, leader = group_rows(claims.src_mac[rows], claims.target[rows])
        places.append(rows[leader])
        asked.append(np.bincount(group, minlength=len(leader)))
        number.append(np.full(len(leader), place))
    first, count, vip_of = np.concatenate(places), np.concatenate(asked), np.concatenate(number)
    shown = flags(
        visible.has_mirror or any(view.hosts & vip.balancer_macs for view in topology.views) for vip in topology.vips
    )
    target = claims.target[first]
    answered = among(target, list(scene.mac_of))
    silent = ~answered & (count >= ASKED_OFTEN)
    known = np.append(shown, False)[vip_of] & (answered | (silent & ~_may_be_nameless(scene, topology, silent, vip_of)))
    columns = {
        "probe.src_mac": Column(claims.src_mac[first], None, "mac"),
        "probe.target": Column(target, None, "address"),
        "probe.count": Column(count, None, "number"),
        "probe.frame": Column(claims.frame[first], None, "frame"),
        "probe.answered": Column(answered, known, "flag"),
    }
    return Subjects("probe", len(first), columns, vip_of, np.zeros(len(first), np.int64), reasons)


def _may_be_nameless(scene: Scene, topology: Topology, silent: Flags, vip_of: Int64) -> Flags:
    """Whether who does not answer may be one that a balancer sends to, and whose answers are out of view.

    Who is sent frames and states no address may have any of those that are asked for.
    """
    found = np.zeros(len(silent), bool)
    for place in distinct(vip_of[silent]).tolist():
        macs = topology.vips[place].balancer_macs
        nameless = {dst for src, dst in scene.unicast_edges if src in macs} - scene.stated.keys()
        mine = vip_of == place
        found |= mine & (int((silent & mine).sum()) <= len(nameless))
    return found


def icmp_table(scene: Scene, topology: Topology, visible: Visibility, reasons: dict[str, str]) -> Subjects:
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
    of_reply = quoted_src[rows] == ints([*(vip.identity for vip in topology.vips), -1])[vip[rows]]

    code = column(table, "code")[rows]

    def is_one_of(kinds: set[tuple[int, ...]], *of_message: Int64) -> Flags:
        return are_among(of_message, tuple(map(ints, zip(*sorted(kinds), strict=True))))

    columns = {
        "icmp.src_mac": Column(column(table, "src_mac")[rows], None, "mac"),
        "icmp.src_ip": Column(book.find(table["src_high"], table["src_low"])[rows], None, "address"),
        "icmp.dst_ip": Column(book.find(table["dst_high"], table["dst_low"])[rows], None, "address"),
        "icmp.type": Column(kind, None, "number"),
        "icmp.code": Column(code, None, "number"),
        "icmp.redirect": Column(is_one_of(REDIRECTS, version, kind), None, "flag"),
        "icmp.too_big": Column(is_one_of(TOO_BIG, version, kind, code), None, "flag"),
        "icmp.dst_mac": Column(column(table, "dst_mac")[rows], None, "mac"),
        "icmp.about_reply": flag(of_reply, np.ones(len(rows), bool)),
        "icmp.reaches_owner": flag(*_reaches_owner(scene, topology, visible, rows)),
        "icmp.about_service": Column(np.ones(len(rows), bool), None, "flag"),
        "icmp.frame": Column(column(table, "frame")[rows], None, "frame"),
    }
    return Subjects("icmp", len(rows), columns, vip[rows], np.zeros(len(rows), np.int64), reasons)


def _reaches_owner(scene: Scene, topology: Topology, visible: Visibility, rows: Int64) -> tuple[Flags, Flags]:
    """(whether a too-big that a balancer gets about a flow is given to a server, known), a value a message.

    Of one flow, one message given on is enough; it takes three in vain to tell that none is.
    """
    table = scene.legs.icmp
    names = ("quoted_src_high", "quoted_src_low", "quoted_dst_high", "quoted_dst_low")
    quoted = [np.asarray(table[name])[rows].view(np.int64) for name in names]
    ports = [column(table, name)[rows] for name in ("quoted_src_port", "quoted_dst_port")]
    flow, _ = group_rows(*quoted, *ports)
    to = column(table, "dst_mac")[rows]
    servers = [mac for vip in topology.vips for mac in vip.server_macs - vip.balancer_macs]
    came = among(to, [mac for vip in topology.vips for mac in vip.balancer_macs])
    given = np.zeros(len(rows) + 1, bool)
    given[flow[among(to, servers)]] = True
    in_vain = np.bincount(flow[came], minlength=len(rows) + 1) >= OFTEN
    shown = visible.has_mirror or visible.at_balancer
    return given[flow], came & shown & (given[flow] | in_vain[flow])


def too_big_flows(scene: Scene, roles: Roles) -> Flags:
    """Exchanges about which a too-big came again and again: the client does not heed it, or never got it."""
    table, book = scene.legs.icmp, scene.book
    version, kind = column(table, "version"), column(table, "type")
    big = ((version == 4) & (kind == 3) & (column(table, "code") == 4)) | ((version == 6) & (kind == 2))
    flows, flow = scene.flows, roles.flow
    if not big.any():
        return np.zeros(len(flow), bool)
    group, leader = group_rows(
        np.concatenate([flows.client[flow], book.find(table["quoted_src_high"], table["quoted_src_low"])[big]]),
        np.concatenate([flows.service[flow], book.find(table["quoted_dst_high"], table["quoted_dst_low"])[big]]),
        np.concatenate([flows.client_port[flow], column(table, "quoted_src_port")[big]]),
        np.concatenate([flows.service_port[flow], column(table, "quoted_dst_port")[big]]),
    )
    counts = np.bincount(group[len(flow) :], minlength=len(leader))
    return counts[group[: len(flow)]] >= OFTEN


UNSEEN_IN_CAPTURE = {"capture.flows_from_start_share": "no TCP connection of a balanced service is in the capture"}


def capture_table(scene: Scene, topology: Topology, roles: Roles) -> Subjects:
    """A row a capture: how far it can be trusted."""
    legs = scene.legs
    captures = legs.captures
    count = len(captures)
    dropped = ints(capture.dropped or 0 for capture in captures)
    truncated = flags(bool(capture.truncated) for capture in captures)
    has_macs = flags(all(i.link_type not in NO_DESTINATION_MAC for i in capture.interfaces) for capture in captures)
    where = texts(capture.truncated or "" for capture in captures)
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
        "capture.flows_from_start_share": Column(
            np.full(count, started or 0, np.int64), np.full(count, started is not None), "number"
        ),
    }
    return Subjects("capture", count, columns, np.full(count, -1, np.int64), np.arange(count), UNSEEN_IN_CAPTURE)


def _total(totals: dict[str, int], name: str, count: int) -> Column:
    """A total of the whole fold, told with the first capture."""
    values = np.zeros(count, np.int64)
    values[:1] = totals.get(name, 0)
    return Column(values, None, "number")


def _started_share(scene: Scene, roles: Roles) -> int | None:
    """Percent of TCP exchanges that were caught from their SYN; None when there is no TCP exchange."""
    tcp = scene.flows.protocol[roles.flow] == TCP
    opened = np.zeros(len(roles), bool)
    legs = np.flatnonzero(roles.row >= 0)
    opened[roles.row[legs[scene.leg_at("syn", legs) > 0]]] = True
    return int(100 * (opened & tcp).sum() // tcp.sum()) if tcp.any() else None
