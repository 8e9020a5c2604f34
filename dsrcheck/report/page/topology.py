"""Where the hosts of a VIP and the arrows between them stand in the picture of who sends what to whom.

Columns from left to right: clients and the gateways to them, balancers, servers. What passes by a column bends below
its hosts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from dsrcheck.records import dataclass
from dsrcheck.report.illustrations import Arrow, Traffic
from dsrcheck.report.model import Host, VipReport

NODE_WIDTH, NODE_HEIGHT, ROW = 164, 58, 92
MARGIN, GAP = 12, 330
HOST_LIMIT = 5
"""Hosts of a column that are drawn; what is more is one host more."""
CLEARANCE = 30
"""Below a host that an arrow passes by."""


SPACING = 18
"""Between two arrows of different roles that go the same way."""
BULGE = 60
LABEL_WIDTH, LINE = 80, 15
KINDS = {1: "request", 2: "forward"}


@dataclass(frozen=True)
class Node:
    """A host. `x`, `y`: its upper left corner; `culprit`: ids of the rules that it must be mended for."""

    title: str
    address: str
    mac: str
    x: float
    y: float
    culprit: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """An arrow as an SVG path. `label` stands at (`x`, `y`); only one arrow of a kind has one."""

    path: str
    kind: str
    title: str
    label: str
    x: float
    y: float


@dataclass(frozen=True)
class Picture:
    """Nodes and edges in a box of `width` and `height`."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def picture(vip: VipReport, traffic: Traffic, culprits: Mapping[str, Sequence[str]]) -> Picture | None:
    """Draw a VIP; `culprits`: MAC -> ids of rules. None where there is no arrow to draw."""
    columns = [column for column in _columns(vip, traffic) if column]
    if not columns:
        return None
    height = max(len(column) for column in columns) * ROW
    places: dict[str, Node] = {}
    for number, column in enumerate(columns):
        # What is between others stands at the top, with room below for what passes by.
        top = MARGIN if 0 < number < len(columns) - 1 else (height - len(column) * ROW) / 2 + MARGIN
        for row, (title, address, macs) in enumerate(column):
            rules = tuple(dict.fromkeys(rule for mac in macs for rule in culprits.get(mac, ())))
            mac = macs[0] + (f" +{len(macs) - 1}" if len(macs) > 1 else "")
            node = Node(title, address, mac, MARGIN + number * GAP, top + row * ROW, rules)
            places |= dict.fromkeys(macs, node)
    nodes = tuple(dict.fromkeys(places.values()))
    balancer_macs = [mac for host in vip.balancers for mac in host.macs]
    edges = _apart(_edges(traffic.arrows, places, nodes, balancer_macs))
    if not edges:
        return None
    bottom = max([height, *(edge.y + 10 for edge in edges)])
    return Picture(2 * MARGIN + (len(columns) - 1) * GAP + NODE_WIDTH, bottom + 2 * MARGIN, nodes, edges)


Entry = tuple[str, str, tuple[str, ...]]
"""Title, address and MACs of a host."""


def _columns(vip: VipReport, traffic: Traffic) -> list[list[Entry]]:
    known = {mac for host in (*vip.balancers, *vip.servers, *vip.gateways) for mac in host.macs}
    used = dict.fromkeys(mac for arrow in traffic.arrows for mac in (arrow.src_mac, arrow.dst_mac))
    clients: list[Entry] = [("client", traffic.addresses.get(mac, ""), (mac,)) for mac in used if mac not in known]
    # Gateways that take no part in this VIP's connections say nothing here.
    gateways = [host for host in vip.gateways if set(host.macs) & set(used)]
    front = [*clients, *_entries(gateways, "" if clients else " to clients")]
    return [_limited(column, used) for column in (front, _entries(vip.balancers), _entries(vip.servers))]


def _entries(hosts: Iterable[Host], more: str = "") -> list[Entry]:
    return [
        (f"{host.role} {host.name or ''}".strip() + more, ", ".join(host.addresses[:1]), host.macs)
        for host in hosts
        if host.macs
    ]


def _limited(column: list[Entry], used: Iterable[str]) -> list[Entry]:
    """The first hosts of a column, those with arrows before others, and the rest as one."""
    if len(column) <= HOST_LIMIT:
        return column
    order = list(used)
    column = sorted(column, key=lambda entry: min((order.index(mac) for mac in entry[2] if mac in order), default=999))
    shown, rest = column[: HOST_LIMIT - 1], column[HOST_LIMIT - 1 :]
    return [*shown, (f"{len(rest)} more", "", tuple(mac for _, _, macs in rest for mac in macs))]


def _edges(
    arrows: Iterable[Arrow],
    places: Mapping[str, Node],
    nodes: Sequence[Node],
    balancer_macs: Iterable[str],
) -> Iterator[Edge]:
    balancers = [places[mac] for mac in balancer_macs if mac in places]
    balancer = balancers[0] if balancers else None
    labelled: set[tuple[str, tuple[str, ...]]] = set()
    roles: dict[tuple[Node, Node], list[str]] = defaultdict(list)
    for arrow in sorted(arrows, key=lambda arrow: (bool(arrow.breaks), arrow.step)):
        source, target = places[arrow.src_mac], places[arrow.dst_mac]
        if arrow.role == "forward" and balancer and source not in balancers:
            source = balancer  # some balancers leave the client's MAC as source
        if source is target or arrow.role in roles[source, target]:
            continue
        roles[source, target].append(arrow.role)
        first = (arrow.role, arrow.breaks) not in labelled
        labelled.add((arrow.role, arrow.breaks))
        yield _edge(arrow, source, target, nodes, first, len(roles[source, target]) - 1)


def _apart(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """The edges, with labels moved down that would stand on others."""
    placed: list[Edge] = []
    for edge in edges:
        y = edge.y
        while any(abs(edge.x - other.x) < LABEL_WIDTH and abs(y - other.y) < LINE for other in placed if other.label):
            y += LINE
        placed.append(replace(edge, y=y) if edge.label else edge)
    return tuple(placed)


def _edge(arrow: Arrow, source: Node, target: Node, nodes: Sequence[Node], labelled: bool, before: int) -> Edge:
    """One arrow; `before`: how many are drawn already from this host to that."""
    rightwards = target.x > source.x
    beside = target.x == source.x  # two hosts of one column: out and in at the right
    # What runs to the right runs above what comes back.
    shift = -9 - SPACING * before if rightwards else 11 + SPACING * before
    x1 = source.x + (NODE_WIDTH if rightwards or beside else 0)
    x2 = target.x + (NODE_WIDTH if beside or not rightwards else 0)
    y1, y2 = (node.y + NODE_HEIGHT / 2 + shift for node in (source, target))
    between = [node for node in nodes if min(x1, x2) < node.x + NODE_WIDTH / 2 < max(x1, x2)]
    middle = (y1 + y2) / 2
    below = max((node.y + NODE_HEIGHT for node in between), default=0.0) + CLEARANCE + shift
    # A cubic curve comes two thirds of the way to the height of its control points within the middle third of its
    # length, where the host stands, and three quarters at most.
    drop = max((below - middle) * 1.5, 0.0) if between else 0.0
    pull = (BULGE, BULGE) if beside else ((x2 - x1) / 3, (x1 - x2) / 3)
    path = f"M{x1:.0f} {y1:.0f}C{x1 + pull[0]:.0f} {y1 + drop:.0f} {x2 + pull[1]:.0f} {y2 + drop:.0f} {x2:.0f} {y2:.0f}"
    count = f"{arrow.flows:,} connection{'s' * (arrow.flows != 1)}"
    broken = f", breaks {', '.join(arrow.breaks)}" if arrow.breaks else ""
    label = f"{arrow.step} {arrow.role}" if labelled else ""
    return Edge(
        path,
        "broken" if arrow.breaks else KINDS.get(arrow.step, "reply"),
        f"{arrow.step} {arrow.role}: {arrow.src_mac} > {arrow.dst_mac}, {count}{broken}",
        f"✗ {label}" if label and arrow.breaks else label,
        (x1 + x2) / 2 + (BULGE if beside else 0),
        middle + 0.75 * drop + (-6 if rightwards and not drop else 15),
    )
