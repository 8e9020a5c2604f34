"""The pytest plugin: golden cases as tests, fixtures that judge and make captures, and assertions on reports.

A folder with a `case.toml` of dsrcheck's is collected: a test for its accepted report, and one for each `[[assert]]`.
In tests of one's own:

    from dsrcheck.pytest_plugin import assert_rule

    def test_replies_bypass_the_balancer(dsr_analyze):
        assert_rule(dsr_analyze("captures/monday.pcap"), "DSR202", passes=True)

Importing this loads nothing heavy: every pytest run of an environment with dsrcheck installed does it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsrcheck.text import printable

if TYPE_CHECKING:
    from dsrcheck.golden.assertions import Assertion
    from dsrcheck.golden.case import Case
    from dsrcheck.golden.check import Judged
    from dsrcheck.report.model import Report

_MARK = re.compile(rb"^\s*[\"']?dsrcheck[\"']?\s*=", re.MULTILINE)
_HEAD = 64 * 1024
_TITLE_LIMIT = 100


class _DifferenceError(Exception):
    """A case differs from what is known of it; the text says all there is to say."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    """Collect case.toml files that say they are dsrcheck's; files of that name are not rare."""
    if file_path.name != "case.toml":
        return None
    try:
        with file_path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:  # nothing says that it is one of dsrcheck's
        return None
    return CaseFile.from_parent(parent, path=file_path) if _MARK.search(head) else None


def _near(path: Path) -> Path:
    """A path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


class CaseFile(pytest.File):
    """A golden case. Its captures are judged once, by the first of its tests that runs."""

    @cached_property
    def case(self) -> Case:
        from dsrcheck.golden import CaseError
        from dsrcheck.golden.case import read_case

        try:
            return read_case(_near(self.path.parent))
        except CaseError as error:
            raise self.CollectError(str(error)) from None

    @cached_property
    def judged(self) -> Judged:
        from dsrcheck.golden.check import judge_case

        return judge_case(self.case)

    def collect(self) -> Iterator[pytest.Item]:
        yield AcceptedReport.from_parent(self, name="accepted report")
        names: Counter[str] = Counter()
        for assertion in self.case.assertions:
            title = assertion.title[:_TITLE_LIMIT]
            names[title] += 1
            name = f"{title} #{names[title]}" if names[title] > 1 else title
            yield HeldAssertion.from_parent(self, name=name, assertion=assertion)


class CaseTest(pytest.Item):
    """A test of a case. It fails with sentences, not with a traceback through dsrcheck."""

    parent: CaseFile

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> Any:
        """What the exception says, where it is one of those that are for the reader."""
        from dsrcheck.capture import CaptureError
        from dsrcheck.golden import CaseError

        if isinstance(excinfo.value, (_DifferenceError, CaseError, CaptureError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.parent.name}: {self.name}"


class AcceptedReport(CaseTest):
    """The report is the one that was accepted (expected.json)."""

    def runtest(self) -> None:
        from dsrcheck.golden.show import changes
        from dsrcheck.report.layout import Paint

        judged = self.parent.judged
        if judged.same:
            return
        accept = f"If that is right, accept it:\n  dsrcheck golden update {printable(shlex.quote(str(judged.folder)))}"
        told = ["expected.json is not there"] if judged.missing else list(changes(judged, Paint(False)))
        raise _DifferenceError("\n".join([*told, accept]))


class HeldAssertion(CaseTest):
    """An assertion of case.toml holds."""

    def __init__(self, *, assertion: Assertion, **named: Any) -> None:
        super().__init__(**named)
        self.assertion = assertion

    def runtest(self) -> None:
        told = self.assertion.broken(self.parent.judged.report)
        if told is not None:
            raise _DifferenceError(f"{printable(str(_near(self.path)))}:{self.assertion.line}: {told}")

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.assertion.line - 1, f"{self.path.parent.name}: {self.name}"


@pytest.fixture
def dsr_analyze() -> Callable[..., Report]:
    """Judge captures: takes what `dsrcheck.analyze` takes, returns the report."""

    def analyze(*captures: str | os.PathLike[str], **options: Any) -> Report:
        import dsrcheck

        return dsrcheck.analyze(*captures, **options).report

    return analyze


@pytest.fixture
def dsr_lab(tmp_path: Path) -> Callable[..., Path]:
    """Make a capture in the lab: scenario, fault, vantage (default: the mirror), seed, host; returns its path."""

    def make(
        scenario: str, fault: str | None = None, vantage: str = "mirror", *, seed: int = 0, host: str | None = None
    ) -> Path:
        from dsrcheck.lab import run

        name = "-".join(filter(None, (scenario, fault, host, vantage, str(seed))))
        path = tmp_path / f"{name}.pcapng"
        run(scenario, fault, seed, host).write(path, vantage)
        return path

    return make


def assert_rule(
    report: Report,
    rule: str,
    *,
    passes: bool,
    vip: str | None = None,
    culprit: str | Iterable[str] = (),
    frames: Iterable[int] = (),
) -> None:
    """Assert that a rule passes, or that it fails.

    A rule that could not be observed does neither. culprit: the hosts, by MAC or address, that exactly are to blame;
    frames: numbers of frames that must be among those that show it
    """
    __tracebackhide__ = True
    from dsrcheck.findings import FAIL, PASS
    from dsrcheck.golden.assertions import RuleVerdict

    culprits = frozenset([culprit] if isinstance(culprit, str) else culprit) or None
    if passes and (culprits or tuple(frames)):
        raise TypeError("a rule that passes has no culprit and no frames")
    _hold(RuleVerdict(0, (rule,), PASS if passes else FAIL, vip=vip, culprits=culprits, frames=tuple(frames)), report)


def assert_not_observed(report: Report, rule: str, *, vip: str | None = None) -> None:
    """Assert that the capture cannot show whether a rule holds."""
    __tracebackhide__ = True
    from dsrcheck.findings import NOT_OBSERVED
    from dsrcheck.golden.assertions import RuleVerdict

    _hold(RuleVerdict(0, (rule,), NOT_OBSERVED, vip=vip), report)


def assert_no_finding(report: Report, severity: str = "error", *, besides: Iterable[str] = ()) -> None:
    """Assert that there is no finding of a severity, but for those of some rules."""
    __tracebackhide__ = True
    from dsrcheck.golden.assertions import FindingCount

    _hold(FindingCount(0, 0, severity=severity, besides=tuple(besides)), report)


def _hold(assertion: Assertion, report: Report) -> None:
    __tracebackhide__ = True
    told = assertion.broken(report)
    if told is not None:
        raise AssertionError(told)
