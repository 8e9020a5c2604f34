"""The reference balancer: a host that hands connections to its VIPs on to servers."""

from __future__ import annotations

from collections.abc import Callable

from dsrcheck.lab import packets
from dsrcheck.lab.clock import Clock
from dsrcheck.lab.connection import App
from dsrcheck.lab.forwarder.failover import Failover
from dsrcheck.lab.forwarder.health import Health
from dsrcheck.lab.forwarder.modes import SENDERS
from dsrcheck.lab.forwarder.proxy import Proxied
from dsrcheck.lab.forwarder.schedule import Scheduler
from dsrcheck.lab.forwarder.sessions import Key, Session, Sessions
from dsrcheck.lab.forwarder.settings import Server, Service, Settings
from dsrcheck.lab.host import Host, Interface
from dsrcheck.lab.packets import Packet


class Balancer(Host):
    """A balancer. The first interface faces the VIPs' segment (`front`).

    `listen_mac` is called with a virtual MAC when it becomes ours, so that the card listens to it.
    """

    defends = True  # as appliances do

    def __init__(self, name: str, clock: Clock, seed: int, settings: Settings, active: bool = True) -> None:
        super().__init__(name, clock, seed)
        self.settings = settings
        self.sessions = Sessions(settings)
        self.scheduler = Scheduler(settings.method)
        self.failover = Failover(self, active)
        self.listen_mac: Callable[[bytes], None] = lambda mac: None
        self.tells_too_big = True
        self.steers_errors = True
        self.vips = list(dict.fromkeys(service.vip for service in settings.services))
        self._services = {(s.vip, s.protocol, s.port): s for s in settings.services}
        self._probes: dict[tuple[bytes, int], Server] = {}
        self.forwarded = 0
        self.sysctls["all.ip_forward"] = 1
        self.health = Health(self)

    @property
    def front(self) -> Interface:
        return self.interfaces[0]

    def start(self) -> None:
        """Take the VIPs or watch the partner, and begin with the checks."""
        if self.settings.mode == "proxy":
            for service in self.settings.services:
                self.tcp.listen(service.port, lambda c, port=service.port: Proxied(self, port), service.vip)  # type: ignore[misc]
        self.failover.start()
        self.health.start()

    def hold(self, vip: bytes, mac: bytes | None = None) -> None:
        """Own a VIP: answer for it, from a virtual MAC if there is one."""
        self.front.add(vip, 8 * len(vip))
        if mac is not None:
            self.front.virtual[vip] = mac
        self.changed()

    def let_go(self, vip: bytes) -> None:
        """Own a VIP no longer."""
        self.front.addresses.pop(vip, None)
        self.front.virtual.pop(vip, None)
        self.changed()

    def configure(self, **changes: object) -> None:
        """Change settings while running."""
        self.settings = self.sessions.settings = self.settings.with_(**changes)
        if self.scheduler.method != self.settings.method:
            self.scheduler = Scheduler(self.settings.method)

    def multicast(self, interface: Interface, packet: Packet) -> None:
        """Adverts of the partner."""
        if packet.protocol == packets.VRRP:
            self.failover.heard(packet)

    def ip_input(self, interface: Interface, packet: Packet) -> None:
        """As on any host; but what is for a VIP that the partner has now is not passed on to it."""
        if packet.dst not in self.vips or self.is_local(packet.dst):
            super().ip_input(interface, packet)

    # The way of a request.

    def deliver(self, interface: Interface, packet: Packet) -> None:
        """A packet for one of our addresses: balanced, if it is for a service; else as on any host."""
        service = self._service(packet)
        if service is not None and self.settings.mode != "proxy":
            self.process(15, 45, self._balance, interface, packet)
        elif self._reverse(packet):
            self._return(packet)
        elif packet.protocol in (packets.ICMP, packets.ICMP6) and self._steer(interface, packet):
            return
        else:
            super().deliver(interface, packet)

    def _service(self, packet: Packet) -> Service | None:
        if packet.protocol not in (packets.TCP, packets.UDP):
            return None
        return self._services.get((packet.dst, packet.protocol, packet.ports[1]))

    def _balance(self, interface: Interface, packet: Packet) -> None:
        src_port, dst_port = packet.ports
        key: Key = (packet.protocol, packet.src, src_port, packet.dst, dst_port)
        session = None
        if self.settings.sessionless:
            server = self.choose(packet.src)
        else:
            session = self._session(key, packet)
            if session is None:
                # A segment of no known connection: what is left of the stack answers, with RST.
                super().deliver(interface, packet)
                return
            server = session.server
        if server is None:
            return
        if self.is_local(server.address):
            super().deliver(interface, packet)  # the balancer serves this one itself (localnode)
            return
        self._forward(interface, packet, server, session)

    def _session(self, key: Key, packet: Packet) -> Session | None:
        now = self.clock.now
        session = self.sessions.find(key, now)
        opens = packet.protocol != packets.TCP or packet.tcp_flags & (packets.SYN | packets.ACK) == packets.SYN
        if session is None or (session.state == "closing" and opens and packet.protocol == packets.TCP):
            if not opens:
                return None
            server = self.choose(packet.src)
            if server is None:
                return None
            session = self.sessions.add(key, server, now)
        self.sessions.touch(session, packet, now)
        return session

    def choose(self, client: bytes) -> Server | None:
        """A server for a new connection."""
        active = self.sessions.active(self.clock.now) if self.settings.method == "least-connections" else {}
        return self.scheduler.pick(self.settings.servers, self.health.up, client, active)

    def _forward(self, interface: Interface, packet: Packet, server: Server, session: Session | None) -> None:
        defects = self.settings.defects
        self.forwarded += 1
        if defects.lose and self.forwarded % defects.lose == 0:
            return
        mode = self.settings.mode
        if defects.rewrite_destination:
            mode = "nat"
        SENDERS[mode](self, interface, packet, server, session)
        if defects.twice and self.forwarded % defects.twice == 0:
            # Well after what a mirror takes to copy a frame: these are two frames on the wire.
            self.clock.at(
                self.clock.now + self.delay(3000, 6000), SENDERS[mode], self, interface, packet, server, session
            )

    def own_end(self, session: Session, peer: bytes) -> tuple[bytes, int]:
        """The address and port of ours that stand for the client of a session, towards `peer`."""
        src = self.source_for(session.server.address) or self.front.source_for(peer)
        if not session.translated:
            self.sessions.translate(session, peer, src, self.tcp.free_port())
        return src, session.translated

    def pass_on(self, octets: bytes, packet: Packet, resolve: bytes, src_mac: bytes | None) -> None:
        """Send a packet to the MAC of an address, from our own MAC or from `src_mac`."""
        route = self.route(resolve)
        if route is None:
            return
        hop = route.gateway or resolve
        route.interface.neighbours.send(hop, octets, packet.src, src_mac)

    def _steer(self, interface: Interface, packet: Packet) -> bool:
        """An ICMP error about a server's reply belongs to that server (RFC 1191 works through a balancer only so)."""
        frame, at = packet.frame, packet.transport
        if not self.steers_errors or frame[at] not in ((3, 11) if packet.version == 4 else (1, 2, 3)):
            return False
        quoted = Packet(packets.ethernet(packet.dst_mac, packet.src_mac, frame[at + 8 : packet.end]))
        if quoted.protocol not in (packets.TCP, packets.UDP) or quoted.src not in self.vips:
            return False
        src_port, dst_port = quoted.ports
        session = self.sessions.find((quoted.protocol, quoted.dst, dst_port, quoted.src, src_port), self.clock.now)
        if session is None or self.is_local(session.server.address):
            return False
        SENDERS[self.settings.mode](self, interface, packet, session.server, session)
        return True

    # The way back, where it leads through the balancer.

    def _reverse(self, packet: Packet) -> Session | None:
        if packet.protocol not in (packets.TCP, packets.UDP) or not self._translates:
            return None
        return self.sessions.reverse(packet, self.clock.now)

    @property
    def _translates(self) -> bool:
        defects = self.settings.defects
        return self.settings.mode == "nat" or defects.rewrite_destination or defects.source_nat

    def forward(self, interface: Interface, packet: Packet) -> None:
        """A packet to pass on: a server's reply gets the VIP as source, if this balancer translates."""
        if self._reverse(packet) is None:
            super().forward(interface, packet)
            return
        route = self.route(packet.dst)
        if route is not None and route.interface is interface and packet.ttl > 1:
            self.icmp.redirect(packet, interface, route.gateway or packet.dst)
        self._return(packet)

    def _return(self, packet: Packet) -> None:
        session = self._reverse(packet)
        if session is None or packet.ttl <= 1:
            return
        _, client, client_port, vip, vip_port = session.key
        octets = packets.rewrite(
            packets.lower_ttl(packet.ip),
            vip,
            client,
            vip_port,
            client_port,
            sequence=(0, -self.settings.defects.sequence_shift),
            offload=self.offload,
        )
        self.send(octets, vip, client)

    # Probes of the VIP on a server.

    def probe(self, server: Server, vip: bytes, port: int, app: App) -> None:
        """Open a connection to the VIP on one server, found by its MAC."""
        src = self.source_for(server.address)
        if src is not None:
            src_port = self.tcp.free_port()
            self._probes[src, src_port] = server
            self.tcp.connect(vip, port, app, src, src_port)

    def send(self, packet: bytes, src: bytes, dst: bytes) -> None:
        """Send a packet of our own; probes of the VIP go to the server they are meant for."""
        if dst in self.vips and self.up:
            port = packet[20:22] if packet[0] >> 4 == 4 else packet[40:42]
            server = self._probes.get((src, int.from_bytes(port, "big")))
            if server is not None:
                route = self.route(server.address)
                if route is not None:
                    route.interface.neighbours.send(server.address, packet, src)
            return
        if src in self.vips and self.up:
            # What comes from a VIP leaves by the card that has it.
            route = self.route(dst)
            if route is not None:
                self.front.neighbours.send(route.gateway or dst, packet, src)
            return
        super().send(packet, src, dst)
