"""Where a capture was taken, and so what it could have shown: visibility, a fact per MAC.

A capture in which every unicast frame has one MAC at either end was taken at that host (or on a mirror of its port
alone). Then only that host's frames are known to be all there; of the others only what they exchanged with it. When no
one host covers all unicast frames it is a mirror of several ports: a host whose unicast frames to somebody else than
the balancer are there is taken to be on a mirrored port.
"""

from __future__ import annotations

from dsrcheck.addresses import is_virtual_router_mac
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import distinct
from dsrcheck.records import dataclass
from dsrcheck.topology.claims import ASKING
from dsrcheck.topology.scene import Scene

Edges = dict[tuple[int, int], int]
STRAY_SHARE = 0.002
"""Share of unicast frames that a host's own capture may hold of others (a switch floods while it learns)."""


@dataclass(frozen=True)
class View:
    """What one interface of a capture shows.

    hosts: all MACs of the host it was taken at; empty: on a mirror, or not known
    edges: (sender, receiver) -> unicast frames
    """

    interface: int
    hosts: frozenset[int]
    edges: Edges
    has_macs: bool

    @property
    def is_mirror(self) -> bool:
        return self.has_macs and not self.hosts and len({mac for edge in self.edges for mac in edge}) > 2

    def shows_sent(self, mac: int, balancer_macs: frozenset[int]) -> bool:
        """Whether every frame that `mac` sent would be here."""
        if self.hosts:
            return mac in self.hosts and (len(self.hosts) == 1 or bool(self.hosts & balancer_macs))
        return self.is_mirror and any(src == mac and dst not in balancer_macs for src, dst in self.edges)


def views(scene: Scene) -> tuple[View, ...]:
    """One view an interface that has frames."""
    found = []
    for interface, all_edges in sorted(scene.edges_of_interfaces.items()):
        edges = {edge: frames for edge, frames in all_edges.items() if 0 not in edge}
        found.append(View(interface, _host(scene, interface, edges), edges, bool(edges)))
    return tuple(found)


def _host(scene: Scene, interface: int, edges: Edges) -> frozenset[int]:
    """MACs of the host at which the frames of `edges` were captured: empty on a mirror or when it cannot be told."""
    total = sum(edges.values())
    covered: dict[int, int] = {}
    for (src, dst), frames in edges.items():
        covered[src] = covered.get(src, 0) + frames
        covered[dst] = covered.get(dst, 0) + frames
    candidates = [mac for mac, frames in covered.items() if total - frames <= STRAY_SHARE * total]
    if len(candidates) > 1:
        unanswered = {mac: _unanswered(scene, interface, mac, edges) for mac in candidates}
        fewest = min(unanswered.values())
        candidates = [mac for mac in candidates if unanswered[mac] == fewest]
    if len(candidates) == 1:
        return frozenset(candidates)
    return frozenset() if candidates else _virtual_pair(covered, edges, total)


def _unanswered(scene: Scene, interface: int, mac: int, edges: Edges) -> int:
    """Strikes against `mac` being the host: its own questions without an answer here, others' to it that it let go."""
    claims = scene.claims
    here = claims.interface == interface
    mine = here & among(claims.kind, ASKING) & (claims.src_mac == mac)
    answered = set(claims.address[here & claims.owning & (claims.dst_mac == mac)].tolist())
    strikes = len(set(claims.target[mine].tolist()) - answered)
    return strikes + _forwards_from_nowhere(scene, mac)


def _forwards_from_nowhere(scene: Scene, mac: int) -> int:
    """1 when `mac` sends packets of somebody whose MAC is known to be another: they must have reached it unseen."""
    ends = scene.ends
    sent = scene.of_services & (ends.src_mac == mac)
    stated = scene.claims.address[scene.claims.stating & (scene.claims.mac != mac)]
    sources = distinct(ends.src[sent])
    foreign = sources[among(sources, stated)]
    arrived = distinct(ends.src[scene.of_services & (ends.dst_mac == mac)])
    return int(not among(foreign, arrived).all())


def _virtual_pair(covered: dict[int, int], edges: Edges, total: int) -> frozenset[int]:
    """A host that receives at a virtual MAC and sends from its own: the two MACs together cover everything."""
    if not covered:
        return frozenset()
    best = max(covered, key=lambda mac: (covered[mac], mac))
    rest = {edge: frames for edge, frames in edges.items() if best not in edge}
    for partner in {mac for edge in rest for mac in edge}:
        left = sum(frames for edge, frames in rest.items() if partner not in edge)
        disjoint = (best, partner) not in edges and (partner, best) not in edges
        # A virtual MAC of a known kind may send as well: it answers ARP.
        virtual = is_virtual_router_mac(best) or is_virtual_router_mac(partner)
        if left <= STRAY_SHARE * total and disjoint and (virtual or _complementary(edges, best, partner)):
            return frozenset({best, partner})
    return frozenset()


def _complementary(edges: Edges, one: int, other: int) -> bool:
    """Whether one MAC only receives where the other only sends, as a virtual MAC beside the physical one does."""
    sends = {mac: any(src == mac for src, _ in edges) for mac in (one, other)}
    return not (sends[one] and sends[other])
