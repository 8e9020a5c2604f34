"""`dsrcheck view`: captures on the screens of the terminal interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsrcheck.cli.common import CAPTURES, EXPECT, RULES, TOPOLOGY, Failure, load_catalogue, tell_if_interpreted
from dsrcheck.cli.screens import check_screens, show

if TYPE_CHECKING:
    from dsrcheck.analysis import Analysis
    from dsrcheck.legs import Legs


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
    check_screens("dsrcheck analyze prints the report")
    tell_if_interpreted()
    catalogue = load_catalogue(folders)
    from dsrcheck.analysis import judge
    from dsrcheck.live import watch_files
    from dsrcheck.topology.declared import TopologyError, read_topology

    try:
        declared = read_topology(Path(topology)) if topology is not None else None
    except TopologyError as error:
        raise Failure(str(error)) from None

    def judged(legs: Legs) -> Analysis:
        return judge(legs, catalogue, declared, expect)

    show(watch_files(captures, judged), judged, catalogue)
