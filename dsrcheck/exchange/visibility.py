"""What the capture would have shown: the views of the topology, asked by column."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from dsrcheck.exchange.arrays import flags
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, distinct
from dsrcheck.records import dataclass
from dsrcheck.topology.infer import Topology
from dsrcheck.topology.scene import Scene


@dataclass(frozen=True)
class Visibility:
    """What a capture shows of whom."""

    scene: Scene
    topology: Topology

    def sent(self, macs: Int64) -> Flags:
        """Whether all frames sent by each MAC would be in the capture."""
        shown = [mac for mac in distinct(macs).tolist() if mac and self._sent(mac)]
        return among(macs, shown)

    @cached_property
    def _balancer_macs(self) -> frozenset[int]:
        return frozenset(mac for vip in self.topology.vips for mac in vip.balancer_macs)

    def _sent(self, mac: int) -> bool:
        return any(view.shows_sent(mac, self._balancer_macs) for view in self.topology.views)

    def of_balancer(self, vip: Int64) -> Flags:
        """Whether all frames of each VIP's balancers would be here: at a balancer, or on a mirror of what it sends."""
        shown = flags(self._shows_balancer(number) for number in range(len(self.topology.vips)))
        return np.append(shown, False)[vip]

    def _shows_balancer(self, number: int) -> bool:
        macs = self.topology.vips[number].balancer_macs
        for view in self.topology.views:
            if view.hosts & macs:
                return True
            if view.is_mirror and any(src in macs for src, _ in view.edges):
                return True
        return False

    def at_host(self, macs: Int64) -> Flags:
        """Whether the capture was taken at the host of each MAC."""
        return among(macs, [mac for view in self.topology.views for mac in view.hosts])

    @cached_property
    def at_balancer(self) -> bool:
        """Whether an interface of the capture is a balancer's own."""
        return any(view.hosts & self._balancer_macs for view in self.topology.views)

    @cached_property
    def has_mirror(self) -> bool:
        """Whether an interface of the capture is a mirror of several ports."""
        return any(view.is_mirror for view in self.topology.views)

    @cached_property
    def has_macs(self) -> bool:
        """Whether any frame has both MAC addresses."""
        return any(view.has_macs for view in self.topology.views)

    @property
    def speakers(self) -> frozenset[int]:
        """MACs that sent at least one frame here."""
        return self.scene.speakers

    def asker_is_here(self, address: int) -> bool:
        """Whether the capture was taken at a host that itself asked for the address: it got every answer."""
        askers = self.scene.asked.get(address, frozenset())
        return any(len(view.hosts) == 1 and view.hosts & askers for view in self.topology.views)

    def vantage(self, interfaces: frozenset[int] | None = None) -> str:
        """The word for people (of the given interfaces): mirror, balancer, server, client, gateway or unknown."""
        views = [view for view in self.topology.views if interfaces is None or view.interface in interfaces]
        words = {self._word(view.hosts, view.is_mirror) for view in views}
        return words.pop() if len(words) == 1 else "mirror" if "mirror" in words else "unknown"

    def _word(self, hosts: frozenset[int], mirror: bool) -> str:
        if mirror:
            return "mirror"
        vips = self.topology.vips
        if any(hosts & vip.balancer_macs for vip in vips):
            return "balancer"
        if any(hosts & vip.server_macs for vip in vips):
            return "server"
        if hosts & self.topology.routers:
            return "gateway"
        return "client" if len(hosts) == 1 and vips else "unknown"
