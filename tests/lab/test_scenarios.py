"""Scenarios as they run: the ladders of the article and of each mode, and that a seed decides everything."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsrcheck.lab import LabError, LabRun, packets, run, scenarios
from dsrcheck.lab.packets import Packet
from dsrcheck.lab.scenario import read_fault, read_scenario
from tests.lab.ladder import expect, ladder, names_of

QUICK = sorted(name for name, scenario in scenarios().items() if "long" not in scenario.tags)
ROOT = Path(__file__).resolve().parents[2]


def shown(made: LabRun, vantage: str, wanted: str) -> None:
    """Assert the beginning of what a vantage saw."""
    expect(made.frames(vantage), names_of(made.truth), wanted)


def test_dsr_by_mac() -> None:
    """Three steps, and who asks whom before each: the client, the balancer, the server."""
    shown(
        run("dsr-healthy"),
        "mirror",
        """
        client1 > *         who-has vip tell client1
        balancer > client1  vip is-at balancer
        client1 > balancer  client1 > vip ttl 64 S
        balancer > *        who-has server2 tell balancer
        server2 > balancer  server2 is-at server2
        balancer > server2  client1 > vip ttl 63 S
        server2 > *         who-has client1 tell server2
        client1 > server2   client1 is-at client1
        server2 > client1   vip > client1 ttl 64 SA
        client1 > balancer  client1 > vip ttl 64 A
        balancer > server2  client1 > vip ttl 63 A
        client1 > balancer  client1 > vip ttl 64 data
        balancer > server2  client1 > vip ttl 63 data
        server2 > client1   vip > client1 ttl 64 A
        server2 > client1   vip > client1 ttl 64 data
        """,
    )


def test_the_article_in_dsr_mode_to_the_octet() -> None:
    """The worked example: the forward keeps the client's MAC and IP, and the VIP; the destination MAC is new."""
    frames = [Packet(frame) for _, frame in run("article-dsr").frames("mirror")]
    syns = [p for p in frames if p.protocol == packets.TCP and p.tcp_flags & packets.SYN][:3]
    assert [
        (packets.ip_text(p.src), packets.mac_text(p.src_mac), packets.ip_text(p.dst), packets.mac_text(p.dst_mac))
        for p in syns
    ] == [
        ("10.0.0.1", "00:01:aa:bb:cc:01", "10.0.0.10", "00:01:aa:bb:cc:0a"),
        ("10.0.0.1", "00:01:aa:bb:cc:01", "10.0.0.10", "00:01:aa:bb:cc:64"),
        ("10.0.0.10", "00:01:aa:bb:cc:64", "10.0.0.1", "00:01:aa:bb:cc:01"),
    ]


def test_the_article_in_normal_mode_to_the_octet() -> None:
    """Four steps: client to VIP, SNIP to server, server to SNIP, VIP to client, each with its own MAC."""
    frames = [Packet(frame) for _, frame in run("article-normal-mode").frames("mirror")]
    data = [p for p in frames if p.protocol == packets.TCP and p.payload][:4]
    assert [
        (packets.ip_text(p.src), packets.mac_text(p.src_mac), packets.ip_text(p.dst), packets.mac_text(p.dst_mac))
        for p in data
    ] == [
        ("10.0.0.1", "00:01:aa:bb:cc:01", "10.0.0.10", "00:01:aa:bb:cc:0a"),
        ("10.0.0.11", "00:01:aa:bb:cc:0b", "10.0.0.100", "00:01:aa:bb:cc:64"),
        ("10.0.0.100", "00:01:aa:bb:cc:64", "10.0.0.11", "00:01:aa:bb:cc:0b"),
        ("10.0.0.10", "00:01:aa:bb:cc:0a", "10.0.0.1", "00:01:aa:bb:cc:01"),
    ]


def test_the_article_with_the_server_elsewhere() -> None:
    """Nobody picks the forwarded frame up: the client tries again and again, and no reply is ever seen."""
    made = run("article-wrong-subnet")
    lines = ladder(made.frames("mirror"), names_of(made.truth))
    forwards = [text for text in lines if text.split()[:3] == ["client1", ">", "server1"]]
    assert len(forwards) >= 4
    assert not any(text.startswith("server1 >") for text in lines)


def test_a_tunnel() -> None:
    """The request inside a packet from SNIP to server, both TTLs one less; the reply as it is."""
    lines = ladder((made := run("ipip-healthy")).frames("mirror"), names_of(made.truth))
    syn = next(n for n, text in enumerate(lines) if " ipip " in text)
    assert "balancer > server2 ttl 63 ipip client1 > vip ttl 63 S" in " ".join(lines[syn].split())


def test_ipv6_only_the_balancer_answers_for_the_vip() -> None:
    """Neighbour advertisements for the VIP come from one MAC."""
    made = run("dsr-ipv6")
    owners = set()
    for _, frame in made.frames("mirror"):
        p = Packet(frame)
        if p.protocol == packets.ICMP6 and frame[p.transport] == 136:
            target = frame[p.transport + 8 : p.transport + 24]
            owners |= {p.src_mac} if packets.ip_text(target) == made.truth.vip else set()
    assert owners == {packets.mac("00:01:aa:bb:cc:0a")}


def test_a_vlan_tags_every_frame() -> None:
    """Tag 10 on the segment; none outside."""
    made = run("dsr-vlan")
    assert {Packet(frame).vlan for _, frame in made.frames("mirror")} == {10}
    assert {Packet(frame).vlan for _, frame in made.frames("outside")} == {None}


def test_failover_moves_the_requests() -> None:
    """After the second balancer's announcement requests go there, and forwards come from there."""
    made = run("dsr-failover")
    lines = [" ".join(text.split()) for text in ladder(made.frames("mirror"), names_of(made.truth))]
    moved = lines.index("balancer2 > * who-has vip tell vip")
    before, after = lines[:moved], lines[moved:]
    assert any(text.startswith("client1 > balancer ") for text in before)
    assert not any(
        " > balancer client" in text or (text.startswith("balancer > server") and "data" in text) for text in after
    )
    assert any(text.startswith("client1 > balancer2 ") for text in after)


def test_a_virtual_mac_takes_requests_and_sends_no_forwards() -> None:
    """Requests go to 00:00:5e:00:01:33, forwards leave from the balancer's own card."""
    virtual = packets.mac("00:00:5e:00:01:33")
    frames = [Packet(frame) for _, frame in run("dsr-failover-vmac").frames("mirror")]
    requests = [p for p in frames if p.protocol == packets.TCP and p.dst_mac == virtual]
    assert len(requests) > 100
    assert not any(p.src_mac == virtual for p in frames if p.protocol == packets.TCP)


def test_a_mirror_of_both_directions_shows_unicast_twice() -> None:
    """Byte for byte, microseconds apart; a mirror of received frames shows each once."""
    made = run("dsr-round-robin")
    once, both = made.frames("mirror"), made.frames("mirror-both")
    unicast = [frame for _, frame in once if not frame[0] & 1]
    assert sorted(unicast * 2) == sorted(frame for _, frame in both if not frame[0] & 1)


def test_a_host_sees_its_own_and_broadcasts() -> None:
    """Unicast to others is not in a host's capture."""
    made = run("dsr-healthy")
    own = packets.mac("00:01:aa:bb:cc:02")
    assert all(frame[0] & 1 or own in (frame[:6], frame[6:12]) for _, frame in made.frames("client2"))


@pytest.mark.parametrize("name", QUICK)
def test_every_scenario_runs_in_order(name: str) -> None:
    """Every vantage's frames are in order of time, and the mirror has something."""
    made = run(name)
    assert len(made.frames("mirror")) > 20
    for recording in made.vantages.values():
        times = [time for time, _ in recording.frames]
        assert times == sorted(times)


def digest(made: LabRun) -> str:
    """The file of all vantages, as one number."""
    buffer = io.BytesIO()
    made.write(buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_same_seed_gives_the_same_bytes(hash_seed: str) -> None:
    """In another process with other string hashes too; another seed gives others."""
    program = (
        "import io, hashlib\nfrom dsrcheck.lab import run\nbuffer = io.BytesIO()\n"
        "run('dsr-routed-client', 'return-through-balancer', 3).write(buffer)\n"
        "print(hashlib.sha256(buffer.getvalue()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == digest(run("dsr-routed-client", "return-through-balancer", 3))
    assert done.stdout.strip() != digest(run("dsr-routed-client", "return-through-balancer", 4))


def test_a_fault_that_makes_no_sense_is_refused() -> None:
    """The message says what the fault would want."""
    with pytest.raises(LabError, match="udp"):
        run("dsr-healthy", "wildcard-udp")
    with pytest.raises(LabError, match="dsr-healthy"):
        run("no-such-scenario")
    with pytest.raises(LabError, match="mirror"):
        run("dsr-healthy").frames("moon")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("summary =", "Invalid"),
        ('summary = "x"\nlength = "soon"', "no duration"),
        ('summary = "x"\nlentgh = "5 s"', "lentgh"),
        ('summary = "x"\n[[traffic]]\nkind = "smtp"', "smtp"),
        ('summary = "x"\n[[changes]]\ndo = "sysctl"', r"\[\[change\]\]"),
        ('summary = "x"\n[[change]]\nhost = "client1"', "do"),
    ],
)
def test_a_bad_scenario_file_is_refused(text: str, message: str) -> None:
    """What is wrong, and in which file."""
    with pytest.raises(LabError, match=message) as raised:
        read_scenario("mine", text)
    assert str(raised.value).startswith("mine: ")


def test_a_bad_fault_file_is_refused() -> None:
    """An unknown key in an expectation."""
    with pytest.raises(LabError, match="were"):
        read_fault("mine", 'summary = "x"\n[[expect]]\nrule = "DSR101"\nseen = "anything"\nwere = "M"')


def test_a_large_scenario_is_large() -> None:
    """100,000 frames on the mirror, every download whole: what the speed of the lab is measured by."""
    made = run("dsr-large-transfer")
    frames = made.frames("mirror")
    assert len(frames) > 100_000
    replies = sum(
        len(frame)
        for _, frame in frames
        if frame[6:12] in {bytes.fromhex(f"0001aabbcc{n}") for n in ("64", "65", "66")}
    )
    assert replies > 3 * 13 * 2_000_000
