"""What a watch prints without a screen: text of 80 columns and JSON lines, escaped, the same for the same file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import jsonschema
import pytest

from dsrcheck.exits import Exit
from dsrcheck.findings import Finding, FrameRef, Subject
from dsrcheck.legs import Legs
from dsrcheck.live import Aged, Pace, Rates, Snapshot, State, watch_stream
from dsrcheck.live.lines import JsonLines, Text, schema, status, tell
from dsrcheck.live.news import Seen
from dsrcheck.report.json import schema as report_schema
from tests.live.streams import SECOND, judged, one_after_another, write

NOON = 1_400_068_800 * SECOND
FINDING = Finding(
    "DSR301", "server-answers-no-arp", "error", "10.0.0.10", Subject("server", "00:01:aa:bb:cc:64", "10.0.0.100"), None,
    2, "Server 10.0.0.100 answers ARP for the VIP.", "Because.", (FrameRef(0, 12), FrameRef(0, 40)),
    ("frame.number in {12, 40}",), MappingProxyType({"linux": "Do."}),
)  # fmt: skip


def _snapshot(second: int, *findings: Finding, state: State = State.CAPTURING, trouble: str | None = None) -> Snapshot:
    analysis = judged(Legs.none())
    return Snapshot(
        replace(analysis, report=replace(analysis.report, findings=findings)),
        frames=second * 10, bytes=second * 1000, dropped=None, first_time=NOON, last_time=NOON + second * SECOND,
        seconds=Rates(), aged=Aged(3, 30, 300), idle=60.0, state=state, trouble=trouble, files=(),
    )  # fmt: skip


STORY = (
    _snapshot(1),
    _snapshot(2, FINDING),
    _snapshot(3, replace(FINDING, count=9, subject=replace(FINDING.subject, role="host")), trouble="eth0 is down"),
    _snapshot(9),
    _snapshot(10, state=State.INTERRUPTED),
)


def _told(form: Text | JsonLines, story: tuple[Snapshot, ...] = STORY) -> str:
    return "".join(text for text, _, _ in tell(iter(story), form))


def test_text() -> None:
    """A finding appears once, however it grows and whatever its culprit turns out to be; then it is over."""
    told, _, _ = _told(Text()).partition("\n\n")
    assert told == (
        "2014-05-14 12:00:02 error   DSR301 server-answers-no-arp, VIP 10.0.0.10\n"
        "    server 00:01:aa:bb:cc:64 (10.0.0.100); frames 12, 40\n"
        "    Server 10.0.0.100 answers ARP for the VIP.\n"
        "2014-05-14 12:00:03 trouble\n"
        "    eth0 is down\n"
        "2014-05-14 12:00:09 over    DSR301 server-answers-no-arp, VIP 10.0.0.10\n"
        "    host 00:01:aa:bb:cc:64 (10.0.0.100); error for 7 s\n"
        "2014-05-14 12:00:09 trouble\n"
        "    what was wrong is mended\n"
        "2014-05-14 12:00:10 interrupted after 100 frames\n"
        "    30 frames of 3 legs had aged by then"
    )


def test_what_follows_from_another_finding() -> None:
    """It is told of what, so that nobody mends the symptom."""
    told = _told(Text(), (_snapshot(1, replace(FINDING, because_of="DSR203")),))
    assert "frames 12, 40; follows from DSR203\n" in told


def test_json_lines() -> None:
    """Each line holds to the schema, its report to that of reports; times are the capture's."""
    lines = [json.loads(line) for line in _told(JsonLines()).splitlines()]
    for line in lines:
        jsonschema.validate(line, schema())
    assert [(line["event"], line["time"][17:20]) for line in lines] == [
        ("finding", "02."), ("trouble", "03."), ("over", "09."), ("trouble", "09."), ("end", "10."),
    ]  # fmt: skip
    over, end = lines[2], lines[4]
    assert (over["since"][17:19], over["seconds"], over["finding"]["count"]) == ("02", 7.0, 9)
    assert lines[1]["message"] == "eth0 is down"
    assert lines[3]["message"] is None
    assert (end["state"], end["frames"], end["aged"]) == ("interrupted", 100, {"legs": 3, "frames": 30, "bytes": 300})
    jsonschema.validate(end["report"], report_schema())


def test_the_schema_is_strict() -> None:
    """What is not described is refused: a new field has to be told."""
    line = json.loads(_told(JsonLines()).splitlines()[0])
    for wrong in ({**line, "more": 1}, {**line, "event": "end"}, {**line, "time": "yesterday"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema())


@pytest.mark.parametrize("form", [Text(), JsonLines()])
def test_nothing_moves_the_cursor(form: Text | JsonLines) -> None:
    """Whatever an interface is called, only printable characters and line feeds come out."""
    told = _told(form, (_snapshot(1, state=State.FAILED, trouble="\x1b[2J\x9b5m is down\x07\u202e"),))
    assert all(character == "\n" or character.isprintable() for character in told)


@pytest.mark.parametrize("form", [Text(), JsonLines()])
def test_same_file_same_lines(tmp_path: Path, form: Text | JsonLines) -> None:
    """No clock gets into it: a file gives the same bytes each time. Text fits 80 columns."""
    path = write(tmp_path / "x.pcapng", one_after_another("dsr-healthy", [None, "vip-missing"]))

    def lines() -> Iterator[str]:
        for text, _, _ in tell(watch_stream(path, judged, pace=Pace(every=2, idle=5)).snapshots(), form):
            yield text

    told = "".join(lines())
    assert told == "".join(lines())
    if isinstance(form, Text):
        found, _, _ = told.partition("\n\n")  # the report has commands to copy, which stay whole
        assert max(map(len, found.splitlines())) <= 80


@pytest.mark.parametrize(
    ("seen", "state", "fail_on", "exit_zero", "expected"),
    [
        (Seen(balanced=True), State.ENDED, "error", False, Exit.CLEAN),
        (Seen(), State.ENDED, "error", False, Exit.NOTHING_TO_CHECK),
        (Seen(severities=frozenset({"error"}), balanced=True), State.ENDED, "error", False, Exit.FINDINGS),
        (Seen(severities=frozenset({"warning"}), balanced=True), State.ENDED, "error", False, Exit.CLEAN),
        (Seen(severities=frozenset({"warning"}), balanced=True), State.ENDED, "warning", False, Exit.FINDINGS),
        (Seen(severities=frozenset({"error"}), balanced=True), State.ENDED, "never", False, Exit.CLEAN),
        (Seen(severities=frozenset({"error"}), balanced=True), State.FAILED, "error", False, Exit.FINDINGS),
        (Seen(balanced=True), State.FAILED, "error", False, Exit.UNREADABLE),
        (Seen(balanced=True), State.INTERRUPTED, "error", False, Exit.CLEAN),
        (Seen(severities=frozenset({"error"})), State.FAILED, "error", True, Exit.CLEAN),
    ],
)
def test_status(seen: Seen, state: State, fail_on: str, exit_zero: bool, expected: Exit) -> None:
    """Findings count though they may be over; a capture that failed is not clean; SIGINT is no failure."""
    assert status(seen, _snapshot(1, state=state), fail_on, exit_zero) == expected
