"""JUnit: a case for each rule, nothing judged is no pass, valid by Jenkins' schema, and whole whatever is in it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from dsrcheck.findings import FrameRef
from dsrcheck.report.junit import render
from dsrcheck.report.model import Report
from dsrcheck.text import printable
from tests.report.reports import ALL, ARP, CAPTURE, EMPTY, EVIL, FAILING, HOSTILE, PASSING, VIP, WARNED
from tests.report.snapshots import SHARED, assert_is_snapshot

CASE = f"DSR301 server-answers-no-arp {VIP}"


@cache
def schema() -> xmlschema.XMLSchema:
    """The schema that Jenkins' xUnit plugin holds reports to."""
    return xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-10.xsd"))


def case_of(text: str, name: str) -> ElementTree.Element:
    """The one case of this name."""
    (case,) = [case for case in ElementTree.fromstring(text).iter("testcase") if case.get("name") == name]
    return case


@pytest.mark.parametrize("name", SHARED)
def test_snapshot(name: str) -> None:
    """The whole of it, as it was read and accepted."""
    assert_is_snapshot(render(SHARED[name]), f"{name}.junit.xml")


@pytest.mark.parametrize("report", [*ALL, HOSTILE, Report(())])
def test_valid(report: Report) -> None:
    """Every report is of the form that Jenkins takes, and never without a case."""
    text = render(report)
    schema().validate(ElementTree.ElementTree(ElementTree.fromstring(text)))
    (suite,) = ElementTree.fromstring(text)
    cases = suite.findall("testcase")
    assert int(suite.attrib["tests"]) == len(cases) > 0
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))


def test_the_schema_refuses() -> None:
    """A schema that takes anything would prove nothing."""
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema().validate(render(FAILING).replace("classname=", "classnames=", 1))


def test_a_failure_tells_all() -> None:
    """Rule, culprit, frames and remedy stand in the failing case, and the capture is its class."""
    case = case_of(render(FAILING), CASE)
    assert case.get("classname") == "segment.pcap"
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "error", "message": ARP.message}
    text = failure.text or ""
    assert "culprit: server 02:00:00:00:5e:02 192.168.10.22" in text
    assert "evidence: frames 12, 40 of segment.pcap" in text
    assert "frame.number in {12,40}" in text
    assert "sysctl -w net.ipv4.conf.all.arp_ignore=1" in text


def test_frames_of_two_captures_are_told_apart() -> None:
    """Frame numbers are a capture's own."""
    finding = replace(ARP, frames=(FrameRef(0, 12), FrameRef(1, 3)))
    report = replace(FAILING, captures=(CAPTURE, replace(CAPTURE, path="other.pcap")), findings=(finding,))
    assert "frame 12 of segment.pcap; frame 3 of other.pcap" in render(report)


def test_what_was_not_judged_is_skipped_with_its_reason() -> None:
    """Neither not-observed nor not-applicable looks like a pass."""
    text = render(PASSING)
    for name, reason in (
        (f"DSR205 reply-next-hop {VIP}", "not-observed: no client is behind a gateway"),
        (f"DSR307 server-advertises-no-nd {VIP}", "not-applicable: the VIP is an IPv4 address"),
    ):
        skipped = case_of(text, name).find("skipped")
        assert skipped is not None
        assert skipped.get("message") == reason


def test_fails_as_the_program_does() -> None:
    """A warning fails its case only where warnings fail the run; else it is the case's output."""
    for fail_on, tag in (("error", "system-out"), ("warning", "failure"), ("never", "system-out")):
        case = case_of(render(WARNED, fail_on=fail_on), "DSR901 capture-whole")
        assert [child.tag for child in case] == [tag]
        assert "warning: The capture is cut." in (case[0].text or "")


def test_nothing_to_check_is_told() -> None:
    """A capture without a VIP gives a case that says so, not an empty file that looks like success."""
    skipped = case_of(render(EMPTY), "balanced-traffic").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "no balanced traffic in this capture"
    assert skipped.text == "Seen instead: 3 TCP flows to 1 service."


def test_what_comes_from_outside_stays_text() -> None:
    """Neither markup nor characters that XML forbids: a parser reads back the printable form."""
    (suite,) = ElementTree.fromstring(render(HOSTILE))
    assert suite.get("name") == printable(EVIL)
    assert {element.tag for element in suite.iter()} <= {"testsuite", "testcase", "failure", "skipped", "system-out"}
