"""GitHub's annotations: read back as its runner reads them, worst first, and nothing from outside is a command."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dsrcheck.findings import FrameRef
from dsrcheck.report.github import render
from dsrcheck.report.model import Report
from dsrcheck.text import printable
from tests.report.reports import ARP, CAPTURE, COMPARED, EMPTY, EVIL, FAILING, HOSTILE, OPEN, PASSING, WARNED
from tests.report.snapshots import SHARED, assert_is_snapshot


def annotated(report: Report) -> list[tuple[str, dict[str, str], str]]:
    """What GitHub's runner takes from the lines: command, properties and message, with their escapes undone."""
    found = []
    for line in render(report).splitlines():
        match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line.lstrip())
        if match:
            pairs = (pair.partition("=") for pair in match[2].split(","))
            found.append((match[1], {name: _undo(value) for name, _, value in pairs}, _undo(match[3])))
    return found


def _undo(text: str) -> str:
    for escape, sign in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escape, sign)
    return text


@pytest.mark.parametrize("name", SHARED)
def test_snapshot(name: str) -> None:
    """The whole of it, as it was read and accepted."""
    assert_is_snapshot(render(SHARED[name]), f"{name}.github.txt")


def test_worst_first() -> None:
    """Of more than GitHub shows, the cause is among those that are shown."""
    assert [(command, facts["title"]) for command, facts, _ in annotated(FAILING)] == [
        ("error", "DSR301 server-answers-no-arp"),
        ("error", "DSR101 request-reaches-balancer"),
        ("warning", "DSR901 capture-whole"),
    ]


def test_an_annotation_tells_all() -> None:
    """File, message, culprit, frames and where to read on."""
    _, facts, message = annotated(FAILING)[0]
    assert facts["file"] == "segment.pcap"
    assert message.splitlines() == [
        ARP.message,
        "Culprit: server 02:00:00:00:5e:02 192.168.10.22",
        "Evidence: frames 12, 40 of segment.pcap",
        "Why it matters, and how to mend it: dsrcheck explain DSR301",
    ]


def test_the_file_is_that_of_the_evidence() -> None:
    """With several captures, the one that shows it; standard input is no file."""
    captures = (replace(CAPTURE, path="-"), replace(CAPTURE, path="b,c:d.pcap"))
    shown = replace(FAILING, captures=captures, findings=(replace(ARP, frames=(FrameRef(1, 3),)), ARP))
    assert [facts.get("file") for _, facts, _ in annotated(shown)] == ["b,c:d.pcap", None]


@pytest.mark.parametrize(("report", "title"), [(EMPTY, "Nothing to check"), (OPEN, "Inconclusive")])
def test_no_verdict_is_no_silence(report: Report, title: str) -> None:
    """A run without findings that proved nothing is not taken for a pass."""
    ((command, facts, _),) = annotated(report)
    assert (command, facts["title"]) == ("warning", title)


def test_a_pass_annotates_nothing() -> None:
    """Only the log says it."""
    assert annotated(PASSING) == []
    assert render(PASSING).startswith("PASS: ")
    assert [command for command, _, _ in annotated(WARNED)] == ["warning"]


def test_what_is_known_is_no_error() -> None:
    """With a baseline, what is new comes first, and what is known fails nothing."""
    found = [(command, facts["title"].split()[0]) for command, facts, _ in annotated(COMPARED)]
    assert found == [("warning", "DSR901"), ("notice", "DSR301"), ("notice", "DSR101")]
    assert "\nfindings since the report of before: 1 new, 2 known, 1 gone\n" in render(COMPARED)


def test_nothing_from_outside_is_a_command() -> None:
    """One finding, one command, however many stand in its texts."""
    ((command, facts, message),) = annotated(HOSTILE)
    assert command == "error"
    assert facts["title"] == f"DSR301 {printable(EVIL)}"
    assert facts["file"] == printable(EVIL)
    assert message.startswith(f"{printable(EVIL)}\nCulprit: ")
    assert all(character.isprintable() or character == "\n" for character in render(HOSTILE))


def test_a_message_is_bounded() -> None:
    """GitHub refuses more than 4,096 bytes."""
    ((_, _, message),) = annotated(replace(FAILING, findings=(replace(ARP, message="x" * 10_000),)))
    assert len(message) == 3000
