"""Differences in words: two hand-made reports, one thing changed, and the sentence that tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.findings import NOT_APPLICABLE, FrameRef, Verdict
from dsrcheck.golden.canonical import canonical, golden_text
from dsrcheck.golden.words import differences
from dsrcheck.report.model import Host, Report, Service, Step, StepTable, VipReport
from tests.golden.cases import BROKEN, CAPTURE, HEALTHY, SERVED, SERVERS, THROUGH_BALANCER, VERDICTS, VIP

FAILS = (
    "DSR202 reply-bypasses-balancer now fails for 10.0.0.10: "
    "Server 10.0.0.100 sends its replies through the balancer. (frames 7, 9)"
)
BLAMED = "DSR202 reply-bypasses-balancer for 10.0.0.10 server 00:01:aa:bb:cc:64"
STEPS = StepTable(VIP, "request → forward", 3, "flow 3", (Step(1, "request", None, None, "10.0.0.1", VIP),))


def told(before: Report, after: Report) -> list[str]:
    """What is said of two reports."""
    return list(differences(canonical(before), canonical(after), after))


def with_vip(**changes: Any) -> Report:
    """The healthy report with its VIP changed."""
    return replace(HEALTHY, vips=(replace(SERVED, **changes),))


def with_finding(**changes: Any) -> Report:
    """The broken report with its finding changed."""
    return replace(BROKEN, findings=(replace(THROUGH_BALANCER, **changes),))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (HEALTHY, HEALTHY, []),
        (HEALTHY, BROKEN, ["the report: verdict pass -> fail", FAILS]),
        (
            BROKEN, HEALTHY,
            [
                "the report: verdict fail -> pass",
                "DSR202 reply-bypasses-balancer for 10.0.0.10: fail -> pass",
                "DSR202 reply-bypasses-balancer for 10.0.0.10: finding is gone, of server 00:01:aa:bb:cc:64",
            ],
        ),
        (
            HEALTHY, replace(HEALTHY, verdicts=VERDICTS[1:]),
            [
                "the report: verdict pass -> inconclusive",
                "DSR103 forward-keeps-vip is judged no more for 10.0.0.10: was pass",
            ],
        ),
        (
            HEALTHY, replace(HEALTHY, verdicts=(*VERDICTS, Verdict("DSR108", "client-affinity", VIP, NOT_APPLICABLE))),
            ["DSR108 client-affinity is judged now for 10.0.0.10: not-applicable"],
        ),
        (
            HEALTHY, replace(HEALTHY, verdicts=(replace(VERDICTS[0], checked=5), *VERDICTS[1:])),
            ["DSR103 forward-keeps-vip for 10.0.0.10: checked 6 -> 5"],
        ),
        (
            HEALTHY, replace(HEALTHY, verdicts=(*VERDICTS[:3], replace(VERDICTS[3], verdict="not-observed"))),
            ["DSR901 capture-whole: pass -> not-observed"],
        ),
        (HEALTHY, with_vip(servers=SERVERS[:1]), ["VIP 10.0.0.10: server 00:01:aa:bb:cc:65 is gone"]),
        (with_vip(servers=SERVERS[:1]), HEALTHY, ["VIP 10.0.0.10: server 00:01:aa:bb:cc:65 is new"]),
        (
            HEALTHY, with_vip(servers=(replace(SERVERS[0], flows=1, addresses=()), SERVERS[1])),
            ["VIP 10.0.0.10: server 00:01:aa:bb:cc:64: addresses 10.0.0.104 -> none, flows 3 -> 1"],
        ),
        (
            HEALTHY, with_vip(gateways=(Host("gateway", ("00:01:aa:bb:cc:fe",)),)),
            ["VIP 10.0.0.10: gateway 00:01:aa:bb:cc:fe is new"],
        ),
        (HEALTHY, with_vip(mode="nat", flows=5), ["VIP 10.0.0.10: mode dsr-mac -> nat, flows 6 -> 5"]),
        (
            HEALTHY, with_vip(services=(Service("tcp", 443, "dsr-mac", 6),)),
            ["VIP 10.0.0.10: service tcp/443 is new", "VIP 10.0.0.10: service tcp/80 is gone"],
        ),
        (HEALTHY, replace(HEALTHY, vips=()), ["the report: verdict pass -> inconclusive", "VIP 10.0.0.10 is gone"]),
        (
            HEALTHY, replace(HEALTHY, vips=(SERVED, VipReport("10.0.0.20", "nat"))),
            ["VIP 10.0.0.20 is new: nat"],
        ),
        (
            HEALTHY, replace(HEALTHY, captures=(replace(CAPTURE, frames=29, vantage="server"),)),
            ["capture capture.pcap: frames 30 -> 29, vantage mirror -> server"],
        ),
        (HEALTHY, replace(HEALTHY, captures=(CAPTURE, CAPTURE)), ["2 captures, was 1"]),
        (HEALTHY, replace(HEALTHY, steps=(STEPS,)), ["flows of VIP 10.0.0.10 like none before: request → forward"]),
        (replace(HEALTHY, steps=(STEPS,)), HEALTHY, ["no more flows of VIP 10.0.0.10 like: request → forward"]),
        (
            BROKEN, with_finding(severity="warning", count=1, frames=(FrameRef(0, 7),)),
            [
                "the report: verdict fail -> inconclusive",
                f"{BLAMED}: severity error -> warning, count 2 -> 1",
                f"{BLAMED}: frames 0:7, 0:9 -> 0:7",
            ],
        ),
        (
            BROKEN, with_finding(subject=replace(THROUGH_BALANCER.subject, mac="00:01:aa:bb:cc:65")),
            [
                "DSR202 reply-bypasses-balancer for 10.0.0.10: finding is gone, of server 00:01:aa:bb:cc:64",
                "DSR202 reply-bypasses-balancer speaks anew for 10.0.0.10, of server 00:01:aa:bb:cc:65: "
                "Server 10.0.0.100 sends its replies through the balancer. (frames 7, 9)",
            ],
        ),
    ],
)  # fmt: skip
def test_one_thing_changed_is_told(before: Report, after: Report, words: list[str]) -> None:
    """Each change has its sentence, the weightiest first, and nothing else is said."""
    assert told(before, after) == words


@pytest.mark.parametrize("change", [
    lambda f: replace(f, message="Other words."),
    lambda f: replace(f, why="Another reason."),
    lambda f: replace(f, remedy={"linux": "Another remedy."}),
    lambda f: replace(f, wireshark_filters=()),
])  # fmt: skip
def test_wording_is_no_difference(change: Callable[[Any], Any]) -> None:
    """A rule file that is worded better leaves every golden report as it is."""
    assert canonical(replace(BROKEN, findings=(change(THROUGH_BALANCER),))) == canonical(BROKEN)


def test_where_the_capture_lies_is_no_difference() -> None:
    """Only the name of a capture is kept, and no reason or evidence in words."""
    elsewhere = replace(
        BROKEN,
        captures=(replace(CAPTURE, path="/home/somebody/capture.pcap"),),
        vips=(replace(SERVED, evidence=("other words",)),),
        notes=("A note.",),
    )
    assert canonical(elsewhere) == canonical(BROKEN)


def test_a_golden_file_has_a_line_for_each_row() -> None:
    """Verdicts, servers and findings' frames can be read, and compared, line by line; it is JSON, sorted."""
    document = canonical(BROKEN)
    text = golden_text(document)
    assert json.loads(text) == document
    assert text == golden_text(json.loads(text))
    lines = text.split("\n")
    assert sum('"rule": "DSR202"' in line and '"verdict": "fail"' in line for line in lines) == 1
    assert '   "frames": [{"capture": 0, "number": 7}, {"capture": 0, "number": 9}],' in lines
    assert golden_text([]) == "[]\n"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_laid_out_as_itself(document: object) -> None:
    """Whatever is laid out reads back the same."""
    assert json.loads(golden_text(document)) == document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["rule", "vip", "verdict", "subject", "frames", "macs", "mac", "address", "servers"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["verdict", "vips", "verdicts", "findings", "captures", "steps"]), JSON))
def test_any_json_can_be_compared(before: dict[str, Any]) -> None:
    """A file that somebody mangled is compared as far as it goes."""
    for sentence in differences(before, canonical(BROKEN), BROKEN):
        assert isinstance(sentence, str)
