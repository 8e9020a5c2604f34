"""Lines for a terminal of 80 columns: wrapping, hanging indents, columns, and colour where there may be colour."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import click

from dsrcheck.records import dataclass
from dsrcheck.report.arrange import blocks
from dsrcheck.text import printable

WIDTH = 80


@dataclass(frozen=True)
class Paint:
    """Styles text, or leaves it plain. Colour only repeats what the words say."""

    color: bool

    def bold(self, text: str) -> str:
        return self._style(text, bold=True)

    def dim(self, text: str) -> str:
        return self._style(text, dim=True)

    def rank(self, text: str, rank: str) -> str:
        """Text in the colour of a severity or a verdict."""
        return self._style(text, fg=_COLORS.get(rank), bold=True)

    def _style(self, text: str, **style: str | bool | None) -> str:
        return click.style(text, **style) if self.color and text else text  # type: ignore[arg-type]


_COLORS = {
    "error": "red",
    "fail": "red",
    "warning": "yellow",
    "inconclusive": "yellow",
    "info": "cyan",
    "pass": "green",
}


def paragraph(text: str, indent: int = 0, first: str | None = None) -> list[str]:
    """Text wrapped at WIDTH under an indent; `first` stands in the first line's indent. Both are made printable."""
    margin = " " * indent
    opening = f"{printable(first or ''):<{indent}}"
    lines = textwrap.wrap(
        printable(text), WIDTH, initial_indent=opening, subsequent_indent=margin,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return lines or [opening.rstrip()]


def prose(text: str, indent: int) -> list[str]:
    """Paragraphs wrapped; lines that are indented are commands to copy, and stay whole however long they are."""
    rows: list[str] = []
    for block in blocks(text):
        if block.is_command:
            rows += [" " * indent + printable(line) for line in block.text.split("\n")]
        else:
            rows += paragraph(block.text, indent)
    return rows


def columns(rows: Sequence[Sequence[str]], indent: int = 0, gap: int = 2) -> list[str]:
    """Rows with each column as wide as its widest cell. The cells are made printable."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    joint = " " * gap
    return [
        (" " * indent + joint.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in safe
    ]


def flowing(items: Sequence[str], indent: int = 0, first: str | None = None) -> list[str]:
    """Items in as few lines as hold them; an item is never broken."""
    glued = "  ".join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in paragraph(glued, indent, first)]
