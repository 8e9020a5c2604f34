"""The forwarder by its narrow interface: frames and the time in, frames out. No network around it."""

from __future__ import annotations

import pytest

from dsrcheck.lab import packets
from dsrcheck.lab.clock import SECOND
from dsrcheck.lab.forwarder import Forwarder, Server, Service, Settings
from dsrcheck.lab.forwarder.schedule import Scheduler, source_hash
from dsrcheck.lab.packets import Packet

VIP, SNIP, SERVER, CLIENT = (packets.ip(f"10.0.0.{n}") for n in (10, 11, 100, 1))
BALANCER_MAC, SERVER_MAC, CLIENT_MAC = (packets.mac(f"00:01:aa:bb:cc:{n}") for n in ("0a", "64", "01"))
SERVICE = Service(VIP, packets.TCP, 80)


class Bench:
    """A forwarder on a bench: what is put in, and what came out of it for that."""

    def __init__(self, **settings: object) -> None:
        base = Settings((SERVICE,), (Server("server1", SERVER), Server("server2", packets.ip("10.0.0.101"))))
        self.forwarder = Forwarder("balancer", base.with_(**settings))
        self.forwarder.add_interface("eth0", BALANCER_MAC)
        self.forwarder.balancer.front.add(SNIP, 24)
        for number in (100, 101):
            mac = packets.mac(f"00:01:aa:bb:cc:{number:02x}")
            self.forwarder.balancer.front.neighbours.set(packets.ip(f"10.0.0.{number}"), mac)
        self.forwarder.balancer.front.neighbours.set(CLIENT, CLIENT_MAC)
        self.now = 0
        self.forwarder.start(0)

    def put(self, frame: bytes) -> list[Packet]:
        """Let a frame in, wait a millisecond, and return what came out."""
        out = self.forwarder.receive(self.now, 0, frame)
        self.now += SECOND // 1000
        out += self.forwarder.advance(self.now)
        assert {port for port, _ in out} <= {0}
        return [Packet(frame) for _, frame in out]

    def segment(self, flags: int, port: int = 40000, payload: bytes = b"") -> list[Packet]:
        """A segment of the client to the VIP."""
        body = packets.tcp(CLIENT, VIP, (port, 80), (1, 1), flags, 502, b"", payload)
        octets = packets.packet(CLIENT, VIP, packets.TCP, body, 64, 77)
        return self.put(packets.ethernet(BALANCER_MAC, CLIENT_MAC, octets))


def test_it_answers_for_the_vip_and_nothing_else() -> None:
    """It alone answers ARP for the VIP; not for a server."""
    bench = Bench()
    ask = packets.arp(1, CLIENT_MAC, CLIENT, bytes(6), VIP)
    (answer,) = bench.put(packets.ethernet(packets.BROADCAST, CLIENT_MAC, ask, ethertype=packets.ETHERTYPE_ARP))
    assert answer.arp == (2, BALANCER_MAC, VIP, CLIENT_MAC, CLIENT)
    ask = packets.arp(1, CLIENT_MAC, CLIENT, bytes(6), SERVER)
    assert bench.put(packets.ethernet(packets.BROADCAST, CLIENT_MAC, ask, ethertype=packets.ETHERTYPE_ARP)) == []


def test_dsr_mac_changes_macs_and_ttl_only() -> None:
    """As real IPVS: addresses, ports, id, sequence numbers and the TCP checksum stay."""
    (forward,) = Bench(method="round-robin").segment(packets.SYN)
    assert (forward.src_mac, forward.dst_mac, forward.ttl) == (BALANCER_MAC, SERVER_MAC, 63)
    body = packets.tcp(CLIENT, VIP, (40000, 80), (1, 1), packets.SYN, 502)
    assert forward.ip == packets.packet(CLIENT, VIP, packets.TCP, body, 63, 77)


def test_the_clients_mac_may_be_kept_and_the_ttl_too() -> None:
    """The article's step 2: the source MAC is the client's."""
    (forward,) = Bench(keep_client_mac=True, lower_ttl=False, method="round-robin").segment(packets.SYN)
    assert (forward.src_mac, forward.dst_mac, forward.ttl) == (CLIENT_MAC, SERVER_MAC, 64)


def test_a_tunnel_wraps_the_request() -> None:
    """Outer source the SNIP, outer destination the server, id 0, and the TTL of the inner packet, which is one less."""
    (forward,) = Bench(mode="dsr-ipip", method="round-robin").segment(packets.SYN)
    assert (forward.protocol, forward.src, forward.dst, forward.ttl) == (packets.IPIP, SNIP, SERVER, 63)
    assert forward.ip[4:6] == b"\0\0"
    assert forward.frame[forward.transport + 8] == 63


def test_nat_there_and_back() -> None:
    """The destination becomes the server's address, the source of the answer the VIP."""
    bench = Bench(mode="nat", method="round-robin")
    (there,) = bench.segment(packets.SYN)
    assert (there.src, there.dst, there.dst_mac) == (CLIENT, SERVER, SERVER_MAC)
    body = packets.tcp(SERVER, CLIENT, (80, 40000), (5, 2), packets.SYN | packets.ACK, 502)
    (back,) = bench.put(
        packets.ethernet(BALANCER_MAC, SERVER_MAC, packets.packet(SERVER, CLIENT, packets.TCP, body, 64))
    )
    assert (back.src, back.dst, back.dst_mac, back.ttl) == (VIP, CLIENT, CLIENT_MAC, 63)


def test_a_connection_stays_where_it_is() -> None:
    """Round robin spreads connections; packets follow their session."""
    bench = Bench(method="round-robin")
    servers = [bench.segment(packets.SYN, port)[0].dst_mac[5] for port in (40000, 40001, 40002)]
    assert servers == [100, 101, 100]
    assert [bench.segment(packets.ACK, port)[0].dst_mac[5] for port in (40001, 40000, 40002)] == [101, 100, 100]


def test_sessionless_round_robin_sprays() -> None:
    """Every packet is scheduled anew: the fault that a hash alone avoids."""
    bench = Bench(method="round-robin", sessionless=True)
    flags = (packets.SYN, packets.ACK, packets.ACK)
    assert [bench.segment(flag)[0].dst_mac[5] for flag in flags] == [100, 101, 100]
    bench = Bench(sessionless=True)
    assert len({bench.segment(flag)[0].dst_mac for flag in flags}) == 1


def test_what_it_has_no_session_for_is_reset() -> None:
    """After lost state the stack that is left answers: RST from the VIP, with the balancer's MAC."""
    (reset,) = Bench().segment(packets.ACK, payload=b"late")
    assert (reset.src, reset.src_mac, reset.tcp_flags) == (VIP, BALANCER_MAC, packets.RST)


def test_a_session_times_out() -> None:
    """After the established time-out the next segment belongs to nothing."""
    bench = Bench(established_timeout=30 * SECOND)
    bench.segment(packets.SYN)
    bench.segment(packets.ACK)
    bench.now += 31 * SECOND
    (reset,) = bench.segment(packets.ACK)
    assert reset.tcp_flags == packets.RST


@pytest.mark.parametrize("check", ["ping", "arp", "tcp", "vip"])
def test_a_dead_server_gets_nothing_more(check: str) -> None:
    """Whatever the check: nobody answers here, so both servers go down after two rounds, and requests nowhere."""
    bench = Bench(check=check, check_every=2 * SECOND, check_timeout=SECOND, method="round-robin")
    assert bench.segment(packets.SYN)
    for _ in range(40):
        bench.now += SECOND
        bench.forwarder.advance(bench.now)
    assert bench.forwarder.balancer.health.up == {"server1": False, "server2": False}
    assert [p for p in bench.segment(packets.SYN, 40001) if p.protocol == packets.TCP and p.src == CLIENT] == []


def test_least_connections_takes_the_emptier_server() -> None:
    """Counted by what the requests show."""
    scheduler = Scheduler("least-connections")
    servers = [Server("a", SERVER), Server("b", SNIP)]
    up = {"a": True, "b": True}
    assert scheduler.pick(servers, up, CLIENT, {"a": 2, "b": 1}) == servers[1]
    assert scheduler.pick(servers, up, CLIENT, {"a": 1, "b": 1}) == servers[0]


def test_the_source_hash_is_even_and_moves_few() -> None:
    """All clients of a /24 spread over three servers; a dead server moves its own clients only."""
    clients = [packets.ip(f"10.0.0.{n}") for n in range(256)]
    counts = [sum(source_hash(client, 3) == place for client in clients) for place in range(3)]
    assert min(counts) > 60
    servers = [Server(name, SERVER) for name in "abc"]
    scheduler = Scheduler("source-hash")
    for client in clients:
        before = scheduler.pick(servers, dict.fromkeys("abc", True), client, {})
        after = scheduler.pick(servers, {"a": True, "b": False, "c": True}, client, {})
        assert before is not None
        assert after is not None
        assert before == after or before.name == "b"


def test_nothing_happens_between_the_calls() -> None:
    """What was due in the meantime comes out of the next call: the forwarder has no clock of its own."""
    bench = Bench(check="ping", check_every=SECOND)
    assert bench.forwarder.due is not None
    out = bench.forwarder.advance(5 * SECOND)
    assert len(out) >= 8
    assert bench.forwarder.due > 5 * SECOND
