"""How checked cases are told: a line each, below it what differs, and at the end the command that accepts it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsrcheck.exits import Exit
from dsrcheck.golden import CASE_FILE
from dsrcheck.golden.check import Judged, Unjudged
from dsrcheck.report.layout import Paint, paragraph
from dsrcheck.report.words import many
from dsrcheck.text import printable

OK, CHANGED, MISSING, FAILED, BROKEN, UNREADABLE = "ok", "changed", "missing", "failed", "broken", "unreadable"
STATES = (OK, CHANGED, MISSING, FAILED, BROKEN, UNREADABLE)
MARGIN = 12
WORD_LIMIT = 60
"""Sentences on one case."""
DIFF_LIMIT = 400
"""Lines of one case's diff."""

_RANKS = {OK: "pass", CHANGED: "warning", MISSING: "warning", FAILED: "error", BROKEN: "error", UNREADABLE: "error"}
_DIFF_RANKS = {"+": "pass", "-": "fail", "@": "info"}


def state(outcome: Judged | Unjudged) -> str:
    """A case in a word. failed: an assertion of its case.toml does not hold, whatever was accepted."""
    if isinstance(outcome, Unjudged):
        return UNREADABLE if outcome.status == Exit.UNREADABLE else BROKEN
    if outcome.broken:
        return FAILED
    if outcome.missing:
        return MISSING
    return OK if outcome.same else CHANGED


def status(states: Sequence[str]) -> Exit:
    """The exit status of a check: what is worst to a reader of it, a file that says nothing, comes first."""
    if BROKEN in states:
        return Exit.USAGE
    if UNREADABLE in states:
        return Exit.UNREADABLE
    return Exit.CLEAN if set(states) <= {OK} else Exit.FINDINGS


def name_of(folder: Path, root: Path) -> str:
    """A case's name: its place under the folder of cases."""
    return folder.relative_to(root).as_posix() if folder != root else folder.resolve().name


def case_lines(outcome: Judged | Unjudged, name: str, paint: Paint) -> Iterator[str]:
    """All that is to be said on one case."""
    word = state(outcome)
    yield f"{paint.rank(f'{word:<{MARGIN - 2}}', _RANKS[word])}  {printable(name)}"
    if isinstance(outcome, Unjudged):
        yield from _item(outcome.error)
        return
    told: set[str] = set()
    for assertion, text in outcome.broken:
        first, *evidence = f"{outcome.case.name}/{CASE_FILE}:{assertion.line}: {text}".split("\n")
        yield from _item(first)
        for line in evidence:  # of several assertions often the same
            if line not in told:
                yield from paragraph(line.strip(), MARGIN + 2, f"{'':{MARGIN}}-")
        told.update(evidence)
    if outcome.missing:
        yield from _item(f"{outcome.case.expected.name} is not there")
    if outcome.case.unfilled:
        yield from _item(f"to be filled in in {CASE_FILE}: {', '.join(outcome.case.unfilled)}")
    yield from changes(outcome, paint)


def _item(text: str) -> list[str]:
    return paragraph(text, MARGIN, f"{'':{MARGIN - 2}}-")


def changes(judged: Judged, paint: Paint) -> Iterator[str]:
    """What differs from what was accepted: in words, then as a diff."""
    words = judged.words()
    for sentence in words[:WORD_LIMIT]:
        yield from _item(sentence)
    if len(words) > WORD_LIMIT:
        yield from _item(f"and {many(len(words) - WORD_LIMIT, 'difference')} more")
    lines = judged.diff()
    if lines:
        yield ""
        yield from (paint.rank(printable(line), _DIFF_RANKS.get(line[:1], "")) for line in lines[:DIFF_LIMIT])
        if len(lines) > DIFF_LIMIT:
            yield f"... and {many(len(lines) - DIFF_LIMIT, 'line')} more"
        yield ""


def summary(states: Sequence[str]) -> str:
    """How many cases are what."""
    counts = Counter(states)
    return f"{many(len(states), 'case')}: {', '.join(f'{counts[s]} {s}' for s in STATES if counts[s])}"


def accept_command(root: Path, names: Sequence[str]) -> str:
    """The command that accepts what differs in some cases, as a shell takes it."""
    return shlex.join(["dsrcheck", "golden", "update", str(root), *names])
