"""The picture of who sends what to whom: what stands where, and what passes by whom."""

from __future__ import annotations

import re
from dataclasses import replace

from dsrcheck.report.illustrations import Arrow, Traffic
from dsrcheck.report.model import Host
from dsrcheck.report.page.topology import HOST_LIMIT, NODE_HEIGHT, NODE_WIDTH, Edge, Picture, picture
from tests.report.reports import BALANCER, CLIENT, SERVED, SERVER, VIP

REQUEST = Arrow(1, "request", CLIENT, BALANCER, 4)
FORWARD = Arrow(2, "forward", BALANCER, SERVER, 4)
REPLY = Arrow(3, "reply", SERVER, CLIENT, 4)


def drawn(*arrows: Arrow, **culprits: list[str]) -> Picture:
    """The picture of some arrows."""
    made = picture(SERVED, Traffic(VIP, arrows, 0, {CLIENT: "192.168.10.51"}), {SERVER: culprits.get("server", [])})
    assert made is not None
    return made


def edge_of(made: Picture, role: str) -> Edge:
    """The one arrow of a role."""
    (edge,) = [edge for edge in made.edges if edge.title.split(":")[0].endswith(role)]
    return edge


def lowest_within(edge: Edge, left: float, right: float) -> float:
    """The highest place (least y) of an arrow between two x, by following its curve."""
    x1, y1, x2, y2, x3, y3, x4, y4 = map(float, re.findall(r"-?\d+", edge.path))
    points = []
    for step in range(101):
        t = step / 100
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        points.append((a * x1 + b * x2 + c * x3 + d * x4, a * y1 + b * y2 + c * y3 + d * y4))
    return min(y for x, y in points if left <= x <= right)


def test_columns_from_client_to_server() -> None:
    """Clients at the left, then balancer, then servers, in rows."""
    made = drawn(REQUEST, FORWARD, REPLY)
    titles = {node.mac: (node.title, node.address, node.x) for node in made.nodes}
    assert titles[CLIENT][:2] == ("client", "192.168.10.51")
    assert titles[CLIENT][2] < titles[BALANCER][2] < titles[SERVER][2]
    assert len({node.x for node in made.nodes if node.title == "server"}) == 1
    assert all(
        0 <= node.x <= made.width - NODE_WIDTH and 0 <= node.y <= made.height - NODE_HEIGHT for node in made.nodes
    )


def test_a_reply_passes_below_the_balancer() -> None:
    """An arrow through the box would say the opposite."""
    made = drawn(REQUEST, FORWARD, REPLY)
    (balancer,) = [node for node in made.nodes if node.mac == BALANCER]
    below = lowest_within(edge_of(made, "reply"), balancer.x, balancer.x + NODE_WIDTH)
    assert below > balancer.y + NODE_HEIGHT


def test_kinds_and_labels() -> None:
    """One label a role; what breaks a rule is marked, and says which to whoever points at it."""
    broken = replace(REPLY, dst_mac=BALANCER, breaks=("DSR202",))
    second = replace(FORWARD, dst_mac=SERVED.servers[0].macs[0])
    made = drawn(REQUEST, FORWARD, second, broken, server=["DSR202"])
    assert [edge.kind for edge in made.edges] == ["request", "forward", "forward", "broken"]
    assert [edge.label for edge in made.edges] == ["1 request", "2 forward", "", "✗ 3 reply"]
    assert edge_of(made, "reply").title == f"3 reply: {SERVER} > {BALANCER}, 4 connections, breaks DSR202"
    assert [node.culprit for node in made.nodes if node.mac == SERVER] == [("DSR202",)]


def test_a_forward_under_the_clients_mac_is_the_balancers() -> None:
    """Some balancers leave the client's MAC as source; who sends it is known all the same."""
    made = drawn(REQUEST, replace(FORWARD, src_mac=CLIENT))
    (balancer,) = [node for node in made.nodes if node.mac == BALANCER]
    assert edge_of(made, "forward").path.startswith(f"M{balancer.x + NODE_WIDTH:.0f} ")


def test_two_roles_between_the_same_hosts_do_not_cover_each_other() -> None:
    """A forwarded packet that comes back runs beside the request."""
    made = drawn(REQUEST, replace(REQUEST, role="sent on", step=2))
    assert len({edge.path for edge in made.edges}) == 2
    assert len({edge.y for edge in made.edges}) == 2


def test_many_hosts_are_counted() -> None:
    """A column stays a column, and every arrow finds its end."""
    servers = tuple(Host("server", (f"02:00:00:00:00:{n:02x}",)) for n in range(30))
    arrows = tuple(Arrow(2, "forward", BALANCER, host.macs[0], 1) for host in servers[::-1])
    made = picture(replace(SERVED, servers=servers), Traffic(VIP, arrows), {})
    assert made is not None
    shown = [node for node in made.nodes if node.title.startswith("server") or "more" in node.title]
    assert len(shown) == HOST_LIMIT
    assert shown[-1].title == f"{30 - HOST_LIMIT + 1} more"
    assert len(made.edges) == HOST_LIMIT


def test_gateways() -> None:
    """Those that bring the clients' packets stand for the clients; others are left out."""
    (gateway,) = SERVED.gateways[0].macs
    assert gateway not in {node.mac for node in drawn(REQUEST).nodes}
    made = drawn(replace(REQUEST, src_mac=gateway))
    assert [node.title for node in made.nodes if node.mac == gateway] == ["gateway to clients"]


def test_nothing_to_draw() -> None:
    """No arrows, as where frames have no MACs: no picture."""
    assert picture(SERVED, Traffic(VIP, ()), {}) is None


def test_labels_do_not_stand_on_each_other() -> None:
    """A reply that is right and one that is not run side by side."""
    broken = replace(REPLY, src_mac=SERVED.servers[0].macs[0], dst_mac="02:00:00:00:c0:02", breaks=("DSR204",))
    other = replace(REPLY, src_mac=SERVED.servers[2].macs[0])
    labels = [(edge.x, edge.y) for edge in drawn(REQUEST, REPLY, other, broken).edges if edge.label]
    assert len(labels) == 3
    for place, (x, y) in enumerate(labels):
        assert all(abs(x - there) >= 80 or abs(y - height) >= 15 for there, height in labels[:place])
