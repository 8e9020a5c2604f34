"""What becomes of forwards at each server, beyond its replies: ICMP errors, tunnels, checks, questions by ARP."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import ip_text
from dsrcheck.exchange.arrays import Texts, flags, ints, texts
from dsrcheck.exchange.connection import crossed_a_router
from dsrcheck.exchange.senders import same_subnet
from dsrcheck.exchange.sides import Sides
from dsrcheck.exchange.silence import answered
from dsrcheck.flows.coded import among, rows_with
from dsrcheck.flows.table import ICMP, ICMP6, PORT_PROTOCOLS, UDP, Flags, Int64, column, distinct
from dsrcheck.records import dataclass
from dsrcheck.tables import Column
from dsrcheck.topology.claims import ASKING
from dsrcheck.topology.model import Vip

UNREACHABLE = {
    (4, 3, 2): "protocol", (4, 3, 3): "port", (4, 3, 10): "host prohibited", (4, 3, 13): "administratively prohibited",
    (6, 1, 1): "administratively prohibited", (6, 1, 4): "port", (6, 4, 1): "protocol",
}  # fmt: skip
"""(IP version, type, code) of what a host sends that does not take a packet: RFC 792, RFC 1812 5.2.7.1, RFC 4443."""
TUNNELS = (4, 41, 47)
"""IP protocols of tunnels: IP-in-IP, IPv6-in-IP, GRE."""
PROBED = (*PORT_PROTOCOLS, ICMP, ICMP6)
"""What checks of servers are made with."""
NONE = np.zeros(0, np.int64)
ASKED_OFTEN = 3
"""So many questions without an answer: Linux asks three times before it gives a neighbour up (mcast_solicit)."""


@dataclass(frozen=True)
class Fact:
    """Something about a server: whether it is so (None: not seen), a frame that shows it, and a word for it."""

    holds: bool | None = None
    frame: int = 0
    word: str = ""


def serving_columns(s: Sides, rows: list[tuple[int, int]]) -> dict[str, Column]:
    """The columns `server.*` of this module, a value for each (VIP number, server MAC)."""
    look = _Look(s)
    facts = {
        "takes": [look.takes(number, mac) for number, mac in rows],
        "decapsulates": [look.decapsulates(number, mac) for number, mac in rows],
        "checked_at_vip": [look.checked_at_vip(number, mac) for number, mac in rows],
        "clients_by_router": [look.clients_by_router(number, mac) for number, mac in rows],
    }
    columns: dict[str, Column] = {}
    for name, found in facts.items():
        frames = ints(fact.frame for fact in found)
        known = flags(fact.holds is not None for fact in found)
        columns[f"server.{name}"] = Column(flags(bool(fact.holds) for fact in found), known, "flag")
        columns[f"server.{name}_frame"] = Column(frames, frames > 0, "frame")
        columns[f"server.{name}_word"] = Column(_words(found), flags(bool(fact.word) for fact in found), "text")
    return columns


def _places(s: Sides, macs: Int64, seen: Flags) -> dict[tuple[int, int], Int64]:
    """(VIP number, MAC) -> the exchanges, in order, of those under a mask that have this MAC."""
    return {
        (number, mac): rows
        for number in range(len(s.topology.vips))
        for mac, rows in rows_with(macs, np.flatnonzero(seen & (s.roles.vip == number))).items()
    }


def _words(found: list[Fact]) -> Texts:
    return texts(fact.word for fact in found)


class _Look:
    """The exchanges of a capture, looked at server by server; what all of them need is worked out once."""

    def __init__(self, s: Sides) -> None:
        self.s = s
        self.given_to = s.forward.of_first(s.scene.ends.dst_mac)
        found, known = answered(s)
        accepted = (s.reply.total("syn_ack") > 0) | (s.reply.total("payload") > 0)
        refused = s.reply.seen & ~accepted & (s.reply.total("rst") > 0)
        self.dies = s.forward.seen & ((known & ~found) | refused)
        self.lives = s.forward.seen & found & ~refused
        self.first_given = s.forward.leg_of_first("first_frame")
        self.own_addresses = [self._own_addresses(vip) for vip in s.topology.vips]
        self.probes = self._probes()
        self.given = _places(s, self.given_to, s.forward.seen)
        self.answering = _places(s, s.reply.of_first(s.scene.ends.src_mac), s.reply.seen)
        self.crossed = crossed_a_router(s)
        table, book = s.scene.legs.icmp, s.scene.book
        self.icmp = {name: column(table, name) for name in (
            "src_mac", "version", "type", "code", "frame", "quoted_protocol", "quoted_dst_port",
        )}  # fmt: skip
        self.quoted_dst = book.find(table["quoted_dst_high"], table["quoted_dst_low"])
        self.icmp_src = book.find(table["src_high"], table["src_low"])

    def _mine(self, number: int, mac: int) -> Int64:
        """Exchanges of a VIP that are forwarded to a server."""
        return self.given.get((number, mac), NONE)

    def _probes(self) -> Int64:
        """Legs that may be a balancer's check of a server: from an address of its own, and of a checker's protocol."""
        ends, vips = self.s.scene.ends, self.s.topology.vips
        legs = np.flatnonzero(among(ends.src_mac, {mac for vip in vips for mac in vip.balancer_macs}))
        legs = legs[among(ends.src[legs], np.concatenate([NONE, *self.own_addresses])) & ends.whole[legs]]
        found: Int64 = legs[among(ends.protocol[legs], PROBED) & (ends.tunnel[legs] == 0)]
        return found

    def _errors(self, quoting: Flags, sender: Flags) -> tuple[int, str]:
        """(frame, word) of the first unreachable message under two masks; 0 where there is none."""
        for row in np.flatnonzero(quoting & sender).tolist():
            kind = tuple(int(self.icmp[name][row]) for name in ("version", "type", "code"))
            if kind in UNREACHABLE:
                return int(self.icmp["frame"][row]), UNREACHABLE[kind]
        return 0, ""

    def takes(self, number: int, mac: int) -> Fact:
        """No ICMP unreachable from the server quotes a packet to a service of the VIP."""
        s, vip = self.s, self.s.topology.vips[number]
        quoting = np.zeros(len(self.quoted_dst), bool)
        for service in vip.services:
            quoting |= (self.icmp["quoted_protocol"] == service.protocol) & (
                self.icmp["quoted_dst_port"] == service.port
            )
        frame, word = self._errors(quoting & (self.quoted_dst == vip.identity), self.icmp["src_mac"] == mac)
        if frame:
            return Fact(False, frame, word)
        replies = self.answering.get((number, mac), NONE)
        at_client = bool(s.visible.at_host(s.reply.of_first(s.scene.ends.dst_mac)[replies]).any())
        shown = at_client or (bool(len(self._mine(number, mac))) and bool(s.visible.sent(ints([mac]))[0]))
        return Fact(True) if shown else Fact()

    def decapsulates(self, number: int, mac: int) -> Fact:
        """Tunnelled forwards are answered, and not by ICMP unreachable about the outer packet."""
        s = self.s
        mine = self._mine(number, mac)
        mine = mine[s.forward.of_first(s.scene.ends.tunnel)[mine] > 0]
        if not len(mine):
            return Fact()
        ends_at = distinct(s.forward.of_first(s.scene.ends.outer_dst, -1)[mine])
        quoting = among(self.quoted_dst, ends_at) & among(self.icmp["quoted_protocol"], (*TUNNELS, UDP))
        frame, word = self._errors(quoting, among(self.icmp_src, ends_at) | (self.icmp["src_mac"] == mac))
        if frame:
            return Fact(False, frame, f"refuses the tunnel with ICMP {word} unreachable")
        if not s.visible.sent(ints([mac]))[0]:
            return Fact()
        # A refusal too came out of the tunnel.
        if (self.lives[mine] | s.reply.seen[mine]).any():
            return Fact(True)
        silent = mine[self.dies[mine]]
        if not len(silent):
            return Fact()
        return Fact(False, int(self.first_given[silent].min()), "answers nothing that comes in it")

    def checked_at_vip(self, number: int, mac: int) -> Fact:
        """A balancer's check asks the VIP on this server; or only its own address, while connections to the VIP die."""
        s, vip = self.s, self.s.topology.vips[number]
        ends, scene = s.scene.ends, s.scene
        probes = self.probes[ends.dst_mac[self.probes] == mac]
        probes = probes[among(ends.src[probes], self.own_addresses[number]) & (ends.src[probes] != vip.identity)]
        probes = probes[among(ends.src_mac[probes], vip.balancer_macs)]
        at_vip, real = probes[ends.dst[probes] == vip.identity], probes[ends.dst[probes] != vip.identity]
        if len(at_vip):
            return Fact(True, int(scene.leg_at("first_frame", at_vip).min()))
        mine = self._mine(number, mac)
        if not len(real) or not self.dies[mine].any() or self.lives[mine].any():
            return Fact()
        sent = np.flatnonzero(ends.src_mac == mac)
        answers = sent[among(ends.src[sent], ends.dst[real]) & among(ends.dst[sent], ends.src[real])]
        says = (scene.leg_at("echo_replies", answers) > 0) | (scene.leg_at("syn_ack", answers) > 0)
        answers = answers[says | (ends.protocol[answers] == UDP)]
        if not len(answers):
            return Fact()
        return Fact(False, int(scene.leg_at("first_frame", answers).min()), scene.book.text(int(ends.dst[real[0]])))

    def clients_by_router(self, number: int, mac: int) -> Fact:
        """Clients from behind a router are answered by a router, and never asked for by ARP as if they were near."""
        s, vip, scene = self.s, self.s.topology.vips[number], self.s.scene
        mine = self._mine(number, mac)
        asked = s.request.of_first(scene.ends.src_mac)[mine]
        routed = mine[np.where(s.request.seen[mine], among(asked, s.routers), self.crossed[mine])]
        clients = distinct(scene.flows.client[s.roles.flow[routed]])
        claims = scene.claims
        questions = among(claims.kind, ASKING) & (claims.src_mac == mac) & among(claims.target, clients)
        near = [*scene.stated.get(mac, ()), vip.identity]
        for target in distinct(claims.target[questions]).tolist():
            times = questions & (claims.target == target)
            afar = not any(same_subnet(scene.book.text(target), scene.book.text(own)) for own in near if own >= 0)
            if afar and times.sum() >= ASKED_OFTEN and target not in scene.mac_of:
                return Fact(False, int(claims.frame[times].min()), ip_text(*self._halves(target)))
        answered_there = s.reply.seen[routed] & (s.reply.of_first(scene.ends.src_mac)[routed] == mac)
        answered_there &= among(s.reply.of_first(scene.ends.dst_mac)[routed], s.routers)
        return Fact(True) if answered_there.any() else Fact()

    def _halves(self, address: int) -> tuple[int, int]:
        book = self.s.scene.book
        return int(book.high[address]), int(book.low[address])

    def _own_addresses(self, vip: Vip) -> Int64:
        """Addresses of a VIP's balancers."""
        book = self.s.scene.book
        declared = {book.find_text(address) for host in vip.balancers for address in host.addresses}
        stated = {address for mac in vip.balancer_macs for address in self.s.scene.own(mac)}
        return ints(sorted((declared | stated) - {-1, vip.identity}))
