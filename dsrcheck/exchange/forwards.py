"""Family 1, the second step: what the balancer forwards, to whom, and whether that is what came in."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.affinity import other_server_frame, servers_per_connection
from dsrcheck.exchange.arrays import Texts, texts
from dsrcheck.exchange.connection import resent_bytes
from dsrcheck.exchange.picked import Picked
from dsrcheck.exchange.roles import end_of_capture
from dsrcheck.exchange.sides import LONGEST_PACKET, SETTLE, Sides, flag
from dsrcheck.flows.coded import among, coded
from dsrcheck.flows.table import TCP, Flags, Int64
from dsrcheck.tables import Column
from dsrcheck.topology.hops import share_packets
from dsrcheck.topology.scene import Scene

FULL_SIZE = 1200
"""A packet longer than that (bytes) can be the one that a tunnel's smaller MTU does not let through."""
RECEIVERS = ("unknown", "server", "balancer", "gateway", "broadcast")
"""What takes a forwarded packet."""
FORWARDED_WITHIN = 10_000_000
"""A balancer passes a packet on within this time (ns)."""
HEADERS = 60
"""The longest TCP and IP headers of usual packets (bytes): what is longer carries data."""


def forward_facts(s: Sides) -> dict[str, Column]:
    """The derived columns `forward.*`."""
    ends, forward, sent_on = s.scene.ends, s.forward, s.sent_on
    to = forward.of_first(ends.dst_mac)
    # What went past the balancer is no measure for what it forwards.
    both = s.request.seen & forward.seen & s.is_balancer(s.request.of_first(ends.dst_mac))
    role, role_known = _receiver(s)
    same, same_known = _same_packets(s, both)
    drop, drop_known = _ttl_drop(s)
    missing, repeated, counted = _loss(s, both)
    servers, servers_known = servers_per_connection(s)
    by_host = sent_on.seen & ~among(sent_on.of_first(ends.src_mac), s.routers)
    overlong = _lost_for_size(s)
    return {
        "forward.dst_role": Column(role, role_known, "text"),
        "forward.tunnel": Column(forward.of_first(ends.tunnel), forward.seen, "number"),
        "forward.outer_dst": Column(forward.of_first(ends.outer_dst, -1), forward.seen, "address"),
        "forward.server_mac": Column(to, forward.seen & (role == "server"), "mac"),
        "forward.client_kept": flag(_client_kept(s), forward.seen),
        "forward.same_packets": flag(same, same_known),
        "forward.ttl_drop": Column(drop, drop_known),
        "forward.missing": Column(missing, counted, "number"),
        "forward.repeated": Column(repeated, counted, "number"),
        "forward.servers": Column(servers, servers_known, "number"),
        "forward.other_frame": Column(other_server_frame(s), forward.seen, "frame"),
        "forward.sent_on": flag(by_host, by_host | (forward.seen & s.visible.sent(to))),
        "forward.sent_on_by": Column(sent_on.of_first(ends.src_mac), sent_on.seen, "mac"),
        "forward.sent_on_frame": Column(sent_on.leg_of_first("first_frame"), sent_on.seen, "frame"),
        "forward.lost_for_size": flag(overlong, overlong | (both & s.tcp) | _large_arrived(s)),
    }


def _client_kept(s: Sides) -> Flags:
    """Whether the forwarded packet's source is the client's, and no address of the balancer's own."""
    source = s.forward.of_first(s.scene.ends.src, -1)
    hidden = np.zeros(len(s.roles), bool)
    for number, vip in enumerate(s.topology.vips):
        own = {s.scene.book.find_text(address) for host in vip.balancers for address in host.addresses}
        hidden |= (s.roles.vip == number) & among(source, list(own))
    kept: Flags = (source == s.scene.flows.client[s.roles.flow]) & ~hidden
    return kept


def _receiver(s: Sides) -> tuple[Texts, Flags]:
    """(what takes the forwarded packets, as one of RECEIVERS; whether that is known).

    A server is known for one only where the balancer's frames are all seen and the server speaks.
    """
    to = s.forward.of_first(s.scene.ends.dst_mac)
    role = np.zeros(len(s.roles), np.uint8)
    role[s.is_server(to) & among(to, list(s.visible.speakers))] = RECEIVERS.index("server")
    role[s.is_balancer(to) & ~s.is_server(to)] = RECEIVERS.index("balancer")
    role[among(to, s.routers)] = RECEIVERS.index("gateway")
    role[np.asarray((to >> 40) & 1 == 1)] = RECEIVERS.index("broadcast")
    sender = s.forward.of_first(s.scene.ends.src_mac)
    known = s.forward.seen & (role > 0) & ((role != RECEIVERS.index("server")) | s.visible.sent(sender))
    return coded(texts(RECEIVERS), role), known


def _plain(s: Sides) -> Flags:
    """Whether no offload cut or joined the packets of request or forward."""
    return (s.request.greatest("longest") <= LONGEST_PACKET) & (s.forward.greatest("longest") <= LONGEST_PACKET)


def _pairs(s: Sides) -> tuple[Int64, Int64, Int64]:
    """(row, request leg, forward leg) of each hop over a balancer; none where the packet went on, for it came back."""
    before, after, roles = s.scene.hops.before, s.scene.hops.after, s.roles
    over = roles.request[before] & roles.forward[after]
    over[over] = ~s.sent_on.seen[roles.row[before[over]]]
    return roles.row[before[over]], before[over], after[over]


def _same_packets(s: Sides, both: Flags) -> tuple[Flags, Flags]:
    """(whether what was forwarded is what came in, whether that is known).

    Known true where the legs share packets; known false where a box took a five-tuple's packets and of those it sent
    not one of the sampled is the same, although nothing in the capture (offload, cut frames) explains it.
    """
    scene = s.scene
    rows, request, forward = _pairs(s)
    alike = share_packets(scene.samples, request, forward)
    came, went = scene.leg_at("hash", np.stack([request, forward]))
    alike |= came == went
    # Where packets were lost the sampled ones may be just those: only as many out as in can be told to be others.
    alike |= scene.leg_at("frames", request) != scene.leg_at("frames", forward)
    unlike = np.flatnonzero(~alike)
    unlike = unlike[_in_step(scene, request[unlike], forward[unlike])]
    same, other = np.zeros(len(s.roles), bool), np.zeros(len(s.roles), bool)
    same[rows[alike]] = True
    other[rows[unlike]] = True
    whole = (s.request.total("hash_cut") + s.forward.total("hash_cut")) == 0
    return same & ~other, both & ((same & ~other) | (other & _plain(s) & whole))


def _in_step(scene: Scene, one: Int64, other: Int64) -> Flags:
    """Whether two legs of as many packets, which share none, must be of the same ones.

    Both are from the SYN on, or over the same sequence numbers, or datagrams as long that come and go together.

    A capture that lost packets, or holds one in ten, has others of one leg than of the other.
    """

    def apart(name: str) -> Int64:
        distance: Int64 = np.abs(scene.leg_at(name, one) - scene.leg_at(name, other))
        return distance

    def equal(name: str) -> Flags:
        same: Flags = apart(name) == 0
        return same

    opened = (scene.leg_at("isn_frames", one) > 0) & (scene.leg_at("isn_frames", other) > 0)
    stretch = equal("payload") & (scene.leg_at("payload", one) > 0) & equal("seq_first") & equal("seq_top")
    datagrams = equal("payload") & (np.maximum(apart("first_time"), apart("last_time")) < FORWARDED_WITHIN)
    of_tcp = scene.ends.protocol[one] == TCP
    found: Flags = np.where(of_tcp, opened | stretch, datagrams)
    return found


def _ttl_drop(s: Sides) -> tuple[Int64, Flags]:
    """(by how much the balancer lowers the TTL, whether that is known): of its hops the one furthest from 0 and 1."""
    rows, request, forward = _pairs(s)
    drop = s.scene.leg_at("ttl_max", request) - s.scene.leg_at("ttl_max", forward)
    found, seen = np.zeros(len(s.roles), np.int64), np.zeros(len(s.roles), bool)
    order = np.argsort(np.abs(2 * drop - 1), kind="stable")  # the oddest is written last
    found[rows[order]] = drop[order]
    seen[rows] = True
    return found, seen


def _loss(s: Sides, both: Flags) -> tuple[Int64, Int64, Flags]:
    """(packets not forwarded, packets forwarded too often, whether they can be counted)."""
    came, went = s.request.total("frames"), s.forward.total("frames")
    over = s.request.greatest("last_time") < end_of_capture(s.scene) - SETTLE
    started = s.forward.least("first_frame") > s.request.least("first_frame")
    totals, captures = s.scene.legs.totals, s.scene.legs.captures
    whole = not totals.get("cut", 0) and not any(capture.dropped or capture.truncated for capture in captures)
    whole &= not totals.get("twins", 0)  # copies that a mirror delivered late are not told from packets
    astray = s.request.distinct(s.scene.ends.dst_mac) > 1
    counted = both & _plain(s) & over & started & ~s.sent_on.seen & ~astray & s.visible.of_balancer(s.roles.vip)
    missing, repeated = np.maximum(came - went, 0), np.maximum(went - came, 0)
    return missing, repeated, counted & whole & _not_the_captures_loss(s, counted, missing, repeated)


def _not_the_captures_loss(s: Sides, counted: Flags, missing: Int64, repeated: Int64) -> Flags:
    """Whether a difference in numbers is the balancer's: few captures tell that they lost frames themselves.

    A TCP client sends again what did not arrive, and what is forwarded twice is in the forward more often than in the
    request. Where that is not so the capture has lost frames, and then no datagram is known to be the balancer's loss.
    """
    again, forwarded_again = _sent_again(s.request), _sent_again(s.forward)
    proved = s.tcp & np.where(missing > 0, again > 0, forwarded_again > again)
    equal = (missing == 0) & (repeated == 0)
    lossy = bool((counted & s.tcp & ~equal & ~proved).any())
    known: Flags = equal | proved | (~s.tcp & (not lossy))
    return known


def _sent_again(picked: Picked) -> Int64:
    """Payload bytes beyond the progress in sequence numbers, and SYNs and FINs beyond the first, by exchange."""
    again: Int64 = np.maximum(picked.total("payload") - picked.total("seq_advance"), 0)
    for once in ("syn", "fin"):
        again += np.maximum(picked.total(once) - 1, 0)
    return again


def _large_arrived(s: Sides) -> Flags:
    """Full-size requests that were sent once, in connections that the server answered with data."""
    once = s.request.seen & s.tcp & (resent_bytes(s) <= 0)
    found: Flags = once & (s.request.greatest("longest") > FULL_SIZE) & (s.reply.total("payload") > 0)
    return found


def _lost_for_size(s: Sides) -> Flags:
    """Full-size requests that were sent again and again and never forwarded, while smaller ones were."""
    came, went = s.request.greatest("longest"), s.forward.greatest("longest")
    again = s.request.total("payload") - s.request.total("seq_advance") > 2 * np.maximum(came - HEADERS, 1)
    size = (came <= LONGEST_PACKET) & (went < came) & (came > FULL_SIZE)
    # A client that heeds the first too-big sends the same bytes in smaller packets, and those go through.
    size &= s.request.total("seq_advance") - s.forward.total("seq_advance") >= came - HEADERS
    return s.request.seen & s.forward.seen & size & again
