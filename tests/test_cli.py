"""The command line: what it imports, what it writes where, and the status it ends with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dsrcheck
from dsrcheck import cli, compiled
from dsrcheck.capture import CaptureError
from dsrcheck.cli.common import EXPECTATIONS
from dsrcheck.cli.progress import Progress
from dsrcheck.exits import Exit
from dsrcheck.report.formats import FORMATS, render
from dsrcheck.report.illustrations import Illustrations
from dsrcheck.report.model import Report
from dsrcheck.rules import RuleError
from dsrcheck.topology.declared import TopologyError
from dsrcheck.topology.model import MODES, UNKNOWN
from tests.report.reports import EMPTY, FAILING, HOSTILE, PASSING, WARNED

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("numpy", "pandas", "textual", "pyshark", "dpkt", "zstandard", "jinja2", "xml.etree.ElementTree")

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the program in this process, as outside of GitHub Actions, and returns its status."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["dsrcheck", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code

    return run


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Callable[[Report | BaseException], list[Any]]:
    """Puts a report, or an error, in the place of the analysis; returns the calls that it gets."""

    def finds(outcome: Report | BaseException) -> list[Any]:
        calls: list[Any] = []

        def analyze(*captures: str, **options: Any) -> SimpleNamespace:
            calls.append((captures, options))
            if isinstance(outcome, BaseException):
                raise outcome
            return SimpleNamespace(report=outcome, sides=None)

        monkeypatch.setattr(dsrcheck, "analyze", analyze, raising=False)
        monkeypatch.setattr("dsrcheck.illustrate.illustrate", lambda _sides, _report: Illustrations())
        return calls

    return finds


def imported(arguments: Sequence[str], modules: Sequence[str]) -> str:
    """Which of some modules the program has imported when it ends, as a list in words."""
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print(sorted(set(sys.modules) & set({list(modules)!r})), file=sys.stderr))\n"
        f"sys.argv = ['dsrcheck', *{list(arguments)!r}]\n"
        "from dsrcheck.cli import main\n"
        "main()\n"
    )
    end = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return end.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["analyze", "--help"], ["view", "--help"], ["lab", "--help"], ["nonsense"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help, version and mistakes are told before anything slow is imported."""
    assert imported(arguments, HEAVY) == "[]"


def test_a_small_capture_is_judged_with_little_imported() -> None:
    """Each of these takes as long to import as a twentieth of such a capture takes to judge, or longer."""
    needless = ["json", "multiprocessing", "numpy.ma", "pandas", "textual", "dsrcheck.baseline", "dsrcheck.legs.chain"]
    assert imported(["analyze", "pcaps/article-dsr/capture.pcap"], needless) == "[]"


def test_version_tells_how_the_kernel_runs(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with version and kernel."""
    assert run("--version") == 0
    assert capsys.readouterr().out == f"dsrcheck {dsrcheck.__version__} ({compiled.kernel_state()} kernel)\n"


def test_no_command_is_wrong_usage(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the help is talk, and the status that of wrong usage."""
    assert run() == Exit.USAGE
    assert capsys.readouterr().err.startswith("Usage: dsrcheck")


@pytest.mark.parametrize(
    ("report", "options", "status"),
    [
        (PASSING, [], Exit.CLEAN),
        (FAILING, [], Exit.FINDINGS),
        (FAILING, ["--exit-zero"], Exit.CLEAN),
        (FAILING, ["--fail-on", "never"], Exit.CLEAN),
        (WARNED, [], Exit.CLEAN),
        (WARNED, ["--fail-on", "warning"], Exit.FINDINGS),
        (EMPTY, [], Exit.NOTHING_TO_CHECK),
    ],
)
def test_status_and_json_report(
    run: Run, finds: Any, capsys: pytest.CaptureFixture[str], report: Report, options: list[str], status: Exit
) -> None:
    """Each of these statuses comes with the JSON report, alone on standard output."""
    finds(report)
    assert run("analyze", "x.pcap", "--format", "json", *options) == status
    assert json.loads(capsys.readouterr().out)["verdict"] == report.verdict


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("report", [FAILING, EMPTY, HOSTILE])
def test_every_format(run: Run, finds: Any, tmp_path: Path, form: str, report: Report) -> None:
    """Each format that the help names renders each report, with the status that the report has."""
    finds(report)
    target = tmp_path / "report"
    assert run("analyze", "x.pcap", "--format", form, "-o", str(target)) == report.status()
    assert target.stat().st_size > 0


def test_step_summary(run: Run, finds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a step of GitHub Actions its annotations come with a summary, after what stands there; elsewhere with none."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    finds(FAILING)
    assert run("analyze", "x.pcap", "--format", "text") == Exit.FINDINGS
    assert summary.read_text() == "before\n"
    assert run("analyze", "x.pcap", "--format", "github") == Exit.FINDINGS
    assert summary.read_text() == "before\n" + render("markdown", FAILING)


def test_step_summary_that_cannot_be_written(
    run: Run, finds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict counts: a note, and the status of the report."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    finds(PASSING)
    assert run("analyze", "x.pcap", "--format", "github") == Exit.CLEAN
    assert "note: the step summary was not written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CaptureError("x.pcap", "a text file\x1b[31m"), Exit.UNREADABLE),
        (TopologyError("t.toml", 3, "mac: seven octets"), Exit.USAGE),
        (RuleError("r.toml", 3, "unknown name"), Exit.USAGE),
    ],
)
def test_errors_are_one_line(
    run: Run, finds: Any, capsys: pytest.CaptureFixture[str], error: Exception, status: Exit
) -> None:
    """What is wrong with the input is told in one line, without a traceback and without a report."""
    finds(error)
    assert run("analyze", "x.pcap", "--format", "json") == status
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("dsrcheck: error: ")
    assert "\x1b" not in err


def test_a_bug_is_not_swallowed(finds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected ends in a traceback."""
    finds(ZeroDivisionError())
    monkeypatch.setattr(sys, "argv", ["dsrcheck", "analyze", "x.pcap"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_interrupted(run: Run, finds: Any) -> None:
    """Ctrl-C has its own status."""
    finds(KeyboardInterrupt())
    assert run("analyze", "x.pcap") == Exit.INTERRUPTED


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze"],
        ["analyze", "-", "-"],
        ["analyze", "x.pcap", "--expect", "nonsense"],
        ["analyze", "x.pcap", "--topology", "no-such-file.toml"],
        ["analyze", "x.pcap", "--rules", "no-such-folder"],
        ["analyze", "x.pcap", "-o", "no-such-folder/report.json"],
        ["nonsense"],
        ["explain", "DSR000"],
        ["lab", "run", "nonsense"],
    ],
)
def test_wrong_usage(run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Mistakes in the arguments are one line each, before any work."""
    assert run(*arguments) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dsrcheck: error: ")
    assert err.count("\n") == 1


def test_options_reach_the_analysis(run: Run, finds: Any, tmp_path: Path) -> None:
    """Captures and options arrive as given; lists may be repeated and separated by commas."""
    calls = finds(PASSING)
    topology = tmp_path / "t.toml"
    topology.write_text("")
    chosen = ["--select", "DSR1,DSR2", "--select", "DSR301", "--ignore", " DSR109 ,"]
    chosen += ["--rules", str(tmp_path), "--jobs", "3"]
    run("analyze", "a", "-", "--topology", str(topology), "--expect", "any", *chosen)
    assert isinstance(calls[0][1].pop("watch"), Progress)
    assert calls == [
        (
            ("a", "-"),
            {
                "topology": str(topology),
                "expect": "any",
                "rules": (str(tmp_path),),
                "select": ["DSR1", "DSR2", "DSR301"],
                "ignore": ["DSR109"],
                "jobs": 3,
                "dask": None,
                "steps": False,
                "tables": False,
            },
        )
    ]


@pytest.mark.parametrize(
    ("form", "option", "made"),
    [
        ("text", [], False), ("text", ["--steps"], True), ("json", [], True), ("sarif", [], True), ("html", [], True),
        ("junit", [], False), ("github", [], False), ("markdown", [], False),
    ],
)  # fmt: skip
def test_step_tables_are_made_for_who_shows_them(
    run: Run, finds: Any, tmp_path: Path, form: str, option: list[str], made: bool
) -> None:
    """They take a twentieth of a large capture's time."""
    calls = finds(PASSING)
    run("analyze", "a", "--format", form, *option, "-o", str(tmp_path / "report"))
    assert calls[0][1]["steps"] is made


def test_expectations_are_the_modes() -> None:
    """`--expect` takes dsr, any, and each mode a VIP can have."""
    assert set(EXPECTATIONS) == {"dsr", "any", *MODES} - {UNKNOWN}


def test_output_file_is_written_whole(run: Run, finds: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o` replaces a file by the report, leaves nothing beside it and prints nothing."""
    finds(FAILING)
    target = tmp_path / "report.json"
    target.write_text("old")
    assert run("analyze", "x.pcap", "--format", "json", "-o", str(target)) == Exit.FINDINGS
    assert json.loads(target.read_text())["schema"] == "dsrcheck.report/1"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("choice", "no_color", "terminal", "colored"),
    [
        ("auto", "", True, True),
        ("auto", "1", True, False),
        ("auto", "", False, False),
        ("always", "1", False, True),
        ("never", "", True, False),
    ],
)
def test_colour(
    run: Run, finds: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    choice: str, no_color: str, terminal: bool, colored: bool,
) -> None:  # fmt: skip
    """Colours only on a terminal and not against NO_COLOR, unless asked for."""
    finds(FAILING)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    run("analyze", "x.pcap", "--color", choice)
    assert ("\x1b" in capsys.readouterr().out) == colored


def test_interpreted_kernel_is_told_on_standard_error(
    run: Run, finds: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slowness is explained in one line, and only where there is reason."""
    finds(PASSING)
    monkeypatch.setattr(compiled, "interpreted_modules", lambda *_: ("decode",))
    run("analyze", "x.pcap")
    assert capsys.readouterr().err.startswith("dsrcheck: note: the kernel is ")
    monkeypatch.setattr(compiled, "interpreted_modules", lambda *_: ())
    run("analyze", "x.pcap")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments", [["schema"], ["rules"], ["rules", "--format", "json"], ["lab", "list"], ["--help"]]
)
def test_closed_output_pipe_is_silent(arguments: list[str]) -> None:
    """A reader that goes away (`| head -1`) ends the program without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        end = subprocess.run(
            [sys.executable, "-m", "dsrcheck", *arguments], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)
    assert end.stderr == b""
    assert end.returncode == 0


def test_ctrl_c_ends_a_pipe_with_its_report() -> None:
    """A capture that comes through a pipe ends by SIGINT, with the report and the status of what was found."""
    content = (ROOT / "pcaps/real-ipvs-arp-problem/capture.pcap").read_bytes()
    assert len(content) > 1 << 17  # more than a pipe holds: once it is written, it is being read
    command = [sys.executable, "-m", "dsrcheck", "analyze", "-", "--format", "json"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdin.write(content)
        run.stdin.flush()
        run.send_signal(signal.SIGINT)
        report = json.loads(run.stdout.read())
        assert b"Traceback" not in run.stderr.read()
        assert run.wait() == Exit.FINDINGS
    assert report["captures"][0]["path"] == "-"
    assert report["captures"][0]["frames"] > 1000


def test_rules_and_explain(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The list and the explanations come from the rule files."""
    assert run("rules", "--format", "json") == 0
    ids = [rule["id"] for rule in json.loads(capsys.readouterr().out)]
    assert ids == sorted(path.name[:6] for path in (ROOT / "rules").glob("DSR*.toml"))
    assert run("explain", "reply-from-vip") == 0
    assert capsys.readouterr().out.startswith("DSR201 reply-from-vip (error)")


def test_lab_run_says_how_to_look_at_it(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer is told the next command."""
    monkeypatch.chdir(tmp_path)
    assert run("lab", "run", "dsr-healthy") == 0
    assert "dsrcheck analyze dsr-healthy.pcapng" in capsys.readouterr().err
    assert (tmp_path / "dsr-healthy.pcapng").stat().st_size > 0
