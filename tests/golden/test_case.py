"""case.toml: what it may say, and that whatever else it says is told with its line and what may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.golden import CaseError
from dsrcheck.golden.assertions import ANY, EACH, NONE, FindingCount, ReportVerdict, RuleVerdict, VipFacts
from dsrcheck.golden.case import Lab, read_case
from tests.golden.cases import CASE, case_file

WHOLE = """
dsrcheck = "case/1"
about = "All keys there are."
captures = ["one.pcap", "two.pcap"]
topology = "who.toml"
expect = "any"
vip = "10.0.0.10"

[provenance]
source = "made by hand"
software = "none"
cut = "editcap -r in.pcap one.pcap 1-100"

[lab]
scenario = "dsr-healthy"
vantage = "mirror"
fault = "vip-missing"
host = "server2"
seed = 7

[[assert]]
report = "fail"

[[assert]]
mode = ["dsr-mac", "unknown"]
servers = ["00-01-AA-BB-CC-64", "2001:DB8::1"]

[[assert]]
rule = "DSR202"
verdict = "fail"
culprit = "00:01:aa:bb:cc:64"
frames = [7, 9]

[[assert]]
any_of = ["DSR203", "DSR206"]
verdict = "fail"

[[assert]]
vip = "10.0.0.20"
none_of = ["DSR101"]
verdict = "pass"

[[assert]]
severity = "error"
besides = ["DSR202"]
count = 0

[[assert]]
rule = "DSR705"
count = 1
"""


def test_all_keys(tmp_path: Path) -> None:
    """Everything a case can say is read as it is meant; addresses and MACs are written as reports write them."""
    folder = case_file(tmp_path / "case", WHOLE)
    for name in ("one.pcap", "two.pcap", "who.toml"):
        (folder / name).touch()
    case = read_case(folder)
    assert [path.name for path in case.captures] == ["one.pcap", "two.pcap"]
    assert case.topology == folder / "who.toml"
    assert case.expect == "any"
    assert case.lab == Lab("dsr-healthy", "mirror", "vip-missing", "server2", 7)
    assert case.provenance["cut"].startswith("editcap")
    assert case.assertions == (
        ReportVerdict(21, "fail"),
        VipFacts(24, "10.0.0.10", ("dsr-mac", "unknown"), frozenset({"00:01:aa:bb:cc:64", "2001:db8::1"})),
        RuleVerdict(
            28, ("DSR202",), "fail", EACH, "10.0.0.10", frozenset({"00:01:aa:bb:cc:64"}), (7, 9)
        ),
        RuleVerdict(34, ("DSR203", "DSR206"), "fail", ANY, "10.0.0.10"),
        RuleVerdict(38, ("DSR101",), "pass", NONE, "10.0.0.20"),
        FindingCount(43, 0, (), "error", ("DSR202",), "10.0.0.10"),
        FindingCount(48, 1, ("DSR705",), None, (), "10.0.0.10"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('about = "x"', 'dsrcheck = "case/1"'),
        ('dsrcheck = "case/9"', ':1: a case of dsrcheck says so'),
        ('dsrcheck = "case/1"\nabuot = "x"', ":2: `abuot` is not a key of a case; did you mean about?"),
        ('dsrcheck = "case/1"', "the key `about` is missing"),
        ('dsrcheck = "case/1"\nabout = ""', ":2: about: must be a text of 1 to 4,000"),
        ('dsrcheck = "case/1"\nabout = "x"', r"where does the capture come from? Say it in [provenance]"),
        (CASE.replace("software", "softwares"), "`softwares` is not a key of [provenance]; did you mean software?"),
        (CASE.replace('software = "none"', ""), "the key `software` is missing in [provenance]"),
        ('captures = ["../../etc/passwd"]' + CASE, ":1: captures: '../../etc/passwd' must be the name of a file in"),
        ('captures = ["/etc/passwd"]' + CASE, "must be the name of a file in this folder"),
        ('captures = ["none.pcap"]' + CASE, "there is no file 'none.pcap' in this folder"),
        ("captures = []" + CASE, "captures: must have 1 to 16 entries"),
        ('topology = ".."' + CASE, "topology: '..' must be the name of a file in this folder"),
        ('expect = "dsr-mca"' + CASE, "expect: 'dsr-mca' is not known; did you mean dsr-mac?"),
        ('vip = "10.0.0.300"' + CASE, ":1: vip: is no IP address"),
        (CASE + '[lab]\nscenario = "x"', "the key `vantage` is missing in [lab]"),
        (CASE + '[lab]\nscenario = "x"\nvantage = "mirror"\nseed = true', "seed: must be a whole number"),
        (CASE + "[assert]\ncount = 0", "assert: must be tables [[assert]]"),
        (CASE + "[[assert]]\n", ":7: it asserts nothing"),
        (CASE + '[[assert]]\nrule = "DSR202"\nverdcit = "pass"',
         ":9: `verdcit` is not a key of an assertion; did you mean verdict?"),
        (CASE + '[[assert]]\nreport = "good"', ":8: report: 'good' is not known; it can be pass, fail, inconclusive"),
        (CASE + '[[assert]]\nreport = "pass"\nrule = "DSR202"', "`rule` is not a key of an assertion on report"),
        (CASE + '[[assert]]\nverdict = "pass"', "verdict: of which rules? One of rule, any_of, none_of"),
        (CASE + '[[assert]]\nrule = "DSR202"\nany_of = ["DSR201"]\nverdict = "pass"', "verdict: of which rules?"),
        (CASE + '[[assert]]\nrule = "reply-from-vip"\nverdict = "pass"', "'reply-from-vip' is no rule id like DSR202"),
        (CASE + '[[assert]]\nrule = "DSR202"\nverdict = "pass"\nculprit = "00:01:aa:bb:cc:64"',
         "culprit: only a rule that is to fail has one"),
        (CASE + '[[assert]]\nrule = "DSR202"\nverdict = "fail"\nculprit = "00:01:aa:bb:cc:0a:64"',
         "culprit: '00:01:aa:bb:cc:0a:64' is neither a MAC nor an address"),
        (CASE + '[[assert]]\nrule = "DSR202"\nverdict = "fail"\nframes = [0]', "frames: must be a whole number from 1"),
        (CASE + '[[assert]]\nrule = "DSR202"\nseverity = "error"\ncount = 0', "one of the two"),
        (CASE + '[[assert]]\nseverity = "error"\ncount = -1', "count: must be a whole number from 0"),
        (CASE + '[[assert]]\nmode = "dsr-mac"', "mode: of which VIP? vip is missing"),
        (CASE + '[[assert]]\nvip = "10.0.0.1"\nmode = "dsr"', "mode: 'dsr' is no mode; did you mean dsr-"),
        (CASE + "[[assert]]\nreport = 1", "report: must be a text"),
        ("dsrcheck = [", "is not TOML"),
        ("x" * 70_000, "is longer than 65,536 bytes"),
        (CASE + "[[assert]]\n" * 501, "assert: are more than 500"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, text: str, message: str) -> None:
    """File, line where there is one, key, and what may have been meant; one line."""
    folder = case_file(tmp_path / "case", text)
    with pytest.raises(CaseError) as told:
        read_case(folder)
    assert message in str(told.value)
    assert str(told.value).startswith(str(folder / "case.toml"))
    assert "\n" not in str(told.value)


def test_one_capture_is_found_by_its_name(tmp_path: Path) -> None:
    """A case need not name its capture where there is one; of two it must say which."""
    folder = case_file(tmp_path / "case", CASE)
    assert read_case(folder).captures == (folder / "capture.pcap",)
    (folder / "capture.pcapng").touch()
    with pytest.raises(CaseError, match=r"2 files are named capture\.\* \(capture.pcap, capture.pcapng\)"):
        read_case(folder)
    for path in folder.glob("capture.*"):
        path.unlink()
    with pytest.raises(CaseError, match="0 files are named"):
        read_case(folder)


def test_what_waits_for_words_is_known(tmp_path: Path) -> None:
    """Texts that `golden new` left to fill in are named."""
    folder = case_file(tmp_path / "case", CASE.replace("A made up case.", "FILL IN: what happens"))
    assert read_case(folder).unfilled == ("about",)


VALUES = st.recursive(
    st.sampled_from(['"DSR202"', '"fail"', "0", "-1", "true", "1.5", '"10.0.0.10"', "1979-05-27", '""', "[]", "{}"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        "report",
        "vip",
        "mode",
        "servers",
        "rule",
        "any_of",
        "verdict",
        "culprit",
        "frames",
        "severity",
        "besides",
        "count",
    ]
)


@given(st.dictionaries(KEYS, VALUES), st.sampled_from(["", "[[assert]]\n", "[lab]\n", "[lab.x]\n"]))
def test_any_values_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, str], header: str
) -> None:
    """No mixture of keys and values does anything but make a case, or an error of one line."""
    text = CASE + header + "\n".join(f"{key} = {value}" for key, value in table.items())
    assert "\n" not in refusal(case_file(tmp_path_factory.mktemp("any") / "case", text))


def refusal(folder: Path) -> str:
    """Why a case is refused; nothing where it is not."""
    try:
        read_case(folder)
    except CaseError as error:
        return str(error)
    return ""
