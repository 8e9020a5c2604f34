"""Verdicts and findings on tables made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dsrcheck.addresses import mac_text
from dsrcheck.findings import FrameRef, Subject
from dsrcheck.rules import evaluate
from dsrcheck.rules.blame import CULPRITS_A_RULE, FRAMES_A_FINDING
from dsrcheck.tables import HostName, Subjects, Tables
from tests.rules.hand_made import BALANCER, CLIENT, WEB1, WEB2, column, rule, subjects, tables


def exchange(
    ttl: list[int | None],
    mac: list[int | None] | None = None,
    frame: list[int | None] | None = None,
    vip: list[int] | None = None,
    mode: list[str | None] | None = None,
    capture: list[int] | None = None,
    reasons: dict[str, str] | None = None,
) -> Subjects:
    """Return exchanges with what the rule of these tests looks at."""
    count = len(ttl)
    columns = {
        "request.ttl_min": column("number", ttl),
        "request.src_mac": column("mac", mac or [WEB1] * count),
        "request.first_frame": column("frame", frame or list(range(1, count + 1))),
        "vip.mode": column("text", mode or ["dsr-mac"] * count),
    }
    return subjects("exchange", columns, vip or [0] * count, capture, reasons)


def test_pass_counts_what_was_judged(tmp_path: Path) -> None:
    """Unknown rows are not counted, and do not keep others from passing."""
    verdicts, findings = evaluate([rule(tmp_path)], tables(exchange([64, None, 63])))
    assert [(v.rule, v.name, v.vip, v.verdict, v.checked, v.failed, v.reason) for v in verdicts] == [
        ("ACME001", "ttl-is-high", "10.0.0.10", "pass", 2, 0, None)
    ]
    assert findings == ()


def test_unknown_is_never_pass(tmp_path: Path) -> None:
    """Where every row is unknown, the verdict is not-observed with the reason of the first unknown column."""
    reasons = {"request": "too general", "request.ttl_min": "the TTL is cut off"}
    verdicts, _ = evaluate([rule(tmp_path)], tables(exchange([None, None], reasons=reasons)))
    assert (verdicts[0].verdict, verdicts[0].checked, verdicts[0].reason) == ("not-observed", 0, "the TTL is cut off")


def test_reason_falls_back_to_the_prefix_and_to_the_name(tmp_path: Path) -> None:
    """A prefix of the column's name gives the reason; without one the column is named."""
    made = rule(tmp_path)
    with_prefix = tables(exchange([None], reasons={"request": "no request is seen"}))
    assert evaluate([made], with_prefix)[0][0].reason == "no request is seen"
    assert evaluate([made], tables(exchange([None])))[0][0].reason == "this capture does not show request.ttl_min"


def test_when_leaves_rows_out(tmp_path: Path) -> None:
    """Rows of which `when` is false are skipped; where it is unknown they are not observed."""
    made = rule(tmp_path, when='"request.seen"')
    part = exchange([1, 64, 1])
    seen = {"request.seen": column("flag", [False, True, None])}
    part = replace(part, columns={**part.columns, **seen})
    verdict = evaluate([made], tables(part))[0][0]
    assert (verdict.verdict, verdict.checked) == ("pass", 1)
    part = replace(part, columns={**part.columns, "request.seen": column("flag", [False, False, None])})
    assert evaluate([made], tables(part))[0][0].verdict == "not-observed"
    part = replace(part, columns={**part.columns, "request.seen": column("flag", [False, False, False])})
    assert evaluate([made], tables(part))[0][0].verdict == "not-applicable"
    made = rule(tmp_path, when='"request.seen"', unmet='"not-observed"', absent_reason='"no request is seen"')
    verdict = evaluate([made], tables(part))[0][0]
    assert (verdict.verdict, verdict.reason) == ("not-observed", "no request is seen")


def test_absent_says_what_no_row_means(tmp_path: Path) -> None:
    """A rule may tell that having nothing to judge is not the same as not applying."""
    nothing = tables(exchange([]))
    assert evaluate([rule(tmp_path)], nothing)[0][0].verdict == "not-applicable"
    made = rule(tmp_path, absent='"not-observed"', absent_reason='"no server is seen"')
    verdict = evaluate([made], nothing)[0][0]
    assert (verdict.verdict, verdict.reason) == ("not-observed", "no server is seen")
    assert evaluate([made], tables())[0][0].verdict == "not-observed"


def test_each_vip_is_judged_on_its_own_rows(tmp_path: Path) -> None:
    """A verdict for each VIP in report order; rows of no VIP get one of their own."""
    part = exchange([1, 64, 64], vip=[1, 0, -1])
    verdicts, findings = evaluate([rule(tmp_path)], tables(part, vips=["10.0.0.10", "10.0.0.20"]))
    assert [(v.vip, v.verdict) for v in verdicts] == [("10.0.0.10", "pass"), ("10.0.0.20", "fail"), (None, "pass")]
    assert [f.vip for f in findings] == ["10.0.0.20"]


def test_modes_limit_a_rule(tmp_path: Path) -> None:
    """A rule judges the rows in its modes; a VIP without any is not applicable, and the reason names its mode."""
    made = rule(tmp_path, modes='["dsr-*", "unknown"]')
    part = exchange([1, 1, 64, 1], mode=["nat", "dsr-mac", "dsr-ipip", None])
    assert (evaluate([made], tables(part))[0][0].failed, evaluate([made], tables(part))[0][0].checked) == (2, 3)
    verdict = evaluate([made], tables(exchange([1], mode=["nat"])))[0][0]
    assert (verdict.verdict, verdict.reason) == ("not-applicable", "the VIP is in mode nat")


def test_modes_come_from_the_vip_table_where_rows_have_none(tmp_path: Path) -> None:
    """A table without vip.mode is judged by the mode of its VIPs."""
    part = exchange([1, 1], vip=[0, 1])
    part = replace(part, columns={name: c for name, c in part.columns.items() if name != "vip.mode"})
    vips = subjects("vip", {"vip.mode": column("text", ["proxy", "dsr-gre"])}, [0, 1])
    made = rule(tmp_path, modes='["dsr-*"]')
    verdicts, _ = evaluate([made], tables(part, vips, vips=["10.0.0.10", "10.0.0.20"]))
    assert [v.verdict for v in verdicts] == ["not-applicable", "fail"]


@pytest.mark.parametrize(
    ("expect", "verdict"), [("dsr", "fail"), ("dsr-mac", "fail"), ("any", "not-applicable"), ("nat", "not-applicable")]
)
def test_denied_modes_break_a_rule_where_dsr_is_expected(tmp_path: Path, expect: str, verdict: str) -> None:
    """--expect dsr: a NAT VIP fails the rules that deny NAT; --expect any judges it by its own mode."""
    made = rule(tmp_path, modes='["dsr-*"]', modes_denied='["nat"]')
    assert evaluate([made], tables(exchange([1], mode=["nat"])), expect=expect)[0][0].verdict == verdict


def test_finding_names_the_culprit(tmp_path: Path) -> None:
    """One finding a culprit, with a count, its role and address, a message and the frames."""
    part = exchange([1, 64, 2, 3], mac=[WEB1, WEB1, BALANCER, WEB1], frame=[40, 41, 12, 7])
    verdicts, findings = evaluate([rule(tmp_path)], tables(part))
    assert (verdicts[0].verdict, verdicts[0].checked, verdicts[0].failed) == ("fail", 4, 3)
    first, second = findings
    assert first.subject == Subject("server", mac_text(WEB1), "10.0.0.100")
    assert (first.count, first.frames) == (2, (FrameRef(0, 7), FrameRef(0, 40)))
    assert first.wireshark_filters == ("frame.number in {7, 40}",)
    assert first.message == "Server web1, 10.0.0.100 (00:01:aa:bb:cc:64) sends TTL 3."
    assert (first.severity, first.why, first.because_of) == ("error", "Low is slow.", None)
    assert second.subject == Subject("balancer", mac_text(BALANCER), "10.0.0.11")


def test_frames_of_several_captures_get_a_filter_each(tmp_path: Path) -> None:
    """Frame numbers count per capture."""
    part = exchange([1, 1, 1], frame=[9, 5, 9], capture=[1, 0, 0])
    finding = evaluate([rule(tmp_path)], tables(part))[1][0]
    assert finding.frames == (FrameRef(0, 5), FrameRef(0, 9), FrameRef(1, 9))
    assert finding.wireshark_filters == ("frame.number in {5, 9}", "frame.number in {9}")


def test_frames_are_few_and_the_earliest(tmp_path: Path) -> None:
    """The earliest rows give the frames, each once."""
    frames: list[int | None] = [*range(40, 0, -1), None, 0]
    finding = evaluate([rule(tmp_path)], tables(exchange([1] * 42, frame=frames)))[1][0]
    assert [frame.number for frame in finding.frames] == list(range(1, FRAMES_A_FINDING + 1))
    assert finding.count == 42


def test_unknown_culprits_are_one_finding(tmp_path: Path) -> None:
    """Where the culprit is not known, the finding has no MAC; a fixed role stands if the rule has one."""
    part = exchange([1, 1], mac=[None, None])
    finding = evaluate([rule(tmp_path)], tables(part))[1][0]
    assert (finding.subject, finding.message) == (Subject(), "An unseen host sends TTL 1.")
    finding = evaluate([rule(tmp_path, culprit_role='"server"')], tables(part))[1][0]
    assert (finding.subject, finding.message) == (Subject("server"), "A server sends TTL 1.")


def test_a_flood_of_culprits_is_bounded(tmp_path: Path) -> None:
    """Made-up MACs make so many findings at most, the busiest kept; the verdict still counts all."""
    macs: list[int | None] = [*range(1, 301), 250]
    verdicts, findings = evaluate([rule(tmp_path)], tables(exchange([1] * 301, mac=macs)))
    assert len(findings) == CULPRITS_A_RULE
    assert mac_text(250) in {finding.subject.mac for finding in findings}
    assert (verdicts[0].failed, verdicts[0].reason) == (301, "200 further culprits are not listed")


def test_info_rules_never_fail(tmp_path: Path) -> None:
    """An informational rule tells by a finding, and passes."""
    verdicts, findings = evaluate([rule(tmp_path, severity='"info"')], tables(exchange([1, 64])))
    assert (verdicts[0].verdict, verdicts[0].checked, verdicts[0].failed) == ("pass", 2, 0)
    assert [finding.severity for finding in findings] == ["info"]


def test_cause_is_the_first_that_failed_on_the_same_vip(tmp_path: Path) -> None:
    """because_of names a rule only where that rule failed on that VIP."""
    effect = replace(rule(tmp_path), because_of=("ACME009", "ACME002"))
    late = replace(rule(tmp_path, expect='"request.first_frame > 10"'), id="ACME002")
    part = exchange([1, 1], frame=[5, 50], vip=[0, 1])
    _, findings = evaluate([effect, late], tables(part, vips=["10.0.0.10", "10.0.0.20"]))
    causes = {(f.rule, f.vip): f.because_of for f in findings}
    assert causes == {
        ("ACME001", "10.0.0.10"): "ACME002",
        ("ACME001", "10.0.0.20"): None,
        ("ACME002", "10.0.0.10"): None,
    }


def test_messages_for_many(tmp_path: Path) -> None:
    """A second message speaks of several subjects."""
    made = rule(tmp_path, message_many='"${culprit} sends low TTLs in ${count} connections to ${vip}."')
    text = evaluate([made], tables(exchange([1, 1])))[1][0].message
    assert text == "Server web1, 10.0.0.100 (00:01:aa:bb:cc:64) sends low TTLs in 2 connections to 10.0.0.10."
    assert evaluate([made], tables(exchange([1])))[1][0].message.endswith("sends TTL 1.")


def test_nothing_from_packets_reaches_output_unescaped(tmp_path: Path) -> None:
    """Names, addresses, texts and reasons are escaped wherever they come out."""
    evil = "\x1b[2J\u202eevil\nline"
    made = rule(tmp_path, message='"${culprit} ${flow.protocol} ${flow.client} ${vip} ${vip.mode}"')
    part = exchange([1], mode=[evil], reasons={"request": evil})
    more = {"flow.protocol": column("text", [evil]), "flow.client": column("address", [0])}
    part = replace(part, columns={**part.columns, **more})
    world = Tables({"exchange": part}, (evil,), (evil,), {(0, WEB1): HostName(evil, WEB1, evil, evil)})
    finding = evaluate([made], world)[1][0]
    told = [finding.message, finding.subject.role or "", finding.subject.address or "", *finding.remedy.values()]
    blind = Tables({"exchange": exchange([None], reasons={"request": evil})}, (), (evil,))
    strict = rule(tmp_path, modes='["nat"]')
    told += [v.reason or "" for v in (*evaluate([made], blind)[0], *evaluate([strict], world)[0])]
    assert all(text.isprintable() for text in told)
    assert "\\x1b[2J" in finding.message


def test_remedies_speak_of_the_vip(tmp_path: Path) -> None:
    """The VIP and the length of a host's prefix are put in; an IPv6 VIP gets the IPv6 variant."""
    text = """
[remedy]
linux = "ip addr add ${vip}/${prefix} dev lo"
linux-ipv6 = "ip -6 addr add ${vip}/${prefix} dev lo nodad"
network = "Costs $$5."
"""
    made = rule(tmp_path, why=f'"Low is slow."\n{text}')
    vips = ["10.0.0.10", "2001:db8::10"]
    first, second = evaluate([made], tables(exchange([1, 1], vip=[0, 1]), vips=vips))[1]
    assert first.remedy == {"linux": "ip addr add 10.0.0.10/32 dev lo", "network": "Costs $5."}
    assert second.remedy["linux"] == "ip -6 addr add 2001:db8::10/128 dev lo nodad"


def test_captures_have_no_vip(tmp_path: Path) -> None:
    """Rules about captures give one verdict, with no VIP, whatever VIPs there are."""
    part = subjects("capture", {"capture.has_macs": column("flag", [True, False])}, [-1, -1], [0, 1])
    changes = {"modes": None, "culprit": None, "culprit_role": '"capture"', "evidence": None}
    made = rule(tmp_path, subject='"capture"', expect='"capture.has_macs"', message='"No MACs."', **changes)
    verdicts, findings = evaluate([made], tables(part))
    assert [(v.vip, v.verdict, v.checked, v.failed) for v in verdicts] == [(None, "fail", 2, 1)]
    assert (findings[0].subject, findings[0].frames, findings[0].wireshark_filters) == (Subject("capture"), (), ())


def test_same_tables_same_findings(tmp_path: Path) -> None:
    """The order of rows does not change what is told."""
    macs: list[int | None] = [WEB2, WEB1, WEB2, CLIENT]
    one = exchange([1, 2, 3, 4], mac=macs, frame=[4, 3, 2, 1])
    other = exchange([4, 3, 2, 1], mac=macs[::-1], frame=[1, 2, 3, 4])
    assert evaluate([rule(tmp_path)], tables(one)) == evaluate([rule(tmp_path)], tables(other))
