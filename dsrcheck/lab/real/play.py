"""The lab's network on kernels: the plan is the simulator's Network, and everything here makes the world like it.

Each host has a namespace. A kernel host is configured as the plan says, again after every change; a host that plays
itself (needs.plays_itself) keeps its simulated stack, and its cards become packet sockets. The plan's clock is driven
by the real one, `pace` times as fast.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

from dsrcheck.lab import packets
from dsrcheck.lab.changes import change
from dsrcheck.lab.clock import SECOND
from dsrcheck.lab.forwarder.failover import virtual_mac
from dsrcheck.lab.host import Host, Interface
from dsrcheck.lab.neighbours import Neighbours
from dsrcheck.lab.network import Network, build
from dsrcheck.lab.real import cards, clients, kernel, services
from dsrcheck.lab.real.namespace import Namespace
from dsrcheck.lab.real.needs import plays_itself
from dsrcheck.lab.real.taps import MIRRORS, Move
from dsrcheck.lab.scenario import Scenario, Traffic
from dsrcheck.lab.traffic import schedule, simulated
from dsrcheck.lab.wire import Nic

BURST = 64
"""Most frames to take from one card before looking at the clock and at the others again."""
SPIN = 0.001
"""Seconds below which waiting is not worth it: epoll counts milliseconds."""


class Play:
    """A scenario being played. `now` is the plan's time in nanoseconds; `step` lets things happen."""

    def __init__(self, scenario: Scenario, seed: int, pace: float) -> None:
        self.pace = pace
        self.net = build(scenario, seed)
        self.spaces: dict[str, Namespace] = {}
        self.ports: dict[str, str] = {}
        """Devices of the switch at which something is seen, each with its vantage."""
        self.macs: dict[str, set[bytes]] = {}
        """Of each host's port, the addresses its card listens to, now or once."""
        self.moves: list[Move] = []
        """Who has begun to listen to a virtual MAC, and when."""
        self.selector = selectors.DefaultSelector()
        self._switch = Namespace("switch")
        self._states: dict[str, kernel.State] = {}
        self._served: dict[tuple[str, services.Binding], services.Service] = {}
        self._cabled: set[str] = set()
        self.off: set[str] = set()
        """Hosts that are switched off."""
        self._bridges: set[str] = set()
        self._begin = 0
        self.net.changed = self.follow
        _still_ipv6(self._switch, False)
        self.follow()
        for entry in scenario.changes:
            change(self.net, entry, entry["at"] or 0, None)

    @property
    def switch(self) -> Namespace:
        """Where the mirror is."""
        return self._switch

    # The world follows the plan.

    def follow(self) -> None:
        """Make namespaces, cables and the configuration of kernels as the plan has them now."""
        for name, host in list(self.net.hosts.items()):
            if name not in self.spaces:
                self._settle(name)
            for place, interface in enumerate(host.interfaces):
                nics = self.net.nics.get(name, [])
                self._cable(name, interface, nics[place] if place < len(nics) else None)
            self._power(name, host)
            if host.up and not self._plays(name):
                self._configure(name, host)
        for name in self.spaces.keys() - self.net.hosts.keys():
            self._vanish(name)

    def _plays(self, name: str) -> bool:
        return plays_itself(self.net.scenario, name)

    def _settle(self, name: str) -> None:
        space = self.spaces[name] = Namespace(name)
        kernel_six = self.net.scenario.ip == 6 and not self._plays(name)
        _still_ipv6(space, kernel_six)
        space.ip(["link set lo up"])

    def _vanish(self, name: str) -> None:
        """A host that is in the plan no longer."""
        space = self.spaces.pop(name)
        space.ip(["link del eth0"])  # and with it the port at the other end
        space.close()
        self._states.pop(name, None)
        self.off.discard(name)
        for port in (f"{name}.0", f"{name}.eth1"):
            self._cabled.discard(port)
            self.ports.pop(port, None)

    def _cable(self, name: str, interface: Interface, nic: Nic | None) -> None:
        port = nic.name if nic is not None else f"{name}.{interface.name}"
        if port in self._cabled:
            return
        self._cabled.add(port)
        space = self.spaces[name]
        cards.cable(self._switch, self._bridge(nic), port, space, interface.name, interface.mac)
        if self._plays(name):
            space.ip([f"link set {interface.name} arp off up"])
        else:
            space.ip([f"link set {interface.name} up"])
            interface.neighbours = KernelNeighbours(self.net.hosts[name], interface, space)
        if nic is not None:
            self._connect(name, interface, nic, space)

    def _power(self, name: str, host: Host) -> None:
        """Take a host's cards down, or up again: then a kernel has to be told anew all that it knew of them."""
        if host.up == (name in self.off):
            self.off ^= {name}
            self._states.pop(name, None)
            self.spaces[name].ip([f"link set {i.name} {'up' if host.up else 'down'}" for i in host.interfaces])

    def _bridge(self, nic: Nic | None) -> str | None:
        if nic is None or nic.switch is None:
            return None
        access = nic.switch.access[nic.name]
        name = f"{nic.switch.name}{access or ''}"
        if name not in self._bridges:
            tap = MIRRORS[bool(access)] if nic.switch.name == "inside" else None
            cards.bridge(self._switch, name, tap)
            if tap is not None:
                self.ports[tap] = "mirror"
            self._bridges.add(name)
        return name

    def _connect(self, name: str, interface: Interface, nic: Nic, space: Namespace) -> None:
        if nic.tap is not None:
            self.ports[nic.name] = nic.tap.name
            self.macs[nic.name] = nic.macs | self._virtual(name)
            nic.tap = None
        if name in self.net.forwarders and nic is self.net.nics[name][0]:
            self.net.forwarders[name].balancer.listen_mac = partial(self._listen, nic)
        if self._plays(name):
            card = space.call(cards.listening, interface.name)
            self.selector.register(card, selectors.EVENT_READ, partial(self._take, card, nic))
        else:
            card = space.call(cards.sending, interface.name)
        nic.switch = cards.Wire(card)  # type: ignore[assignment]

    def _virtual(self, name: str) -> set[bytes]:
        forwarder = self.net.forwarders.get(name)
        shared = forwarder is not None and forwarder.balancer.settings.virtual_mac
        return {virtual_mac(forwarder.balancer.settings.router_id)} if shared and forwarder is not None else set()

    def _listen(self, nic: Nic, mac: bytes) -> None:
        nic.macs.add(mac)
        self.moves.append(Move(time.time_ns(), nic.name, mac))

    def _configure(self, name: str, host: Host) -> None:
        before, after = self._states.get(name, kernel.State()), kernel.wanted(host)
        space = self.spaces[name]
        for key, value in after.sysctls.items():
            if before.sysctls.get(key) != value:
                space.sysctl(key, value)
        space.ip(kernel.commands(before, after))
        self._states[name] = after
        self._serve(name, host)

    def _serve(self, name: str, host: Host) -> None:
        wanted = {(name, binding) for binding in services.bindings(host)}
        for key in [key for key in self._served if key[0] == name and key not in wanted]:
            service = self._served.pop(key)
            self.selector.unregister(service)
            service.server_close()
        for key in wanted - self._served.keys():
            service = self.spaces[name].call(services.serve, key[1], self.net.scenario.ip == 6)
            self._served[key] = service
            self.selector.register(service, selectors.EVENT_READ, service.handle_request)

    # Time, frames and traffic.

    @property
    def now(self) -> int:
        """The plan's time: nothing until it starts."""
        return int((time.monotonic_ns() - self._begin) * self.pace) if self._begin else 0

    def start(self, endless: bool) -> None:
        """Begin: the clock, the balancers, the traffic (again and again, if it is `endless`)."""
        self._begin = time.monotonic_ns()
        for start in self.net.starts:
            start()
        self._traffic(endless)

    def _traffic(self, endless: bool) -> None:
        schedule(self.net, self._act)
        if endless:
            self.net.clock.at(self.net.clock.now + _round(self.net.scenario), self._traffic, True)

    def _act(self, net: Network, traffic: Traffic, name: str, nth: int) -> None:
        if self._plays(name):
            simulated(net, traffic, name, nth)
            return
        if not net.host(name).up:
            return
        todo = clients.task(net, traffic, nth, self.pace)
        self.follow_services()
        self.spaces[name].call(_begin, todo)

    def follow_services(self) -> None:
        """Serve what traffic has asked the plan to serve."""
        for name, host in self.net.hosts.items():
            if not self._plays(name):
                self._serve(name, host)

    def _take(self, card: socket.socket, nic: Nic) -> None:
        for _ in range(BURST):
            try:
                frame = card.recv(65_536)
            except OSError:  # no more, or the cable is cut
                return
            self.net.clock.run(self.now)
            nic.deliver(frame)

    def step(self, longest: float) -> None:
        """Let pass what is due, then wait for a frame, a knock or the clock, so many seconds at most, and see to it."""
        clock = self.net.clock
        clock.run(self.now)
        wait = longest
        if self._begin and clock.due is not None:
            wait = min(longest, (clock.due - self.now) / self.pace / SECOND)
        for key, _ in self.selector.select(0 if wait < SPIN else wait):
            # What came before in this round may have ended it.
            if self.selector.get_map().get(key.fd) is key:
                key.data()


class KernelNeighbours(Neighbours):
    """The neighbour cache of a kernel's card: only what was set by hand is known; the rest is the kernel's own."""

    def __init__(self, host: Host, interface: Interface, space: Namespace) -> None:
        super().__init__(host, interface)
        self.space = space

    def forget(self, address: bytes) -> None:
        """Remove an entry, whoever made it."""
        super().forget(address)
        # `replace` first: there need not be one.
        text = f"{packets.ip_text(address)} dev {self.interface.name}"
        self.space.ip([f"neigh replace {text} lladdr {packets.mac_text(bytes(6))} nud stale", f"neigh del {text}"])


def _begin(todo: Callable[[], None]) -> None:
    threading.Thread(target=todo, daemon=True).start()


def _round(scenario: Scenario) -> int:
    """How long a scenario's traffic lasts: then it can begin again without a pause."""
    return max((t.start + t.every * t.times for t in scenario.traffic), default=scenario.length)


def _still_ipv6(space: Namespace, wanted: bool) -> None:
    """No IPv6 where it is not the scenario's, and no noise of hosts that look for routers or for duplicates."""
    said = {"disable_ipv6": int(not wanted), "accept_dad": 0, "dad_transmits": 0, "accept_ra": 0}
    for name, value in (said | {"router_solicitations": 0}).items():
        space.sysctl(f"ipv6/conf/default/{name}", value)
    space.sysctl("ipv6/conf/all/disable_ipv6", int(not wanted))
