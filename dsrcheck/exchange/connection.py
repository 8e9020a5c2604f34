"""The connection as a whole: its handshake, what is sent again, how much it carries and when."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.arrays import texts
from dsrcheck.exchange.picked import FAR, take
from dsrcheck.exchange.roles import end_of_capture
from dsrcheck.exchange.sides import SETTLE, Sides, flag, once
from dsrcheck.flows.coded import among, coded
from dsrcheck.flows.table import Flags, Int64
from dsrcheck.tables import Column
from dsrcheck.topology.scene import INITIAL_TTLS

RETRY = 500_000_000
"""Least time (ns) between a SYN and its retransmission: RFC 6298 starts with 1 s; stacks have been seen at 0.5 s."""
NEAR_TTLS = [ttl - lowered for ttl in INITIAL_TTLS for lowered in (0, 1)]
"""TTLs of packets that crossed no router, or only a balancer that counts as one."""


def flow_facts(s: Sides) -> dict[str, Column]:
    """The derived columns `flow.*`."""
    ends, client = s.scene.ends, s.client_side
    opened = s.tcp & (client.total("syn") > 0)
    # A SYN-ACK that the client answers with its SYN again never arrived. Who sends one SYN and falls silent is a scan.
    lost = s.reply.seen & (s.reply.total("syn_ack") > 0) & ended_before_the_capture(s)
    heard = (s.reply.seen & ~lost) | (s.wrong >= 0) | s.balancer_reply.seen
    # Without a forwarded packet the balancer must be in view, or the client that would have got an answer.
    own = s.request.seen & s.visible.sent(s.request.of_first(ends.src_mac))
    # Of a VIP behind a router all that the client sends passes here, whichever way the replies take.
    own |= s.request.seen & s.remote
    stuck_somewhere = s.forward.seen | (s.request.seen & s.visible.of_balancer(s.roles.vip)) | own
    stuck = opened & retried(s) & ~heard & stuck_somewhere
    unseen = own & ~s.visible.of_balancer(s.roles.vip)
    missing = coded(texts(("the forwarded packet", "the reply")), (s.forward.seen | unseen).view(np.uint8))
    last = np.where(s.forward.seen, s.forward.first, s.request.first)
    at = take(ends.dst_mac, np.where(s.reply.seen, s.reply.first, last))
    return {
        "flow.handshake": flag(went_on(s), opened),
        "flow.handshake_completes": flag(~stuck, stuck | (opened & went_on(s))),
        "flow.missing_leg": Column(missing, stuck, "text"),
        "flow.stuck_at": Column(at, stuck & ~s.remote, "mac"),
        "flow.retry_frame": Column(client.leg_of_first("isn_last_frame"), opened, "frame"),
        "flow.retransmissions": Column(np.maximum(resent_bytes(s), 0), s.tcp, "number"),
        "flow.resets": Column(client.total("rst") + s.reply.total("rst"), None, "number"),
    }


def ended_before_the_capture(s: Sides) -> Flags:
    """Whether nothing of the client's is in the last second of the capture: what it sent then may still be answered."""
    ended: Flags = s.client_side.greatest("last_time") < end_of_capture(s.scene) - SETTLE
    return ended


@once
def crossed_a_router(s: Sides) -> Flags:
    """Whether the client's packets have a TTL that a router has lowered; a balancer may count as a hop as well."""
    far: Flags = s.client_side.seen & ~among(s.client_side.greatest("ttl_max"), NEAR_TTLS)
    return far


@once
def went_on(s: Sides) -> Flags:
    """Whether the client sent more than SYNs: an ACK without RST, or data."""
    client = s.client_side
    return (client.total("ack_frames") - client.total("rst") > 0) | (client.total("payload") > 0)


@once
def retried(s: Sides) -> Flags:
    """Whether the client sent its SYN again after the time a stack waits, and never went on."""
    client = s.client_side
    waited = client.leg_of_first("isn_last_time") - client.leg_of_first("isn_first_time")
    return client.seen & (client.leg_of_first("isn_frames") > 1) & (waited >= RETRY) & ~went_on(s)


def resent_bytes(s: Sides) -> Int64:
    """Payload bytes of the client beyond its progress in sequence numbers."""
    return s.client_side.total("payload") - s.client_side.total("seq_advance")


@once
def reply_bytes(s: Sides) -> tuple[Int64, Flags]:
    """(payload bytes of the replies of each exchange, whether they come from the client's acks instead of frames)."""
    client = s.client_side
    by_acks = np.maximum(client.total("ack_advance") - client.total("fin"), 0)
    seen = s.reply.seen | s.balancer_reply.seen
    counted = s.reply.total("payload") + s.balancer_reply.total("payload")
    use_acks = ~seen & (by_acks > 0)
    return np.where(use_acks, by_acks, counted), use_acks


def time_span(s: Sides) -> tuple[Int64, Int64]:
    """First and last time (ns) of each exchange's client side; FAR and 0 where there is none."""
    client = s.client_side
    return np.where(client.seen, client.least("first_time"), FAR), client.greatest("last_time")
