"""A scenario made real: hosts, cards, the switch, its mirrors and taps, on one clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from dsrcheck.lab import packets
from dsrcheck.lab.clock import Clock, Dice
from dsrcheck.lab.dns import answer
from dsrcheck.lab.forwarder import Forwarder, Server, Service, Settings
from dsrcheck.lab.host import Host, Interface, network
from dsrcheck.lab.http import HttpServer
from dsrcheck.lab.numbering import Numbering, numbering
from dsrcheck.lab.router import NatRouter, Router
from dsrcheck.lab.scenario import Scenario, unknown
from dsrcheck.lab.wire import Nic, Switch, Tap
from dsrcheck.records import dataclass

ARM = 2  # access VLAN of the servers' arm


@dataclass
class Network:
    """All that runs. `hosts` by name; `forwarders` for balancers; `taps` by vantage.

    `changed` is called after each change from outside: the real lab has kernels follow.
    """

    scenario: Scenario
    seed: int
    clock: Clock = field(default_factory=Clock)
    hosts: dict[str, Host] = field(default_factory=dict)
    forwarders: dict[str, Forwarder] = field(default_factory=dict)
    nics: dict[str, list[Nic]] = field(default_factory=dict)
    taps: dict[str, Tap] = field(default_factory=dict)
    switches: dict[str, Switch] = field(default_factory=dict)
    starts: list[Callable[[], None]] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    changed: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.numbers: Numbering = numbering(self.scenario)
        self.vip = self.numbers.vip
        for name in ("inside", "outside", "home"):
            self.switches[name] = Switch(name, self.clock, Dice(self.seed, f"switch {name}"))

    def host(self, name: str) -> Host:
        """A host by name. Raises LabError."""
        if name not in self.hosts:
            raise unknown("host", name, self.hosts)
        return self.hosts[name]

    def plug(self, host: Host, interface: Interface, switch: str, access: int = 0, tap: str | None = None) -> Nic:
        """Connect an interface of an ordinary host to a switch."""
        nic = self._nic(host.name, interface, switch, access, tap)
        interface.output = nic.send
        nic.receive = lambda frame: host.receive(interface, frame)
        return nic

    def _nic(self, name: str, interface: Interface, switch: str, access: int, tap: str | None) -> Nic:
        cards = self.nics.setdefault(name, [])
        label = f"{name}.{len(cards)}"
        nic = Nic(label, {interface.mac}, self.clock, Dice(self.seed, f"nic {label}"))
        if tap is not None:
            nic.tap = self.taps.setdefault(tap, Tap(tap))
        cards.append(nic)
        self.switches[switch].connect(nic, access)
        return nic

    def plug_forwarder(self, forwarder: Forwarder, port: int, switch: str, access: int, tap: str | None) -> Nic:
        """Connect a port of a forwarder: frames in with the time, frames out, and a timer."""
        interface = forwarder.balancer.interfaces[port]
        nic = self._nic(forwarder.balancer.name, interface, switch, access, tap)
        nic.receive = lambda frame: self.drive(forwarder, forwarder.receive(self.clock.now, port, frame))
        return nic

    def drive(self, forwarder: Forwarder, out: list[tuple[int, bytes]]) -> None:
        """Send what a forwarder has put out, and come back when it is due."""
        cards = self.nics[forwarder.balancer.name]
        for port, frame in out:
            cards[port].send(frame)
        due = forwarder.due
        if due is not None:
            self.clock.at(due, self._due, forwarder, due)

    def _due(self, forwarder: Forwarder, when: int) -> None:
        if forwarder.due is not None and forwarder.due <= when:
            self.drive(forwarder, forwarder.advance(self.clock.now))

    def add(self, name: str, role: str, host: Host) -> Host:
        """Enter a host."""
        self.hosts[name] = host
        self.roles[name] = role
        host.offload = self.scenario.offload
        return host

    def run(self, until: int) -> None:
        """Start everything, and let it run."""
        for start in self.starts:
            start()
        self.clock.run(until)


def build(scenario: Scenario, seed: int) -> Network:
    """The network of a scenario, not yet running."""
    net = Network(scenario, seed)
    _mirrors(net)
    if scenario.routed or scenario.natted or scenario.two_arms or "gateway" in scenario.tags:
        _gateway(net)
    for place in range(1, scenario.servers + 1):
        _server(net, place)
    for place in range(1, scenario.clients + 1):
        _client(net, f"client{place}", net.numbers.client(place), "inside", net.numbers.gateway)
    for place in range(1, scenario.routed + 1):
        _client(net, f"routed{place}", net.numbers.routed(place), "outside", net.numbers.outside_gateway)
    if scenario.natted:
        _nat(net)
    if scenario.balanced:
        for place in range(1, scenario.balancers + 1):
            _balancer(net, place)
        _mirror_of_balancer(net)
    return net


def _mirrors(net: Network) -> None:
    inside = net.switches["inside"]
    net.taps["mirror"] = Tap("mirror")
    net.taps["mirror-both"] = Tap("mirror-both")
    inside.mirror(net.taps["mirror"], "received")
    inside.mirror(net.taps["mirror-both"], "both")


def _mirror_of_balancer(net: Network) -> None:
    net.taps["mirror-balancer"] = Tap("mirror-balancer")
    net.switches["inside"].mirror(net.taps["mirror-balancer"], "both", net.nics["balancer"][0])


def _gateway(net: Network) -> None:
    numbers = net.numbers
    gateway = net.add("gateway", "gateway", Router("gateway", net.clock, net.seed))
    inner = gateway.interface("eth0", numbers.gateway_mac, net.scenario.vlan)
    inner.add(numbers.gateway, numbers.bits)
    net.plug(gateway, inner, "inside", tap="gateway")
    outer = gateway.interface("eth1", numbers.outside_mac)
    outer.add(numbers.outside_gateway, numbers.bits)
    net.plug(gateway, outer, "outside", tap="outside")
    if net.scenario.two_arms:
        third = gateway.interface("eth2", numbers.arm_mac)
        third.add(numbers.arm_gateway, numbers.bits)
        net.plug(gateway, third, "inside", ARM)


def default_route(host: Host, interface: Interface, gateway: bytes) -> None:
    """Have a host send what leaves its subnets to a gateway, and to no other one in its family."""
    whole = "0.0.0.0/0" if len(gateway) == 4 else "::/0"
    host.routes = [route for route in host.routes if route.network != network(whole)]
    host.add_route(whole, interface, gateway)


def _client(net: Network, name: str, numbers: tuple[bytes, bytes], switch: str, gateway: bytes) -> Host:
    mac, address = numbers
    host = net.add(name, "client", Host(name, net.clock, net.seed))
    interface = host.interface("eth0", mac, net.scenario.vlan if switch == "inside" else None)
    interface.add(address, net.numbers.bits)
    net.plug(host, interface, switch, tap=name)
    default_route(host, interface, gateway)
    return host


def _server(net: Network, place: int) -> None:
    scenario, numbers = net.scenario, net.numbers
    name = f"server{place}"
    mac, address = numbers.server(place)
    host = net.add(name, "server", Host(name, net.clock, net.seed))
    interface = host.interface("eth0", mac, scenario.vlan)
    interface.add(address, numbers.bits)
    elsewhere = "wrong-subnet" in scenario.tags
    net.plug(host, interface, "home" if elsewhere else "inside", ARM if scenario.two_arms else 0, name)
    gateway = numbers.arm_gateway if scenario.two_arms else numbers.gateway
    if scenario.mode == "nat":
        gateway = numbers.balancer(1)[1]
    default_route(host, interface, gateway)
    if scenario.mode.startswith("dsr"):
        host.sysctls.update({"all.arp_ignore": 1, "all.arp_announce": 2})
        host.loopback[net.vip] = network(packets.ip_text(net.vip))
        host.tunnel = scenario.mode == "dsr-ipip"
        host.changed()
    host.tcp.mss = scenario.server_mss
    serve(net, host)


def serve(net: Network, host: Host) -> None:
    """Have a host serve the scenario's ports, on all its addresses."""
    for port in net.scenario.ports:
        protocol, _, number = port.partition("/")
        if protocol == "tcp":
            host.tcp.listen(int(number), lambda connection: HttpServer(host, host.name))
        else:
            host.udp.bind(int(number), frozenset({net.vip, *host.interfaces[0].addresses}), answer)


def _nat(net: Network) -> None:
    numbers = net.numbers
    box = net.add("natbox", "router", NatRouter("natbox", net.clock, net.seed))
    inner = box.interface("eth0", packets.mac("00:01:aa:bb:ee:fe"))
    inner.add(packets.ip("192.168.1.1"), 24)
    net.plug(box, inner, "home")
    mac, address = numbers.routed(40)
    outer = box.interface("eth1", mac)
    outer.add(address, numbers.bits)
    net.plug(box, outer, "outside", tap="natbox")
    default_route(box, outer, numbers.outside_gateway)
    for place in range(1, net.scenario.natted + 1):
        own = (packets.mac(f"00:01:aa:bb:ee:{place:02x}"), packets.ip(f"192.168.1.{10 + place}"))
        _client(net, f"natted{place}", own, "home", packets.ip("192.168.1.1"))


def _balancer(net: Network, place: int) -> None:
    scenario, numbers = net.scenario, net.numbers
    name = "balancer" if place == 1 else f"balancer{place}"
    mac, snip = numbers.balancer(place)
    protocols = {"tcp": packets.TCP, "udp": packets.UDP}
    services = [port.split("/") for port in scenario.ports]
    settings = Settings(
        tuple(Service(net.vip, protocols[protocol], int(port)) for protocol, port in services),
        tuple(Server(f"server{n}", numbers.server(n)[1]) for n in range(1, scenario.servers + 1))
        + ((Server("balancer", snip),) if scenario.localnode else ()),
        priority=150 - 50 * (place - 1),
    ).with_(**scenario.balancer)
    forwarder = Forwarder(name, settings, net.seed, active=place == 1)
    net.forwarders[name] = forwarder
    balancer = forwarder.balancer
    net.add(name, "balancer", balancer)
    balancer.tells_too_big = scenario.tells_too_big
    front = forwarder.add_interface("eth0", mac, scenario.vlan)
    nic = net.plug_forwarder(forwarder, front, "inside", 0, name)
    balancer.listen_mac = nic.macs.add
    if scenario.numbering == "article":
        # Both cards are on one segment: each answers for its own address only.
        balancer.sysctls["all.arp_ignore"] = 1
    else:
        balancer.front.add(snip, numbers.bits)
    if scenario.two_arms or scenario.numbering == "article":
        back_mac, back = numbers.back(place)
        port = forwarder.add_interface("eth1", back_mac)
        balancer.interfaces[port].add(back, numbers.bits)
        net.plug_forwarder(forwarder, port, "inside", ARM if scenario.two_arms else 0, f"{name}-back")
    if "gateway" in net.hosts:
        default_route(balancer, balancer.front, numbers.gateway)
    if scenario.mode == "nat":
        balancer.sysctls["all.send_redirects"] = 1
    if "wrong-subnet" in scenario.tags:
        # It takes the servers for its neighbours, and knows their MACs by configuration.
        balancer.add_route(numbers.server_subnet, balancer.interfaces[-1])
        for n in range(1, scenario.servers + 1):
            balancer.interfaces[-1].neighbours.set(numbers.server(n)[1], numbers.server(n)[0])
    if settings.keep_client_mac:
        # Or else the switch would look for the clients behind the balancer's port, and replies would go there.
        net.switches["inside"].sticky = True
    if scenario.localnode:
        serve(net, balancer)
    net.starts.append(lambda: net.drive(forwarder, forwarder.start(net.clock.now)))
