"""What a balancer is told: its VIPs, services, servers, mode, method, checks and partner."""

from __future__ import annotations

from dataclasses import field, replace

from dsrcheck.lab.clock import SECOND
from dsrcheck.records import dataclass

MODES = ("dsr-mac", "nat", "proxy", "dsr-ipip")
METHODS = ("source-hash", "round-robin", "least-connections")
CHECKS = ("none", "arp", "ping", "tcp", "http", "vip")


@dataclass(frozen=True)
class Server:
    """A server as its balancer knows it: by its real address only."""

    name: str
    address: bytes


@dataclass(frozen=True)
class Service:
    """A balanced port of a VIP."""

    vip: bytes
    protocol: int
    port: int


@dataclass(frozen=True)
class Defects:
    """Ways in which a balancer can be broken, or differ from the common one. All off in a sound balancer.

    `resolve_by`: forwards go to the MAC of this address instead of the server's. `ttl`: forwards leave with this TTL.
    `sequence_shift`: added to sequence numbers. `lose`, `twice`: of so many forwarded packets one. `mixed_source`: each
    second connection keeps the requester's MAC as source; `flapping_source`: of so many packets one does.
    `rewrite_destination`, `source_nat`: NAT in the place of DSR.
    """

    resolve_by: bytes | None = None
    ttl: int | None = None
    new_ident: bool = False
    sequence_shift: int = 0
    lose: int = 0
    twice: int = 0
    mixed_source: bool = False
    flapping_source: int = 0
    rewrite_destination: bool = False
    source_nat: bool = False


@dataclass(frozen=True)
class Settings:
    """All that a balancer is told. Times in nanoseconds.

    `keep_client_mac`: the forward leaves with the source MAC of the request (the article, Radware's default).
    `lower_ttl`: the forward counts as a hop, as in Linux IPVS. `sessionless`: every packet is scheduled anew.
    """

    services: tuple[Service, ...]
    servers: tuple[Server, ...]
    mode: str = "dsr-mac"
    method: str = "source-hash"
    sessionless: bool = False
    keep_client_mac: bool = False
    lower_ttl: bool = True
    check: str = "none"
    check_every: int = 5 * SECOND
    check_timeout: int = 3 * SECOND
    fall: int = 2
    established_timeout: int = 900 * SECOND
    syn_timeout: int = 60 * SECOND
    fin_timeout: int = 120 * SECOND
    udp_timeout: int = 300 * SECOND
    priority: int = 0
    router_id: int = 51
    virtual_mac: bool = False
    announce: bool = True
    adverts: bool = False
    defects: Defects = field(default_factory=Defects)

    def with_(self, **changes: object) -> Settings:
        """The same settings but for these; names of defects reach into them."""
        inner = {k: v for k, v in changes.items() if k in Defects.__dataclass_fields__}
        outer = {k: v for k, v in changes.items() if k not in inner}
        unknown = [k for k in outer if k not in Settings.__dataclass_fields__]
        if unknown:
            raise ValueError(f"a balancer has no setting {unknown[0]!r}")
        defects = replace(self.defects, **inner)  # type: ignore[arg-type]
        return replace(self, **{"defects": defects, **outer})  # type: ignore[arg-type]
