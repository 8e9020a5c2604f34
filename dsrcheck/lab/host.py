"""A host: interfaces, addresses, routes, sysctls, and the IP layer between its cards and its transport."""

from __future__ import annotations

from collections.abc import Callable

from dsrcheck.lab import icmp, packets
from dsrcheck.lab.clock import MICROSECOND, Clock, Dice
from dsrcheck.lab.neighbours import NA, NS, Neighbours
from dsrcheck.lab.packets import Packet
from dsrcheck.lab.tcp import Tcp
from dsrcheck.lab.udp import Udp
from dsrcheck.records import dataclass

Transmit = Callable[[bytes], None]


@dataclass(frozen=True)
class Network:
    """An address range; `bits` is the length of the prefix."""

    address: bytes
    bits: int

    def __contains__(self, address: bytes) -> bool:
        if len(address) != len(self.address):
            return False
        shift = 8 * len(address) - self.bits
        return int.from_bytes(address, "big") >> shift == int.from_bytes(self.address, "big") >> shift


def network(text: str) -> Network:
    """A network in prefix notation; host bits may be set. Raises ValueError."""
    address, slash, bits = text.partition("/")
    octets = packets.ip(address)
    return Network(octets, int(bits) if slash else 8 * len(octets))


@dataclass(frozen=True)
class Route:
    """Where packets for a network go: out of an interface, to a gateway if it is not on that link."""

    network: Network
    interface: Interface
    gateway: bytes | None = None


class Interface:
    """A network interface: a MAC, addresses with their networks, maybe a VLAN tag. `output` takes finished frames."""

    def __init__(self, host: Host, name: str, mac: bytes, vlan: int | None = None, mtu: int = 1500) -> None:
        self.host = host
        self.name = name
        self.mac = mac
        self.vlan = vlan
        self.mtu = mtu
        self.output: Transmit = lambda frame: None
        self.addresses: dict[bytes, Network] = {}
        self.virtual: dict[bytes, bytes] = {}
        self.neighbours = Neighbours(host, self)

    def add(self, address: bytes, bits: int) -> None:
        """Give the interface an address."""
        self.addresses[address] = Network(address, bits)
        self.host.changed()

    def on_link(self, address: bytes) -> bool:
        return any(address in net for net in self.addresses.values())

    def same_subnet(self, one: bytes, other: bytes) -> bool:
        return any(one in net and other in net for net in self.addresses.values() if net.bits)

    def source_for(self, target: bytes) -> bytes:
        """The own address best fit to talk to `target`: one in its subnet, else the first of its family."""
        family = [a for a in self.addresses if len(a) == len(target)]
        near = [a for a in family if self.addresses[a].bits < 8 * len(a) and target in self.addresses[a]]
        if near or family:
            return (near or family)[0]
        return packets.link_local(self.mac) if len(target) == 16 else bytes(4)

    def mac_of(self, address: bytes) -> bytes:
        """The MAC this interface states for one of its addresses: a virtual one, if it has one."""
        return self.virtual.get(address, self.mac)

    def answering6(self) -> set[bytes]:
        return {packets.link_local(self.mac), *(a for a in self.addresses if len(a) == 16)}

    def send(self, mac: bytes, packet: bytes, src_mac: bytes | None = None) -> None:
        """Send an IP packet to a MAC."""
        self.output(packets.ethernet(mac, src_mac or self.mac, packet, self.vlan))

    def transmit(self, mac: bytes, body: bytes, ethertype: int | None = None, src_mac: bytes | None = None) -> None:
        """Send anything, from the own or a virtual MAC."""
        self.output(packets.ethernet(mac, src_mac or self.mac, body, self.vlan, ethertype))


class Host:
    """A machine with an IP stack. Frames come in by `receive`, they leave by `Interface.output`."""

    ttl = 64
    router = False
    defends = False
    """Whether it answers somebody who announces an address of its own. Linux does not: its routing table takes the
    asker for a martian source (arp_process, ip_route_input)."""

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.name = name
        self.clock = clock
        self.dice = Dice(seed, name)
        self.up = True
        self.interfaces: list[Interface] = []
        self.loopback: dict[bytes, Network] = {}
        self.routes: list[Route] = []
        self.sysctls: dict[str, int] = {}
        self.offload = False
        self.tunnel = False
        self.tcp = Tcp(self)
        self.udp = Udp(self)
        self.icmp = icmp.Icmp(self)
        self._ready = 0
        self._idents: dict[bytes, int] = {}
        self._local: frozenset[bytes] | None = None
        self._ways: dict[bytes, Route | None] = {}

    def interface(self, name: str, mac: bytes, vlan: int | None = None) -> Interface:
        """Make an interface."""
        made = Interface(self, name, mac, vlan)
        self.interfaces.append(made)
        return made

    def sysctl(self, name: str, interface: Interface) -> int:
        """The value in effect: the greater of conf/all and conf/<interface>."""
        return max(self.sysctls.get(f"all.{name}", 0), self.sysctls.get(f"{interface.name}.{name}", 0))

    def changed(self) -> None:
        """Addresses or routes have changed: forget what was derived from them."""
        self._local = None
        self._ways = {}

    @property
    def local(self) -> frozenset[bytes]:
        """All addresses of the host, whichever interface they are on (the weak host model)."""
        if self._local is None:
            own = {a for i in self.interfaces for a in (*i.addresses, packets.link_local(i.mac))}
            self._local = frozenset(own | set(self.loopback))
        return self._local

    def add_route(self, text: str, interface: Interface, gateway: bytes | None = None) -> None:
        """Add a route to a network in prefix notation."""
        self.routes.append(Route(network(text), interface, gateway))
        self.changed()

    def is_local(self, address: bytes) -> bool:
        return address in self.local

    def proxy_arp(self, target: bytes, interface: Interface) -> bool:
        """Whether to answer for an address that lies behind another interface."""
        if not self.sysctl("proxy_arp", interface) or self.is_local(target):
            return False
        route = self.route(target)
        return route is not None and route.interface is not interface

    def delay(self, low: int, high: int) -> int:
        """A while of work, between two numbers of microseconds."""
        return self.dice.between(low * MICROSECOND, high * MICROSECOND)

    def process(self, low: int, high: int, action: Callable[..., None], *arguments: object) -> None:
        """Do something after a while of work, between two numbers of microseconds; what came first is done first."""
        self._ready = max(self.clock.now + self.delay(low, high), self._ready + 1)
        self.clock.at(self._ready, action, *arguments)

    def route(self, dst: bytes) -> Route | None:
        """The most specific route to an address; among equals the first."""
        if dst not in self._ways:
            self._ways[dst] = self._find_route(dst)
        return self._ways[dst]

    def _find_route(self, dst: bytes) -> Route | None:
        best: Route | None = None
        for interface in self.interfaces:
            for net in interface.addresses.values():
                # A host address is no network to send to, even if it stands on a card.
                if net.bits < 8 * len(net.address) and dst in net and (best is None or net.bits > best.network.bits):
                    best = Route(net, interface)
        for route in self.routes:
            if dst in route.network and (best is None or route.network.bits > best.network.bits):
                best = route
        return best

    def source_for(self, dst: bytes) -> bytes | None:
        """The source address for a new conversation with `dst`, or none if there is no way."""
        route = self.route(dst)
        return route.interface.source_for(route.gateway or dst) if route else None

    def next_ident(self, peer: bytes) -> int:
        """The next IPv4 identification towards a peer."""
        ident = self._idents.get(peer)
        ident = self.dice.bits(16) if ident is None else (ident + 1) & 0xFFFF
        self._idents[peer] = ident
        return ident

    # Frames in.

    def receive(self, interface: Interface, frame: bytes) -> None:
        """A frame has come in on an interface."""
        if not self.up:
            return
        packet = Packet(frame)
        if packet.vlan != interface.vlan:
            return
        if packet.ethertype == packets.ETHERTYPE_ARP:
            interface.neighbours.arp(packet)
        elif packet.version == 6 and packet.protocol == packets.ICMP6 and frame[packet.transport] in (NS, NA):
            if packet.ttl == 255:
                interface.neighbours.ndp(packet)
        elif packet.version:
            self.ip_input(interface, packet)

    def ip_input(self, interface: Interface, packet: Packet) -> None:
        """An IP packet: for this host, to be passed on, or nobody's business here."""
        if self.is_local(packet.dst):
            if self.accepts(interface, packet):
                self.deliver(interface, packet)
        elif packets.is_multicast(packet.dst):
            self.multicast(interface, packet)
        elif self.sysctls.get("all.ip_forward") and self.accepts(interface, packet):
            self.process(15, 40, self.forward, interface, packet)

    def accepts(self, interface: Interface, packet: Packet) -> bool:
        """Reverse path filter: strict (1) wants the way back to leave by the same interface; loose (2) any way."""
        mode = self.sysctl("rp_filter", interface)
        if not mode or len(packet.src) == 16:
            return True
        route = self.route(packet.src)
        return route is not None and (mode == 2 or route.interface is interface)

    def deliver(self, interface: Interface, packet: Packet) -> None:
        """A packet for this host."""
        protocol = packet.protocol
        if protocol == packets.TCP:
            self.tcp.input(packet)
        elif protocol == packets.UDP:
            self.udp.input(packet)
        elif protocol in (packets.ICMP, packets.ICMP6):
            self.icmp.input(interface, packet)
        elif protocol in (packets.IPIP, packets.IP6_IN_IP) and self.tunnel:
            inner = packet.frame[packet.transport : packet.end]
            self.ip_input(interface, Packet(packets.ethernet(packet.dst_mac, packet.src_mac, inner, interface.vlan)))
        else:
            self.icmp.error(packet, interface, "protocol")

    def multicast(self, interface: Interface, packet: Packet) -> None:
        """A packet for a group; ordinary hosts listen to none."""

    def forward(self, interface: Interface, packet: Packet) -> None:
        """Pass a packet on: one hop less, a redirect if the sender could do without us, an error if it cannot go on."""
        if packet.ttl <= 1:
            self.icmp.error(packet, interface, "ttl")
            return
        route = self.route(packet.dst)
        if route is None:
            self.icmp.error(packet, interface, "network")
            return
        octets = packets.lower_ttl(packet.ip)
        if len(octets) > route.interface.mtu and not self.offload:
            self.icmp.error(packet, interface, "size", route.interface.mtu)
            return
        hop = route.gateway or packet.dst
        if route.interface is interface:
            self.icmp.redirect(packet, interface, hop)
        route.interface.neighbours.send(hop, octets, packet.src)

    # Packets out.

    def send(self, packet: bytes, src: bytes, dst: bytes) -> None:
        """Send an IP packet of this host's own."""
        if not self.up:
            return
        route = self.route(dst)
        if route is not None:
            route.interface.neighbours.send(route.gateway or dst, packet, src)

    def unreachable(self, packet: bytes, interface: Interface) -> None:
        """Nobody answered for the next hop of a packet: tell its sender, if that is somebody else."""
        seen = Packet(packets.ethernet(interface.mac, interface.mac, packet))
        if not self.is_local(seen.src):
            self.icmp.error(seen, interface, "host")
        elif seen.protocol == packets.TCP:
            self.tcp.no_route(seen)
