"""What is told of a VIP without judging it: who answers pings, how connections spread, what is seen one-sided."""

from __future__ import annotations

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.exchange.arrays import flags, ints, texts
from dsrcheck.exchange.connection import went_on
from dsrcheck.exchange.roles import end_of_capture
from dsrcheck.exchange.sides import Sides, flag
from dsrcheck.exchange.silence import proved_by_acks
from dsrcheck.flows.coded import among, rows_with
from dsrcheck.flows.table import ICMP, ICMP6
from dsrcheck.tables import Column
from dsrcheck.topology.model import Host, Vip

ENOUGH = 20
"""So many connections tell how a balancer spreads them."""
FAR = 2
"""By so many times a server has more, or less, than its share before it is spoken of."""
FLOOD = 50
"""SYNs of one second, each alone and never followed up by its sender, that are no clients' bad luck any more."""
RETRY = 3_500_000_000
"""A client whose SYN is not answered sends it again within that time (ns): RFC 6298 starts with 1 s, then doubles."""
SECOND = 1_000_000_000


def telling_columns(s: Sides) -> dict[str, Column]:
    """The columns `vip.*` of this module, a value a VIP."""
    vips = s.topology.vips
    pings = [_ping(s, vip) for vip in vips]
    spreads = [_spread(s, number, vip) for number, vip in enumerate(vips)]
    sides = [_one_sided(s, number) for number in range(len(vips))]
    floods = [_flood(s, number, vip) for number, vip in enumerate(vips)]
    pinged = flags(frame > 0 for _, frame in pings)
    peaks, seen = ints(peak for peak, _, _ in floods), flags(known for _, _, known in floods)
    return {
        "vip.ping_by_balancer": flag(pinged, pinged),
        "vip.ping_mac": Column(ints(mac for mac, _ in pings), pinged, "mac"),
        "vip.ping_frame": Column(ints(frame for _, frame in pings), pinged, "frame"),
        "vip.uneven": flag(flags(bool(text) for text in spreads), flags(bool(text) for text in spreads)),
        "vip.shares": Column(texts(spreads), flags(bool(text) for text in spreads), "text"),
        "vip.one_sided": Column(ints(half for half, _ in sides), None, "number"),
        "vip.two_sided": Column(ints(whole for _, whole in sides), None, "number"),
        "vip.flood_peak": Column(peaks, seen, "number"),
        "vip.flood_frame": Column(ints(frame for _, frame, _ in floods), peaks > 0, "frame"),
    }


def _ping(s: Sides, vip: Vip) -> tuple[int, int]:
    """(MAC, frame) of the balancer's first echo reply from the VIP; 0 where there is none."""
    ends = s.scene.ends
    rows = np.flatnonzero((ends.src == vip.identity) & among(ends.src_mac, vip.balancer_macs))
    rows = rows[among(ends.protocol[rows], (ICMP, ICMP6))]
    rows = rows[s.scene.leg_at("echo_replies", rows) > 0]
    if not len(rows) or vip.remote:
        return 0, 0
    first = int(rows[np.argmin(s.scene.leg_at("first_frame", rows))])
    return int(ends.src_mac[first]), int(s.scene.leg_at("first_frame", first))


def _spread(s: Sides, number: int, vip: Vip) -> str:
    """The share of connections and reply bytes of each server, in words, where one is far from its share."""
    mine = (s.roles.vip == number) & s.forward.seen & s.visible.of_balancer(s.roles.vip)
    to = s.forward.of_first(s.scene.ends.dst_mac)
    hosts = [host for host in vip.servers if host.macs]
    given = {mac: len(rows) for mac, rows in rows_with(to, np.flatnonzero(mine)).items()}
    flows = np.array([sum(given.get(mac, 0) for mac in host.macs) for host in hosts], np.int64)
    total = int(flows.sum())
    if len(hosts) < 2 or total < ENOUGH or (s.forward.of_first(s.scene.ends.tunnel)[mine] > 0).any():
        return ""
    fair = total / len(hosts)
    if flows.max() <= FAR * fair and flows.min() * FAR >= fair:
        return ""
    return ", ".join(
        f"{_name(host)} {100 * count / total:.0f} %" for host, count in zip(hosts, flows.tolist(), strict=True)
    )


def _name(host: Host) -> str:
    return host.name or (host.addresses[0] if host.addresses else mac_text(host.macs[0]))


def _one_sided(s: Sides, number: int) -> tuple[int, int]:
    """(connections of which one direction is not in the capture although there was one, those with both)."""
    mine = (s.roles.vip == number) & s.tcp
    back = s.reply.seen | s.balancer_reply.seen | (s.wrong >= 0)
    half = mine & ((s.client_side.seen & ~back & proved_by_acks(s)) | (back & ~s.client_side.seen))
    return int(half.sum()), int((mine & s.client_side.seen & back).sum())


def _flood(s: Sides, number: int, vip: Vip) -> tuple[int, int, bool]:
    """(most SYNs of one second that nobody followed up, the first frame of that second, whether SYNs are seen)."""
    client = s.client_side
    opened = (s.roles.vip == number) & s.tcp & (client.total("syn") > 0)
    # Where nobody at all goes on, the capture was filtered to SYNs.
    if vip.remote or not (opened & went_on(s)).any():
        return 0, 0, False
    start = client.least("first_time")
    alone = opened & ~went_on(s) & (client.leg_of_first("isn_frames") == 1) & (client.total("rst") == 0)
    alone &= (start < end_of_capture(s.scene) - RETRY) & ~(s.reply.total("rst") > 0)
    rows = np.flatnonzero(alone)
    if not len(rows):
        return 0, 0, True
    seconds, place, counts = np.unique(start[rows] // SECOND, return_inverse=True, return_counts=True)
    busiest = int(np.argmax(counts))
    frames = client.leg_of_first("first_frame")[rows[place == busiest]]
    return int(counts[busiest]), int(frames.min()), bool(len(seconds))
