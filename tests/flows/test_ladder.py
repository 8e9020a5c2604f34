"""The ladder of a flow: columns in the order of the path, an arrow a frame, and what changed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dsrcheck.addresses import parse_mac
from dsrcheck.capture import CaptureWriter, Interface
from dsrcheck.flows.draw import draw
from dsrcheck.flows.ladder import Ladder, LadderBuilder, Rung, Skipped
from dsrcheck.flows.reread import FlowKey
from tests.flows.packets import ACK, PSH, RST, START, SYN, TCP_FLOW, UDP_FLOW, forward, marked, reply, request, write
from tests.kernel.packets import (
    BALANCER,
    BALANCER_MAC,
    CLIENT,
    CLIENT_MAC,
    GATEWAY,
    SERVER,
    SERVER_MAC,
    ether,
    icmp,
    ip4,
    tcp,
    udp,
)

ROLES = {parse_mac(CLIENT_MAC): "client", parse_mac(BALANCER_MAC): "balancer lb1", parse_mac(SERVER_MAC): "server web1"}


def ladder_of(path: Path, key: FlowKey, roles: Mapping[int, str] = ROLES, everything: bool = False) -> Ladder:
    """The ladder of one flow of a capture."""
    builder = LadderBuilder(roles, everything)
    for frame, mark in marked(path, key):
        builder.add(frame, mark)
    return builder.ladder()


def texts(tmp_path: Path, frames: Sequence[bytes], key: FlowKey = TCP_FLOW) -> list[str]:
    """What the ladder says of each frame."""
    rungs = ladder_of(write(tmp_path / "x.pcapng", frames), key).rungs
    return [rung.text for rung in rungs if isinstance(rung, Rung)]


DRAWN = """\
A  00:01:aa:bb:cc:01  client
B  00:01:aa:bb:cc:0a  balancer lb1
C  00:01:aa:bb:cc:64  server web1
--> sent   ==> passed on   ~~> sent again   ..> mirror's copy   xx> reset

frame    seconds  A           B           C
    1   0.000000  |---------->|           |   SYN
    2   0.001000  |           |==========>|   same packet as 1, TTL 64 to 63
    3   0.002000  |<----------------------|   SYN ACK
    4   0.003000  |---------->|           |   PSH ACK seq 1 len 5 ack 1
    5   0.004000  |~~~~~~~~~~>|           |   PSH ACK seq 1 len 5 ack 1,
                  |           |           |   RETRANSMISSION of 4
    6   0.005000  |<xxxxxxxxxxxxxxxxxxxxxx|   RST ACK ack 6"""


def test_a_ladder_as_people_see_it(tmp_path: Path) -> None:
    """Client, balancer and server in the order of the path; resets and retransmissions in words and signs."""
    frames = [
        request(SYN, 99, identity=1), forward(SYN, 99, identity=1), reply(SYN | ACK, 499, 100),
        request(PSH | ACK, 100, 500, b"hello", identity=2), request(PSH | ACK, 100, 500, b"hello", identity=3),
        reply(RST | ACK, 500, 105),
    ]  # fmt: skip
    assert "\n".join(draw(ladder_of(write(tmp_path / "x.pcapng", frames), TCP_FLOW))) == DRAWN


def test_the_path_orders_the_columns_whoever_is_seen_first(tmp_path: Path) -> None:
    """A reply or a forward that was captured before the request does not put the server first."""
    frames = [reply(SYN | ACK, 499, 100), forward(SYN, 99), request(SYN, 99)]
    ladder = ladder_of(write(tmp_path / "x.pcapng", frames), TCP_FLOW)
    assert [host.role for host in ladder.hosts] == ["client", "balancer lb1", "server web1"]


def test_tunnels_and_tags_are_told_where_they_begin(tmp_path: Path) -> None:
    """And where they end."""
    inner = ip4(6, tcp(), ttl=63)
    tunnelled = ether(ip4(4, inner, BALANCER, SERVER), src=BALANCER_MAC, dst=SERVER_MAC)
    opened = ether(ip4(6, tcp(), ttl=62), src=SERVER_MAC, dst=CLIENT_MAC)
    assert texts(tmp_path, [ether(ip4(6, tcp())), tunnelled, opened])[1:] == [
        "same packet as 1, TTL 64 to 63, ipip to 10.0.0.100",
        "same packet as 2, TTL 63 to 62, out of ipip",
    ]


def test_icmp_errors_tell_what_they_are_about(tmp_path: Path) -> None:
    """With the MTU that a router wants."""
    error = ether(ip4(1, icmp(3, 4, 1400, ip4(6, tcp()[:8])), GATEWAY, CLIENT), src=BALANCER_MAC, dst=CLIENT_MAC)
    said = "ICMP unreachable (code 4, MTU 1400) from 10.0.0.254 about a packet of this flow"
    assert texts(tmp_path, [request(SYN, 1), error]) == ["SYN", said]


def test_fragments_and_loss_are_told(tmp_path: Path) -> None:
    """The place of a later fragment, and how much is missing before a segment."""
    whole = udp(bytes(24))
    frames = [
        ether(ip4(17, whole[:16], identity=4, fragment=0x2000)),
        ether(ip4(17, whole[16:], identity=4, fragment=2)),
    ]
    assert texts(tmp_path, frames, UDP_FLOW) == ["len 8 (first fragment)", "fragment at 16, len 16"]
    frames = [request(PSH | ACK, 1, 1, b"a", identity=1), request(PSH | ACK, 2002, 1, b"b", identity=2)]
    assert texts(tmp_path, frames)[1] == "PSH ACK seq 2002 len 1 ack 1, 2,000 bytes MISSING before"


def test_a_long_ladder_is_abridged_but_tells_what_is_rare(tmp_path: Path) -> None:
    """First and last frames, and resets in the midst; how many are left out is counted; everything means everything."""
    frames = [request(PSH | ACK, 1 + place, 1, b"x", identity=place + 1) for place in range(500)]
    frames[250] = reply(RST, 1, 0)
    path = write(tmp_path / "x.pcapng", frames)
    ladder = ladder_of(path, TCP_FLOW)
    numbers = [rung.number for rung in ladder.rungs if isinstance(rung, Rung)]
    assert 251 in numbers
    assert (numbers[0], numbers[-1]) == (1, 500)
    assert len(numbers) < 100
    skipped = sum(rung.frames for rung in ladder.rungs if isinstance(rung, Skipped))
    assert len(numbers) + skipped == ladder.frames == 500
    assert len(ladder_of(path, TCP_FLOW, everything=True).rungs) == 500
    assert any("... 210 frames ..." in line or "... 220 frames ..." in line for line in draw(ladder))


def test_without_macs_addresses_stand_for_hosts(tmp_path: Path) -> None:
    """Raw IP has no link layer."""
    with CaptureWriter(tmp_path / "x.pcapng", [Interface(0, 101)]) as capture:
        capture.write(START, ip4(6, tcp()))
    ladder = ladder_of(tmp_path / "x.pcapng", TCP_FLOW)
    assert [(host.name, host.role) for host in ladder.hosts] == [("10.0.0.1", "client"), ("10.0.0.10", "service")]


@pytest.mark.parametrize("hosts", [1, 2, 3, 4, 5, 6, 7, 200])
def test_eighty_columns_do_for_any_number_of_hosts(tmp_path: Path, hosts: int) -> None:
    """Hosts past the sixth share a column."""
    frames = [
        ether(
            ip4(6, tcp(seq=place), identity=1 + place),
            src=f"02:00:00:00:00:{place:02x}",
            dst=f"02:00:00:00:00:{(place + 1) % hosts:02x}",
        )
        for place in range(hosts)
    ]
    ladder = ladder_of(write(tmp_path / "x.pcapng", frames), TCP_FLOW, {2 << 40: "a role " * 40})
    lines = draw(ladder)
    assert len(ladder.hosts) == min(hosts, 6)
    assert max(map(len, lines)) <= 80


def test_roles_are_safe_to_print(tmp_path: Path) -> None:
    """Names may come from a file."""
    path = write(tmp_path / "x.pcapng", [request(SYN, 1)])
    lines = draw(ladder_of(path, TCP_FLOW, {parse_mac(CLIENT_MAC): "evil\x1b[2J"}))
    assert lines[0] == "A  00:01:aa:bb:cc:01  evil\\x1b[2J"
