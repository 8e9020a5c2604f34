"""Which rules there are, which are chosen, and where they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsrcheck.rules import RuleError, find_rule, load_rules, select_rules
from dsrcheck.rules import catalogue as catalogue_module
from tests.rules.hand_made import RULE, rule_file


def test_user_rules_are_added(tmp_path: Path) -> None:
    """A folder of the user's adds its rules to the built-in ones, by id."""
    rule_file(tmp_path)
    (tmp_path / "notes.txt").write_text("not a rule")
    (tmp_path / "folder.toml").mkdir()
    rules = load_rules([tmp_path])
    assert len(rules) == len(load_rules()) + 1
    assert rules[0].id == "ACME001"
    assert rules[0].file == f"{tmp_path}/ACME001-ttl-is-high.toml"


def test_ids_are_given_once(tmp_path: Path) -> None:
    """One id in two folders, or twice in one, is refused."""
    rule_file(tmp_path / "one")
    rule_file(tmp_path / "two")
    with pytest.raises(RuleError, match=r"two/ACME001.*ACME001 is already the id of .*one/ACME001"):
        load_rules([tmp_path / "one", tmp_path / "two"])
    rule_file(tmp_path / "one", RULE.replace("ttl-is-high", "other-name"), "ACME001-other-name.toml")
    with pytest.raises(RuleError, match="ACME001 is already the id of"):
        load_rules([tmp_path / "one"])


@pytest.mark.parametrize("identity", ["DSR999", "DSR101"])
def test_ids_of_the_project_are_its_own(tmp_path: Path, identity: str) -> None:
    """A user's rule cannot take an id that begins with DSR."""
    rule_file(tmp_path, RULE.replace("ACME001", identity), f"{identity}-ttl-is-high.toml")
    with pytest.raises(RuleError, match=identity):
        load_rules([tmp_path])


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """A folder that is not there, or is a file, is an error and not an empty catalogue."""
    for path in (tmp_path / "missing", rule_file(tmp_path)):
        with pytest.raises(RuleError, match="is not a folder of rule files"):
            load_rules([path])


def test_causes_must_exist(tmp_path: Path) -> None:
    """because_of names rules that there are."""
    rule_file(tmp_path, RULE + 'because_of = ["DSR30O"]\n')
    with pytest.raises(RuleError, match="there is no rule DSR30O; did you mean DSR30"):
        load_rules([tmp_path])


def test_selection_by_id_prefix_and_name() -> None:
    """select and ignore take ids, their beginnings, and names, in any case."""
    rules = load_rules()
    assert {rule.id for rule in select_rules(rules, ["dsr2"])} == {r.id for r in rules if r.id.startswith("DSR2")}
    assert [rule.id for rule in select_rules(rules, ["DSR2", "one-owner"], ["DSR20"])] == ["DSR304"]
    assert [rule.id for rule in select_rules(rules, ["DSR301", "dsr101"])] == ["DSR101", "DSR301"]
    assert select_rules(rules) == rules
    assert "DSR705" not in {rule.id for rule in select_rules(rules, (), ["throughput"])}


@pytest.mark.parametrize(("word", "meant"), [("DSR2O1", "DSR2"), ("one-ownr", "one-owner"), ("", ""), ("\x1b[2J", "")])
def test_selecting_nothing_is_an_error(word: str, meant: str) -> None:
    """A word that names no rule is refused, with a suggestion."""
    for call in (lambda: select_rules(load_rules(), [word]), lambda: find_rule(load_rules(), word)):
        with pytest.raises(RuleError, match=f"there is no rule .*{meant}") as caught:
            call()
        assert str(caught.value).isprintable()


def test_find_rule_by_any_name() -> None:
    """`dsrcheck explain` takes the id, the name, or both."""
    for word in ("DSR202", "dsr202", "reply-bypasses-balancer", "DSR202-reply-bypasses-balancer"):
        assert find_rule(load_rules(), word).id == "DSR202"


def test_checkout_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an installed rules package, the folder beside the package's is taken."""

    monkeypatch.setattr("dsrcheck.rules.catalogue.find_spec", lambda _name: None)
    folder = catalogue_module.built_in_folder()
    assert folder == Path(catalogue_module.__file__).resolve().parents[2] / "rules"
    assert (folder / "DSR101-request-reaches-balancer.toml").is_file()
