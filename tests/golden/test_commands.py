"""`dsrcheck golden check`, `update` and `new`, as typed: what is told, what is written, and the status at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dsrcheck import cli
from dsrcheck.golden.show import DIFF_LIMIT
from tests.golden.cases import PCAPS, SERVER_MAC, case_file, copied, send_a_reply_to_the_balancer

Run = Callable[..., tuple[int, str, str]]
REPLIES_BLAMED = "DSR202 reply-bypasses-balancer now fails for 10.0.0.10: Server 10.0.0.100 (00:01:aa:bb:cc:64)"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the program in a folder of its own, outside continuous integration: status, output, talk."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dsrcheck", "golden", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, told.out, told.err

    return run


def flowing(text: str) -> str:
    """Text as if lines had no end."""
    return " ".join(text.split())


def test_as_accepted(run: Run, tmp_path: Path) -> None:
    """Nothing differs: a line a case, a count, status 0."""
    copied(tmp_path)
    assert run("check", tmp_path) == (0, "ok          article-dsr\n\n1 case: 1 ok\n", "")
    assert run("check", tmp_path / "article-dsr")[0] == 0


def test_pcaps_is_the_folder_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    """Typed without a folder, it is the one that repositories have."""
    copied(tmp_path / "pcaps")
    assert run("check")[1].startswith("ok          article-dsr\n")


def test_one_reply_to_the_balancer_changes_the_report(run: Run, tmp_path: Path) -> None:
    """One byte of one frame: words, diff, and the command that accepts it; that command accepts it."""
    copied(tmp_path / "pcaps", "article-normal-mode")
    case = copied(tmp_path / "pcaps")
    file = case / "case.toml"
    file.write_text(file.read_text().partition("[[assert]]")[0])
    number = send_a_reply_to_the_balancer(case / "capture.pcap")
    status, out, err = run("check")
    assert (status, err) == (1, "")
    assert "changed     article-dsr\n" in out
    assert "- the report: verdict pass -> fail\n" in out
    assert REPLIES_BLAMED in flowing(out)
    assert f"(frame {number})" in flowing(out)
    assert out.index("verdict pass -> fail") < out.index('\n- "verdict": "pass",') < out.index('\n+ "verdict": "fail",')
    assert "2 cases: 1 ok, 1 changed\n" in out
    assert out.endswith("If that is right, accept it:\n  dsrcheck golden update pcaps article-dsr\n")

    status, out, err = run("update", "pcaps", "article-dsr")
    assert (status, err) == (0, "")
    assert REPLIES_BLAMED in flowing(out)
    assert out.endswith("1 written, 0 as accepted, 0 refused\n")
    assert run("check")[0] == 0
    assert json.loads((case / "expected.json").read_text())["verdict"] == "fail"


def test_what_is_known_cannot_be_accepted_away(run: Run, tmp_path: Path) -> None:
    """An assertion that does not hold fails, names rule, culprit and frame, and keeps update from writing."""
    case = copied(tmp_path / "pcaps")
    number = send_a_reply_to_the_balancer(case / "capture.pcap")
    before = (case / "expected.json").read_bytes()
    status, out, _ = run("check")
    assert status == 1
    assert out.startswith("failed      article-dsr\n")
    assert "article-dsr/case.toml:14: the report's verdict is fail, not pass" in out
    assert "article-dsr/case.toml:21: DSR202 fails, but must pass\n" in out
    assert out.count("DSR202 reply-bypasses-balancer (error), for") == 1, "evidence is told once"
    assert f"culprit server {SERVER_MAC} 10.0.0.100:" in flowing(out)
    assert f"(frame {number})" in flowing(out)
    assert "golden update" not in out
    status, out, _ = run("update")
    assert status == 1
    assert out.endswith("0 written, 0 as accepted, 1 refused\n")
    assert (case / "expected.json").read_bytes() == before


def test_the_same_byte_fails_the_junit_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any golden file: one test case fails, that of the rule, and names culprit and frame."""
    capture = copied(tmp_path) / "capture.pcap"
    number = send_a_reply_to_the_balancer(capture)
    monkeypatch.setattr(sys, "argv", ["dsrcheck", "analyze", "--format", "junit", str(capture)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    failing = [
        case
        for case in ElementTree.fromstring(capsys.readouterr().out).iter("testcase")
        if case.find("failure") is not None
    ]
    assert [case.get("name") for case in failing] == ["DSR202 reply-bypasses-balancer 10.0.0.10"]
    told = failing[0].findtext("failure", "")
    assert f"culprit: server {SERVER_MAC} 10.0.0.100\n" in told
    assert f"evidence: frame {number} of {capture}\n" in told


def test_missing_is_not_changed(run: Run, tmp_path: Path) -> None:
    """A case without an accepted report says so, and what accepts one."""
    case = copied(tmp_path / "pcaps")
    accepted = (case / "expected.json").read_bytes()
    (case / "expected.json").unlink()
    status, out, _ = run("check")
    assert status == 1
    assert out.startswith("missing     article-dsr\n          - expected.json is not there\n")
    assert out.endswith("dsrcheck golden update pcaps\n")
    assert run("update")[0] == 0
    assert (case / "expected.json").read_bytes() == accepted


def test_marks_of_a_merge_are_accepted_away(run: Run, tmp_path: Path) -> None:
    """A conflict in expected.json is told, and update ends it."""
    case = copied(tmp_path / "pcaps")
    accepted = (case / "expected.json").read_text()
    (case / "expected.json").write_text(f"<<<<<<< ours\n{accepted}")
    status, out, _ = run("check")
    assert status == 1
    assert "expected.json is not a report (is it whole? Are there marks of a merge in it?)" in flowing(out)
    assert run("update")[0] == 0
    assert (case / "expected.json").read_text() == accepted


def test_layout_of_the_file_is_no_matter(run: Run, tmp_path: Path) -> None:
    """Another program may have laid the JSON out."""
    case = copied(tmp_path / "pcaps")
    document = json.loads((case / "expected.json").read_text())
    (case / "expected.json").write_text(json.dumps(document))
    assert run("check")[0] == 0


def test_broken_case_files_come_before_all(run: Run, tmp_path: Path) -> None:
    """Status 2 for a case.toml that is wrong, else 4 for an unreadable capture; the other cases are judged."""
    copied(tmp_path / "pcaps")
    junk = copied(tmp_path / "pcaps", "article-wrong-subnet")
    (junk / "capture.pcap").write_bytes(b"no capture at all, but long enough to be one")
    status, out, _ = run("check")
    assert status == 4
    assert "ok          article-dsr\n" in out
    assert "unreadable  article-wrong-subnet\n" in out
    case_file(tmp_path / "pcaps" / "typo", 'dsrcheck = "case/1"\nabuot = "x"')
    status, out, _ = run("check")
    assert status == 2
    assert "broken      typo\n          - pcaps/typo/case.toml:2: `abuot` is not a key of a case" in out
    assert "3 cases: 1 ok, 1 broken, 1 unreadable\n" in out


def test_a_topology_of_the_case_is_declared(run: Run, tmp_path: Path) -> None:
    """The topology beside the capture counts, and its mistakes are those of a case's files."""
    case = copied(tmp_path / "pcaps")
    file = case / "case.toml"
    file.write_text(file.read_text().replace("about", 'topology = "who.toml"\nabout', 1))
    (case / "who.toml").write_text('[[vip]]\naddress = "10.0.0.10"\nmode = "dsr-mac"\n')
    assert "provenance inferred -> declared" in flowing(run("check")[1])
    (case / "who.toml").write_text('[[vip]]\nadress = "10.0.0.10"\n')
    status, out, _ = run("check")
    assert status == 2
    assert "'adress' is no key of [[vip]]; did you mean 'address'?" in flowing(out)


def test_a_case_is_judged_as_it_says(run: Run, tmp_path: Path) -> None:
    """By the mode that is expected of it, and by all captures that it names."""
    case = copied(tmp_path / "pcaps", "article-normal-mode")
    text = (case / "case.toml").read_text()
    (case / "case.toml").write_text(text.replace("about", 'expect = "any"\nabout', 1))
    status, out, _ = run("check")
    assert status == 1
    assert "the report: verdict fail -> inconclusive" in out
    (case / "capture.pcap").rename(case / "one.pcap")
    (case / "two.pcap").write_bytes((PCAPS / "article-dsr" / "capture.pcap").read_bytes())
    (case / "case.toml").write_text(text.replace("about", 'captures = ["one.pcap", "two.pcap"]\nabout', 1))
    status, out, _ = run("check")
    assert status == 1
    assert "2 captures, was 1" in out
    assert "capture one.pcap: path capture.pcap -> one.pcap" in out


@pytest.mark.parametrize(("value", "status"), [("true", 2), ("1", 2), ("", 0), ("false", 0)])
def test_update_is_refused_in_continuous_integration(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, status: int
) -> None:
    """What a pipeline finds, a person accepts."""
    case = copied(tmp_path / "pcaps")
    (case / "expected.json").unlink()
    monkeypatch.setenv("CI", value)
    end, _, err = run("update")
    assert end == status
    assert (case / "expected.json").exists() == (status == 0)
    assert ("CI is set" in err) == (status == 2)


def test_no_case_is_no_success(run: Run, tmp_path: Path) -> None:
    """A pipeline that looks into the wrong folder must not be green."""
    (tmp_path / "empty").mkdir()
    status, out, err = run("check", "empty")
    assert (status, out) == (2, "")
    assert err == (
        "dsrcheck: error: empty: no case in it (no case.toml); make one: dsrcheck golden new CAPTURE --into DIR\n"
    )
    assert run("check", "nowhere")[0] == 2


def test_update_of_a_case_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """A name that was meant is suggested."""
    copied(tmp_path / "pcaps")
    status, _, err = run("update", "pcaps", "article-drs")
    assert status == 2
    assert "there is no case 'article-drs' in it; did you mean article-dsr?" in err


def test_names_and_texts_of_cases_cannot_steer_a_terminal(run: Run, tmp_path: Path) -> None:
    """What stands in a folder's name or in an expected.json is escaped."""
    case = copied(tmp_path / "pcaps")
    document = json.loads((case / "expected.json").read_text())
    document["vips"][0]["servers"][0]["macs"] = ["\x1b[2J"]
    (case / "expected.json").write_text(json.dumps(document))
    case.rename(case.with_name("x\x1b[31m"))
    _, out, _ = run("check")
    assert "\x1b" not in out
    assert "x\\x1b[31m" in out
    assert "server \\x1b[2J is gone" in flowing(out)


def test_a_long_difference_is_cut(run: Run, tmp_path: Path) -> None:
    """Of a report that has nothing in common with the accepted one, the beginning is enough."""
    case = copied(tmp_path / "pcaps")
    (case / "expected.json").write_text(json.dumps({"notes": ["x"] * 3000}))
    _, out, _ = run("check")
    assert out.count("\n") < DIFF_LIMIT + 200
    assert "lines more" in out


def test_new_makes_a_case(run: Run, tmp_path: Path) -> None:
    """A capture becomes a case that checks as it is, and says what somebody has to fill in."""
    (tmp_path / "Monday, 9:00.pcap").write_bytes((PCAPS / "article-normal-mode" / "capture.pcap").read_bytes())
    status, out, err = run("new", "Monday, 9:00.pcap")
    assert (status, out) == (0, "dsrcheck golden check pcaps/monday-9-00\n")
    assert "Fill in about, source, software in pcaps/monday-9-00/case.toml" in err
    assert {path.name for path in (tmp_path / "pcaps/monday-9-00").iterdir()} == {
        "capture.pcap", "case.toml", "expected.json",
    }  # fmt: skip
    text = (tmp_path / "pcaps/monday-9-00/case.toml").read_text()
    assert 'report = "fail"' in text
    assert 'rule = "DSR103"\nverdict = "fail"\nculprit = ["00:01:aa:bb:cc:0b"]\n' in text
    status, out, _ = run("check")
    assert status == 0
    assert "to be filled in in case.toml: about, source, software" in flowing(out)


def test_new_with_a_name_and_a_topology(run: Run, tmp_path: Path) -> None:
    """What is declared goes with the capture."""
    (tmp_path / "who.toml").write_text('[[vip]]\naddress = "10.0.0.10"\n')
    capture = PCAPS / "article-dsr" / "capture.pcap"
    assert run("new", capture, "--into", "cases", "--name", "first", "--topology", "who.toml")[0] == 0
    assert run("check", "cases")[0] == 0
    assert json.loads((tmp_path / "cases/first/expected.json").read_text())["vips"][0]["provenance"] == "declared"
    status, _, err = run("new", capture, "--into", "cases", "--name", "first")
    assert status == 2
    assert "cases/first is there already" in err


def test_new_offers_scrubbing(run: Run, tmp_path: Path) -> None:
    """The case has the same verdict under other names, says that it was scrubbed, and has lost what was said."""
    capture = PCAPS / "article-dsr" / "capture.pcap"
    assert "--scrub takes both out" in run("new", capture, "--name", "plain")[2]
    assert run("new", capture, "--name", "scrubbed", "--scrub")[0] == 0
    assert run("check")[0] == 0
    plain, scrubbed = (
        json.loads((tmp_path / "pcaps" / name / "expected.json").read_text()) for name in ("plain", "scrubbed")
    )
    assert plain["verdict"] == scrubbed["verdict"] == "pass"
    assert plain["captures"][0]["frames"] == scrubbed["captures"][0]["frames"]
    assert plain["vips"][0]["address"] != scrubbed["vips"][0]["address"]
    assert 'scrubbed = "dsrcheck scrub"' in (tmp_path / "pcaps/scrubbed/case.toml").read_text()
    (file,) = (tmp_path / "pcaps/scrubbed").glob("capture.*")
    assert b"HTTP/1" in capture.read_bytes()
    assert b"HTTP/1" not in file.read_bytes()
    (tmp_path / "who.toml").write_text('[[vip]]\naddress = "10.0.0.10"\n')
    assert run("new", capture, "--name", "x", "--scrub", "--topology", "who.toml")[0] == 2


@pytest.mark.parametrize(
    ("content", "arguments", "status", "message"),
    [
        (b"no capture at all, but long enough", (), 4, "x.pcap"),
        (None, (), 2, "there is no such capture file"),
        (b"", ("--name", "../out"), 2, "'../out' is no name for a case"),
    ],
)
def test_new_of_what_cannot_be_leaves_nothing(
    run: Run, tmp_path: Path, content: bytes | None, arguments: tuple[str, ...], status: int, message: str
) -> None:
    """Half a case would be in the way."""
    if content is not None:
        (tmp_path / "x.pcap").write_bytes(content)
    end, out, err = run("new", "x.pcap", *arguments)
    assert (end, out) == (status, "")
    assert message in err
    assert not list(tmp_path.glob("**/case.toml"))
