"""Hand-made reports that the tests of all renderers share."""

from __future__ import annotations

from dataclasses import replace

from dsrcheck.findings import (
    FAIL,
    NOT_APPLICABLE,
    NOT_OBSERVED,
    PASS,
    Finding,
    FormerFinding,
    FrameRef,
    Subject,
    Verdict,
)
from dsrcheck.report.model import Baseline, CaptureInfo, Host, Report, Service, Step, StepTable, VipReport

VIP = "192.168.10.100"
BALANCER, SERVER, CLIENT = "02:00:00:00:1b:01", "02:00:00:00:5e:02", "02:00:00:00:c0:01"

CAPTURE = CaptureInfo(
    "segment.pcap", 1203, 234_567, "ethernet", "mirror",
    "2026-02-03T10:00:00.000000001Z", "2026-02-03T10:00:12.400000000Z",
)  # fmt: skip
SERVED = VipReport(
    VIP,
    "dsr-mac",
    services=(Service("tcp", 80, "dsr-mac", 12),),
    balancers=(Host("balancer", (BALANCER,), ("192.168.10.11",), evidence=(f"owns {VIP}",)),),
    servers=tuple(
        Host("server", (f"02:00:00:00:5e:0{n}",), (f"192.168.10.2{n}",), evidence=("answers as the VIP",), flows=4)
        for n in (1, 2, 3)
    ),
    gateways=(Host("gateway", ("02:00:00:00:6a:01",), ("192.168.10.1",), provenance="declared"),),
    clients=4,
    flows=12,
    request_bytes=3123,
    reply_bytes=45_211,
)
ARP = Finding(
    "DSR301", "server-answers-no-arp", "error", VIP, Subject("server", SERVER, "192.168.10.22"), None, 3,
    f"Server {SERVER} answers ARP for {VIP}.", "Clients that believe it go past the balancer.",
    (FrameRef(0, 12), FrameRef(0, 40)), ("frame.number in {12,40}",),
    {
        "windows": "Put the VIP on the loopback adapter.",
        "linux": "Answer for no other interface:\n  sysctl -w net.ipv4.conf.all.arp_ignore=1",
    },
)  # fmt: skip
ENTAILED = Finding(
    "DSR101", "request-reaches-balancer", "error", VIP, Subject("server", SERVER, None), "DSR301", 1,
    "A request went past the balancer.", "It is not counted, nor balanced.",
    (FrameRef(0, 80),), ("frame.number in {80}",), {"linux": "Flush the entry:\n  ip neigh flush to 192.168.10.100"},
)  # fmt: skip
WARNING = Finding(
    "DSR901", "capture-whole", "warning", None, Subject(), None, 1,
    "The capture is cut.", "What was not captured cannot be judged.", (), (), {},
)  # fmt: skip
GOOD = (
    Verdict("DSR103", "forward-keeps-vip", VIP, PASS, 12),
    Verdict("DSR201", "reply-from-vip", VIP, PASS, 12),
    Verdict("DSR205", "reply-next-hop", VIP, NOT_OBSERVED, reason="no client is behind a gateway"),
    Verdict("DSR306", "failover-announced", VIP, NOT_OBSERVED, reason="no client is behind a gateway"),
    Verdict("DSR307", "server-advertises-no-nd", VIP, NOT_APPLICABLE, reason="the VIP is an IPv4 address"),
    Verdict("DSR901", "capture-whole", None, PASS, 1),
)
BAD = (
    *GOOD[:-1],
    Verdict("DSR101", "request-reaches-balancer", VIP, FAIL, 12, 1),
    Verdict("DSR301", "server-answers-no-arp", VIP, FAIL, 6, 3),
    Verdict("DSR901", "capture-whole", None, FAIL, 1, 1),
)
STEPS = StepTable(
    VIP, "request → forward", 3, "flow 3",
    (
        Step(1, "request", CLIENT, BALANCER, "192.168.10.51", VIP, "ok"),
        Step(2, "forward", BALANCER, None, "192.168.10.51", VIP, "DSR102"),
    ),
)  # fmt: skip

FAILING = Report((CAPTURE,), (SERVED,), BAD, (ENTAILED, WARNING, ARP), (STEPS,), ("Capture without a filter.",))
COMPARED = replace(
    FAILING,
    baseline=Baseline(
        frozenset({ARP.fingerprint, ENTAILED.fingerprint}),
        (FormerFinding("DSR202", "reply-bypasses-balancer", "error", VIP, Subject("server", SERVER, None)),),
    ),
)
"""FAILING, held against a report of before: its errors are known, its warning is new, and one finding is gone."""
PASSING = Report((CAPTURE,), (SERVED,), GOOD)
WARNED = Report((CAPTURE,), (SERVED,), (*GOOD[:-1], BAD[-1]), (WARNING,))
OPEN = Report((CAPTURE,), (SERVED,), GOOD[:1])
EMPTY = Report((CAPTURE,), notes=("Seen instead: 3 TCP flows to 1 service.",))

EVIL = "\x1b]0;a\x07\u202e\udcff]]><script>alert(1)</script> %0A\n::error::x | `b` **c** </details> &amp; \"'"
"""What an attacker would put into names and texts that a report carries."""
HOSTILE = Report(
    (CaptureInfo(EVIL, 1, 1, EVIL, EVIL, truncated=EVIL, notes=(EVIL,)),),
    (VipReport(VIP, "dsr-mac", balancers=(Host(EVIL, (BALANCER,), name=EVIL, evidence=(EVIL,)),), evidence=(EVIL,)),),
    (
        Verdict("DSR301", EVIL, VIP, FAIL, 1, 1),
        Verdict("DSR302", EVIL, VIP, NOT_OBSERVED, reason=EVIL),
    ),
    (
        Finding(
            "DSR301", EVIL, "error", VIP, Subject(EVIL, SERVER, EVIL), EVIL, 1, EVIL, EVIL, (FrameRef(0, 1),), (EVIL,),
            {EVIL: f"{EVIL}\n  {EVIL}"},
        ),
    ),
    (StepTable(VIP, EVIL, 1, EVIL, (Step(1, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL),)),),
    (EVIL,),
)  # fmt: skip

ALL = (FAILING, PASSING, WARNED, OPEN, EMPTY)
