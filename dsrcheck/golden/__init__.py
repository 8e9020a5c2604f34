"""Golden captures: a folder each, with `case.toml` (what is known of it) and `expected.json` (its report as accepted).

`check` judges the captures again and says what differs; `update` accepts; `new` makes a case of a capture. The format
of `case.toml` is told in docs/ci.md. `dsrcheck.pytest_plugin` runs the same cases as tests.
"""

from __future__ import annotations

MARKER = "case/1"
"""What the key `dsrcheck` of a case.toml says: this file is a case of dsrcheck's, in this version of the format."""
CASE_FILE = "case.toml"
EXPECTED_FILE = "expected.json"


class CaseError(Exception):
    """A case that cannot be used: file, line where there is one, and what to do."""
