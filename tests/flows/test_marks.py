"""What a frame is beside those before it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsrcheck.flows.marks import Kind
from tests.flows.packets import (
    ACK,
    FIN,
    MILLISECOND,
    PSH,
    SYN,
    TCP_FLOW,
    UDP_FLOW,
    datagram,
    forward,
    marked,
    reply,
    write,
)
from tests.flows.packets import request as req
from tests.kernel.packets import BALANCER_MAC, SERVER_MAC, ether, ip4, tcp

Told = list[tuple[Kind, int]]


def told(path: Path, frames: Sequence[bytes], every: int = MILLISECOND) -> Told:
    """Kind of each frame of the TCP flow, and the frame it repeats."""
    return [(mark.kind, mark.of) for _, mark in marked(write(path / "x.pcapng", frames, every=every), TCP_FLOW)]


def test_a_packet_passed_on_is_a_hop(tmp_path: Path) -> None:
    """Other MACs and TTL, the same packet; and on from hop to hop."""
    frames = [
        req(SYN, 1),
        forward(SYN, 1),
        reply(SYN | ACK, 9, 2),
        ether(ip4(6, tcp(seq=1), identity=0, ttl=62), src=SERVER_MAC),
    ]
    assert told(tmp_path, frames) == [(Kind.NEW, 0), (Kind.HOP, 1), (Kind.NEW, 0), (Kind.HOP, 2)]


def test_a_loop_is_a_hop_each_time(tmp_path: Path) -> None:
    """Back at the same place with a lower TTL."""
    frames = [
        ether(ip4(6, tcp(), ttl=64 - turn), src=here, dst=there)
        for turn in range(6)
        for here, there in [(BALANCER_MAC, SERVER_MAC), (SERVER_MAC, BALANCER_MAC)][turn % 2 : turn % 2 + 1]
    ]
    assert told(tmp_path, frames) == [(Kind.NEW, 0), *((Kind.HOP, number) for number in range(1, 6))]


def test_a_mirrors_copy_is_a_twin(tmp_path: Path) -> None:
    """Of the frame at the same place, also when a hop came between."""
    frames = [req(SYN, 1), forward(SYN, 1), req(SYN, 1), forward(SYN, 1)]
    assert told(tmp_path, frames, every=1000) == [(Kind.NEW, 0), (Kind.HOP, 1), (Kind.TWIN, 1), (Kind.TWIN, 2)]


def test_the_same_packet_later_is_a_copy_only_if_its_identification_proves_it(tmp_path: Path) -> None:
    """With identification 0, which says nothing, the same bytes some milliseconds later were sent again."""
    assert told(tmp_path, [req(SYN, 1), req(SYN, 1)], every=3 * MILLISECOND)[1] == (Kind.AGAIN, 1)
    proved = [req(SYN, 1, identity=7), req(SYN, 1, identity=7)]
    assert told(tmp_path, proved, every=3 * MILLISECOND)[1] == (Kind.TWIN, 1)
    assert told(tmp_path, proved, every=1000 * MILLISECOND)[1] == (Kind.AGAIN, 1)


def test_a_retransmission_names_the_frame_it_repeats(tmp_path: Path) -> None:
    """A packet of its own, passed on like any other; a retransmission that is longer names none."""
    frames = [
        req(SYN, 1, identity=1), req(PSH | ACK, 2, 1, b"data", identity=2),
        forward(PSH | ACK, 2, 1, b"data", identity=2),
        req(PSH | ACK, 2, 1, b"data", identity=3), forward(PSH | ACK, 2, 1, b"data", identity=3),
        req(PSH | ACK, 3, 1, b"ata", identity=4), req(FIN | ACK, 6, 1, identity=5), req(FIN | ACK, 6, 1, identity=6),
    ]  # fmt: skip
    assert told(tmp_path, frames) == [
        (Kind.NEW, 0), (Kind.NEW, 0), (Kind.HOP, 2), (Kind.AGAIN, 2), (Kind.HOP, 4), (Kind.AGAIN, 0), (Kind.NEW, 0),
        (Kind.AGAIN, 7),
    ]  # fmt: skip


def test_gaps_and_what_fills_them(tmp_path: Path) -> None:
    """Missing bytes are told with the frame that shows them missing; what comes into the gap is late, not again."""
    frames = [
        req(PSH | ACK, 100, 1, b"aa", identity=1), req(PSH | ACK, 106, 1, b"dd", identity=2),
        req(PSH | ACK, 104, 1, b"cc", identity=3), req(PSH | ACK, 102, 1, b"bb", identity=4),
        req(PSH | ACK, 102, 1, b"bb", identity=5),
    ]  # fmt: skip
    marks = [mark for _, mark in marked(write(tmp_path / "x.pcapng", frames), TCP_FLOW)]
    assert [(mark.kind, mark.gap) for mark in marks] == [
        (Kind.NEW, 0), (Kind.NEW, 4), (Kind.LATE, 0), (Kind.LATE, 0), (Kind.AGAIN, 0),
    ]  # fmt: skip


def test_a_keep_alive_is_no_retransmission(tmp_path: Path) -> None:
    """One byte below the next expected, with a byte or none (RFC 9293, 3.8.4)."""
    frames = [req(PSH | ACK, 100, 1, b"aa"), req(ACK, 101, 1, identity=1), req(ACK, 101, 1, b"\0", identity=2)]
    assert told(tmp_path, frames)[1:] == [(Kind.KEEP_ALIVE, 0), (Kind.KEEP_ALIVE, 0)]


def test_a_port_used_again_begins_anew(tmp_path: Path) -> None:
    """A SYN with another number is neither a retransmission nor the end of a gap."""
    frames = [req(SYN, 1, identity=1), req(PSH | ACK, 2, 1, b"data", identity=2), req(SYN, 90_000, identity=3)]
    assert told(tmp_path, frames)[2] == (Kind.NEW, 0)


def test_equal_datagrams_are_told_by_their_identification(tmp_path: Path) -> None:
    """The same question asked twice is two datagrams; passed on it is one."""
    frames = [
        datagram(b"q", identity=1),
        datagram(b"q", identity=1, ttl=63, dst=SERVER_MAC),
        datagram(b"q", identity=2),
    ]
    marks = [mark.kind for _, mark in marked(write(tmp_path / "x.pcapng", frames), UDP_FLOW)]
    assert marks == [Kind.NEW, Kind.HOP, Kind.NEW]
