"""What `dsrcheck view` and `dsrcheck live` share: showing a watch on the screens of the terminal interface."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dsrcheck.cli.common import Failure
from dsrcheck.exits import Exit

if TYPE_CHECKING:
    from dsrcheck.live import Judge, Watch
    from dsrcheck.rules import Rule

MISSING = "the screens need Textual, which is not installed: pip install 'dsrcheck[tui]'"


def check_screens(instead: str) -> None:
    """Say in one line what is missing for screens, Textual or a terminal, and what to do `instead`."""
    if importlib.util.find_spec("textual") is None:
        raise Failure(f"{MISSING}; {instead}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure(f"the screens need a terminal for keyboard and output; {instead}")


def show(watch: Watch, judge: Judge, rules: Sequence[Rule]) -> None:
    """Show a watch until the user leaves; what prevents it ends the program."""
    from dsrcheck.capture import CaptureError
    from dsrcheck.capture.dumpcap import DumpcapError
    from dsrcheck.live import watch_files
    from dsrcheck.topology.declared import TopologyError
    from dsrcheck.tui import run

    try:
        run(watch, lambda paths: watch_files(paths, judge), rules)
    except DumpcapError as error:
        for line in error.said:
            click.echo(line, err=True)
        raise Failure(str(error), Exit.UNREADABLE) from None
    except (CaptureError, OSError) as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except TopologyError as error:
        raise Failure(str(error)) from None
