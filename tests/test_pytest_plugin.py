"""The pytest plugin as others use it: collected cases, fixtures, and assertions that fail in the user's own line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.cases import PCAPS, copied, send_a_reply_to_the_balancer

pytest_plugins = ["pytester"]

HEAVY = ("numpy", "pandas", "click", "dpkt", "zstandard", "dsrcheck.analysis", "dsrcheck.golden", "dsrcheck.lab")
CAPTURE = PCAPS / "real-ipvs-return-through-balancer" / "capture.pcap"


def pytest_lines(pytester: pytest.Pytester, *arguments: str) -> tuple[int, list[str]]:
    """Run pytest with the plugin that an install brings: its status and what it prints."""
    end = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:warnings", *arguments)
    return int(end.ret), end.outlines


def test_importing_it_loads_nothing_heavy() -> None:
    """Every run of pytest in an environment with dsrcheck imports the plugin."""
    code = f"import sys, dsrcheck.pytest_plugin; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert end.stdout == "[]\n"


def test_a_run_without_cases_loads_nothing_heavy(pytester: pytest.Pytester) -> None:
    """Nor does a run that has nothing to do with captures."""
    pytester.makepyfile(f"def test_it():\n    import sys\n    assert not set(sys.modules) & set({HEAVY!r})\n")
    assert pytester.runpytest_subprocess("-p", "no:cacheprovider").ret == 0


def test_a_case_is_collected(pytester: pytest.Pytester) -> None:
    """A test for the accepted report, and one for each assertion."""
    copied(pytester.path)
    status, lines = pytest_lines(pytester, "-v")
    assert status == 0
    passed = [line.split(" PASSED")[0] for line in lines if " PASSED" in line]
    assert passed == [
        "article-dsr/case.toml::accepted report",
        "article-dsr/case.toml::report: pass",
        "article-dsr/case.toml::mode dsr-mac, servers",
        "article-dsr/case.toml::DSR102, DSR103, DSR104, DSR107, DSR201, DSR202: pass",
        "article-dsr/case.toml::no finding of severity error",
    ]


def test_one_test_of_a_case_can_be_chosen(pytester: pytest.Pytester) -> None:
    """A name from the list, given back, runs that test, though the VIP is an IPv6 address."""
    copied(pytester.path, "real-ipvs-ipv6-server-side")
    _, lines = pytest_lines(pytester, "--collect-only", "-q")
    names = [line for line in lines if "::" in line]
    assert len(names) == 4
    for name in names:
        status, lines = pytest_lines(pytester, name)
        assert status == 0
        assert "1 passed" in lines[-1]


def test_one_reply_to_the_balancer_fails_the_case(pytester: pytest.Pytester) -> None:
    """One byte of one frame: rule, culprit and frame are named, and nothing of dsrcheck's inside is shown."""
    case = copied(pytester.path)
    number = send_a_reply_to_the_balancer(case / "capture.pcap")
    status, lines = pytest_lines(pytester)
    text = "\n".join(lines)
    said = " ".join(text.split())
    assert status == 1
    assert "4 failed, 1 passed" in text
    assert "DSR202 reply-bypasses-balancer now fails for 10.0.0.10: Server 10.0.0.100 (00:01:aa:bb:cc:64)" in said
    assert f"(frame {number})" in said
    assert '\n+ "verdict": "fail",' in text
    assert "If that is right, accept it:\n  dsrcheck golden update article-dsr" in text
    assert "article-dsr/case.toml:14: the report's verdict is fail, not pass" in text
    assert "DSR202 fails, but must pass" in text
    assert "culprit server 00:01:aa:bb:cc:64 10.0.0.100" in said
    assert "Traceback" not in text
    assert ".py:" not in text


def test_a_missing_report_fails(pytester: pytest.Pytester) -> None:
    """Nothing accepted is not all right."""
    (copied(pytester.path) / "expected.json").unlink()
    status, lines = pytest_lines(pytester)
    assert status == 1
    assert "expected.json is not there" in "\n".join(lines)


def test_files_of_others_are_left_alone(pytester: pytest.Pytester) -> None:
    """A case.toml without dsrcheck's mark is somebody else's, whatever stands in it."""
    for name, text in {"a": 'about = "x"\n', "b": "no toml [", "c": '# dsrcheck = "case/1"\n'}.items():
        (pytester.mkdir(name) / "case.toml").write_text(text)
    status, _ = pytest_lines(pytester)
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_case_with_a_mistake_is_told(pytester: pytest.Pytester) -> None:
    """File, line and what was meant; no traceback."""
    case = copied(pytester.path)
    file = case / "case.toml"
    file.write_text(file.read_text().replace("about", "abuot", 1))
    status, lines = pytest_lines(pytester)
    assert status == pytest.ExitCode.INTERRUPTED
    text = "\n".join(lines)
    assert "case.toml:3: `abuot` is not a key of a case; did you mean about?" in text
    assert ".py:" not in text


def test_an_unreadable_capture_is_told(pytester: pytest.Pytester) -> None:
    """What is wrong with the file, without a traceback."""
    (copied(pytester.path) / "capture.pcap").write_bytes(b"no capture at all, but long enough")
    status, lines = pytest_lines(pytester)
    assert status == 1
    assert "\narticle-dsr/capture.pcap: this is text, not a capture" in "\n".join(lines)
    assert ".py:" not in "\n".join(lines)


TESTS = f"""
from dsrcheck.pytest_plugin import assert_no_finding, assert_not_observed, assert_rule

def test_holds(dsr_analyze):
    report = dsr_analyze({str(CAPTURE)!r})
    assert_rule(report, "DSR202", passes=False, culprit="02:00:00:00:5e:02", frames=[7])
    assert_rule(report, "DSR201", passes=True, vip="192.168.10.100")
    assert_not_observed(report, "DSR101")
    assert_no_finding(report, besides=["DSR202"])

def test_lab(dsr_analyze, dsr_lab):
    report = dsr_analyze(dsr_lab("dsr-healthy", fault="server-answers-arp", host="server1"), expect="dsr-mac")
    assert_rule(report, "DSR301", passes=False, culprit=["00:01:aa:bb:cc:64"])

def test_breaks_a(dsr_analyze):
    report = dsr_analyze({str(CAPTURE)!r})
    assert_rule(report, "DSR202", passes=True)  # here

def test_breaks_b(dsr_analyze):
    report = dsr_analyze({str(CAPTURE)!r})
    assert_rule(report, "DSR101", passes=True)  # here

def test_breaks_c(dsr_analyze):
    report = dsr_analyze({str(CAPTURE)!r})
    assert_no_finding(report)  # here

def test_breaks_d(dsr_analyze):
    report = dsr_analyze({str(CAPTURE)!r})
    assert_not_observed(report, "DSR201")  # here

def test_breaks_e(dsr_analyze):
    report = dsr_analyze({str(CAPTURE)!r})
    assert_rule(report, "DSR202", passes=False, culprit="02:00:00:00:5e:03")  # here
"""


def test_assertions_fail_in_the_line_of_the_test(pytester: pytest.Pytester) -> None:
    """The marked line, and what is so instead with rule, culprit and frames; the plugin's own lines are not shown."""
    pytester.makepyfile(TESTS)
    status, lines = pytest_lines(pytester)
    text = "\n".join(lines)
    assert status == 1
    assert "5 failed, 2 passed" in lines[-1]
    places = [number for number, line in enumerate(TESTS.lstrip("\n").split("\n"), 1) if line.endswith("# here")]
    told = [line for line in lines if line.endswith(": AssertionError")]
    assert told == [f"test_assertions_fail_in_the_line_of_the_test.py:{place}: AssertionError" for place in places]
    assert "pytest_plugin.py" not in text
    assert "E       AssertionError: DSR202 fails, but must pass" in text
    assert "culprit server 02:00:00:00:5e:02 192.168.10.22:" in text
    assert "(frames 7, 21, 33, 144, 154, 192, 204, 216 and 1 more)" in text
    assert "DSR101 is not observed (the clients' own frames are not all in this capture" in text
    assert "1 finding instead of no finding of severity error" in text
    assert "DSR201 passes, but must be not-observed" in text
    assert "DSR202 must blame 02:00:00:00:5e:03 and nobody else" in text


def test_fixtures_tell_of_themselves(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` shows what they are for."""
    _, lines = pytest_lines(pytester, "--fixtures")
    text = "\n".join(lines)
    assert "dsr_analyze" in text
    assert "Judge captures: takes what `dsrcheck.analyze` takes" in text
    assert "dsr_lab" in text


def test_it_can_be_left_out(pytester: pytest.Pytester) -> None:
    """Who does not want cases collected says so as of any plugin."""
    copied(Path(pytester.path))
    assert pytest_lines(pytester, "-p", "no:dsrcheck")[0] == pytest.ExitCode.NO_TESTS_COLLECTED
