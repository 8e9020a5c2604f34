"""What is made of dumpcap's own words, and of MACs that move."""

from __future__ import annotations

import struct

from dsrcheck.lab.real.taps import Move, lost, port_of

VIRTUAL = bytes.fromhex("00005e000133")


def statistics(interface: int, received: int, dropped: int) -> bytes:
    """An interface statistics block as dumpcap writes it at its end (draft-ietf-opsawg-pcapng, 4.6)."""
    comment = b"Counters provided by dumpcap"
    body = struct.pack("=IQ", interface, 0) + struct.pack("=HH", 1, len(comment)) + comment
    body += struct.pack("=HHQHHQHH", 4, 8, received, 5, 8, dropped, 0, 0)
    return struct.pack("=II", 5, len(body) + 12) + body + struct.pack("=I", len(body) + 12)


def test_what_comes_while_dumpcap_ends_is_no_loss() -> None:
    """It counts as received and as dropped, and stands in no block: 698 received, 697 written, 1 dropped."""
    assert lost(statistics(0, 957, 0) + statistics(1, 698, 1), 957 + 697) == 0


def test_what_the_kernel_dropped_is_a_loss() -> None:
    """Whatever was received stands there, and more was dropped."""
    assert lost(statistics(0, 2152, 1047) + statistics(1, 100, 0), 2252) == 1047


def test_a_mac_is_where_it_went_last() -> None:
    """Nowhere before the first balancer took it."""
    moves = [Move(10, "balancer.0", VIRTUAL), Move(20, "balancer2.0", VIRTUAL)]
    assert [port_of(moves, VIRTUAL, time) for time in (9, 10, 19, 20)] == [
        None, "balancer.0", "balancer.0", "balancer2.0",
    ]  # fmt: skip
