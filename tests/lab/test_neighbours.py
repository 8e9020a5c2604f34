"""ARP and NDP as Linux does them: who answers, who asks as whom, and which answer is believed."""

from __future__ import annotations

import pytest

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND, Clock
from dsrcheck.lab.host import Host, Interface, network
from dsrcheck.lab.neighbours import NA, NS
from dsrcheck.lab.packets import Packet

VIP, REAL, CLIENT = packets.ip("10.0.0.10"), packets.ip("10.0.0.100"), packets.ip("10.0.0.1")
SERVER_MAC, CLIENT_MAC, OTHER_MAC = (packets.mac(f"00:01:aa:bb:cc:{n}") for n in ("64", "01", "0a"))


class Wire:
    """A host with one card on a loose cable: what is put in, and what comes out."""

    def __init__(self, mac: bytes, address: bytes, bits: int = 24) -> None:
        self.clock = Clock()
        self.host = Host("host", self.clock, seed=1)
        self.card: Interface = self.host.interface("eth0", mac)
        self.card.add(address, bits)
        self.out: list[bytes] = []
        self.card.output = self.out.append

    def hears(self, body: bytes, dst: bytes, src: bytes = CLIENT_MAC) -> None:
        self.host.receive(self.card, packets.ethernet(dst, src, body, ethertype=packets.ETHERTYPE_ARP))
        self.clock.run(self.clock.now + MILLISECOND)

    def says(self) -> list[tuple[int, bytes, bytes, bytes]]:
        """Operation, destination MAC, sender and target of the ARP messages since the last look."""
        frames = [Packet(frame) for frame in self.out]
        self.out.clear()
        return [(p.arp[0], p.dst_mac, p.arp[2], p.arp[4]) for p in frames if p.ethertype == packets.ETHERTYPE_ARP]


@pytest.fixture
def server() -> Wire:
    """A server with the VIP on its loopback."""
    wire = Wire(SERVER_MAC, REAL)
    wire.host.loopback[VIP] = network("10.0.0.10/32")
    wire.host.changed()
    return wire


def who_has(target: bytes) -> bytes:
    """The client's question."""
    return packets.arp(1, CLIENT_MAC, CLIENT, bytes(6), target)


@pytest.mark.parametrize(
    ("ignore", "answers_vip", "answers_real"),
    [(0, True, True), (1, False, True), (2, False, True), (3, True, True), (8, False, False)],
)
def test_arp_ignore(server: Wire, ignore: int, answers_vip: bool, answers_real: bool) -> None:
    """0 answers for the loopback too, 1 and 2 do not, 3 does for an address of global scope, 8 answers nothing."""
    server.host.sysctls["all.arp_ignore"] = ignore
    server.hears(who_has(VIP), packets.BROADCAST)
    assert server.says() == ([(2, CLIENT_MAC, VIP, CLIENT)] if answers_vip else [])
    server.hears(who_has(REAL), packets.BROADCAST)
    assert server.says() == ([(2, CLIENT_MAC, REAL, CLIENT)] if answers_real else [])


def test_lo_arp_ignore_alone_does_nothing(server: Wire) -> None:
    """The greater of conf/all and conf/<incoming interface> counts; the loopback's own setting does not."""
    server.host.sysctls["lo.arp_ignore"] = 1
    server.hears(who_has(VIP), packets.BROADCAST)
    assert [said[2] for said in server.says()] == [VIP]
    server.host.sysctls["eth0.arp_ignore"] = 1
    server.hears(who_has(VIP), packets.BROADCAST)
    assert server.says() == []


@pytest.mark.parametrize(("announce", "sender"), [(0, VIP), (1, REAL), (2, REAL)])
def test_arp_announce(server: Wire, announce: int, sender: bytes) -> None:
    """With 0 the question that a reply waits for states the VIP as the asker's address.

    With 1 too, if the VIP were of the card's own subnet with a mask; as a host address on the loopback it is not.
    """
    server.host.sysctls["all.arp_announce"] = announce
    segment = packets.udp(VIP, CLIENT, (53, 1024), b"reply")
    server.host.send(packets.packet(VIP, CLIENT, packets.UDP, segment), VIP, CLIENT)
    expected = VIP if announce == 1 and server.card.same_subnet(VIP, CLIENT) else sender
    assert server.says() == [(1, packets.BROADCAST, expected, CLIENT)]


def test_the_first_of_two_answers_wins() -> None:
    """IPv4: within a second another answer does not replace the one before; later it does."""
    wire = Wire(CLIENT_MAC, CLIENT)
    wire.host.icmp.ping(VIP, 1, 1)
    for mac in (OTHER_MAC, SERVER_MAC):
        wire.hears(packets.arp(2, mac, VIP, CLIENT_MAC, CLIENT), CLIENT_MAC, mac)
    assert wire.card.neighbours.mac(VIP) == OTHER_MAC
    wire.clock.run(wire.clock.now + 2 * SECOND)
    wire.hears(packets.arp(2, SERVER_MAC, VIP, CLIENT_MAC, CLIENT), CLIENT_MAC, SERVER_MAC)
    assert wire.card.neighbours.mac(VIP) == SERVER_MAC


def test_a_question_to_us_moves_the_entry_at_once() -> None:
    """This is how a server that asks as the VIP poisons its clients."""
    wire = Wire(CLIENT_MAC, CLIENT)
    wire.host.icmp.ping(VIP, 1, 1)
    wire.hears(packets.arp(2, OTHER_MAC, VIP, CLIENT_MAC, CLIENT), CLIENT_MAC, OTHER_MAC)
    wire.hears(packets.arp(1, SERVER_MAC, VIP, bytes(6), CLIENT), packets.BROADCAST, SERVER_MAC)
    assert wire.card.neighbours.mac(VIP) == SERVER_MAC


def test_a_strangers_announcement_makes_no_entry() -> None:
    """arp_accept is 0: gratuitous ARP updates what is known, it does not add."""
    wire = Wire(CLIENT_MAC, CLIENT)
    wire.hears(packets.arp(1, OTHER_MAC, VIP, bytes(6), VIP), packets.BROADCAST, OTHER_MAC)
    assert wire.card.neighbours.mac(VIP) is None


def test_an_unanswered_question_is_asked_three_times() -> None:
    """At once, after one and two seconds; then the packet is dropped."""
    wire = Wire(CLIENT_MAC, CLIENT)
    wire.host.icmp.ping(VIP, 1, 1)
    wire.clock.run(10 * SECOND)
    assert wire.says() == [(1, packets.BROADCAST, CLIENT, VIP)] * 3


def test_ipv6_answers_for_its_card_only_and_believes_the_last() -> None:
    """The loopback is not answered for; an advertisement with the override flag replaces the one before."""
    vip, real, client = (packets.ip(f"2001:db8:10::{n}") for n in ("10", "100", "1"))
    wire = Wire(SERVER_MAC, real, 64)
    wire.host.loopback[vip] = network("2001:db8:10::10/128")
    wire.host.changed()
    for target, answers in ((vip, 0), (real, 1)):
        group = packets.solicited_node(target)
        body = packets.icmp6(client, group, NS, 0, bytes(4), target + b"\x01\x01" + CLIENT_MAC)
        octets = packets.ipv6(client, group, packets.ICMP6, body, 255)
        wire.host.receive(wire.card, packets.ethernet(packets.multicast_mac(group), CLIENT_MAC, octets))
        wire.clock.run(wire.clock.now + MILLISECOND)
        assert len(wire.out) == answers
    wire.host.icmp.ping(client, 1, 1)
    for mac in (CLIENT_MAC, OTHER_MAC):
        body = packets.icmp6(client, real, NA, 0, b"\x60\0\0\0", client + b"\x02\x01" + mac)
        wire.host.receive(
            wire.card, packets.ethernet(SERVER_MAC, mac, packets.ipv6(client, real, packets.ICMP6, body, 255))
        )
    assert wire.card.neighbours.mac(client) == OTHER_MAC


def test_an_announcement_of_an_own_address_is_no_question(server: Wire) -> None:
    """As a kernel does that was asked: whoever announces the VIP gets no answer from a server that has it too."""
    server.host.sysctls["all.arp_ignore"] = 0
    server.hears(packets.arp(1, OTHER_MAC, VIP, bytes(6), VIP), packets.BROADCAST, OTHER_MAC)
    assert server.says() == []
    server.hears(who_has(VIP), packets.BROADCAST)
    assert server.says() == [(2, CLIENT_MAC, VIP, CLIENT)]
