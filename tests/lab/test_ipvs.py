"""The simulation beside real Linux IPVS captures of the same kind: the same steps, TTLs, flags and ARP order.

Compared is the first connection of each, as a ladder in roles. What differs by nature is levelled: how an answer is cut
into segments (runs of alike lines count as one), and the pure acknowledgements between them, which depend on that.
"""

from __future__ import annotations

import json
from pathlib import Path

import dpkt
import pytest

from dsrcheck.lab import packets, run
from dsrcheck.lab.packets import Packet
from tests.lab.ladder import line, names_of

pytestmark = pytest.mark.corpus

LAB = {
    "02:00:00:00:1b:01": "balancer",
    "02:00:00:00:1b:02": "balancer2",
    "02:00:00:00:5e:01": "server",
    "02:00:00:00:5e:02": "server",
    "02:00:00:00:5e:03": "server",
    "02:00:00:00:6a:01": "gateway",
    "02:00:00:00:c0:01": "client",
    "02:00:00:00:c0:02": "client",
}
ADDRESSES = {
    "192.168.10.11": "balancer",
    "192.168.10.21": "server",
    "192.168.10.22": "server",
    "192.168.10.23": "server",
    "192.168.10.1": "gateway",
    "192.168.10.51": "client",
    "192.168.10.52": "client",
    "203.0.113.10": "client",
    "203.0.113.11": "client",
    "192.168.10.100": "vip",
}


def real(corpus: Path, name: str) -> tuple[list[tuple[int, bytes]], dict[bytes, str]]:
    """Frames and names of a real capture."""
    with open(corpus / "ipvs" / f"{name}.pcap", "rb") as stream:
        frames = [(int(time * 1_000_000), bytes(frame)) for time, frame in dpkt.pcap.Reader(stream)]
    names = {packets.BROADCAST: "*", **{packets.mac(mac): role for mac, role in LAB.items()}}
    return frames, names | {packets.ip(address): role for address, role in ADDRESSES.items()}


def simulated(
    scenario: str, fault: str | None, vantage: str, host: str | None
) -> tuple[list[tuple[int, bytes]], dict[bytes, str]]:
    """Frames of the simulation, and names with the numbers taken off."""
    made = run(scenario, fault, host=host)
    names = {key: name.rstrip("0123456789") for key, name in names_of(made.truth).items()}
    return made.frames(vantage), {key: "client" if name == "routed" else name for key, name in names.items()}


def steps(frames: list[tuple[int, bytes]], names: dict[bytes, str], server: str | None = None) -> list[str]:
    """The ladder of the first connection (of the first one that reaches the MAC `server`), levelled."""
    wanted: tuple[bytes, int] | None = None
    for _, frame in frames:
        p = Packet(frame)
        inner = Packet(packets.ethernet(p.dst_mac, p.src_mac, frame[p.transport :])) if p.protocol == 4 else p
        fits = server is None or packets.mac_text(p.dst_mac) == server
        if inner.protocol == packets.TCP and names.get(inner.src) == "client" and fits:
            wanted = (inner.src, inner.ports[0])
            break
    assert wanted is not None
    ladder: list[str] = []
    started = False
    for _, frame in frames:
        p = Packet(frame)
        if p.ethertype == packets.ETHERTYPE_ARP:
            # Questions about this client, the VIP, or (by a balancer) a server, as far as they belong to it.
            text = " ".join(line(frame, names).split())
            if not started or "who-has" in text or "is-at" in text:
                ladder.append(text)
            continue
        inner = Packet(packets.ethernet(p.dst_mac, p.src_mac, frame[p.transport :])) if p.protocol == 4 else p
        if inner.protocol != packets.TCP:
            continue
        ends = {(inner.src, inner.ports[0]), (inner.dst, inner.ports[1])}
        if wanted not in ends:
            continue
        started = True
        text = " ".join(line(frame, names).split())
        if not text.endswith(" A"):
            ladder.append(text)
    return [text for n, text in enumerate(ladder) if n == 0 or ladder[n - 1] != text]


def settled(ladder: list[str]) -> list[str]:
    """Up to the first request's data forwarded and answered: what follows depends on who closes first."""
    cut = next(
        (n for n, text in enumerate(ladder) if " vip > client " in text and text.endswith("data")), len(ladder) - 1
    )
    return ladder[: cut + 1]


@pytest.mark.parametrize(
    ("capture", "scenario", "fault", "host"),
    [
        ("s01_dr_sh_healthy.br0", "dsr-healthy", None, None),
        ("s03_dr_routed_client_healthy.mirror", "dsr-routed-client", None, None),
        ("s09_tun_healthy.mirror", "ipip-healthy", None, None),
        ("s17_vlan_tagged_healthy.mirror", "dsr-vlan", None, None),
        ("s08d_full_proxy_nginx_healthy.mirror", "proxy", None, None),
    ],
)
def test_healthy_traffic_has_the_same_steps(
    corpus: Path, capture: str, scenario: str, fault: str | None, host: str | None
) -> None:
    """From the first question by ARP to the answer, line by line."""
    assert settled(steps(*real(corpus, capture))) == settled(steps(*simulated(scenario, fault, "mirror", host)))


def test_a_server_without_vip_looks_the_same(corpus: Path) -> None:
    """s06: the SYN is forwarded again and again, and nothing comes back."""
    bad = "02:00:00:00:5e:02"
    seen = [text for text in steps(*real(corpus, "s06_vip_missing_rs2_drops.mirror"), server=bad) if "ttl" in text]
    made = [
        text
        for text in steps(*simulated("dsr-round-robin", "vip-missing", "mirror", None), server="00:01:aa:bb:cc:65")
        if "ttl" in text
    ]
    assert (
        seen[:4]
        == made[:4]
        == ["client > balancer client > vip ttl 64 S", "balancer > server client > vip ttl 63 S"] * 2
    )


def test_a_refusing_server_looks_the_same(corpus: Path) -> None:
    """s19: RST with ACK from the VIP, by the server's MAC, straight to the client."""
    bad = "02:00:00:00:5e:02"
    seen = steps(*real(corpus, "s19_dead_service_rs2_rst.mirror"), server=bad)
    made = steps(*simulated("dsr-round-robin", "service-down", "mirror", None), server="00:01:aa:bb:cc:65")
    resets = [[text for text in ladder if "ttl" in text] for ladder in (seen, made)]
    assert resets[0] == resets[1]
    assert resets[0][-1] == "server > client vip > client ttl 64 RA"


def test_a_return_through_the_balancer_looks_the_same(corpus: Path) -> None:
    """s07c: the reply goes to the balancer with TTL 64, and on from there to the gateway with 63."""
    bad = "02:00:00:00:5e:02"
    seen = steps(*real(corpus, "s07c_return_via_director_only_rs2.mirror"), server=bad)
    made = steps(*simulated("dsr-routed-client", "return-through-balancer", "mirror", None), server="00:01:aa:bb:cc:65")
    shown = [[text for text in settled(ladder) if "ttl" in text] for ladder in (seen, made)]
    assert shown[0] == shown[1]


def test_two_answers_for_the_vip_look_the_same(corpus: Path) -> None:
    """s04: one question, two answers; the first one is believed."""
    for frames, names in (
        real(corpus, "s04_arp_problem_rs2_answers.mirror"),
        simulated("dsr-healthy", "server-answers-arp", "mirror", None),
    ):
        first = [" ".join(line(frame, names).split()) for _, frame in frames if frame[12:14] == b"\x08\x06"][:3]
        assert first[0] == "client > * who-has vip tell client"
        assert sorted(first[1:]) == ["balancer > client vip is-at balancer", "server > client vip is-at server"]


CHECKED = {frozenset({"DSR601"})}
"""What the lab's health checks show besides: the real balancers made none."""


def test_truth_files_speak_alike(corpus: Path) -> None:
    """Where the lab and the real captures have the same fault, the rules that must fail are the same ones."""
    told = json.loads((corpus / "ipvs" / "truth.json").read_text("utf-8"))
    for capture, scenario, fault in (
        ("s04_arp_problem_rs2_answers.mirror", "dsr-round-robin", "server-answers-arp"),
        ("s06_vip_missing_rs2_drops.mirror", "dsr-round-robin", "vip-missing"),
        ("s07c_return_via_director_only_rs2.mirror", "dsr-routed-client", "return-through-balancer"),
        ("s12_rpfilter_drop_rs2.mirror", "dsr-routed-client", "rp-filter-drop"),
        ("s14_udp_rs2_answers_with_rip.mirror", "dsr-udp", "wildcard-udp"),
        ("s19_dead_service_rs2_rst.mirror", "dsr-round-robin", "service-down"),
    ):
        groups = {frozenset(group) for group in told[f"{capture}.pcap"]["must_fail"]}
        made = {frozenset(group) for group in run(scenario, fault).truth.vantages["mirror"].must_fail}
        assert made - CHECKED == groups, capture
