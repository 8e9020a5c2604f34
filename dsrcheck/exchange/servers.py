"""The server table: a row a server and VIP, with what it said by ARP and NDP and whether it is there at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from dsrcheck.exchange.arrays import flags, ints
from dsrcheck.exchange.serving import serving_columns
from dsrcheck.exchange.sides import Sides
from dsrcheck.exchange.silence import answered
from dsrcheck.flows.coded import among, rows_with
from dsrcheck.flows.table import Flags, Int64
from dsrcheck.tables import Column, Subjects
from dsrcheck.topology.claims import (
    ADVERTISEMENT,
    ANNOUNCEMENT,
    ASKING,
    DAD,
    GRATUITOUS,
    OWNING,
    PROBE,
    REPLY,
    REQUEST,
    SOLICITATION,
    Claims,
)
from dsrcheck.topology.scene import Scene

DEAF_FORWARDS = 3
"""So many forwarded packets to a silent MAC, and an unanswered question, before it is called absent."""


def server_table(s: Sides, reasons: Mapping[str, str]) -> Subjects:
    """A row a server of a VIP.

    Whether it answers ARP for the VIP, asks as the VIP, announces or advertises it (each with the first frame), whether
    it is on the segment, and the first frame forwarded to it.
    """
    scene, topology, visible = s.scene, s.topology, s.visible
    rows = [(number, mac) for number, vip in enumerate(topology.vips) for mac in sorted(vip.server_macs)]
    vip, macs = ints(number for number, _ in rows), ints(mac for _, mac in rows)
    is_v6 = flags(":" in topology.vips[number].address for number, _ in rows)
    columns: dict[str, Column] = {"server.mac": Column(macs, None, "mac")}
    answer_shown = visible.sent(macs)
    answer_shown |= flags(visible.asker_is_here(topology.vips[number].identity) for number, _ in rows)
    # Where nobody asks, nobody can be silent.
    answer_shown &= flags(topology.vips[number].identity in scene.asked for number, _ in rows)
    told = [_claims_of(scene, one.identity) for one in topology.vips]
    heard = among(macs, list(visible.speakers))
    for name, verb, kinds, known, family in (
        ("answers_arp", "answer", (REPLY,), answer_shown, ~is_v6),
        ("asks_as_vip", "ask", (REQUEST,), heard, ~is_v6),
        ("announces", "announce", (GRATUITOUS, ANNOUNCEMENT, PROBE), heard, ~is_v6),
        ("advertises", "advertise", (ADVERTISEMENT, SOLICITATION, DAD), answer_shown, is_v6),
    ):
        frame = ints(_first_claim(told[number], mac, kinds) for number, mac in rows)
        does = frame > 0
        columns[f"server.{name}"] = Column(does, (does | known) & family, "flag")
        columns[f"server.{verb}_frame"] = Column(frame, does, "frame")
    columns["server.is_ipv6"] = Column(is_v6, None, "flag")
    on_segment, on_known, frame = _on_segment(s, rows)
    columns["server.on_segment"] = Column(on_segment, on_known, "flag")
    columns["server.forward_frame"] = Column(frame, frame > 0, "frame")
    columns |= serving_columns(s, rows)
    return Subjects("server", len(rows), columns, vip, np.zeros(len(rows), np.int64), reasons)


def _claims_of(scene: Scene, vip: int) -> Claims:
    """The claims of a VIP."""
    claims = scene.claims
    about = (claims.address == vip) | (among(claims.kind, (PROBE, DAD)) & (claims.target == vip))
    return claims.take(about & (vip >= 0))


def _first_claim(claims: Claims, mac: int, kinds: tuple[int, ...]) -> int:
    """Frame of the first claim of these kinds by a MAC; 0 when there is none."""
    mine = (claims.mac == mac) | (claims.src_mac == mac)
    mine &= among(claims.kind, kinds)
    return int(claims.frame[mine].min()) if mine.any() else 0


def _on_segment(s: Sides, rows: list[tuple[int, int]]) -> tuple[Flags, Flags, Int64]:
    """(is there, known, first forwarded frame) of each server.

    It is there when it sent any frame. It is not when it got packets again and again, never sent one, and left the
    balancer's direct question for it without an answer, or left a client waiting and is the only server that a mirror
    does not show to answer such questions. Clients that go on are answered: then its port is not mirrored. Where other
    hosts, too, only receive it may not be mirrored either.
    """
    scene, topology, roles, visible = s.scene, s.topology, s.roles, s.visible
    ends, claims = scene.ends, scene.claims
    found, known = answered(s)
    proved = found & (s.forward.distinct(ends.dst_mac) == 1)
    there = flags(mac in visible.speakers for _, mac in rows)
    absent = np.zeros(len(rows), bool)
    frame = np.zeros(len(rows), np.int64)
    plain = np.flatnonzero(roles.forward & (ends.tunnel == 0))
    sent_to = rows_with(ends.dst_mac, plain)
    whole = not _hosts_out_of_view(s)
    for place, (number, mac) in enumerate(rows):
        if mac not in sent_to:
            continue
        legs = sent_to[mac]
        frame[place] = scene.leg_at("first_frame", legs).min()
        probed = bool((among(claims.kind, ASKING) & (claims.dst_mac == mac)).any())
        others = topology.vips[number].server_macs - {mac}
        alone = visible.has_mirror and bool(others) and all(scene.stated.get(other) for other in others)
        alone &= bool((known & ~found)[roles.row[legs]].any())
        deaf = whole and not there[place] and not proved[roles.row[legs]].any()
        absent[place] = deaf and scene.leg_at("frames", legs).sum() >= DEAF_FORWARDS and (probed or alone)
    shown = (frame > 0) & visible.of_balancer(ints(number for number, _ in rows))
    return there, (there & shown) | absent, frame


def _hosts_out_of_view(s: Sides) -> bool:
    """Whether others than servers, too, are sent frames again and again and seem to send none: the mirror is to blame.

    It may show only what hosts send, and the ports of these hosts are not mirrored; then a server's may not be either.
    """
    servers = {mac for vip in s.topology.vips for mac in vip.server_macs}
    received: Counter[int] = Counter()
    for (_, dst), frames in s.scene.unicast_edges.items():
        received[dst] += frames
    often = {mac for mac, frames in received.items() if frames >= DEAF_FORWARDS}
    return bool(often - servers - s.visible.speakers)


def owning_rows(scene: Scene, address: int) -> Int64:
    """Rows of the claims that state outright where an address is, in order of time."""
    claims = scene.claims
    rows = np.flatnonzero(among(claims.kind, OWNING) & (claims.address == address))
    return rows[np.argsort(claims.time[rows], kind="stable")]
