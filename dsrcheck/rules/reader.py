"""From a rule file to a rule: every key is checked here, so that judging never meets a broken rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS, SEVERITIES
from dsrcheck.rules.columns import CAPTURE_TABLES, COLUMNS, ColumnInfo
from dsrcheck.rules.expression import Expression, ExpressionError, compile_expression
from dsrcheck.rules.rule import DSR_MODES, IPV6_VARIANT, MESSAGE_NAMES, PLATFORMS, REMEDY_NAMES, Example, Rule
from dsrcheck.rules.source import RuleError, Source, meant, read_source
from dsrcheck.rules.wording import Message
from dsrcheck.text import printable

_ID = re.compile(r"[A-Z]{2,12}[0-9]{3}")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MODE = re.compile(r"[a-z][a-z-]*\*?|\*")
_TEXT_LIMIT = 8000
INFO_VERDICTS = ("speaks", "silent")

_REQUIRED = ("id", "name", "severity", "summary", "subject", "expect", "message", "needs", "why")
_TEXTS = (*_REQUIRED, "when", "message_many", "culprit", "culprit_role", "absent", "unmet", "absent_reason")
_LISTS = ("modes", "modes_denied", "evidence", "because_of", "references")
_KEYS = (*_TEXTS, *_LISTS, "remedy", "example")
_EXAMPLE_KEYS = ("scenario", "fault", "vantage", "topology", "verdict")


def load_rule(path: Path, file: str) -> Rule:
    """Load one rule file; `file` is its name for people. Raises RuleError."""
    return _Reader(read_source(path, file)).rule(path.name)


class _Reader:
    """Checks one rule file key by key, and compiles what is to be compiled."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.document = source.document

    def rule(self, file_name: str) -> Rule:
        self.check_keys()
        subject = self.text("subject")
        if subject not in COLUMNS:
            raise self.wrong("subject", f"there is no table {subject}", subject, COLUMNS)
        columns = COLUMNS[subject]
        rule = Rule(
            id=self.shaped("id", _ID, "capital letters and three digits, such as ACME001"),
            name=self.shaped("name", _NAME, "lower-case words joined by hyphens"),
            severity=self.one_of("severity", SEVERITIES),
            summary=self.text("summary"),
            subject=subject,
            expect=self.condition("expect", columns),
            when=self.condition("when", columns) if self.has("when") else None,
            message=self.template("message", columns),
            message_many=self.template("message_many", columns) if self.has("message_many") else None,
            needs=self.text("needs"),
            why=self.text("why"),
            file=self.source.file,
            culprit=self.column("culprit", self.text("culprit"), columns, "mac") if self.has("culprit") else None,
            culprit_role=self.document.get("culprit_role"),
            absent=self.one_of("absent", (NOT_APPLICABLE, NOT_OBSERVED)) if self.has("absent") else NOT_APPLICABLE,
            unmet=self.one_of("unmet", (NOT_APPLICABLE, NOT_OBSERVED)) if self.has("unmet") else NOT_APPLICABLE,
            absent_reason=self.document.get("absent_reason"),
            modes=self.modes("modes", DSR_MODES),
            modes_denied=self.modes("modes_denied", ()),
            evidence=tuple(self.column("evidence", name, columns, "frame") for name in self.texts("evidence")),
            because_of=self.texts("because_of"),
            references=self.texts("references"),
            remedy=self.remedy(),
            examples=self.examples(),
        )
        if subject in CAPTURE_TABLES and ("modes" in self.document or "modes_denied" in self.document):
            raise self.source.error(f"modes: rows of {subject} belong to no VIP, so they have no mode", "modes")
        if file_name != f"{rule.id}-{rule.name}.toml":
            raise self.source.error(f"the file's name must be {rule.id}-{rule.name}.toml", "id")
        return rule

    def wrong(self, key: str, message: str, word: str = "", known: Iterable[str] = ()) -> RuleError:
        """Return an error at a top-level key, with what may have been meant."""
        return self.source.error(f"{key}: {message}{meant(word, known)}", key)

    def check_keys(self) -> None:
        """Refuse unknown keys, missing ones, and values of the wrong type."""
        for key in self.document:
            if key not in _KEYS:
                raise self.source.error(f"`{printable(key, 60)}` is not a key of a rule{meant(key, _KEYS)}", key)
        for key in _TEXTS:
            if key in self.document:
                self.check_text(self.document[key], key)
        for key in _LISTS:
            values = self.document.get(key, [])
            if not isinstance(values, list):
                raise self.wrong(key, 'must be a list of texts: ["...", "..."]')
            for value in values:
                self.check_text(value, key)
        for key in _REQUIRED:
            if key not in self.document:
                raise self.source.error(f"the key `{key}` is missing")

    def check_text(self, value: Any, key: str, table: str = "", number: int = 0) -> None:
        """Refuse what is no text, and text that a terminal would obey; rule texts are printed as they are."""
        if not isinstance(value, str) or not value.strip():
            raise self.source.error(f"{key}: must be a text that is not empty", key, table, number)
        if len(value) > _TEXT_LIMIT:
            raise self.source.error(f"{key}: is longer than {_TEXT_LIMIT} characters", key, table, number)
        if any(printable(line) != line for line in value.split("\n")):
            raise self.source.error(f"{key}: holds a control character", key, table, number)

    def has(self, key: str) -> bool:
        return key in self.document

    def text(self, key: str) -> str:
        return str(self.document[key]).strip()

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.document.get(key, ()))

    def shaped(self, key: str, pattern: re.Pattern[str], shape: str) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.wrong(key, f"must be {shape}")
        return value

    def one_of(self, key: str, known: Sequence[str]) -> str:
        value = self.text(key)
        if value not in known:
            raise self.wrong(key, f"must be {', '.join(known)}", value, known)
        return value

    def modes(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        modes = self.texts(key) or default
        for mode in modes:
            if not _MODE.fullmatch(mode):
                raise self.wrong(key, f"{mode} is not a mode, such as dsr-mac or dsr-*")
        return modes

    def column(self, key: str, name: str, columns: Mapping[str, ColumnInfo], kind: str) -> str:
        """Return the name of a column that must be of a kind."""
        fitting = [name for name, info in columns.items() if info.kind == kind and not info.is_set]
        if name not in columns:
            raise self.wrong(key, f"`{name}` is not a column of {self.text('subject')}", name, fitting)
        if name not in fitting:
            raise self.wrong(key, f"`{name}` must be a column of kind {kind}")
        return name

    def condition(self, key: str, columns: Mapping[str, ColumnInfo]) -> Expression:
        try:
            return compile_expression(str(self.document[key]), columns)
        except ExpressionError as error:
            drawing = "\n".join(f"    {line}" for line in error.drawing().split("\n"))
            meant = f"\n  did you mean `{printable(error.suggestion)}`?" if error.suggestion else ""
            raise self.wrong(key, f"{error.message}\n{drawing}{meant}") from None

    def template(self, key: str, columns: Mapping[str, ColumnInfo]) -> Message:
        return self.checked_template(str(self.document[key]).strip(), (*MESSAGE_NAMES, *columns), key)

    def checked_template(self, text: str, names: Sequence[str], key: str, table: str = "") -> Message:
        """Return a template all of whose placeholders are known."""
        template = Message(text)
        if not template.is_valid():
            raise self.source.error(f"{key}: a placeholder is written ${{name}}, a dollar sign $$", key, table)
        for name in template.get_identifiers():
            if name not in names:
                raise self.source.error(f"{key}: there is no placeholder ${{{name}}}{meant(name, names)}", key, table)
        return template

    def remedy(self) -> tuple[tuple[str, Message], ...]:
        known = [platform + variant for platform in PLATFORMS for variant in ("", IPV6_VARIANT)]
        table = self.document.get("remedy", {})
        if not isinstance(table, dict):
            raise self.wrong("remedy", "must be a table [remedy], with a text for each platform")
        for key, value in table.items():
            if key not in known:
                message = f"`{printable(key, 60)}` is not a platform{meant(key, known)}"
                raise self.source.error(f"remedy: {message}", key, "remedy")
            self.check_text(value, key, "remedy")
        return tuple((key, self.checked_template(value, REMEDY_NAMES, key, "remedy")) for key, value in table.items())

    def examples(self) -> tuple[Example, ...]:
        tables = self.document.get("example", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.wrong("example", "must be tables [[example]]")
        verdicts = INFO_VERDICTS if self.text("severity") == "info" else (PASS, FAIL, NOT_OBSERVED)
        for number, table in enumerate(tables):
            for key, value in table.items():
                if key not in _EXAMPLE_KEYS:
                    message = f"`{printable(key, 60)}` is not a key of an example{meant(key, _EXAMPLE_KEYS)}"
                    raise self.source.error(message, key, "example", number)
                if key == "topology":
                    if not isinstance(value, bool):
                        raise self.source.error("topology: must be true or false", key, "example", number)
                    continue
                self.check_text(value, key, "example", number)
            for key in ("scenario", "vantage", "verdict"):
                if key not in table:
                    raise self.source.error(f"example: the key `{key}` is missing", "", "example", number)
            if table["verdict"] not in verdicts:
                raise self.source.error(f"verdict: must be {', '.join(verdicts)}", "verdict", "example", number)
        return tuple(Example(**table) for table in tables)
