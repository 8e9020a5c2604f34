"""What each renderer makes of the shared reports, kept as files with the endings they have in life, read and accepted.

`DSRCHECK_ACCEPT=1 pytest tests/report` writes them anew, for somebody to read the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.report.reports import COMPARED, EMPTY, FAILING, HOSTILE, PASSING, WARNED

FOLDER = Path(__file__).parent / "snapshots"
SHARED = {
    "failing": FAILING,
    "compared": COMPARED,
    "passing": PASSING,
    "warned": WARNED,
    "empty": EMPTY,
    "hostile": HOSTILE,
}


def assert_is_snapshot(text: str, file: str) -> None:
    """Hold a rendered report to the file that was accepted."""
    path = FOLDER / file
    if os.environ.get("DSRCHECK_ACCEPT"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; DSRCHECK_ACCEPT=1 accepts what is new"
