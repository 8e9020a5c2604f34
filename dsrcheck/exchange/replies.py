"""Family 2: replies, where they come from and which way they take."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import is_virtual_router_mac
from dsrcheck.exchange.arrays import flags, ints
from dsrcheck.exchange.connection import crossed_a_router
from dsrcheck.exchange.picked import Picked, pick, take, take_leg
from dsrcheck.exchange.senders import USUAL_SUBNET
from dsrcheck.exchange.sides import LONGEST_PACKET, Sides, flag
from dsrcheck.exchange.silence import answered, proved_by_acks
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, are_among, distinct
from dsrcheck.records import dataclass
from dsrcheck.tables import Column
from dsrcheck.topology.model import DECLARED

TUNNEL_HEADERS = {"dsr-ipip": 0, "dsr-gre": 4, "dsr-gue": 12, "dsr-geneve": 30}
"""Bytes by mode between outer and inner IP header: GRE 4 (RFC 2784), UDP 8 with GUE 4 or Geneve 8 and Ethernet."""


@dataclass(frozen=True)
class Reset:
    """RST of a server in a connection of another, a value an exchange: whether, the sender's MAC, the frame.

    served: whether it is seen who owns the connection
    """

    foreign: Flags
    served: Flags
    mac: Int64
    frame: Int64


def reply_columns(s: Sides) -> dict[str, Column]:
    """`reply.*` of the legs, taken from the answer that came from elsewhere where the VIP's own did not come."""
    shown = np.where(s.reply.seen, s.reply.first, s.wrong)
    columns = Picked(s.scene, s.reply.legs, s.reply.rows, len(s.roles), shown).columns("reply")
    mac = columns["reply.src_mac"]
    # Of a VIP on another link the sender is the router that brought the reply, and not who made it.
    return columns | {"reply.src_mac": Column(mac.values, (mac.values != 0) & ~s.remote, "mac")}


def reply_facts(s: Sides) -> dict[str, Column]:
    """The derived columns `reply.*`."""
    ends, own = s.scene.ends, s.balancer_reply
    proved = proved_by_acks(s)
    found, found_known = answered(s)
    refused, refused_known = _refused(s)
    reset = _foreign_reset(s)
    speaks = _balancer_speaks(s)
    return {
        "reply.proved": flag(proved, np.ones(len(s.roles), bool)),
        "reply.answered": flag(found, found_known),
        "reply.refused": flag(refused, refused_known),
        "reply.foreign_reset": flag(reset.foreign, reset.foreign | (reset.served & ~s.remote)),
        "reply.reset_by": Column(reset.mac, reset.foreign, "mac"),
        "reply.reset_frame": Column(reset.frame, reset.foreign, "frame"),
        "reply.from_balancer": flag(speaks, speaks | (s.forward.seen & s.visible.of_balancer(s.roles.vip))),
        **_room_columns(s),
        "reply.balancer_mac": Column(own.of_first(ends.src_mac), own.seen, "mac"),
        "reply.balancer_frame": Column(own.leg_of_first("first_frame"), own.seen, "frame"),
        **_way_columns(s, proved),
    }


def _room_columns(s: Sides) -> dict[str, Column]:
    """The segment size that a server states, and whether such segments fit the path once they are in the tunnel."""
    ends, vips = s.scene.ends, s.topology.vips
    mss = s.reply.leg_of_first("mss")
    stated = (s.reply.leg_of_first("syn_ack") > 0) & (mss > 0)
    v6 = flags(not s.scene.book.is_ipv4(vip.identity) for vip in vips)[s.roles.vip]
    outer = s.forward.of_first(ends.outer_dst, -1)
    outer_v6 = np.where(outer >= 0, among(outer, _long_addresses(s)), v6)
    tunnel = ints(TUNNEL_HEADERS.get(vip.mode, 0) for vip in vips)[s.roles.vip]
    overhead = tunnel + np.where(outer_v6, 40, 20)
    whole = mss + np.where(v6, 60, 40) + overhead
    # A longer packet in the tunnel proves a wider path, or that the capturing host joined packets.
    longest = np.zeros(len(vips), np.int64)
    np.maximum.at(longest, s.roles.vip, s.forward.greatest("longest") + overhead)
    usual = (longest <= LONGEST_PACKET)[s.roles.vip]
    return {
        "reply.mss": Column(mss, stated, "number"),
        "reply.mss_room": Column(LONGEST_PACKET - (whole - mss), stated, "number"),
        "reply.mss_fits": flag(whole <= LONGEST_PACKET, stated & usual & (s.forward.seen | _mode_declared(s))),
    }


def _long_addresses(s: Sides) -> Int64:
    """The IPv6 addresses that tunnels end at."""
    outer = distinct(s.scene.ends.outer_dst)
    return ints(address for address in outer.tolist() if address >= 0 and not s.scene.book.is_ipv4(address))


def _mode_declared(s: Sides) -> Flags:
    return flags(vip.provenance == DECLARED for vip in s.topology.vips)[s.roles.vip]


def _way_columns(s: Sides, proved: Flags) -> dict[str, Column]:
    """Which way replies take: through the balancer or past it, and to whom."""
    scene, ends, reply = s.scene, s.scene.ends, s.reply
    relay = pick(scene, s.roles, s.roles.relayed)
    to_balancer = s.legs_at(reply, ends.dst_mac, s.balancer_keys)
    leg = np.full(len(s.roles), -1, np.int64)  # the first reply leg that goes to the balancer
    leg[reply.rows[to_balancer][::-1]] = reply.legs[to_balancer][::-1]
    # Of whom nothing is seen to come may be the balancer itself, which checks the VIP on a server.
    to_box = leg >= 0
    through = (to_box & s.client_side.seen) | (relay.seen & reply.seen)
    # Elsewhere a balancer that passes replies on from another MAC of its own looks like the server.
    in_view = s.forward.seen | s.visible.at_host(reply.of_first(ends.src_mac))
    direct = reply.seen & ~to_box & ~through & ~reply.any(ends.dst_mac == 0) & in_view & ~s.remote
    past = ~reply.seen & (s.wrong < 0) & proved & s.visible.at_balancer & ~s.balancer_reply.seen
    origin = take(ends.src_mac, np.where(leg >= 0, leg, reply.first))
    right, right_known = _next_hop(s, direct)
    return {
        "reply.through_balancer": flag(through, through | direct | past),
        "reply.origin_mac": Column(origin, reply.seen, "mac"),
        "reply.through_frame": Column(take_leg(scene, "first_frame", leg), leg >= 0, "frame"),
        "reply.relayed": flag(relay.seen, reply.seen | relay.seen),
        "reply.relayed_frame": Column(relay.leg_of_first("first_frame"), relay.seen, "frame"),
        "reply.next_hop_right": flag(right, right_known),
    }


def _next_hop(s: Sides, direct: Flags) -> tuple[Flags, Flags]:
    """(whether a reply leaves for the client, or for the gateway its requests come through; whether that is known)."""
    scene, client = s.scene, s.scene.flows.client[s.roles.flow]
    to, came = s.reply.of_first(scene.ends.dst_mac), s.request.of_first(scene.ends.src_mac)
    stated = [(address, mac) for address, macs in scene.mac_of.items() for mac in macs]
    at_home = are_among((client, to), (ints(address for address, _ in stated), ints(mac for _, mac in stated)))
    local = among(client, list(scene.mac_of))
    to_router = among(to, s.routers)
    right = (s.request.seen & (to == came)) | at_home | (~local & to_router) | _carried_on(s)
    servers = [mac for vip in s.topology.vips for mac in vip.server_macs]
    wrong = local & _in_subnet_of_server(s, client) & ~to_router
    wrong |= among(to, servers) | (~local & crossed_a_router(s) & ~to_router & _gateways_told(s, to))
    wrong |= ~local & _detour(s, came)
    wrong &= ~right
    return right, direct & (to != 0) & (right | wrong)


def _in_subnet_of_server(s: Sides, client: Int64) -> Flags:
    """Whether each client's address can be on the link of the server that replies, which then needs no gateway.

    It is not where the server states addresses, and none of the usual subnet of the client's.
    """
    scene, sender = s.scene, s.reply.of_first(s.scene.ends.src_mac)
    book, claims = scene.book, scene.claims
    short, long = (np.uint64(bits) for bits in (32 - USUAL_SUBNET[4], 64 - USUAL_SUBNET[6]))
    prefix = np.where(book.high == 0, book.low >> short, book.high >> long).view(np.int64)
    vips = [vip.identity for vip in s.topology.vips]
    own = claims.take(claims.stating & (claims.address >= 0) & ~among(claims.address, vips))
    return ~among(sender, own.mac) | are_among((sender, prefix[client]), (own.mac, prefix[own.address]))


def _detour(s: Sides, came: Int64) -> Flags:
    """Whether a reply goes to a host that passes it on, over the same link, to where the request came from."""
    ends, roles = s.scene.ends, s.roles
    before, after = s.scene.hops.before, s.scene.hops.after
    onward = roles.reply[before] & roles.reply[after] & (ends.dst_mac[before] == ends.src_mac[after])
    onward &= ends.link[before] == ends.link[after]
    before, after = before[onward], after[onward]
    back = s.request.seen[roles.row[before]] & (ends.dst_mac[after] == came[roles.row[before]])
    found = np.zeros(len(roles), bool)
    found[roles.row[before[back]]] = True
    return found


def _gateways_told(s: Sides, to: Int64) -> Flags:
    """Whether the gateways are declared, so that a MAC that is none of theirs is none: but for a virtual router's."""
    declared = s.topology.declared
    if declared is None or not declared.gateway_macs:
        return np.zeros(len(to), bool)
    virtual = [mac for mac in distinct(to).tolist() if is_virtual_router_mac(mac)]
    return ~among(to, virtual)


def _carried_on(s: Sides) -> Flags:
    """Whether a balancer of two arms stands between, and the host that a reply is sent to is seen to pass it on.

    Then servers have a gateway of their own, which is not the one that requests come through.
    """
    ends = s.scene.ends
    taken, sent = s.request.of_first(ends.dst_mac), s.forward.of_first(ends.src_mac)
    other_mac = np.zeros(len(s.roles), bool)
    for number, vip in enumerate(s.topology.vips):
        for box in vip.balancers:  # of one box: another balancer may have taken over in mid-connection
            other_mac |= (s.roles.vip == number) & among(taken, box.macs) & among(sent, box.macs)
    other_mac &= s.request.seen & s.forward.seen & (taken != sent)
    two_arms = among(s.roles.vip, s.roles.vip[other_mac])
    before, after, roles = s.scene.hops.before, s.scene.hops.after, s.roles
    onward = roles.reply[before] & roles.reply[after]
    found = np.zeros(len(roles), bool)
    found[roles.row[before[onward]]] = True
    return found & two_arms


def _refused(s: Sides) -> tuple[Flags, Flags]:
    """(whether a server answered a SYN with RST and nothing else, whether that is known)."""
    accepted = (s.reply.total("syn_ack") > 0) | (s.reply.total("payload") > 0)
    opened = s.client_side.total("syn") > 0
    refused = s.reply.seen & opened & ~accepted & (s.reply.total("rst") > 0) & (s.reply.leg_of_first("rst_ack") > 0)
    return refused, s.tcp & opened & (refused | accepted) & ~s.remote


def _foreign_reset(s: Sides) -> Reset:
    """RST from a server that neither answered the connection nor sent its data."""
    scene, source = s.scene, s.scene.ends.src_mac
    legs, rows = s.reply.legs, s.reply.rows
    serves = (scene.leg_at("syn_ack", legs) > 0) | (scene.leg_at("payload", legs) > 0)
    owner = np.zeros(len(s.roles), np.int64)
    owner[rows[serves]] = source[legs[serves]]
    resets = (scene.leg_at("rst", legs) > 0) & ~serves & (owner[rows] != 0) & (source[legs] != owner[rows])
    legs, rows = legs[resets], rows[resets]
    mac, frame = np.zeros(len(s.roles), np.int64), np.zeros(len(s.roles), np.int64)
    mac[rows] = source[legs]
    frame[rows] = scene.leg_at("rst_frame", legs)
    return Reset(frame > 0, owner != 0, mac, frame)


def _balancer_speaks(s: Sides) -> Flags:
    """Whether the balancer itself sent SYN-ACK, data or RST in a connection that it also forwarded."""
    own = s.balancer_reply
    speaks = (own.total("syn_ack") > 0) | (own.total("payload") > 0) | (own.total("rst") > 0)
    return own.seen & s.forward.seen & speaks
