"""Step tables: one flow of each kind, commonest first, with the verdict of each step."""

from __future__ import annotations

from dsrcheck.analysis import judge
from dsrcheck.report.model import Report
from dsrcheck.rules import load_rules
from tests.ladder import BALANCER, CLIENT, VIP, WEB1, Ladder, healthy, path


def report_of(net: Ladder) -> Report:
    """The report of a capture on a mirror."""
    return judge(net.legs(), load_rules([])).report


def test_healthy() -> None:
    """All flows are of one kind: request, forward, reply, each from MAC to MAC and all right."""
    (table,) = report_of(healthy(6)).steps
    assert (table.vip, table.kind, table.flow) == (VIP, "request → forward → reply", 1)
    assert table.title == "flow 1, one of 6 like it"
    assert [(step.step, step.role, step.src_mac, step.dst_mac, step.src_ip, step.dst_ip) for step in table.steps] == [
        (1, "request", CLIENT.mac, BALANCER.mac, CLIENT.ip, VIP),
        (2, "forward", BALANCER.mac, WEB1.mac, CLIENT.ip, VIP),
        (3, "reply", WEB1.mac, CLIENT.mac, VIP, CLIENT.ip),
    ]
    assert {step.verdict for step in table.steps} == {"ok"}
    assert [step.breaks for step in table.steps] == [(), (), ()]


def test_kinds_by_number() -> None:
    """A flow whose reply takes the way through the balancer is of another kind, and says which rule it breaks."""
    net = healthy(6)
    for _ in range(2):
        net.connection(path(CLIENT, BALANCER, WEB1), path(WEB1, BALANCER, CLIENT))
    net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT))
    common, through, past = report_of(net).steps
    assert common.title.endswith("one of 6 like it")
    assert through.kind == "request → forward → reply to the balancer → relayed"
    assert [step.verdict for step in through.steps] == ["ok", "ok", "DSR202", "DSR202"]
    assert past.kind == "request past the balancer → reply"
    assert past.steps[0].verdict == "DSR101"


def test_reply_from_elsewhere() -> None:
    """An answer from another address than the VIP's stands at the end."""
    net = healthy(6)
    net.connection(path(CLIENT, BALANCER, WEB1), path(WEB1, CLIENT), reply_from=WEB1.ip, steps="Sa")
    table = report_of(net).steps[-1]
    assert table.kind == "request → forward → reply from elsewhere"
    assert (table.steps[-1].src_ip, table.steps[-1].verdict) == (WEB1.ip, "DSR201")


def test_nothing() -> None:
    """No traffic, no tables."""
    assert report_of(Ladder()).steps == ()
