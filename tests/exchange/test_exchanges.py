"""The flags of the exchange table: known true, known false, and unknown where the capture cannot show them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.exchange.judged import judged, last, values
from tests.ladder import (
    BACKUP,
    BALANCER,
    CLIENT,
    GATEWAY,
    VIP,
    WEB1,
    WEB2,
    Hop,
    Host,
    Ladder,
    direct,
    healthy,
    path,
)

THERE = path(CLIENT, BALANCER, WEB1)
BACK = path(WEB1, CLIENT)


def with_one_more(name: str) -> Ladder:
    """Healthy traffic, and one connection that shows something."""
    net = healthy()
    if name == "past the balancer":
        net.connection(path(CLIENT, WEB1), BACK)
    elif name == "the last by a stranger":
        port = net.connection(THERE, BACK)
        net.wait(1)
        net.connection([Hop(BACKUP, WEB1)], [], steps="P", data=200, client_port=port)
    elif name == "reply through the balancer":
        net.connection(THERE, path(WEB1, BALANCER, CLIENT))
    elif name == "reply from elsewhere":
        net.connection(THERE, BACK, reply_from=WEB1.ip, steps="Sa")
    elif name == "refused":
        net.connection(THERE, BACK, steps="SR")
    elif name == "silence":
        port = net.connection(THERE, [], steps="S")
        for _ in range(3):
            net.wait(1)
            net.port -= 1
            net.connection(THERE, [], steps="S", client_port=port)
    elif name == "balancer resets":
        port = net.connection(THERE, BACK, steps="SaAP")
        net.port -= 1
        net.connection(THERE, path(BALANCER, CLIENT), steps="R", client_port=port)
    elif name == "other server resets":
        port = net.connection(THERE, BACK, steps="SaAPp")
        net.port -= 1
        net.connection(path(CLIENT, BALANCER, WEB2), path(WEB2, CLIENT), steps="AR", client_port=port)
    elif name == "sent on":
        net.connection(path(CLIENT, BALANCER, WEB1, WEB2), path(WEB2, CLIENT))
    elif name == "source rewritten":
        net.connection([Hop(CLIENT, BALANCER), Hop(BALANCER, WEB1, 63)], BACK)
    net.wait(3)
    net.resolve(CLIENT, GATEWAY)
    return net


@pytest.mark.parametrize(
    ("column", "traffic", "at", "value"),
    [
        ("request.to_balancer", "healthy", None, True),
        ("request.to_balancer", "past the balancer", None, False),
        ("request.to_balancer", "healthy", BALANCER, None),
        ("request.to_balancer", "the last by a stranger", None, None),
        ("request.astray_mac", "past the balancer", None, WEB1.number),
        ("reply.through_balancer", "healthy", None, False),
        ("reply.through_balancer", "reply through the balancer", None, True),
        ("reply.through_balancer", "healthy", BALANCER, False),
        ("reply.through_balancer", "silence", None, None),
        ("reply.src_ip", "reply from elsewhere", None, WEB1.ip),
        ("reply.answered", "healthy", None, True),
        ("reply.answered", "healthy", BALANCER, True),
        ("reply.answered", "silence", None, False),
        ("reply.answered", "healthy", CLIENT, None),
        ("reply.refused", "healthy", None, False),
        ("reply.refused", "refused", None, True),
        ("reply.refused", "silence", None, None),
        ("reply.next_hop_right", "healthy", None, True),
        ("reply.next_hop_right", "silence", None, None),
        ("reply.foreign_reset", "healthy", None, False),
        ("reply.foreign_reset", "other server resets", None, True),
        ("reply.reset_by", "other server resets", None, WEB2.number),
        ("reply.from_balancer", "healthy", None, False),
        ("reply.from_balancer", "balancer resets", None, True),
        ("reply.from_balancer", "healthy", CLIENT, None),
        ("reply.proved", "healthy", BALANCER, True),
        ("forward.dst_role", "healthy", None, "server"),
        ("forward.dst_role", "healthy", CLIENT, None),
        ("forward.same_packets", "healthy", None, True),
        ("forward.same_packets", "healthy", WEB1, None),
        ("forward.ttl_drop", "healthy", None, 0),
        ("forward.ttl_drop", "source rewritten", None, 1),
        ("forward.missing", "healthy", None, 0),
        ("forward.missing", "healthy", WEB1, None),
        ("forward.servers", "healthy", None, 1),
        ("forward.servers", "other server resets", None, 2),
        ("forward.sent_on", "healthy", None, False),
        ("forward.sent_on", "sent on", None, True),
        ("flow.handshake_completes", "healthy", None, True),
        ("flow.handshake_completes", "silence", None, False),
        ("flow.missing_leg", "silence", None, "the reply"),
        ("flow.stuck_at", "silence", None, WEB1.number),
    ],
)
def test_flag(column: str, traffic: str, at: Host | None, value: Any) -> None:
    """The last connection shows it, shows the contrary, or cannot show it."""
    tables, _ = judged(with_one_more(traffic), at)
    found = values(tables, column)[-1]
    if column == "reply.src_ip":
        found = tables.addresses[found]
    assert found == value
    assert (found is None) == (value is None)


def test_one_row_a_connection() -> None:
    """Each connection is one exchange, with the client's port and the legs' frames."""
    tables, sides = judged(healthy(6))
    assert len(sides.roles) == 6
    assert values(tables, "flow.protocol") == ["tcp"] * 6
    assert values(tables, "service.port") == [80] * 6
    assert values(tables, "flow.client_port") == list(range(40001, 40007))
    assert values(tables, "request.frames") == [3] * 6
    assert values(tables, "forward.frames") == [3] * 6
    assert values(tables, "reply.frames") == [2] * 6
    assert {tables.addresses[place] for place in values(tables, "reply.src_ip")} == {VIP}


def test_many_clients_do_not_share_keys() -> None:
    """With more addresses than 15 bits count, next hops are still told apart by client and MAC together."""
    net = healthy()
    for number in range(40_000):
        net.arp(1, Host(f"02:01:00:00:{number >> 8:02x}:{number & 255:02x}"), f"10.0.{number >> 8}.{number & 255}", VIP,
                "ff:ff:ff:ff:ff:ff")  # fmt: skip
    direct(net, WEB1)
    assert last(net, "reply.next_hop_right") is True
