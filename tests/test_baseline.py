"""Reports held against those of before: what is new fails, what is known does not, what is gone is told."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck import cli
from dsrcheck.baseline import BaselineError, compare, read_baseline
from dsrcheck.exits import Exit
from dsrcheck.findings import FrameRef, Subject
from dsrcheck.report import github, junit, text
from dsrcheck.report.json import render, schema
from dsrcheck.report.model import Report
from tests.golden.cases import BROKEN, HEALTHY, PCAPS, THROUGH_BALANCER, copied, send_a_reply_to_the_balancer

OTHER_SERVER = replace(THROUGH_BALANCER, subject=Subject("server", "00:01:aa:bb:cc:65", "10.0.0.101"))
TELLS = replace(THROUGH_BALANCER, rule="DSR705", name="throughput", severity="info", subject=Subject("balancer"))


def before(report: Report, folder: Path) -> Path:
    """A report written down."""
    path = folder / "before.json"
    path.write_text(render(report))
    return path


def compared(report: Report, former: Report, folder: Path) -> Report:
    """A report held against one of before."""
    return compare(report, read_baseline(before(former, folder)))


def test_known_findings_fail_nothing(tmp_path: Path) -> None:
    """The same rule, VIP and culprit is known, however often it comes up and wherever it is seen."""
    again = replace(THROUGH_BALANCER, count=9, frames=(FrameRef(0, 99),), message="Other words.", severity="warning")
    report = compared(replace(BROKEN, findings=(again,)), BROKEN, tmp_path)
    assert report.new == ()
    assert report.status("warning") == Exit.CLEAN
    assert BROKEN.status() == Exit.FINDINGS


@pytest.mark.parametrize(
    "finding",
    [OTHER_SERVER, replace(THROUGH_BALANCER, rule="DSR201"), replace(THROUGH_BALANCER, vip="10.0.0.20")],
    ids=["culprit", "rule", "VIP"],
)
def test_a_new_finding_fails(tmp_path: Path, finding: Any) -> None:
    """Another culprit, rule or VIP is new, beside one that is known."""
    report = compared(replace(BROKEN, findings=(THROUGH_BALANCER, finding)), BROKEN, tmp_path)
    assert report.new == (1,)
    assert report.status() == Exit.FINDINGS
    assert report.status("never") == Exit.CLEAN


def test_what_is_gone_is_told(tmp_path: Path) -> None:
    """A finding of before that is not there any more; of those that only tell nothing is said."""
    report = compared(
        replace(HEALTHY, findings=(TELLS,)), replace(BROKEN, findings=(THROUGH_BALANCER, TELLS)), tmp_path
    )
    assert report.new == ()
    assert json.loads(render(report))["baseline"] == {
        "new": [],
        "gone": [
            {
                "rule": "DSR202", "name": "reply-bypasses-balancer", "severity": "error", "vip": "10.0.0.10",
                "subject": {"role": "server", "mac": "00:01:aa:bb:cc:64", "address": "10.0.0.100"},
            }
        ],
    }  # fmt: skip


def test_json_holds_to_the_schema(tmp_path: Path) -> None:
    """With a baseline and without; without one nothing of it is in the report."""
    report = compared(replace(BROKEN, findings=(OTHER_SERVER,)), BROKEN, tmp_path)
    document = json.loads(render(report))
    assert document["baseline"]["new"] == [0]
    jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)
    assert "baseline" not in json.loads(render(BROKEN))


def test_text_tells_it_below_the_verdict(tmp_path: Path) -> None:
    """What is new by name and culprit, what is known by number, what is gone by name and culprit."""
    former = replace(
        BROKEN, findings=(THROUGH_BALANCER, replace(THROUGH_BALANCER, rule="DSR201", name="reply-from-vip"))
    )
    report = compared(replace(BROKEN, findings=(THROUGH_BALANCER, OTHER_SERVER, TELLS)), former, tmp_path)
    section = next(part for part in text.render(report).split("\n\n") if part.startswith("baseline"))
    assert section.split("\n") == [
        "baseline  findings since the report of before: 1 new, 1 known, 1 gone",
        "          - new error DSR202 reply-bypasses-balancer for 10.0.0.10: server",
        "            00:01:aa:bb:cc:65 10.0.0.101",
        "          - gone error DSR201 reply-from-vip for 10.0.0.10: server",
        "            00:01:aa:bb:cc:64 10.0.0.100",
    ]


def test_pipelines_fail_on_what_is_new_only(tmp_path: Path) -> None:
    """A known finding is output of its test case, and a notice among the annotations."""
    known = compared(BROKEN, BROKEN, tmp_path)
    assert "<failure" in junit.render(BROKEN)
    assert "<failure" not in junit.render(known)
    assert "Server 10.0.0.100 sends" in junit.render(known)
    assert "::error " in github.render(BROKEN)
    assert "::notice " in github.render(known)
    assert "::error " not in github.render(known)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no report of before; make one: dsrcheck analyze --format json"),
        ("[" * 100_000, "is no report of before"),
        ("[]", "is no report of before"),
        ('{"schema": "dsrcheck.report/2"}', "is no report of before"),
        ('{"schema": "dsrcheck.report/1"}', "findings: must be a list"),
        ('{"schema": "dsrcheck.report/1", "findings": [1]}', "findings: must be objects"),
        ('{"schema": "dsrcheck.report/1", "findings": [{}]}', "findings: one without a subject"),
        ('{"schema": "dsrcheck.report/1", "findings": [{"subject": {}, "rule": "\\u001b"}]}', r"'\\x1b' is no rule id"),
        (
            '{"schema": "dsrcheck.report/1", "findings": [{"subject": {}, "rule": "DSR202", "severity": "bad"}]}',
            "'bad' is no severity",
        ),
        (
            '{"schema": "dsrcheck.report/1", "findings": [{"subject": {"mac": 7}, "rule": "DSR202",'
            ' "severity": "error"}]}',
            "mac must be a text",
        ),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """One line that names the file and says what is wrong."""
    path = tmp_path / "before.json"
    path.write_text(content)
    with pytest.raises(BaselineError) as told:
        read_baseline(path)
    assert message in str(told.value)
    assert str(told.value).startswith(str(path))


def test_no_file_is_no_baseline(tmp_path: Path) -> None:
    """A pipeline must not pass because its baseline is not there."""
    with pytest.raises(BaselineError, match="cannot be read: No such file"):
        read_baseline(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["DSR202", "error"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["rule", "severity", "subject", "vip", "mac"]), inner, max_size=5)
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_findings_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, findings: Any) -> None:
    """No file does anything but give findings, or an error of one line; what it gives can be shown."""
    path = tmp_path_factory.mktemp("any") / "before.json"
    path.write_text(json.dumps({"schema": "dsrcheck.report/1", "findings": findings}))
    try:
        report = compare(BROKEN, read_baseline(path))
    except BaselineError:
        return
    jsonschema.validate(json.loads(render(report)), schema(), jsonschema.Draft202012Validator)
    text.render(report)


def test_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A report of before, the same capture with one reply sent to the balancer, and back again."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["dsrcheck", "analyze", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code

    capture = copied(tmp_path) / "capture.pcap"
    assert run(str(capture), "--format", "json", "-o", "healthy.json") == 0
    number = send_a_reply_to_the_balancer(capture)
    assert run(str(capture), "--baseline", "healthy.json") == 1
    out = capsys.readouterr().out
    assert "baseline  findings since the report of before: 1 new, 0 known, 0 gone" in out
    assert f"frame.number in {{{number}}}" in out
    assert run(str(capture), "--format", "json", "-o", "broken.json") == 1
    assert run(str(capture), "--baseline", "broken.json") == 0
    assert run(str(PCAPS / "article-dsr" / "capture.pcap"), "--baseline", "broken.json") == 0
    assert "0 new, 0 known, 1 gone" in capsys.readouterr().out
    assert run(str(capture), "--baseline", "none.json") == 2
    assert capsys.readouterr().err == "dsrcheck: error: none.json: cannot be read: No such file or directory\n"
