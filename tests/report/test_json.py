"""The JSON report: by its schema, and the same bytes for the same report."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from dsrcheck.report.json import render, schema
from dsrcheck.report.model import Report
from tests.report.reports import ALL, CAPTURE, EMPTY, FAILING, VIP


def test_schema_is_a_schema() -> None:
    """The schema itself holds to the draft it names."""
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("report", ALL)
def test_reports_hold_to_the_schema(report: Report) -> None:
    """Every kind of report is valid."""
    jsonschema.validate(json.loads(render(report)), schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["verdict"], "good"),
        (["vips", 0, "address"], "FE80::1"),
        (["vips", 0, "servers", 0, "macs", 0], "00-01-02-03-04-05"),
        (["captures", 0, "first_time"], "2026-02-03T10:00:00Z"),
        (["findings", 0, "frames", 0, "number"], 0),
    ],
)
def test_schema_refuses_what_the_contract_forbids(path: list[str | int], value: object) -> None:
    """A schema that takes anything would prove nothing."""
    document = json.loads(render(FAILING))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)


def test_the_contract_to_the_letter() -> None:
    """The keys of the contract, with its values."""
    document = json.loads(render(FAILING))
    assert document["schema"] == "dsrcheck.report/1"
    assert document["captures"][0]["truncated"] is False
    assert document["vips"][0]["services"] == [{"protocol": "tcp", "port": 80, "mode": "dsr-mac", "flows": 12}]
    assert set(document["vips"][0]["balancers"][0]) == {
        "name", "role", "macs", "addresses", "provenance", "evidence",
    }  # fmt: skip
    assert document["verdicts"][0] == {
        "rule": "DSR103", "name": "forward-keeps-vip", "vip": VIP, "verdict": "pass",
        "checked": 12, "failed": 0, "reason": None,
    }  # fmt: skip
    assert document["findings"][2]["frames"] == [{"capture": 0, "number": 12}, {"capture": 0, "number": 40}]
    assert list(document["findings"][2]["remedy"]) == ["linux", "windows"]


def test_truncation_is_a_flag_and_a_reason() -> None:
    """`truncated` stays a boolean; where and why stands beside it."""
    capture = json.loads(render(replace(EMPTY, captures=(replace(CAPTURE, truncated="cut in frame 7"),))))["captures"][
        0
    ]
    assert (capture["truncated"], capture["truncation"]) == (True, "cut in frame 7")


def test_nothing_in_it_moves_a_cursor() -> None:
    """File names with escape sequences, DEL, or bytes that are no UTF-8 come out as ASCII without controls."""
    text = render(replace(EMPTY, captures=(replace(CAPTURE, path="a\x1b[31m\x7f\x9b\u202e\udcff.pcap"),)))
    assert all(" " <= character <= "~" or character == "\n" for character in text)
    assert json.loads(text)["captures"][0]["path"] == "a\x1b[31m\x7f\x9b\u202e\udcff.pcap"


def test_same_report_same_bytes() -> None:
    """The order in which a remedy was written down does not matter."""
    finding = FAILING.findings[2]
    turned = replace(finding, remedy=dict(reversed(list(finding.remedy.items()))))
    assert render(replace(FAILING, findings=(*FAILING.findings[:2], turned))) == render(FAILING)
