"""`dsrcheck view`: captures on the screens of the terminal interface."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsrcheck.cli.common import CAPTURES, EXPECT, RULES, TOPOLOGY, Failure, load_catalogue, tell_if_interpreted
from dsrcheck.exits import Exit

if TYPE_CHECKING:
    from dsrcheck.analysis import Analysis

MISSING = "the screens need Textual, which is not installed: pip install 'dsrcheck[tui]'"


@click.command()
@CAPTURES
@TOPOLOGY
@EXPECT
@RULES
def view(captures: tuple[str, ...], topology: str | None, expect: str, folders: tuple[str, ...]) -> None:
    """Look into captures on screens: verdict, findings, flows, ladders, frames.

    Press ? for what each key does. Needs the extra `tui`, and tshark for the full dissection of frames.
    """
    if "-" in captures:
        raise Failure("the screens need standard input for the keyboard: save the capture to a file")
    check_screens()
    tell_if_interpreted()
    catalogue = load_catalogue(folders)
    from dsrcheck.analysis import judge
    from dsrcheck.legs import read_legs
    from dsrcheck.topology.declared import TopologyError, read_topology
    from dsrcheck.tui import run
    from dsrcheck.tui.files import CompleteCaptures

    try:
        declared = read_topology(Path(topology)) if topology is not None else None
    except TopologyError as error:
        raise Failure(str(error)) from None

    def analyze(paths: Sequence[str]) -> Analysis:
        return judge(read_legs(paths), catalogue, declared, expect)

    def open_captures(paths: Sequence[str]) -> CompleteCaptures:
        return CompleteCaptures(paths, analyze)

    failure = run(open_captures(captures), open_captures, catalogue)
    if failure is not None:
        raise Failure(failure, Exit.UNREADABLE)


def check_screens() -> None:
    """Say in one line what is missing for screens: Textual, or a terminal."""
    try:
        import textual  # noqa: F401  # looked for here so that nothing else fails half-way
    except ImportError:
        raise Failure(MISSING) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("the screens need a terminal; dsrcheck analyze prints the report")
