"""The exchange table: one wide row a flow of a balanced service, with what rules of families 1 and 2 ask for.

Each derived flag is three-valued: known true, known false, or unknown because this capture cannot show it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsrcheck.exchange.picked import FAR, Picked, pick
from dsrcheck.exchange.roles import VIP_SHIFT as SHIFT
from dsrcheck.exchange.roles import Roles, end_of_capture, mac_keys
from dsrcheck.exchange.visibility import Visibility
from dsrcheck.flows.table import PROTOCOL_NAMES, TCP, UDP, Flags, Int64, group_rows
from dsrcheck.tables import Column
from dsrcheck.topology.hops import share_packets
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene

RETRY = 500_000_000
"""Least time (ns) between a SYN and its retransmission: RFC 6298 starts with one second; stacks have been seen at 0.5."""
SETTLE = 1_000_000_000
"""What happens in the last second (ns) of a capture may have gone on after it."""
LONGEST_FRAME = 1500
"""An IP packet longer than that on a plain Ethernet was cut or joined by the capturing host's offload."""


@dataclass(frozen=True)
class Sides:
    """What every column below starts from: the legs of each role, picked."""

    scene: Scene
    topology: Topology
    roles: Roles
    visible: Visibility
    request: Picked
    forward: Picked
    sent_on: Picked
    reply: Picked
    balancer_reply: Picked
    wrong: Int64
    """Leg that answers the client from another address or port than the VIP's, -1 where there is none."""

    @property
    def protocol(self) -> Int64:
        return self.scene.flows.protocol[self.roles.flow]

    @property
    def client_side(self) -> Picked:
        """The legs that tell what the client sends: the request, or where that is not seen the forward."""
        seen = self.request.seen
        either = np.where(seen, self.request.first, self.forward.first)
        rows = np.concatenate([self.request.rows, self.forward.rows[~seen[self.forward.rows]]])
        legs = np.concatenate([self.request.legs, self.forward.legs[~seen[self.forward.rows]]])
        return Picked(self.scene, legs, rows, len(self.roles), either)


def sides(scene: Scene, topology: Topology, roles: Roles, visible: Visibility) -> Sides:
    return Sides(
        scene, topology, roles, visible,
        pick(scene, roles, roles.request), pick(scene, roles, roles.forward), pick(scene, roles, roles.sent_on),
        pick(scene, roles, roles.reply), pick(scene, roles, roles.from_balancer & ~roles.relayed),
        _wrong_answers(scene, topology, roles),
    )  # fmt: skip


def exchange_columns(s: Sides) -> dict[str, Column]:
    """All columns of the exchange table but those of the VIP itself."""
    flows, roles = s.scene.flows, s.roles
    names = np.array([PROTOCOL_NAMES.get(int(number), str(number)) for number in s.protocol.tolist()], dtype=object)
    columns = {
        "flow.number": Column(roles.flow + 1, None, "number"),
        "flow.protocol": Column(names, None, "text"),
        "flow.client": Column(flows.client[roles.flow], None, "address"),
        "flow.client_port": Column(flows.client_port[roles.flow], None, "number"),
        "service.port": Column(flows.service_port[roles.flow], None, "number"),
        "service.balanced": Column(np.ones(len(roles), bool), None, "flag"),
    }
    columns |= s.request.columns("request") | s.forward.columns("forward") | _reply_columns(s)
    return columns | _request_facts(s) | _forward_facts(s) | _reply_facts(s) | _flow_facts(s)


def _flag(true: Flags, known: Flags) -> Column:
    return Column(true, known, "flag")


def _keys(s: Sides, macs: Int64) -> Int64:
    return s.roles.vip << SHIFT | macs


# ---- family 1: request and forward ----


def _request_facts(s: Sides) -> dict[str, Column]:
    balancers = mac_keys(s.topology.vips, "balancer_macs")
    servers = mac_keys(s.topology.vips, "server_macs")
    leg_vip = s.roles.vip[s.request.rows] if len(s.request.rows) else s.request.rows
    to = leg_vip << SHIFT | s.scene.ends.dst_mac[s.request.legs]
    astray = np.isin(to, servers) & ~np.isin(to, balancers)
    declared = np.array([bool(vip.provenance == "declared" and vip.balancers) for vip in s.topology.vips], bool)
    if len(declared) and len(leg_vip):
        astray |= declared[leg_vip] & ~np.isin(to, balancers) & (s.scene.ends.dst_mac[s.request.legs] != 0)
    astray_leg = np.full(len(s.roles), -1, np.int64)
    order = np.argsort(-s.scene.leg("first_frame")[s.request.legs[astray]], kind="stable")
    astray_leg[s.request.rows[astray][order]] = s.request.legs[astray][order]
    bad = astray_leg >= 0
    ends = s.scene.ends
    arrives = np.isin(_keys(s, s.request.of_first(ends.dst_mac)), balancers)
    sender = s.request.of_first(ends.src_mac)
    return {
        "request.to_balancer": _flag(~bad, bad | (s.request.seen & arrives & s.visible.sent(sender))),
        "request.astray_mac": Column(_take(ends.dst_mac, astray_leg), bad, "mac"),
        "request.astray_from": Column(_take(ends.src_mac, astray_leg), bad, "mac"),
        "request.astray_frame": Column(_take(s.scene.leg("first_frame"), astray_leg), bad, "frame"),
    }


def _take(values: Int64, rows: Int64) -> Int64:
    return np.where(rows >= 0, values[rows], 0) if len(values) else np.zeros(len(rows), np.int64)


def _forward_facts(s: Sides) -> dict[str, Column]:
    ends, scene = s.scene.ends, s.scene
    # What went past the balancer is no measure for what it forwards.
    taken = np.isin(_keys(s, s.request.of_first(ends.dst_mac)), mac_keys(s.topology.vips, "balancer_macs"))
    both = s.request.seen & s.forward.seen & taken
    role, role_known = _forward_role(s)
    same, same_known = _same_packets(s, both)
    drop = s.request.greatest("ttl_max") - s.forward.greatest("ttl_max")
    plain = both & ~s.sent_on.seen
    missing, repeated, counted = _loss(s, both)
    servers, servers_known = _servers_per_connection(s)
    sent_on = s.sent_on.seen & ~np.isin(s.sent_on.of_first(ends.src_mac), list(s.topology.routers))
    shown = s.visible.sent(s.forward.of_first(ends.dst_mac))
    overlong = _lost_for_size(s)
    return {
        "forward.dst_role": Column(role, role_known, "text"),
        "forward.tunnel": Column(s.forward.of_first(ends.tunnel), s.forward.seen, "number"),
        "forward.outer_dst": Column(s.forward.of_first(ends.outer_dst, -1), s.forward.seen, "address"),
        "forward.server_mac": Column(s.forward.of_first(ends.dst_mac), s.forward.seen & (role == "server"), "mac"),
        "forward.same_packets": _flag(same, same_known),
        "forward.ttl_drop": Column(drop, plain, "number"),
        "forward.missing": Column(missing, counted, "number"),
        "forward.repeated": Column(repeated, counted, "number"),
        "forward.servers": Column(servers, servers_known, "number"),
        "forward.other_frame": Column(_other_server_frame(s), s.forward.seen, "frame"),
        "forward.sent_on": _flag(sent_on, sent_on | (s.forward.seen & shown)),
        "forward.sent_on_by": Column(s.sent_on.of_first(ends.src_mac), s.sent_on.seen, "mac"),
        "forward.sent_on_frame": Column(s.sent_on.leg_of_first("first_frame"), s.sent_on.seen, "frame"),
        "forward.lost_for_size": _flag(overlong, overlong | (both & (scene.flows.protocol[s.roles.flow] == TCP))),
    }  # fmt: skip


def _forward_role(s: Sides) -> tuple[np.ndarray, Flags]:
    """What the receiver of the forwarded packets is; known only where the balancer's frames are all seen."""
    ends = s.scene.ends
    to = s.forward.of_first(ends.dst_mac)
    role = np.full(len(s.roles), "unknown", dtype=object)
    servers = mac_keys(s.topology.vips, "server_macs")
    balancers = mac_keys(s.topology.vips, "balancer_macs")
    alive = np.isin(to, list(s.visible.speakers))
    role[np.isin(_keys(s, to), servers) & alive] = "server"
    role[np.isin(_keys(s, to), balancers) & ~np.isin(_keys(s, to), servers)] = "balancer"
    role[np.isin(to, list(s.topology.routers))] = "gateway"
    role[(to >> 40) & 1 == 1] = "broadcast"
    sender = s.forward.of_first(ends.src_mac)
    known = s.forward.seen & (role != "unknown") & ((role != "server") | s.visible.sent(sender))
    return role, known


def _same_packets(s: Sides, both: Flags) -> tuple[Flags, Flags]:
    """Whether what was forwarded is what came in. Known true where the legs share packets, known false where not one of
    the sampled packets is the same although nothing in the capture (offload, cut frames) explains it."""
    scene = s.scene
    rows = np.flatnonzero(both)
    same = np.zeros(len(s.roles), bool)
    if len(rows):
        same[rows] = share_packets(scene.samples, s.request.first[rows], s.forward.first[rows])
        hash_ = scene.leg("hash")
        same[rows] |= hash_[s.request.first[rows]] == hash_[s.forward.first[rows]]
    plain = (s.request.greatest("longest") <= LONGEST_FRAME) & (s.forward.greatest("longest") <= LONGEST_FRAME)
    whole = (s.request.total("hash_cut") + s.forward.total("hash_cut")) == 0
    direct = s.scene.ends.dst[s.request.first] == s.scene.ends.dst[s.forward.first]
    return same, both & (same | (plain & whole & direct))


def _loss(s: Sides, both: Flags) -> tuple[Int64, Int64, Flags]:
    """(packets not forwarded, packets forwarded too often, whether they can be counted) a row."""
    came, went = s.request.total("frames"), s.forward.total("frames")
    plain = (s.request.greatest("longest") <= LONGEST_FRAME) & (s.forward.greatest("longest") <= LONGEST_FRAME)
    over = s.request.greatest("last_time") < end_of_capture(s.scene) - SETTLE
    start = s.forward.least("first_frame") > s.request.least("first_frame")
    whole = s.scene.legs.totals.get("cut", 0) == 0 and not any(c.dropped or c.truncated for c in s.scene.legs.captures)
    whole &= s.scene.legs.totals.get("twins", 0) == 0  # copies that a mirror delivered late are not told from packets
    astray = s.request.distinct(s.scene.ends.dst_mac) > 1
    counted = both & plain & over & start & ~s.sent_on.seen & ~astray & whole & s.visible.of_balancer(s.roles.vip)
    return np.maximum(came - went, 0), np.maximum(went - came, 0), counted


def _servers_per_connection(s: Sides) -> tuple[Int64, Flags]:
    """To how many servers one connection was forwarded; legs of connections that follow one another are not one."""
    scene, ends = s.scene, s.scene.ends
    legs, rows = s.forward.legs, s.forward.rows
    keep = ~np.isin(ends.dst_mac[legs], list(s.topology.routers)) | (ends.tunnel[legs] > 0)
    legs, rows = legs[keep], rows[keep]
    server = np.where(ends.tunnel[legs] > 0, ends.outer_dst[legs] | 1 << 50, ends.dst_mac[legs])
    count = np.zeros(len(s.roles), np.int64)
    if len(legs):
        pairs = np.unique(np.stack([rows, server], axis=1), axis=0)
        np.add.at(count, pairs[:, 0], 1)
    several = count > 1
    # A second server that got a SYN of its own, with another number, got a connection of its own.
    own_connection = np.zeros(len(s.roles), bool)
    isn, isn_frames = scene.leg("isn")[legs], scene.leg("isn_frames")[legs]
    opened = isn_frames > 0
    numbers = np.zeros(len(s.roles), np.int64)
    if opened.any():
        unique = np.unique(np.stack([rows[opened], isn[opened]], axis=1), axis=0)
        np.add.at(numbers, unique[:, 0], 1)
        with_syn = np.zeros(len(s.roles), np.int64)
        np.add.at(with_syn, rows[opened], 1)
        own_connection = (numbers >= count) & (with_syn >= count)
    tcp = s.protocol == TCP
    fails = several & tcp & ~own_connection
    reused = s.request.total("isn_changes") > 0
    known = (
        (count > 0)
        & s.visible.of_balancer(s.roles.vip)
        & (~several | (fails & ~reused) | own_connection)
        & (tcp | ~several)
    )
    return np.where(own_connection & several, 1, count), known


def _other_server_frame(s: Sides) -> Int64:
    """First frame of the forward leg that came last: where the connection changed its server."""
    first = s.scene.leg("first_frame")
    found = np.zeros(len(s.roles), np.int64)
    np.maximum.at(found, s.forward.rows, first[s.forward.legs])
    return found


def _lost_for_size(s: Sides) -> Flags:
    """Full-size requests that were sent again and again and never forwarded, while smaller ones were."""
    came, went = s.request.greatest("longest"), s.forward.greatest("longest")
    again = s.request.total("payload") - s.request.total("seq_advance") > 2 * np.maximum(came - 60, 1)
    return s.request.seen & s.forward.seen & (came <= LONGEST_FRAME) & (went < came) & (came > 1200) & again


# ---- family 2: replies ----


def _reply_columns(s: Sides) -> dict[str, Column]:
    """`reply.*`, taken from the answer that came from elsewhere where the VIP's own did not come."""
    shown = np.where(s.reply.seen, s.reply.first, s.wrong)
    merged = Picked(s.scene, s.reply.legs, s.reply.rows, len(s.roles), shown)
    return merged.columns("reply")


def _wrong_answers(scene: Scene, topology: Topology, roles: Roles) -> Int64:
    """For exchanges without a reply from the VIP: a packet to the client's very port, from elsewhere, for which nothing
    in the capture asked; the sender is no balancer."""
    flows, ends = scene.flows, scene.ends
    answered = np.zeros(len(roles), bool)
    answered[roles.row[(roles.reply | roles.from_balancer | roles.answer)]] = True
    rows = np.flatnonzero(~answered)
    found = np.full(len(roles), -1, np.int64)
    mine = flows.of_leg[np.flatnonzero(scene.of_services)]
    legs = np.flatnonzero(scene.of_services)
    one_way, _ = group_rows(mine, scene.inbound[legs].astype(np.int64))
    directions = np.zeros(len(flows), np.int64)
    np.bitwise_or.at(directions, mine, np.where(scene.inbound[legs], 1, 2))
    lonely = legs[np.isin(directions[mine], (1, 2)) & (roles.row[legs] < 0)]
    balancers = {mac for vip in topology.vips for mac in vip.balancer_macs}
    lonely = lonely[~np.isin(ends.src_mac[lonely], list(balancers))]
    if not len(rows) or not len(lonely):
        return found
    flow = roles.flow[rows]
    # The address or the port differs, not both: else it is somebody else's packet.
    for extra_row, extra_leg in (
        (flows.service_port[flow], ends.src_port[lonely]),
        (flows.service[flow] | 1 << 40, ends.src[lonely] | 1 << 40),
    ):
        group, _ = group_rows(
            np.concatenate([flows.client[flow], ends.dst[lonely]]),
            np.concatenate([flows.client_port[flow], ends.dst_port[lonely]]),
            np.concatenate([flows.protocol[flow], ends.protocol[lonely]]),
            np.concatenate([extra_row, extra_leg]),
        )
        answer = np.full(int(group.max()) + 1, -1, np.int64)
        answer[group[len(rows) :]] = lonely
        hit = answer[group[: len(rows)]]
        later = (hit >= 0) & (scene.leg("first_time")[hit] >= flows.first_time[flow])
        found[rows[later]] = np.where(found[rows[later]] < 0, hit[later], found[rows[later]])
    return found


def _reply_facts(s: Sides) -> dict[str, Column]:
    scene, ends = s.scene, s.scene.ends
    balancers = mac_keys(s.topology.vips, "balancer_macs")
    proved = _proved_by_acks(s)
    through_legs = np.isin(s.roles.vip[s.reply.rows] << SHIFT | ends.dst_mac[s.reply.legs], balancers)
    to_balancer = Picked(scene, s.reply.legs[through_legs], s.reply.rows[through_legs], len(s.roles), s.reply.first)
    through = np.zeros(len(s.roles), bool)
    through[to_balancer.rows] = True
    relay = pick(scene, s.roles, s.roles.relayed)
    through |= relay.seen & s.reply.seen
    through_first = np.full(len(s.roles), -1, np.int64)
    through_first[to_balancer.rows[::-1]] = to_balancer.legs[::-1]
    direct = s.reply.seen & ~through & ~s.reply.any(ends.dst_mac == 0)
    at_balancer = ~s.reply.seen & (s.wrong < 0) & proved & s.visible.at_balancer & ~s.balancer_reply.seen
    refused, refused_known = _refused(s)
    foreign, reset_by, reset_frame = _foreign_reset(s)
    answered, answered_known = _answered(s, proved)
    next_hop, next_hop_known = _next_hop(s, direct)
    own = _balancers_own(s)
    by_balancer = s.balancer_reply
    return {
        "reply.proved": _flag(proved, np.ones(len(s.roles), bool)),
        "reply.through_balancer": _flag(through, through | direct | at_balancer),
        "reply.origin_mac": Column(_take(ends.src_mac, np.where(through_first >= 0, through_first, s.reply.first)), s.reply.seen, "mac"),
        "reply.through_frame": Column(_take(scene.leg("first_frame"), through_first), through_first >= 0, "frame"),
        "reply.relayed": _flag(relay.seen, s.reply.seen | relay.seen),
        "reply.relayed_frame": Column(relay.leg_of_first("first_frame"), relay.seen, "frame"),
        "reply.answered": _flag(answered, answered_known),
        "reply.refused": _flag(refused, refused_known),
        "reply.next_hop_right": _flag(next_hop, next_hop_known),
        "reply.foreign_reset": _flag(foreign, foreign | s.reply.seen),
        "reply.reset_by": Column(reset_by, foreign, "mac"),
        "reply.reset_frame": Column(reset_frame, foreign, "frame"),
        "reply.from_balancer": _flag(own, own | (s.forward.seen & s.visible.of_balancer(s.roles.vip))),
        "reply.balancer_mac": Column(by_balancer.of_first(ends.src_mac), by_balancer.seen, "mac"),
        "reply.balancer_frame": Column(by_balancer.leg_of_first("first_frame"), by_balancer.seen, "frame"),
    }  # fmt: skip


def _proved_by_acks(s: Sides) -> Flags:
    """TCP: the client acknowledges what it can only have got from the server. After a SYN in the capture every ACK without
    RST does; in the middle of a connection the acknowledgement number must grow."""
    client = s.client_side
    acks = client.total("ack_frames") - client.total("rst")
    opened = client.total("syn") > 0
    proved = np.where(opened, acks > 0, client.total("ack_advance") > 0)
    return proved & (s.protocol == TCP) & ~s.balancer_reply.seen


def _refused(s: Sides) -> tuple[Flags, Flags]:
    """A SYN that a server answered with RST and nothing else."""
    accepted = (s.reply.total("syn_ack") > 0) | (s.reply.total("payload") > 0)
    opened = s.client_side.total("syn") > 0
    refused = s.reply.seen & opened & ~accepted & (s.reply.total("rst") > 0) & (s.reply.leg_of_first("rst_ack") > 0)
    return refused, (s.protocol == TCP) & opened & (refused | accepted)


def _foreign_reset(s: Sides) -> tuple[Flags, Int64, Int64]:
    """RST from a server that neither answered the connection nor sent its data: (flag, its MAC, the frame)."""
    scene, ends = s.scene, s.scene.ends
    legs, rows = s.reply.legs, s.reply.rows
    serves = (scene.leg("syn_ack")[legs] > 0) | (scene.leg("payload")[legs] > 0)
    owner = np.zeros(len(s.roles), np.int64)
    owner[rows[serves]] = ends.src_mac[legs[serves]]
    resets = (scene.leg("rst")[legs] > 0) & ~serves & (owner[rows] != 0) & (ends.src_mac[legs] != owner[rows])
    foreign = np.zeros(len(s.roles), bool)
    by, frame = np.zeros(len(s.roles), np.int64), np.zeros(len(s.roles), np.int64)
    foreign[rows[resets]] = True
    by[rows[resets]] = ends.src_mac[legs[resets]]
    frame[rows[resets]] = scene.leg("rst_frame")[legs[resets]]
    return foreign, by, frame


def _answered(s: Sides, proved: Flags) -> tuple[Flags, Flags]:
    """Whether a forwarded request was answered: seen, or proved by acks. Known silence is a SYN (or data) that the client
    sends again and again without any sign that something came back."""
    scene = s.scene
    answered = s.reply.seen | (s.wrong >= 0) | proved | s.balancer_reply.seen
    client = s.client_side
    silent = s.forward.seen & ~answered & (s.protocol == TCP) & _retried(s)
    # Data in the middle of a connection, sent again and again, and the acknowledgement number stands still.
    resent = client.total("payload") - client.total("seq_advance")
    lasting = client.greatest("last_time") - np.where(client.seen, client.least("first_time"), 0)
    stuck = (resent >= 2 * client.total("seq_advance")) & (client.total("seq_advance") > 0) & (lasting > SETTLE)
    silent |= s.forward.seen & ~answered & (s.protocol == TCP) & (client.total("syn") == 0) & stuck
    silent |= _mute_udp(s, answered)
    return answered, (s.forward.seen & answered) | silent


def _retried(s: Sides) -> Flags:
    """The client sent its SYN again after the time a stack waits, and never went on."""
    client = s.client_side
    span = client.leg_of_first("isn_last_time") - client.leg_of_first("isn_first_time")
    went_on = (client.total("ack_frames") - client.total("rst") > 0) | (client.total("payload") > 0)
    return client.seen & (client.leg_of_first("isn_frames") > 1) & (span >= RETRY) & ~went_on


def _mute_udp(s: Sides, answered: Flags) -> Flags:
    """UDP requests to a server that answered none of several, while its fellows answer: its frames must all be seen."""
    udp = (s.protocol == UDP) & s.forward.seen
    to = s.forward.of_first(s.scene.ends.dst_mac)
    port = s.scene.flows.service_port[s.roles.flow]
    mute = np.zeros(len(s.roles), bool)
    if not udp.any():
        return mute
    rows = np.flatnonzero(udp)
    service, _ = group_rows(s.roles.vip[rows], port[rows])
    group, leader = group_rows(s.roles.vip[rows], port[rows], to[rows])
    sent = np.bincount(group, minlength=len(leader))
    got = np.bincount(group, weights=answered[rows], minlength=len(leader))
    got_elsewhere = np.bincount(service, weights=answered[rows])[service] > 2
    silent = (sent[group] > 2) & (got[group] == 0) & got_elsewhere & s.visible.sent(to[rows])
    early = s.scene.flows.first_time[s.roles.flow[rows]] < end_of_capture(s.scene) - SETTLE
    mute[rows] = silent & early
    return mute


def _next_hop(s: Sides, direct: Flags) -> tuple[Flags, Flags]:
    """Whether a reply leaves for the client itself or for the gateway its requests come through."""
    ends, scene = s.scene.ends, s.scene
    to, came = s.reply.of_first(ends.dst_mac), s.request.of_first(ends.src_mac)
    client = scene.flows.client[s.roles.flow]
    routers = np.array(sorted(s.topology.routers), np.int64)
    known_at = {(address, mac) for address, macs in scene.mac_of.items() for mac in macs}
    key = client << SHIFT | to
    at_home = np.isin(key, np.array(sorted(address << SHIFT | mac for address, mac in known_at), np.int64))
    local = np.isin(client, np.array(sorted(scene.mac_of), np.int64))
    right = (s.request.seen & (to == came)) | at_home | (~local & np.isin(to, routers))
    servers = np.array(sorted(mac for vip in s.topology.vips for mac in vip.server_macs), np.int64)
    wrong = ~right & ((local & ~np.isin(to, routers)) | np.isin(to, servers))
    return right, direct & (to != 0) & (right | wrong)


def _balancers_own(s: Sides) -> Flags:
    """The balancer itself sent SYN-ACK, data or RST in a connection that it also forwarded."""
    own = s.balancer_reply
    speaks = (own.total("syn_ack") > 0) | (own.total("payload") > 0) | (own.total("rst") > 0)
    return own.seen & s.forward.seen & speaks


# ---- the connection as a whole ----


def _flow_facts(s: Sides) -> dict[str, Column]:
    ends = s.scene.ends
    client = s.client_side
    tcp = s.protocol == TCP
    opened = tcp & (client.total("syn") > 0)
    went_on = (client.total("ack_frames") - client.total("rst") > 0) | (client.total("payload") > 0)
    heard = s.reply.seen | (s.wrong >= 0) | s.balancer_reply.seen
    stuck = opened & _retried(s) & ~went_on & ~heard
    forward_missing = s.request.seen & ~s.forward.seen & s.visible.of_balancer(s.roles.vip)
    stuck &= s.forward.seen | forward_missing
    missing = np.where(s.forward.seen, "the reply", "the forwarded packet").astype(object)
    at = np.where(s.forward.seen, s.forward.of_first(ends.dst_mac), s.request.of_first(ends.dst_mac))
    resent = client.total("payload") - client.total("seq_advance")
    return {
        "flow.handshake": _flag(went_on, opened),
        "flow.handshake_completes": _flag(~stuck, stuck | (opened & went_on)),
        "flow.missing_leg": Column(missing, stuck, "text"),
        "flow.stuck_at": Column(at, stuck, "mac"),
        "flow.retry_frame": Column(client.leg_of_first("isn_last_frame"), opened, "frame"),
        "flow.retransmissions": Column(np.maximum(resent, 0), tcp, "number"),
        "flow.resets": Column(client.total("rst") + s.reply.total("rst"), None, "number"),
    }


def reply_bytes(s: Sides) -> tuple[Int64, Flags]:
    """(payload bytes of the replies of each exchange, whether they come from the client's acks instead of frames)."""
    client = s.client_side
    by_acks = np.maximum(client.total("ack_advance") - client.total("fin"), 0)
    seen = s.reply.seen | s.balancer_reply.seen
    counted = s.reply.total("payload") + s.balancer_reply.total("payload")
    use_acks = ~seen & (by_acks > 0)
    return np.where(use_acks, by_acks, counted), use_acks


def span(s: Sides) -> tuple[Int64, Int64]:
    """First and last time (ns) of each exchange's client side; FAR and 0 where there is none."""
    client = s.client_side
    return np.where(client.seen, client.least("first_time"), FAR), client.greatest("last_time")
