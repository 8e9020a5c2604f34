"""The topology: VIPs with their mode, balancers, servers and gateways, each fact with how it is known."""

from __future__ import annotations

from dataclasses import field

from dsrcheck.records import dataclass

INFERRED, DECLARED = "inferred", "declared"

DSR_MAC, NAT, PROXY, DIRECT, UNKNOWN = "dsr-mac", "nat", "proxy", "direct", "unknown"
TUNNEL_MODES = {1: "dsr-ipip", 2: "dsr-gre", 3: "dsr-gue", 4: "dsr-geneve"}
"""Mode by the kernel's tunnel number of the forward leg."""
MODES = (DSR_MAC, *TUNNEL_MODES.values(), "dsr-option", "dsr-dscp", NAT, PROXY, DIRECT, UNKNOWN)


@dataclass(frozen=True)
class Host:
    """A balancer, server or gateway: all the MACs (integers) and addresses (text) that are one box."""

    role: str
    macs: tuple[int, ...]
    addresses: tuple[str, ...] = ()
    name: str | None = None
    provenance: str = INFERRED
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """Protocol (IP number) and port of a VIP that is balanced, and the mode it is seen in."""

    protocol: int
    port: int
    mode: str


@dataclass(frozen=True)
class Vip:
    """A virtual address: `identity` is its place in the address book."""

    address: str
    identity: int
    mode: str
    services: tuple[Service, ...] = ()
    balancers: tuple[Host, ...] = ()
    servers: tuple[Host, ...] = ()
    gateways: tuple[int, ...] = ()
    subnet: str | None = None
    provenance: str = INFERRED
    evidence: tuple[str, ...] = ()
    flow_pairs: dict[int, int] = field(default_factory=dict)
    """nat and proxy: flow at the client's side -> flow at the server's side."""
    rewritten: frozenset[int] = frozenset()
    """Flows at the server's side whose client's side is not in the capture: the VIP is in none of their packets."""
    remote: bool = False
    """Declared, and nobody on the captured link is known to be one of its hosts: its packets come by a router."""

    @property
    def balancer_macs(self) -> frozenset[int]:
        return frozenset(mac for host in self.balancers for mac in host.macs)

    @property
    def server_macs(self) -> frozenset[int]:
        return frozenset(mac for host in self.servers for mac in host.macs)
