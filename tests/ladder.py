"""Traffic made by hand, hop by hop, for tests of inference and of the exchange tables.

A test says who sends what to whom; what it built is the oracle. Packets are dpkt's, addresses of the documentation
ranges.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import dpkt

from dsrcheck.addresses import parse_mac
from dsrcheck.capture import Interface
from dsrcheck.kernel.fold import Fold
from dsrcheck.legs import Legs
from dsrcheck.legs.model import CaptureFacts
from tests.kernel.batches import START, batch
from tests.kernel.packets import mac as octets
from tests.kernel.packets import packed

ETHERNET, COOKED = 1, 113
SECOND = 1_000_000_000
BROADCAST = "ff:ff:ff:ff:ff:ff"
FLAGS = {"S": 2, "A": 16, "P": 8, "F": 1, "R": 4}


@dataclass(frozen=True)
class Host:
    """A host's MAC and its address."""

    mac: str
    ip: str = ""

    @property
    def number(self) -> int:
        """The MAC as the number that the tables hold."""
        return parse_mac(self.mac)


VIP = "192.0.2.10"
CLIENT = Host("02:00:00:00:00:01", "192.0.2.1")
OTHER_CLIENT = Host("02:00:00:00:00:02", "192.0.2.2")
BALANCER = Host("02:00:00:00:00:0a", "192.0.2.11")
BACKUP = Host("02:00:00:00:00:0b", "192.0.2.12")
WEB1 = Host("02:00:00:00:00:64", "192.0.2.101")
WEB2 = Host("02:00:00:00:00:65", "192.0.2.102")
GATEWAY = Host("02:00:00:00:00:fe", "192.0.2.254")
FAR_CLIENT = "198.51.100.7"


@dataclass(frozen=True)
class Hop:
    """One frame of a packet's way; `src` and `dst` rewrite addresses, `tunnel` (from, to) wraps it in IP-in-IP."""

    sender: Host
    receiver: Host
    ttl: int = 64
    src: str | None = None
    dst: str | None = None
    tunnel: tuple[str, str] | None = None
    vlan: int = 0
    port: int | None = None


def path(*hosts: Host, ttl: int = 64, routed: bool = False) -> list[Hop]:
    """The hops of a packet from host to host; routers lower the TTL."""
    return [Hop(one, other, ttl - routed * i) for i, (one, other) in enumerate(pairwise(hosts))]


@dataclass
class Ladder:
    """Frames in order, a tenth of a millisecond apart."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    now: int = START
    port: int = 40000
    identity: int = 0
    vlan: int = 0
    """VLAN of the ARP frames that come next."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)

    def put(self, frame: bytes) -> None:
        """Add a frame."""
        self.now += 100_000
        self.frames.append((self.now, frame))

    def arp(self, operation: int, sender: Host, address: str, target: str, to: str) -> None:
        """Add an ARP frame."""
        body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + octets(sender.mac) + packed(address)
        body += bytes(6) + packed(target)
        tag = struct.pack(">HH", 0x8100, self.vlan) if self.vlan else b""
        self.put(octets(to) + octets(sender.mac) + tag + b"\x08\x06" + body)

    def who_has(self, asker: Host, address: str, sender: str | None = None, to: str = BROADCAST) -> None:
        """An ARP question."""
        self.arp(1, asker, sender or asker.ip, address, to)

    def is_at(self, owner: Host, address: str, asker: Host) -> None:
        """An ARP answer."""
        self.arp(2, owner, address, asker.ip, asker.mac)

    def announce(self, owner: Host, address: str) -> None:
        """An ARP announcement (RFC 5227)."""
        self.arp(1, owner, address, address, BROADCAST)

    def resolve(self, asker: Host, owner: Host, address: str | None = None) -> None:
        """A question and its answer."""
        self.who_has(asker, address or owner.ip)
        self.is_at(owner, address or owner.ip, asker)

    def send(self, hops: Sequence[Hop], src: str, dst: str, segment: bytes, protocol: int = 6) -> None:
        """One packet over some hops."""
        self.identity += 1
        for hop in hops:
            data = segment if hop.port is None else segment[:2] + struct.pack(">H", hop.port) + segment[4:]
            packet = ip(hop.src or src, hop.dst or dst, protocol, data, hop.ttl, self.identity)
            if hop.tunnel:
                packet = ip(*hop.tunnel, 4, packet, 64, self.identity)
            kind = b"\x08\x00" if not hop.vlan else b"\x81\x00" + struct.pack(">H", hop.vlan) + b"\x08\x00"
            self.put(octets(hop.receiver.mac) + octets(hop.sender.mac) + kind + packet)

    def connection(
        self, request: Sequence[Hop], reply: Sequence[Hop], client: str = CLIENT.ip, service: str = VIP,
        port: int = 80, data: int = 100, back: int = 1000, steps: str = "SaAPp", reply_from: str | None = None,
        client_port: int | None = None,
    ) -> int:  # fmt: skip
        """A TCP connection; returns the client's port.

        steps: S SYN, a SYN-ACK, A ACK, P request, p reply, R RST of the service.
        """
        self.port += 1
        mine = client_port or self.port
        isn, theirs = mine * 1000, mine * 3000
        source = reply_from or service
        for step in steps:
            if step == "S":
                self.send(request, client, service, tcp(mine, port, "S", isn, 0))
            elif step == "A":
                self.send(request, client, service, tcp(mine, port, "A", isn + 1, theirs + 1))
            elif step == "P":
                self.send(request, client, service, tcp(mine, port, "PA", isn + 1, theirs + 1, b"q" * data))
            elif step == "a":
                self.send(reply, source, client, tcp(port, mine, "SA", theirs, isn + 1))
            elif step == "p":
                self.send(reply, source, client, tcp(port, mine, "PA", theirs + 1, isn + 1 + data, b"r" * back))
            elif step == "R":
                self.send(reply, source, client, tcp(port, mine, "RA", theirs, isn + 1))
            self.wait(0.001)
        return mine

    def udp(self, request: Sequence[Hop], reply: Sequence[Hop], client: str = CLIENT.ip, service: str = VIP) -> None:
        """A question over UDP, answered when there are hops for the answer."""
        self.port += 1
        self.send(request, client, service, struct.pack(">HHHH", self.port, 53, 28, 0) + b"q" * 20, 17)
        if reply:
            self.send(reply, service, client, struct.pack(">HHHH", 53, self.port, 68, 0) + b"r" * 60, 17)

    def legs(self, at: Host | None = None, link_type: int = ETHERNET, truncated: str | None = None) -> Legs:
        """The fold of a capture on a mirror, or taken at a host: only its own frames and broadcasts."""
        frames = self.frames if at is None else _frames_at(self.frames, at)
        data = [frame if link_type == ETHERNET else _cooked(frame) for _, frame in frames]
        interface = Interface(link_type=link_type)
        fold = Fold()
        fold.fold(batch(data, [time for time, _ in frames]), [link_type])
        facts = CaptureFacts(
            path="made.pcap", format="pcap", frames=len(frames), bytes=sum(map(len, data)), interfaces=(interface,),
            first_time=frames[0][0] if frames else None, last_time=frames[-1][0] if frames else None,
            truncated=truncated, dropped=None, interrupted=False, untimed=0,
        )  # fmt: skip
        return replace(Legs.of(fold, (interface,)).whole(), captures=(facts,))


def ip(src: str, dst: str, protocol: int, payload: bytes, ttl: int, identity: int) -> bytes:
    """An IPv4 packet."""
    return bytes(
        dpkt.ip.IP(
            src=packed(src), dst=packed(dst), p=protocol, ttl=ttl, id=identity & 0xFFFF, df=1, data=payload
        )
    )  # fmt: skip


def tcp(src_port: int, dst_port: int, flags: str, seq: int, ack: int, data: bytes = b"") -> bytes:
    """A TCP segment; flags as tcpdump's letters."""
    value = sum(FLAGS[letter] for letter in flags)
    return bytes(dpkt.tcp.TCP(sport=src_port, dport=dst_port, flags=value, seq=seq, ack=ack, data=data))


def _frames_at(frames: Sequence[tuple[int, bytes]], host: Host) -> list[tuple[int, bytes]]:
    """A host's own frames, and the broadcasts on its VLANs."""
    mac = octets(host.mac)
    own = {frame for _, frame in frames if mac in (frame[:6], frame[6:12])}
    links = {_tag(frame) for frame in own}
    return [(time, frame) for time, frame in frames if frame in own or (frame[0] & 1 and _tag(frame) in links)]


def _tag(frame: bytes) -> bytes:
    return frame[14:16] if frame[12:14] == b"\x81\x00" else b""


def _cooked(frame: bytes) -> bytes:
    """The frame as Linux cooked v1 has it: no destination MAC."""
    return struct.pack(">HHH", 4, 1, 6) + frame[6:12] + b"\0\0" + frame[12:]


def direct(net: Ladder, web: Host, client: Host = CLIENT, balancer: Host = BALANCER, steps: str = "SaAPp") -> int:
    """A connection as direct server return has it: client, balancer, server, client."""
    return net.connection(path(client, balancer, web), path(web, client), client.ip, steps=steps)


def healthy(connections: int = 6, arp: bool = True) -> Ladder:
    """A segment with a balancer, two servers and a client, that returns directly."""
    net = Ladder()
    if arp:
        net.resolve(CLIENT, BALANCER, VIP)
        for web in (WEB1, WEB2):
            net.resolve(BALANCER, web)
            net.resolve(web, CLIENT)
    for number in range(connections):
        direct(net, (WEB1, WEB2)[number % 2])
    net.wait(3)
    net.resolve(CLIENT, GATEWAY)
    return net


Build = Callable[[], Ladder]
