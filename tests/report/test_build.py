"""The report of hand-made traffic: captures, who is who, bytes, and what is seen instead."""

from __future__ import annotations

from dsrcheck.analysis import judge
from dsrcheck.report.build import time_text
from dsrcheck.report.model import Report
from dsrcheck.rules import load_rules
from tests.ladder import BALANCER, CLIENT, COOKED, ETHERNET, VIP, WEB1, WEB2, Host, Ladder, healthy, path


def report_of(net: Ladder, at: Host | None = None, link_type: int = ETHERNET) -> Report:
    """The report of a capture."""
    return judge(net.legs(at, link_type), load_rules([])).report


def test_who_is_who() -> None:
    """VIP, service, balancer, servers with their flows, clients and bytes are what was built."""
    report = report_of(healthy(6))
    assert report.verdict == "pass"
    (vip,) = report.vips
    assert (vip.address, vip.mode, vip.flows, vip.clients) == (VIP, "dsr-mac", 6, 1)
    assert [(service.protocol, service.port, service.flows) for service in vip.services] == [("tcp", 80, 6)]
    assert [host.macs for host in vip.balancers] == [(BALANCER.mac,)]
    assert [(host.macs, host.addresses, host.flows) for host in vip.servers] == [
        ((WEB1.mac,), (WEB1.ip,), 3),
        ((WEB2.mac,), (WEB2.ip,), 3),
    ]
    assert (vip.request_bytes, vip.reply_bytes, vip.reply_bytes_from) == (600, 6000, "legs")


def test_captures() -> None:
    """What the file says of itself, and where it was taken."""
    net = healthy()
    (capture,) = report_of(net, BALANCER).captures
    assert (capture.link_type.lower(), capture.vantage, capture.truncated) == ("ethernet", "balancer", None)
    assert capture.frames < len(net.frames)


def test_seen_instead() -> None:
    """Without balanced traffic the report says what was there instead."""
    net = Ladder()
    net.resolve(CLIENT, WEB1)
    for _ in range(3):
        net.connection(path(CLIENT, WEB1), path(WEB1, CLIENT), service=WEB1.ip)
    report = report_of(net)
    assert report.nothing_to_check
    assert "3 TCP or UDP flows to 1 service" in report.notes[0]
    assert "2 ARP or NDP frames" in report.notes[0]
    assert "no IP traffic" in report_of(Ladder()).notes[0]


def test_cooked() -> None:
    """A capture without destination MACs says how to capture better."""
    assert "tcpdump -i eth0 -s 256" in report_of(healthy(), link_type=COOKED).notes[0]


def test_times() -> None:
    """ISO 8601 UTC with nanoseconds."""
    assert time_text(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"
    assert time_text(0) == "1970-01-01T00:00:00.000000000Z"
