"""The exit statuses of the program: a contract with scripts and continuous integration."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the status of a finished `dsrcheck` says."""

    CLEAN = 0
    """All is well, or `--exit-zero` was given."""
    FINDINGS = 1
    """There are findings at or above `--fail-on` (an error, unless told otherwise)."""
    USAGE = 2
    """The command line, a topology file or a rule file is wrong."""
    NOTHING_TO_CHECK = 3
    """The capture holds no balanced traffic."""
    UNREADABLE = 4
    """The capture cannot be read."""
    INTERRUPTED = 130
    """Ended by Ctrl-C; a capture that comes through a pipe ends so with its report and that report's status."""
