"""What the commands share: options, the error that ends the program, and where output goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsrcheck import compiled, output
from dsrcheck.exits import Exit
from dsrcheck.text import printable

if TYPE_CHECKING:
    from dsrcheck.rules import Rule

EXPECTATIONS = (
    "dsr", "any", "dsr-mac", "dsr-ipip", "dsr-gre", "dsr-gue", "dsr-geneve", "dsr-option", "dsr-dscp",
    "nat", "proxy", "direct",
)  # fmt: skip
CAPTURES = click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
CAPTURE = click.argument("capture", metavar="CAPTURE")
FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
OUTPUT = click.option("-o", "--output", "target", metavar="FILE", help="Write to FILE, whole or not at all.")
TOPOLOGY = click.option(
    "--topology", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="Declare who is who."
)
EXPECT = click.option(
    "--expect", type=click.Choice(EXPECTATIONS), default="dsr", show_default=True, metavar="dsr|any|MODE",
    help="The mode that each VIP must have; `any` judges each by the mode it has.",
)  # fmt: skip
RULES = click.option(
    "--rules", "folders", multiple=True, metavar="DIR", type=click.Path(exists=True, file_okay=False),
    help="Add the rule files of a folder.",
)  # fmt: skip


class Failure(click.ClickException):
    """Ends the program with one line on standard error and a status of the contract."""

    def __init__(self, message: str, status: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.status = status


def load_catalogue(folders: Iterable[str]) -> tuple[Rule, ...]:
    """The built-in rules and those of some folders."""
    from dsrcheck.rules import RuleError, load_rules

    try:
        return load_rules([Path(folder) for folder in folders])
    except RuleError as error:
        raise Failure(str(error)) from None


def words(options: tuple[str, ...]) -> list[str]:
    """The values of an option that may be repeated and may hold several, separated by commas."""
    return [word.strip() for option in options for word in option.split(",") if word.strip()]


def colored(choice: str, target: str | None) -> bool:
    """Colours only on a terminal, and not against the user's wish (https://no-color.org)."""
    if choice != "auto":
        return choice == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return target in (None, "-") and sys.stdout.isatty() and not plain


def check_target(target: str | None) -> None:
    """Tell before the work is done that its result could not be written."""
    if target not in (None, "-") and not Path(str(target)).resolve().parent.is_dir():
        raise Failure(f"{target}: there is no such folder to write to")


def write(text: str, target: str | None) -> None:
    """Write data to standard output (`-` or None), or whole to a file."""
    if target is None or target == "-":
        output.print_data(text)
        return
    try:
        output.write_whole(Path(target), text)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None


def add_step_summary(text: str) -> None:
    """Append Markdown to the summary of a step of GitHub Actions, where the program runs in one."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:  # the report is out already, and the status is what counts
        click.echo(f"dsrcheck: note: the step summary was not written: {printable(str(error))}", err=True)


def write_json(value: object) -> None:
    """Print a value as indented JSON."""
    import json

    output.print_data(json.dumps(value, indent=2) + "\n")


def keep_freed_memory() -> None:
    """Have the C library hand on what was freed: columns come and go, and clean pages from the system cost more.

    For glibc, see mallopt(3); it takes no size above 32 MB for what it asks of the system by itself.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
        mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD


def tell_if_interpreted() -> None:
    """Say on standard error that the kernel is slow, where it is."""
    if compiled.interpreted_modules():
        click.echo(
            f"dsrcheck: note: the kernel is {compiled.kernel_state()}, which is slow "
            "(some ten thousands of frames a second); install with a C compiler and Python's headers to compile it",
            err=True,
        )
