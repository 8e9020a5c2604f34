"""Judging cases again: what came out, how it differs from what was accepted, and writing what is accepted now."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dsrcheck import output
from dsrcheck.analysis import analyze
from dsrcheck.capture import CaptureError
from dsrcheck.exits import Exit
from dsrcheck.golden import CASE_FILE, CaseError
from dsrcheck.golden.assertions import Assertion
from dsrcheck.golden.canonical import canonical, golden_text
from dsrcheck.golden.case import Case, read_case
from dsrcheck.golden.words import differences
from dsrcheck.records import dataclass
from dsrcheck.report.model import Report
from dsrcheck.topology.declared import TopologyError

EXPECTED_LIMIT = 4 << 20
"""Bytes of an expected.json that are read."""
CASE_LIMIT = 10_000


@dataclass(frozen=True)
class Judged:
    """A case and its present report, beside what was accepted: None where nothing was, else the file's text."""

    case: Case
    report: Report
    accepted: str | None

    @property
    def folder(self) -> Path:
        return self.case.folder

    @cached_property
    def canonical(self) -> dict[str, Any]:
        return canonical(self.report)

    @cached_property
    def text(self) -> str:
        """What an expected.json of the present report holds."""
        return golden_text(self.canonical)

    @cached_property
    def before(self) -> dict[str, Any] | None:
        """The accepted report; None where it is none: no JSON, or another thing."""
        try:
            document = json.loads(self.accepted or "")
            golden_text(document)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    @property
    def missing(self) -> bool:
        return self.accepted is None

    @cached_property
    def same(self) -> bool:
        """Whether the report is the accepted one; how the file is laid out is no matter."""
        return self.before == self.canonical

    @cached_property
    def broken(self) -> tuple[tuple[Assertion, str], ...]:
        """The assertions that do not hold, each with what is so instead."""
        told = ((assertion, assertion.broken(self.report)) for assertion in self.case.assertions)
        return tuple((assertion, text) for assertion, text in told if text is not None)

    def words(self) -> list[str]:
        """What differs, in words; empty where nothing does, or nothing was accepted."""
        if self.missing or self.same:
            return []
        if self.before is None:
            return [f"{self.case.expected.name} is not a report (is it whole? Are there marks of a merge in it?)"]
        found = list(differences(self.before, self.canonical, self.report))
        return found or [f"{self.case.expected.name} has, or lacks, what no sentence tells: see the difference"]

    def diff(self) -> list[str]:
        """The difference as `diff -u` writes it, lines without their ends; empty where nothing was accepted."""
        if self.missing or self.same:
            return []
        before = golden_text(self.before) if self.before is not None else self.accepted or ""
        name = f"{self.case.name}/{self.case.expected.name}"
        return list(
            difflib.unified_diff(
                before.splitlines(), self.text.splitlines(), f"{name} (accepted)", f"{name} (present)", lineterm=""
            )
        )

    def accept(self) -> None:
        """Write the present report as the accepted one. Raises OSError."""
        output.write_whole(self.case.expected, self.text)


@dataclass(frozen=True)
class Unjudged:
    """A case that could not be judged: what is wrong, and the exit status that says so."""

    folder: Path
    error: str
    status: Exit


def find_cases(folder: Path) -> list[Path]:
    """The folder, if it is a case, or all cases under it, sorted. Raises CaseError where there is none."""
    if not folder.is_dir():
        raise CaseError(f"{folder}: there is no such folder")
    found = [folder] if (folder / CASE_FILE).is_file() else sorted(_cases_under(folder))
    if not found:
        raise CaseError(f"{folder}: no case in it (no {CASE_FILE}); make one: dsrcheck golden new CAPTURE --into DIR")
    return found


def _cases_under(folder: Path) -> Iterator[Path]:
    count = 0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if CASE_FILE in files:
            count += 1
            if count > CASE_LIMIT:
                raise CaseError(f"{folder}: more than {CASE_LIMIT:,} cases")
            yield Path(root)


def judge_case(case: Case) -> Judged:
    """Judge a case's captures and read what was accepted. Raises CaseError, CaptureError."""
    try:
        analysis = analyze(*case.captures, topology=case.topology, expect=case.expect)
    except TopologyError as error:
        raise CaseError(str(error)) from None
    return Judged(case, analysis.report, _accepted(case))


def check(folders: Sequence[Path]) -> Iterator[Judged | Unjudged]:
    """Judge cases, one after the other."""
    for folder in folders:
        try:
            yield judge_case(read_case(folder))
        except CaseError as error:
            yield Unjudged(folder, str(error), Exit.USAGE)
        except CaptureError as error:
            yield Unjudged(folder, str(error), Exit.UNREADABLE)


def _accepted(case: Case) -> str | None:
    """The text of expected.json; None where there is none."""
    try:
        with case.expected.open("rb") as stream:
            data = stream.read(EXPECTED_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CaseError(f"{case.expected}: cannot be read: {error.strerror}") from None
    if len(data) > EXPECTED_LIMIT:
        raise CaseError(f"{case.expected}: is longer than {EXPECTED_LIMIT:,} bytes; remove it and accept anew")
    return data.decode("utf-8", "backslashreplace")
