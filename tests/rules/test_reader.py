"""Rule files that cannot be used: each error names the file, the line and the key, and what may have been meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsrcheck.rules.reader import load_rule
from dsrcheck.rules.source import SIZE_LIMIT, RuleError
from tests.rules.hand_made import RULE, rule, rule_file

NAME = "ACME001-ttl-is-high.toml"


def refused(folder: Path, text: str | bytes) -> RuleError:
    """Load what must be refused."""
    path = rule_file(folder, "")
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(RuleError) as caught:
        load_rule(path, NAME)
    assert all(line.isprintable() for line in str(caught.value).split("\n"))
    return caught.value


def test_a_good_file_loads(tmp_path: Path) -> None:
    """The file all others are made from is right."""
    made = load_rule(rule_file(tmp_path), NAME)
    assert (made.id, made.name, made.names, made.modes) == ("ACME001", "ttl-is-high", ("request.ttl_min",), ("*",))


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('severity = "error"', 'severty = "error"', 4, "`severty` is not a key of a rule; did you mean severity?"),
        ('severity = "error"', 'severity = "errors"', 4, "severity: must be error, warning, info; did you mean error?"),
        ('severity = "error"', "severity = 3", 4, "severity: must be a text"),
        ('severity = "error"', 'severity = " "', 4, "severity: must be a text that is not empty"),
        ('severity = "error"\n', "", None, "the key `severity` is missing"),
        ('subject = "exchange"', 'subject = "exchanges"', 6, "there is no table exchanges; did you mean exchange?"),
        ("request.ttl_min > 10", "request.ttl_mim > 10", 8, "`request.ttl_mim` is not a column"),
        ("request.ttl_min > 10", "request.src_ip > 10", 8, "address and number do not compare"),
        ('culprit = "request.src_mac"', 'culprit = "request.src_mc"', 9, "did you mean request.src_mac?"),
        ('culprit = "request.src_mac"', 'culprit = "request.src_ip"', 9, "must be a column of kind mac"),
        ('["request.first_frame"]', '["request.frames"]', 10, "must be a column of kind frame"),
        ('["request.first_frame"]', '"request.first_frame"', 10, "must be a list of texts"),
        ("TTL ${request.ttl_min}", "TTL ${request.ttl}", 11, "there is no placeholder ${request.ttl}; did you mean"),
        ("TTL ${request.ttl_min}", "TTL $ttl", 11, "a dollar sign $$"),
        ("TTL ${request.ttl_min}", "TTL ${request.ttl_min", 11, "a placeholder is written ${name}"),
        ("TTL ${request.ttl_min}", "TTL ${request.__class__}", 11, "a placeholder is written ${name}"),
        ('id = "ACME001"', 'id = "acme1"', 2, "id: must be capital letters and three digits"),
        ('id = "ACME001"', 'id = "ACME002"', 2, "the file's name must be ACME002-ttl-is-high.toml"),
        ('name = "ttl-is-high"', 'name = "TTL is high"', 3, "name: must be lower-case words"),
        ('modes = ["*"]', 'modes = ["dsr mac"]', 7, "modes: dsr mac is not a mode"),
        ('why = "Low is slow."', 'why = "\\u001b[2J"', 13, "why: holds a control character"),
        ('why = "Low is slow."', "why = Low", 13, "is not TOML"),
        ('why = "Low is slow."', 'why = "Low"\nabsent = "pass"', 14, "absent: must be not-applicable, not-observed"),
        ('why = "Low is slow."', 'why = "Low"\n[remedy]\nlinus = "x"', 15, "`linus` is not a platform; did you mean"),
        ('why = "Low is slow."', 'why = "Low"\n[remedy]\nlinux = "${vp}"', 15, "${vp}; did you mean vip?"),
        ('why = "Low is slow."', 'why = "Low"\nremedy = "x"', 14, "remedy: must be a table"),
        ('why = "Low is slow."', 'why = "Low"\n[[example]]\nscenario = "s"', 14, "the key `vantage` is missing"),
        ('why = "Low is slow."', 'why = "Low"\n[[example]]\nscenaro = "s"', 15, "did you mean scenario?"),
        ('why = "Low is slow."', 'why = "Low"\n[[example]]\ntopology = "x"', 15, "topology: must be true or false"),
    ],
)  # fmt: skip
def test_errors_say_where_and_what(tmp_path: Path, old: str, new: str, line: int | None, message: str) -> None:
    """Each mistake is told at its own line."""
    assert old in RULE
    error = refused(tmp_path, RULE.replace(old, new))
    assert message in str(error)
    assert error.line == line
    assert str(error).startswith(f"{NAME}:{line}: " if line else f"{NAME}: ")


def test_second_example_has_its_own_lines(tmp_path: Path) -> None:
    """A mistake in the second of two tables is told there."""
    good = '[[example]]\nscenario = "s"\nvantage = "mirror"\nverdict = "pass"\n'
    error = refused(tmp_path, RULE + good + good.replace('"pass"', '"speaks"'))
    assert (error.line, error.message) == (21, "verdict: must be pass, fail, not-observed")


def test_keys_within_texts_are_not_taken_for_keys(tmp_path: Path) -> None:
    """A line of a multi-line text that looks like a key does not move the place of the error."""
    text = RULE.replace('summary = "The TTL of a request is high."', 'summary = """\nseverity = "x"\n"""')
    error = refused(tmp_path, text.replace('severity = "error"', "") + 'severity = "loud"\n')
    assert error.line == 16


def test_condition_is_drawn(tmp_path: Path) -> None:
    """The condition is shown with a caret under the mistake, and a suggestion."""
    error = refused(tmp_path, RULE.replace("request.ttl_min > 10", "vip.mode == 'nat' or request.ttl_mim > 10"))
    assert str(error).split("\n") == [
        f"{NAME}:8: expect: `request.ttl_mim` is not a column",
        "    vip.mode == 'nat' or request.ttl_mim > 10",
        "                         ^^^^^^^^^^^^^^^",
        "  did you mean `request.ttl_min`?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x = " + b"[" * 5000, "is not TOML"),
        (b"#" * (SIZE_LIMIT + 1), "is longer than"),
        (b"", "the key `id` is missing"),
        (b"x = 9999-99-99", "is not TOML"),
        (b"id = 1\n" * 2, "is not TOML"),
        (RULE.replace("Low is slow", "x" * 9000).encode(), "why: is longer than"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    """Broken, huge and deeply nested files end in one error."""
    assert message in str(refused(tmp_path, text))


def test_a_folder_or_nothing_is_no_file(tmp_path: Path) -> None:
    """What cannot be opened is told with the system's reason."""
    for path in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(RuleError, match="cannot be read"):
            load_rule(path, "x.toml")
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        path = rule_file(tmp_path)
        path.chmod(0)
        with pytest.raises(RuleError, match="Permission denied"):
            load_rule(path, "x.toml")


def test_rules_of_captures_have_no_modes(tmp_path: Path) -> None:
    """A capture belongs to no VIP."""
    with pytest.raises(RuleError, match="belong to no VIP"):
        rule(
            tmp_path,
            subject='"capture"',
            expect='"capture.whole"',
            culprit=None,
            evidence=None,
            message='"Cut."',
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.integers(0, len(RULE) - 1), st.text(max_size=8) | st.sampled_from(['"', '"""', "[", "]", "=", "\n", "${", "\\"])
)
def test_any_edit_loads_or_is_refused(tmp_path: Path, place: int, edit: str) -> None:
    """A file with anything put in anywhere loads, or is refused with a RuleError; never another error."""
    path = rule_file(tmp_path, "")
    path.write_text(RULE[:place] + edit + RULE[place:], encoding="utf-8", errors="surrogatepass")
    try:
        load_rule(path, NAME)
    except RuleError as error:
        str(error)
