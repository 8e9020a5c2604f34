"""Reading a rule file: bounded, as TOML, with errors that name file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli

from dsrcheck.records import dataclass
from dsrcheck.text import printable

SIZE_LIMIT = 64 * 1024

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?")
_KEY = re.compile(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*[=.]")
_MULTILINE = re.compile(r'"""|\'\'\'')


class RuleError(Exception):
    """A rule, or a choice of rules, that cannot be used: where (file and line, if there is one) and what to do."""

    def __init__(self, file: str | None, line: int | None, message: str) -> None:
        place = "" if file is None else f"{printable(file)}:{line}: " if line else f"{printable(file)}: "
        super().__init__(place + message)
        self.file, self.line, self.message = file, line, message


@dataclass(frozen=True)
class Source:
    """A rule file as read: its name for people, its text, and the document that this is."""

    file: str
    text: str
    document: Mapping[str, Any]

    @cached_property
    def lines(self) -> Mapping[tuple[str, int, str], int]:
        """The lines on which the keys stand: of (table, number of the table, key)."""
        return _lines_of_keys(self.text)

    def error(self, message: str, key: str = "", table: str = "", number: int = 0) -> RuleError:
        """Return an error at a key of a table (`""` the top; `number` counts `[[table]]`s), or at the table itself."""
        line = self.lines.get((table, number, key)) or self.lines.get((table, number, ""))
        return RuleError(self.file, line, message)


def read_source(path: Path, file: str) -> Source:
    """Read a TOML file. Raises RuleError for what is not one, or is too long."""
    try:
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise RuleError(file, None, f"cannot be read: {error.strerror}") from None
    if len(data) > SIZE_LIMIT:
        raise RuleError(file, None, f"is longer than {SIZE_LIMIT:,} bytes")
    try:
        text = data.decode()
        document = tomli.loads(text)
    except UnicodeDecodeError:
        raise RuleError(file, None, "is not UTF-8 text") from None
    except (tomli.TOMLDecodeError, RecursionError, ValueError) as error:
        found = re.search(r"at line (\d+)", str(error))
        raise RuleError(file, int(found[1]) if found else None, f"is not TOML: {printable(str(error), 200)}") from None
    return Source(file, text, document)


def _lines_of_keys(text: str) -> dict[tuple[str, int, str], int]:
    """Find the line of each (table, number of the table, key); tomli does not tell."""
    lines: dict[tuple[str, int, str], int] = {}
    counts: dict[str, int] = {}
    table, number, within = "", 0, False
    for place, line in enumerate(text.split("\n"), 1):
        starts_within = within
        within ^= len(_MULTILINE.findall(line)) % 2 == 1
        if starts_within:
            continue
        if header := _HEADER.match(line):
            table = header[2]
            number = counts.get(table, -1) + 1
            counts[table] = number
            lines.setdefault((table, number, ""), place)
        elif key := _KEY.match(line):
            lines.setdefault((table, number, key[1]), place)
    return lines


def suggest(name: str, known: list[str]) -> str | None:
    """Return the known name that a mistyped one most likely means."""
    import difflib  # only mistakes pay for it

    exact = [candidate for candidate in known if candidate.lower() == name.lower()]
    close = exact or difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
    return close[0] if close else None


def meant(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` for a mistyped word, or nothing."""
    suggestion = suggest(word, list(known)) if word else None
    return f"; did you mean {suggestion}?" if suggestion else ""
