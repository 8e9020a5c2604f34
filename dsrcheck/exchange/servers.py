"""The server table: a row a server and VIP, with what it said by ARP and NDP and whether it is there at all."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.roles import Roles
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.table import Flags
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
)
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene

DEAF_FORWARDS = 3
"""So many forwarded packets to a MAC that never sends anything, and an unanswered question, before it is called absent."""


def server_table(
    scene: Scene, topology: Topology, roles: Roles, visible: Visibility, reasons: dict[str, str]
) -> Subjects:
    rows = [(number, mac) for number, vip in enumerate(topology.vips) for mac in sorted(vip.server_macs)]
    vip = np.array([number for number, _ in rows], np.int64)
    macs = np.array([mac for _, mac in rows], np.int64)
    is_v6 = np.array([":" in topology.vips[number].address for number, _ in rows], bool)
    columns: dict[str, Column] = {"server.mac": Column(macs, None, "mac")}
    shown = visible.sent(macs)
    asked_here = np.array([visible.asker_is_here(topology.vips[number].identity) for number, _ in rows], bool)
    heard = np.isin(macs, list(visible.speakers))
    for name, kinds, known, family in (
        ("answer", (REPLY,), shown | asked_here, ~is_v6),
        ("ask", (REQUEST,), heard, ~is_v6),
        ("announce", (GRATUITOUS, ANNOUNCEMENT, PROBE), heard, ~is_v6),
        ("advertise", (ADVERTISEMENT, SOLICITATION, DAD), shown | asked_here, is_v6),
    ):
        frames = [_first_claim(scene, topology.vips[number].identity, mac, kinds) for number, mac in rows]
        frame = np.array(frames, np.int64)
        does = frame > 0
        flag = {"answer": "answers_arp", "ask": "asks_as_vip", "announce": "announces", "advertise": "advertises"}[name]
        columns[f"server.{flag}"] = Column(does, (does | known) & family, "flag")
        columns[f"server.{name}_frame"] = Column(frame, does, "frame")
    columns["server.is_ipv6"] = Column(is_v6, None, "flag")
    on_segment, on_known, frame = _on_segment(scene, topology, roles, rows, visible)
    columns["server.on_segment"] = Column(on_segment, on_known, "flag")
    columns["server.forward_frame"] = Column(frame, frame > 0, "frame")
    return Subjects("server", len(rows), columns, vip, np.zeros(len(rows), np.int64), reasons)


def _first_claim(scene: Scene, vip: int, mac: int, kinds: tuple[int, ...]) -> int:
    """Frame of the first claim of the VIP of these kinds by a MAC; 0 when there is none."""
    claims = scene.claims
    about = (claims.address == vip) | (np.isin(claims.kind, (PROBE, DAD)) & (claims.target == vip))
    mine = about & np.isin(claims.kind, kinds) & ((claims.mac == mac) | (claims.src_mac == mac)) & (vip >= 0)
    return int(claims.frame[mine].min()) if mine.any() else 0


def _on_segment(
    scene: Scene, topology: Topology, roles: Roles, rows: list[tuple[int, int]], visible: Visibility
) -> tuple[Flags, Flags, np.ndarray]:
    """(is there, known, first forwarded frame) of each server. It is there when it sent any frame. It is not when it got
    packets again and again, never sent one, and left the balancer's direct question for it without an answer."""
    ends, claims = scene.ends, scene.claims
    there = np.array([mac in visible.speakers for _, mac in rows], bool)
    absent = np.zeros(len(rows), bool)
    frame = np.zeros(len(rows), np.int64)
    frames, first = scene.leg("frames"), scene.leg("first_frame")
    for place, (number, mac) in enumerate(rows):
        legs = roles.forward & (ends.dst_mac == mac) & (ends.tunnel == 0)
        legs &= np.isin(ends.src_mac, list(topology.vips[number].balancer_macs))
        if not legs.any():
            continue
        frame[place] = first[legs].min()
        probed = np.isin(claims.kind, ASKING) & (claims.dst_mac == mac)
        absent[place] = not there[place] and frames[legs].sum() >= DEAF_FORWARDS and bool(probed.any())
    return there, there | absent, frame


def owning_rows(scene: Scene, address: int) -> np.ndarray:
    """Rows of the claims that state outright where an address is, in order of time."""
    claims = scene.claims
    rows = np.flatnonzero(np.isin(claims.kind, OWNING) & (claims.address == address))
    return rows[np.argsort(claims.time[rows], kind="stable")]
