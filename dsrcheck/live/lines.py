"""A watch without a screen: what changes, as text of 80 columns or as JSON lines (live/schema.json), and the report.

Nothing here depends on the clock: times are those of the capture, and a file that is read gives the same lines again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any, Protocol

from dsrcheck.exits import Exit
from dsrcheck.findings import SEVERITIES, Finding
from dsrcheck.live.model import Snapshot, State
from dsrcheck.live.news import News, Seen, compare
from dsrcheck.report.build import time_text
from dsrcheck.report.layout import paragraph
from dsrcheck.report.model import NEVER, Report
from dsrcheck.report.text import render as render_report
from dsrcheck.report.words import many

SCHEMA = "dsrcheck.live/1"
INDENT = 4
FRAMES_SHOWN = 8


class Form(Protocol):
    """How to say it; each method returns whole lines."""

    def news(self, news: News) -> str: ...

    def trouble(self, snapshot: Snapshot) -> str: ...

    def end(self, snapshot: Snapshot) -> str: ...


def tell(snapshots: Iterator[Snapshot], form: Form) -> Iterator[tuple[str, Seen, Snapshot]]:
    """Yield the lines of each snapshot (possibly none), with what has been seen up to it."""
    seen, trouble = Seen(), None
    for snapshot in snapshots:
        seen, news = compare(seen, snapshot)
        text = "".join(form.news(item) for item in news)
        if snapshot.trouble != trouble:
            text += form.trouble(snapshot)
        trouble = snapshot.trouble
        if snapshot.state != State.CAPTURING:
            text += form.end(snapshot)
        yield text, seen, snapshot


def status(seen: Seen, snapshot: Snapshot, fail_on: str, exit_zero: bool) -> Exit:
    """The exit status of a watch that ends with this snapshot.

    Findings count even if they were over by then: whoever lets a watch run wants to know whether all went well. A
    capture that failed is no clean one.
    """
    failing = () if fail_on == NEVER else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    if exit_zero:
        return Exit.CLEAN
    if seen.severities & set(failing):
        return Exit.FINDINGS
    if snapshot.state == State.FAILED:
        return Exit.UNREADABLE
    return Exit.CLEAN if seen.balanced else Exit.NOTHING_TO_CHECK


class Text:
    """For people, and for the log of a service."""

    def news(self, news: News) -> str:
        finding = news.finding
        of_vip = f", VIP {finding.vip}" if finding.vip else ""
        word = "over" if news.over else finding.severity
        lines = [f"{_moment(news.time)} {word:<7} {finding.rule} {finding.name}{of_vip}"]
        if news.over:
            lines += paragraph(f"{_culprit(finding)}; {finding.severity} for {news.seconds:.0f} s", INDENT)
        else:
            cause = f"; follows from {finding.because_of}" if finding.because_of else ""
            lines += paragraph(f"{_culprit(finding)}; {_frames(finding)}{cause}", INDENT)
            lines += paragraph(finding.message, INDENT)
        return "".join(f"{line}\n" for line in lines)

    def trouble(self, snapshot: Snapshot) -> str:
        text = snapshot.trouble or "what was wrong is mended"
        return "".join(f"{line}\n" for line in [f"{_moment(snapshot.now)} trouble", *paragraph(text, INDENT)])

    def end(self, snapshot: Snapshot) -> str:
        aged = snapshot.aged
        lines = [f"{_moment(snapshot.now)} {snapshot.state} after {many(snapshot.frames, 'frame')}"]
        if aged.legs:
            lines += paragraph(f"{many(aged.frames, 'frame')} of {many(aged.legs, 'leg')} had aged by then", INDENT)
        return "".join(f"{line}\n" for line in lines) + "\n" + render_report(snapshot.analysis.report)


class JsonLines:
    """For programs: an object a line, ASCII, in an order of keys that does not change."""

    def news(self, news: News) -> str:
        (finding,) = Report((), findings=(news.finding,)).to_dict()["findings"]
        return _line(
            "over" if news.over else "finding",
            news.time,
            {"since": time_text(news.since), "seconds": news.seconds, "finding": finding},
        )

    def trouble(self, snapshot: Snapshot) -> str:
        return _line("trouble", snapshot.now, {"message": snapshot.trouble})

    def end(self, snapshot: Snapshot) -> str:
        aged = snapshot.aged
        facts = {
            "state": str(snapshot.state),
            "frames": snapshot.frames,
            "bytes": snapshot.bytes,
            "dropped": snapshot.dropped,
            "idle": snapshot.idle,
            "aged": {"legs": aged.legs, "frames": aged.frames, "bytes": aged.bytes},
            "report": snapshot.analysis.report.to_dict(),
        }
        return _line("end", snapshot.now, facts)


def schema() -> dict[str, Any]:
    """The JSON Schema that every line holds to."""
    loaded: dict[str, Any] = json.loads(resources.files("dsrcheck.live").joinpath("schema.json").read_text("utf-8"))
    return loaded


def _line(event: str, time: int | None, facts: dict[str, Any]) -> str:
    told = {"schema": SCHEMA, "event": event, "time": None if time is None else time_text(time), **facts}
    return json.dumps(told).replace("\x7f", "\\u007f") + "\n"


def _moment(time: int | None) -> str:
    return time_text(time)[:19].replace("T", " ") if time is not None else "before any frame"


def _culprit(finding: Finding) -> str:
    subject = finding.subject
    where = f"({subject.address})" if subject.address and subject.mac else subject.address
    named = " ".join(part for part in (subject.role, subject.mac, where) if part)
    return named or "culprit not known"


def _frames(finding: Finding) -> str:
    shown = [str(frame.number) for frame in finding.frames[:FRAMES_SHOWN]]
    more = "" if len(finding.frames) <= FRAMES_SHOWN else " ..."
    word = "frame" if len(shown) == 1 else "frames"
    return f"{word} {', '.join(shown)}{more}" if shown else "no single frame shows it"
