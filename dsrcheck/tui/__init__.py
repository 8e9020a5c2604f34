"""The terminal interface: one Textual application for captures, growing captures and interfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from dsrcheck.live import Watch

if TYPE_CHECKING:
    from dsrcheck.rules import Rule


def run(watch: Watch, open_captures: Callable[[Sequence[str]], Watch], rules: Iterable[Rule] = ()) -> None:
    """Show a watch until the user leaves.

    open_captures: watches other captures, which the user asks for. rules: those that the watch judges by.
    Raises what the watch raises when there is nothing to show at all (CaptureError, TopologyError, RuleError, OSError),
    and ImportError where Textual is not installed (the extra `tui`).
    """
    from dsrcheck.tui.app import DsrcheckApp

    app = DsrcheckApp(watch, open_captures, rules)
    app.run()
    if app.failure is not None:
        raise app.failure
