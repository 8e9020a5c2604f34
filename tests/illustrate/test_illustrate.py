"""What a page draws, made from hand-made traffic: arrows, ladders and curves are what was sent."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsrcheck
from dsrcheck.analysis import Analysis, judge
from dsrcheck.capture import CaptureWriter, Interface
from dsrcheck.flows.ladder import Skipped
from dsrcheck.illustrate import LADDER_LIMIT, illustrate
from dsrcheck.illustrate.ladders import RUNG_LIMIT
from dsrcheck.report.illustrations import EvidenceLadder, Illustrations, MarkedRung
from dsrcheck.rules import load_rules
from tests.ladder import BALANCER, CLIENT, ETHERNET, VIP, WEB1, WEB2, Ladder, healthy, path

PCAPS = Path(__file__).parent.parent.parent / "pcaps"


def analysis_of(net: Ladder, folder: Path) -> Analysis:
    """The traffic in a file, judged."""
    target = folder / "net.pcapng"
    with target.open("wb") as stream:
        writer = CaptureWriter(stream, [Interface(0, ETHERNET)])
        for time, frame in net.frames:
            writer.write(time, frame)
    return dsrcheck.analyze(target)


def drawn(net: Ladder, folder: Path) -> Illustrations:
    """What there is to draw of some traffic."""
    analysis = analysis_of(net, folder)
    return illustrate(analysis.sides, analysis.report)


def rungs_of(ladder: EvidenceLadder) -> list[MarkedRung]:
    """The frames of a ladder."""
    return [rung for rung in ladder.rungs if isinstance(rung, MarkedRung)]


def test_arrows(tmp_path: Path) -> None:
    """Each role between two hosts is one arrow with its connections."""
    (traffic,) = drawn(healthy(6), tmp_path).traffic
    assert traffic.vip == VIP
    assert {(arrow.role, arrow.src_mac, arrow.dst_mac, arrow.flows) for arrow in traffic.arrows} == {
        ("request", CLIENT.mac, BALANCER.mac, 6),
        ("forward", BALANCER.mac, WEB1.mac, 3),
        ("forward", BALANCER.mac, WEB2.mac, 3),
        ("reply", WEB1.mac, CLIENT.mac, 3),
        ("reply", WEB2.mac, CLIENT.mac, 3),
    }
    assert not any(arrow.breaks for arrow in traffic.arrows)
    assert traffic.addresses[CLIENT.mac] == CLIENT.ip


def test_broken_arrows_come_first(tmp_path: Path) -> None:
    """They are drawn whatever else is left out."""
    net = healthy(6)
    net.connection(path(CLIENT, BALANCER, WEB1), path(WEB1, BALANCER, CLIENT))
    (traffic,) = drawn(net, tmp_path).traffic
    assert [(arrow.role, arrow.breaks) for arrow in traffic.arrows[:2]] == [
        ("reply", ("DSR202",)),
        ("relayed", ("DSR202",)),
    ]


def test_ladder_of_a_healthy_connection(tmp_path: Path) -> None:
    """Without findings, the commonest kind of connection is shown, from client to server."""
    net = healthy(6)
    (ladder,) = drawn(net, tmp_path).ladders
    assert (ladder.rule, ladder.vip) == (None, VIP)
    assert [host.name for host in ladder.hosts] == [CLIENT.mac, BALANCER.mac, WEB1.mac]
    first, second, third = rungs_of(ladder)[:3]
    assert [(rung.rung.source, rung.rung.target) for rung in (first, second, third)] == [(0, 1), (1, 2), (2, 0)]
    assert first.rung.addresses == (CLIENT.ip, VIP)
    assert not any(rung.breaks or rung.evidence for rung in rungs_of(ladder))
    assert ladder.command is not None
    assert ladder.command.endswith("net.pcapng 1")


def test_ladder_of_a_finding(tmp_path: Path) -> None:
    """The connection that shows it: its evidence is marked, and every frame that breaks the rule."""
    net = healthy(6)
    before = len(net.frames)
    net.connection(path(CLIENT, BALANCER, WEB1), path(WEB1, BALANCER, CLIENT))
    analysis = analysis_of(net, tmp_path)
    (finding,) = [finding for finding in analysis.report.findings if finding.rule == "DSR202"]
    (ladder,) = illustrate(analysis.sides, analysis.report).ladders
    assert (ladder.rule, ladder.vip) == ("DSR202", VIP)
    numbers = {rung.rung.number for rung in rungs_of(ladder)}
    assert min(numbers) == before + 1
    assert {rung.rung.number for rung in rungs_of(ladder) if rung.evidence} == {f.number for f in finding.frames}
    for rung in rungs_of(ladder):
        through = {rung.rung.macs[0], rung.rung.macs[1]}
        from_server = rung.rung.addresses[0] == VIP
        assert rung.breaks == (("DSR202",) if from_server else ()), through


def test_evidence_late_in_a_connection() -> None:
    """The opening, then what is left out, then the frames around the reset that is the evidence."""
    analysis = dsrcheck.analyze(PCAPS / "lab-foreign-reset" / "capture.pcap")
    (finding,) = [finding for finding in analysis.report.findings if finding.rule == "DSR207"]
    ladder = next(one for one in illustrate(analysis.sides, analysis.report).ladders if one.rule == "DSR207")
    assert any(isinstance(rung, Skipped) for rung in ladder.rungs[1:-1])
    evidence = [rung.rung for rung in rungs_of(ladder) if rung.evidence]
    assert evidence
    assert {rung.number for rung in evidence} <= {frame.number for frame in finding.frames}
    assert all(rung.reset for rung in evidence)
    assert len(rungs_of(ladder)) <= RUNG_LIMIT


def test_one_ladder_for_findings_of_the_same_frames() -> None:
    """The second is sent to the first; a finding on other frames of the same VIP has its own."""
    analysis = dsrcheck.analyze(PCAPS / "lab-second-owner-client-side" / "capture.pcap")
    made = illustrate(analysis.sides, analysis.report)
    vip = analysis.report.vips[0].address
    assert made.elsewhere["DSR304", vip] == "DSR301"
    by_rule = {ladder.rule: {rung.rung.number for rung in rungs_of(ladder)} for ladder in made.ladders}
    for (rule, _), other in made.elsewhere.items():
        assert rule not in by_rule
        frames = {f.number for finding in analysis.report.findings if finding.rule == rule for f in finding.frames}
        assert frames & by_rule[other]
    assert by_rule.keys() >= {"DSR301", "DSR302"}


def test_ladder_of_arp(tmp_path: Path) -> None:
    """Who asked, who answered, and whose answer was wrong: no frame is read again for it."""
    net = healthy(6)
    question = len(net.frames) + 1
    net.who_has(CLIENT, VIP)
    net.is_at(WEB1, VIP, CLIENT)
    net.is_at(BALANCER, VIP, CLIENT)
    analysis = judge(net.legs(), load_rules([]))
    ladder = next(one for one in illustrate(analysis.sides, analysis.report).ladders if one.rule == "DSR301")
    shown = [(rung.rung.number, rung.rung.text, rung.evidence) for rung in rungs_of(ladder)]
    assert (question, f"request: who has {VIP}? tell {CLIENT.ip}", False) in shown
    assert (question + 1, f"reply: {VIP} is at {WEB1.mac}", True) in shown
    assert (question + 2, f"reply: {VIP} is at {BALANCER.mac}", False) in shown
    roles = [host.role.split()[0] for host in ladder.hosts]
    assert roles.index("host") < roles.index("balancer") < roles.index("server") < roles.index("everybody")


def test_what_cannot_be_read_again_is_told() -> None:
    """A capture from standard input, or gone since, has no ladder, but everything else."""
    net = healthy(6)
    analysis = judge(net.legs(), load_rules([]))  # its file never was
    made = illustrate(analysis.sides, analysis.report)
    assert made.ladders == ()
    assert made.traffic[0].arrows
    (note,) = made.notes
    assert note.startswith("Without a ladder of frames: made.pcap")


def test_ladders_are_bounded(tmp_path: Path) -> None:
    """However many VIPs there are: each ladder reads the capture."""
    made = drawn(healthy(4), tmp_path)
    assert len(made.ladders) <= LADDER_LIMIT


@pytest.mark.parametrize("connections", [1, 6])
def test_throughput_is_what_was_sent(tmp_path: Path, connections: int) -> None:
    """Bits of the curves, summed over time, are the bits of the frames of requests and of replies."""
    net = healthy(connections)
    analysis = analysis_of(net, tmp_path)
    (curve,) = illustrate(analysis.sides, analysis.report).throughput
    sent = {"request": 0, "reply": 0}
    for _, frame in net.frames:
        source, target = frame[6:12], frame[:6]
        if frame[12:14] == b"\x08\x00" and target == bytes.fromhex(BALANCER.mac.replace(":", "")):
            sent["request"] += len(frame) * 8
        if frame[12:14] == b"\x08\x00" and source in {bytes.fromhex(web.mac.replace(":", "")) for web in (WEB1, WEB2)}:
            sent["reply"] += len(frame) * 8
    assert curve.rates.replies is not None
    assert sum(curve.rates.with_dsr) * curve.rates.width == pytest.approx(sent["request"])
    assert sum(curve.rates.replies) * curve.rates.width == pytest.approx(sent["reply"])


def test_throughput_without_the_replies() -> None:
    """A capture at the balancer does not hold the replies: the clients' acknowledgements give an average."""
    analysis = dsrcheck.analyze(PCAPS / "real-ipvs-tunnel-balancer-side" / "capture.pcap")
    assert analysis.report.vips[0].reply_bytes_from == "acks"
    (curve,) = illustrate(analysis.sides, analysis.report).throughput
    assert curve.rates.replies is None
    assert curve.average_without is not None
    assert curve.average_without > max(curve.rates.with_dsr)
