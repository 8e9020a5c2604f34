"""The filter of the flows speaks the language of the rules, over every flow, and shows only what is known to hold."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from dsrcheck.flows.summary import flow_totals
from dsrcheck.rules.expression import ExpressionError
from dsrcheck.tui.flowfilter import FlowFilter, NameSuggester, compile_filter
from dsrcheck.tui.flowtable import flow_columns, flow_states
from tests.tui.pilot import ROOT, analyze


@pytest.mark.parametrize(
    ("condition", "flows"),
    [
        # Counted with tshark: 36 sockets ask the VIP by DNS, and 12 get their answer from a server's own address.
        ("service.port == 53 and flow.service == '192.168.10.100'", 36),
        ("reply.src_ip != vip.address", 12),
        ("flow.protocol == 'tcp'", 4),
        ("flow.client == '192.168.10.51' and flow.protocol == 'icmp'", 1),
        ("flow.client == '203.0.113.1'", 0),
        ("forward.dst_mac == '02:00:00:00:5e:02'", 13),
        ("not (flow.number > 5)", 5),
        ("flow.frames == 63 and flow.bytes > 20000 and flow.seconds < 1", 1),
    ],
)
def test_flows_for_which_a_condition_holds(condition: str, flows: int) -> None:
    """Columns of rules and of every flow, alone and together."""
    sides = analyze(str(ROOT / "pcaps/real-ipvs-udp-from-real-address/capture.pcap")).sides
    assert len(FlowFilter(sides).rows(compile_filter(condition))) == flows


def test_what_is_not_known_is_not_shown() -> None:
    """Flows of no balanced service have no reply that could differ, nor one that could not."""
    sides = analyze(str(ROOT / "pcaps/real-ipvs-udp-from-real-address/capture.pcap")).sides
    filtered = FlowFilter(sides)
    known = [len(filtered.rows(compile_filter(text))) for text in ("reply.seen", "not reply.seen")]
    assert sum(known) == len(sides.roles) < len(sides.scene.flows)


@pytest.mark.parametrize(
    "condition", ["flow.nonsense == 1", "flow.client ==", "__import__('os')", "flow.client", "'a' * 3"]
)
def test_what_is_no_condition_is_refused(condition: str) -> None:
    """Unknown names, other Python, and what is not true or false."""
    with pytest.raises(ExpressionError):
        compile_filter(condition)


def test_names_are_completed() -> None:
    """The last word grows to the first name that begins with it."""
    suggest = NameSuggester().get_suggestion
    assert asyncio.run(suggest("flow.frames > 3 and reply.thr")) == "flow.frames > 3 and reply.through_balancer"
    assert asyncio.run(suggest("flow.frames > 3 ")) is None


def test_states_are_those_that_the_totals_tell() -> None:
    """Asked once for each kind, they are what asking for each flow gives."""
    scene = analyze(str(ROOT / "pcaps/real-ipvs-noise/capture.pcap")).sides.scene
    totals = flow_totals(scene.columns, scene.flows)
    numbers, names = flow_states(totals)
    assert [names[number] for number in numbers] == [totals.state(row) for row in range(len(scene.flows))]


def test_columns_have_a_value_for_each_flow() -> None:
    """All of them, also in a capture without a flow of a VIP."""
    for name in ("real-ipvs-nat", "article-normal-mode"):
        sides = analyze(str(ROOT / f"pcaps/{name}/capture.pcap")).sides
        assert {len(np.asarray(column.values)) for column in flow_columns(sides)} == {len(sides.scene.flows)}
