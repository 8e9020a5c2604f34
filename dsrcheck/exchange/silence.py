"""Whether a forwarded request was answered, and when silence is more than the end of the capture."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.connection import resent_bytes, retried
from dsrcheck.exchange.roles import end_of_capture
from dsrcheck.exchange.sides import SETTLE, Sides, once
from dsrcheck.flows.table import UDP, Flags, group_rows

SEVERAL = 2
"""One lost datagram is no silence, nor is one answer of a fellow a sign of life: more than so many are asked for."""


@once
def proved_by_acks(s: Sides) -> Flags:
    """TCP: the client acknowledges what it can only have got from the server.

    After a SYN in the capture every ACK without RST does; in the middle of a connection the number must grow.
    """
    client = s.client_side
    acks = client.total("ack_frames") - client.total("rst")
    proved = np.where(client.total("syn") > 0, acks > 0, client.total("ack_advance") > 0)
    return proved & s.tcp & ~s.balancer_reply.seen


@once
def answered(s: Sides) -> tuple[Flags, Flags]:
    """(whether a forwarded request was answered: seen, or proved by acks; whether that is known).

    Known silence is a SYN (or data) that the client sends again and again without a sign that something came back.
    """
    found = s.reply.seen | (s.wrong >= 0) | proved_by_acks(s) | s.balancer_reply.seen
    silent = (s.tcp & (retried(s) | _stuck(s)) & ~found) | _mute_udp(s, found)
    return found, s.forward.seen & (found | silent)


def _stuck(s: Sides) -> Flags:
    """Data in the middle of a connection is sent again and again."""
    client = s.client_side
    progress = client.total("seq_advance")
    lasting = client.greatest("last_time") - np.where(client.seen, client.least("first_time"), 0)
    stuck: Flags = (client.total("syn") == 0) & (progress > 0) & (resent_bytes(s) >= 2 * progress) & (lasting > SETTLE)
    return stuck


def _mute_udp(s: Sides, found: Flags) -> Flags:
    """UDP requests to a server that answered none of several, while others do; its frames must all be seen."""
    mute = np.zeros(len(s.roles), bool)
    rows = np.flatnonzero((s.protocol == UDP) & s.forward.seen)
    if not len(rows):
        return mute
    vip, flow = s.roles.vip[rows], s.roles.flow[rows]
    to, port = s.forward.of_first(s.scene.ends.dst_mac)[rows], s.scene.flows.service_port[flow]
    of_service, _ = group_rows(vip, port)
    of_server, _ = group_rows(vip, port, to)
    none_of_several = (np.bincount(of_server) > SEVERAL) & (np.bincount(of_server, weights=found[rows]) == 0)
    others_answer = np.bincount(of_service, weights=found[rows]) > SEVERAL
    early = s.scene.flows.first_time[flow] < end_of_capture(s.scene) - SETTLE
    mute[rows] = none_of_several[of_server] & others_answer[of_service] & s.visible.sent(to) & early
    return mute
