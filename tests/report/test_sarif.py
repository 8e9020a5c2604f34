"""SARIF: valid by the schema of OASIS, rules from the rule files, the evidence as a code flow, stable fingerprints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest

from dsrcheck.analysis import judge
from dsrcheck.findings import FrameRef
from dsrcheck.report.model import Report
from dsrcheck.report.sarif import render
from dsrcheck.rules import load_rules
from tests.ladder import BALANCER, CLIENT, WEB1, healthy, path
from tests.report.reports import ALL, ARP, CAPTURE, COMPARED, ENTAILED, FAILING, HOSTILE, STEPS, WARNED
from tests.report.snapshots import SHARED, assert_is_snapshot

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text())
RULES = load_rules([])


def run_of(report: Report) -> dict[str, Any]:
    """The one run, with the rules explained."""
    (run,) = json.loads(render(report, rules=RULES))["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("name", SHARED)
def test_snapshot(name: str) -> None:
    """The whole of it, as it was read and accepted; without the rules, which have tests of their own."""
    assert_is_snapshot(render(SHARED[name]), f"{name}.sarif")


@pytest.mark.parametrize("report", [*ALL, COMPARED, HOSTILE, Report(())])
def test_valid(report: Report) -> None:
    """Every report holds to the schema of SARIF 2.1.0."""
    jsonschema.validate(json.loads(render(report, rules=RULES)), SCHEMA, jsonschema.Draft4Validator)


def test_the_schema_refuses() -> None:
    """A schema that takes anything would prove nothing."""
    document = json.loads(render(FAILING))
    del document["runs"][0]["results"][0]["message"]["text"]
    document["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, jsonschema.Draft4Validator)


def test_rules_come_from_the_rule_files() -> None:
    """Those that were judged, each with its summary, explanation, remedy and level."""
    run = run_of(FAILING)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [verdict.rule for verdict in FAILING.verdicts]
    (found,) = [rule for rule in rules if rule["id"] == "DSR301"]
    assert found["shortDescription"]["text"] == next(rule.summary for rule in RULES if rule.id == "DSR301")
    assert found["help"]["text"].startswith("DSR301 server-answers-no-arp (error)\n")
    assert "sysctl -w net.ipv4.conf.all.arp_ignore=1" in found["help"]["markdown"]
    assert found["defaultConfiguration"] == {"level": "error"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_places() -> None:
    """Every place is a frame of a capture of the run, as a line, which viewers insist on."""
    first, *_ = run_of(FAILING)["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "segment.pcap", "index": 0}, "region": {"startLine": 12}}
    assert first["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 40}
    assert first["locations"][0]["logicalLocations"] == [
        {"fullyQualifiedName": "server 02:00:00:00:5e:02 192.168.10.22"}
    ]
    *_, unframed = run_of(WARNED)["results"]
    assert unframed["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


@pytest.mark.parametrize("name", ["a b.pcap", "a:b.pcap", "ä#?%.pcap", "./x/../c.pcap", "\udcff.pcap", "-"])
def test_paths_are_relative_references(name: str) -> None:
    """Whatever a file is called, its uri is relative and leads back to it."""
    uri = run_of(replace(FAILING, captures=(replace(CAPTURE, path=name),)))["artifacts"][0]["location"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    wanted = {"./x/../c.pcap": "c.pcap", "-": "standard-input"}.get(name, name)
    assert unquote(parts.path, errors="surrogateescape") == wanted


def test_an_absolute_path_is_a_file_uri() -> None:
    """It cannot be relative to anything known."""
    (artifact,) = run_of(replace(FAILING, captures=(replace(CAPTURE, path="/a/b c.pcap"),)))["artifacts"]
    assert artifact["location"]["uri"] == "file:///a/b%20c.pcap"


def test_fingerprints_know_a_finding_again() -> None:
    """Another capture and other frames: the same finding. Another culprit: another one."""
    again = replace(ARP, frames=(FrameRef(0, 99),), count=7, message="Otherwise said.")
    other = replace(ARP, subject=replace(ARP.subject, mac="02:00:00:00:5e:03"))
    report = replace(FAILING, captures=(replace(CAPTURE, path="b.pcap"),), findings=(again, other))
    prints = [result["partialFingerprints"] for result in run_of(report)["results"]]
    assert prints[0] == run_of(FAILING)["results"][0]["partialFingerprints"]
    assert prints[0] != prints[1]


def test_code_flow_of_a_real_report() -> None:
    """Request, forward, reply, relayed: each at its first frame, and the broken ones essential."""
    net = healthy(6)
    before = len(net.frames)
    net.connection(path(CLIENT, BALANCER, WEB1), path(WEB1, BALANCER, CLIENT))
    (result,) = [r for r in run_of(judge(net.legs(), RULES).report)["results"] if r["ruleId"] == "DSR202"]
    (flow,) = result["codeFlows"]
    steps = flow["threadFlows"][0]["locations"]
    assert [step["kinds"] for step in steps] == [["request"], ["forward"], ["reply"], ["relayed"]]
    assert [step["importance"] for step in steps] == ["important", "important", "essential", "essential"]
    lines = [step["location"]["physicalLocation"]["region"]["startLine"] for step in steps]
    assert lines == [before + 1, before + 2, before + 3, before + 4]
    assert f"{WEB1.mac} > {BALANCER.mac}, breaks DSR202" in steps[2]["location"]["message"]["text"]


def test_a_finding_shown_by_no_connection_has_no_flow() -> None:
    """ARP has frames, but no steps; a connection of another VIP shows nothing."""
    assert all("codeFlows" not in result for result in run_of(FAILING)["results"])
    entailed = replace(ENTAILED, frames=(FrameRef(0, 7),))
    steps = replace(STEPS, steps=tuple(replace(step, frame=FrameRef(0, n)) for n, step in enumerate(STEPS.steps, 7)))
    report = replace(FAILING, findings=(entailed,), steps=(steps,))
    assert len(run_of(report)["results"][0]["codeFlows"]) == 1
    assert "codeFlows" not in run_of(replace(report, steps=(replace(steps, vip="192.0.2.1"),)))["results"][0]


def test_baseline() -> None:
    """SARIF has words for what is known, new and gone; without a baseline none of them is used."""
    states = [(result["ruleId"], result.get("baselineState")) for result in run_of(COMPARED)["results"]]
    assert states == [("DSR301", "unchanged"), ("DSR101", "unchanged"), ("DSR901", "new"), ("DSR202", "absent")]
    assert not any("baselineState" in result for result in run_of(FAILING)["results"])


def test_what_else_to_know() -> None:
    """A cut capture and notes come with the run."""
    (invocation,) = run_of(replace(FAILING, captures=(replace(CAPTURE, truncated="in frame 7"),)))["invocations"]
    told = [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]]
    assert told == [("warning", "cut: in frame 7"), ("note", "Capture without a filter.")]


def test_nothing_is_a_placeholder_or_a_link() -> None:
    """`{0}` and `[text](target)` mean something in messages of SARIF (3.11.5, 3.11.6)."""
    (result,) = run_of(replace(FAILING, findings=(replace(ARP, message="{0} [a](b)"),)))["results"]
    assert result["message"]["text"].startswith("{{0}} [a] (b)\n")


def test_nothing_in_it_moves_a_cursor() -> None:
    """ASCII without controls."""
    assert all(" " <= character <= "~" or character == "\n" for character in render(HOSTILE))
