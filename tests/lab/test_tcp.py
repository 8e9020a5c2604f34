"""TCP between two hosts on a cable of our own: the ladders of connections that go well, and of those that do not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND, Clock
from dsrcheck.lab.host import Host
from dsrcheck.lab.http import HttpClient, HttpServer
from dsrcheck.lab.packets import Packet

A, B = packets.ip("10.0.0.1"), packets.ip("10.0.0.100")
Drop = Callable[[int, Packet], bool]


class Pair:
    """A client and a server. `log`: who sent which flags, how much data, when. `drop` may lose a frame."""

    def __init__(self, drop: Drop = lambda number, packet: False, offload: bool = False) -> None:
        self.clock = Clock()
        self.log: list[tuple[str, str, int, int]] = []
        self.frames: list[Packet] = []
        self.drop = drop
        self.client, self.server = Host("client", self.clock, 1), Host("server", self.clock, 2)
        for host, address, last in ((self.client, A, "01"), (self.server, B, "64")):
            host.offload = offload
            card = host.interface("eth0", packets.mac(f"00:01:aa:bb:cc:{last}"))
            card.add(address, 24)
            other = self.server if host is self.client else self.client
            card.output = partial(self.carry, host.name, other)
        self.server.tcp.listen(80, lambda connection: HttpServer(self.server, "server"))

    def carry(self, name: str, other: Host, frame: bytes) -> None:
        packet = Packet(frame)
        if packet.protocol == packets.TCP:
            flags = "".join(
                letter for bit, letter in ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (16, "A")) if packet.tcp_flags & bit
            )
            self.log.append((name, flags, len(packet.payload), self.clock.now // MILLISECOND))
            self.frames.append(packet)
            if self.drop(len(self.log), packet):
                return
        self.clock.at(self.clock.now + 50_000, other.receive, other.interfaces[0], frame)

    def get(self, octets: int = 100, upload: int = 0, port: int = 80) -> list[str]:
        """Fetch (or send) so much, run for a minute, and tell how it ended."""
        ended: list[str] = []
        self.client.tcp.connect(B, port, HttpClient(self.client, B, [octets], upload, done=ended.append))
        self.clock.run(60 * SECOND)
        return ended


def test_a_connection_from_syn_to_fin() -> None:
    """The ladder of a small request, as real captures have it."""
    pair = Pair()
    assert pair.get() == ["done"]
    assert [(name[0], flags) for name, flags, _, _ in pair.log] == [
        ("c", "S"), ("s", "SA"), ("c", "A"), ("c", "PA"), ("s", "A"),
        ("s", "PA"), ("c", "A"), ("c", "FA"), ("s", "FA"), ("c", "A"),
    ]  # fmt: skip


@pytest.mark.parametrize("offload", [False, True])
def test_transfers_arrive_whole_both_ways(offload: bool) -> None:
    """Half a megabyte each way; super-frames with offload, the MTU else."""
    for octets, upload in ((500_000, 0), (100, 500_000)):
        pair = Pair(offload=offload)
        assert pair.get(octets, upload) == ["done"]
        sender = "client" if upload else "server"
        assert sum(size for name, _, size, _ in pair.log if name == sender) >= 500_000
        longest = max(len(packet.frame) for packet in pair.frames)
        assert (longest > 20_000) if offload else (longest == 1514)


def test_a_syn_without_answer_is_repeated_at_1_3_and_7_seconds() -> None:
    """With one sequence number, then the connection is given up."""
    pair = Pair(drop=lambda number, packet: True)
    assert pair.get() == ["no answer"]
    assert [(flags, when) for _, flags, _, when in pair.log] == [("S", 0), ("S", 1000), ("S", 3000), ("S", 7000)]
    assert len({packet.frame[packet.transport + 4 : packet.transport + 8] for packet in pair.frames}) == 1


@pytest.mark.parametrize("nth", [5, 7, 11, 20, 37])
def test_loss_is_recovered(nth: int) -> None:
    """Every nth segment lost, whatever it carries: the transfer still ends well."""
    pair = Pair(drop=lambda number, packet: number % nth == 0)
    assert pair.get(60_000) == ["done"]


def test_one_loss_in_many_is_repeated_fast() -> None:
    """Three duplicate acknowledgements, with SACK blocks, bring the segment back long before the timer."""
    pair = Pair(drop=lambda number, packet: number == 40)
    assert pair.get(300_000) == ["done"]
    assert pair.log[-1][3] < 150


def test_a_closed_port_refuses() -> None:
    """RST with ACK, sequence number 0, id 0, window 0, no options: 54 octets."""
    pair = Pair()
    assert pair.get(port=81) == ["refused"]
    reset = pair.frames[-1]
    assert (reset.tcp_flags, len(reset.frame), reset.ip[4:6]) == (packets.RST | packets.ACK, 54, b"\0\0")


def test_a_too_big_is_heeded_once_and_remembered() -> None:
    """The client keeps to the path MTU it is told, and sends again what was lost."""
    pair = Pair(drop=lambda number, packet: len(packet.ip) > 1480)
    told: list[bytes] = []
    carry = pair.carry

    def router(name: str, other: Host, frame: bytes) -> None:
        packet = Packet(frame)
        if len(packet.ip) > 1480 and not told:
            told.append(packet.ip)
            message = packets.icmp(3, 4, (1480).to_bytes(4, "big"), packet.ip[:548])
            octets = packets.ipv4(B, A, packets.ICMP, message)
            back = packets.ethernet(packet.src_mac, packet.dst_mac, octets)
            pair.clock.at(pair.clock.now + 50_000, pair.client.receive, pair.client.interfaces[0], back)
        carry(name, other, frame)

    card = pair.client.interfaces[0]
    card.output = lambda frame: router("client", pair.server, frame)
    assert pair.get(upload=50_000) == ["done"]
    assert pair.client.tcp.path_mtu[B] == 1480
    assert max(len(p.ip) for p in pair.frames if p.src == A) == 1500
    assert len(told) == 1
