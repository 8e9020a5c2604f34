"""The catalogue: all rules there are, and a choice of them. One TOML file per rule, named `<id>-<name>.toml`.

The built-in rules are the project's top-level folder `rules/`; users add folders of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from dsrcheck.rules.reader import load_rule
from dsrcheck.rules.rule import Rule
from dsrcheck.rules.source import RuleError, meant
from dsrcheck.text import printable

BUILT_IN_PREFIX = "DSR"
FILE_LIMIT = 1000
"""Most rule files in one folder."""


def load_rules(directories: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """Return the built-in rules and those of the given folders, by id. Raises RuleError."""
    rules = list(_built_in_rules())
    owners = {rule.id: rule.file for rule in rules}
    for directory in directories:
        for rule in _rules_in(Path(directory), str(directory)):
            if rule.id in owners:
                raise RuleError(rule.file, None, f"{rule.id} is already the id of {owners[rule.id]}")
            if rule.id.startswith(BUILT_IN_PREFIX):
                raise RuleError(rule.file, None, f"rename {rule.id}: {BUILT_IN_PREFIX} begins the project's own ids")
            owners[rule.id] = rule.file
            rules.append(rule)
    for rule in rules:
        for cause in rule.because_of:
            if cause not in owners:
                raise RuleError(rule.file, None, f"because_of: there is no rule {cause}{meant(cause, owners)}")
    return tuple(sorted(rules, key=lambda rule: rule.id))


def select_rules(rules: Iterable[Rule], select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Return the chosen rules: ids, beginnings of ids (`DSR3`), or names. Raises RuleError for what names none."""
    rules = tuple(rules)
    chosen = set().union(*(_matches(rules, word) for word in select)) if select else {rule.id for rule in rules}
    dropped: set[str] = set().union(*(_matches(rules, word) for word in ignore))
    return tuple(rule for rule in rules if rule.id in chosen - dropped)


def find_rule(rules: Iterable[Rule], word: str) -> Rule:
    """Return the rule of this id or name, in any case. Raises RuleError with a suggestion."""
    rules = tuple(rules)
    for rule in rules:
        if word.upper() == rule.id or word.lower() in (rule.name, f"{rule.id}-{rule.name}".lower()):
            return rule
    raise _no_rule(rules, word)


def _matches(rules: Sequence[Rule], word: str) -> set[str]:
    found = {rule.id for rule in rules if word and (rule.id.startswith(word.upper()) or rule.name == word.lower())}
    if not found:
        raise _no_rule(rules, word)
    return found


def _no_rule(rules: Sequence[Rule], word: str) -> RuleError:
    known = [part for rule in rules for part in (rule.id, rule.name)]
    return RuleError(None, None, f"there is no rule {printable(word, 60)}{meant(word, known)}")


def built_in_folder() -> Path:
    """Return the folder of the built-in rules: in the installed package, or in the checkout this runs from.

    Not importlib.resources, which imports a dozen modules to read from archives too: the kernel runs from none.
    """
    package = find_spec("dsrcheck.rulefiles")
    for folder in map(Path, (package and package.submodule_search_locations) or ()):
        if any(folder.glob("*.toml")):
            return folder
    return Path(__file__).resolve().parents[2] / "rules"


@functools.cache
def _built_in_rules() -> tuple[Rule, ...]:
    return _rules_in(built_in_folder(), "rules")


def _rules_in(folder: Path, shown: str) -> tuple[Rule, ...]:
    """Load every rule file of a folder, in the order of names."""
    if not folder.is_dir():
        raise RuleError(shown, None, "is not a folder of rule files")
    try:
        entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name)
    except OSError as error:
        raise RuleError(shown, None, f"cannot be read: {error.strerror}") from None
    if len(entries) > FILE_LIMIT:
        raise RuleError(shown, None, f"holds more than {FILE_LIMIT} rule files")
    rules = tuple(load_rule(entry, f"{shown}/{entry.name}") for entry in entries if entry.is_file())
    seen: dict[str, Rule] = {}
    for rule in rules:
        if seen.setdefault(rule.id, rule) is not rule:
            raise RuleError(rule.file, None, f"{rule.id} is already the id of {seen[rule.id].file}")
    return rules
