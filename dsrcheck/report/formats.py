"""The forms a report can take: each a module of this package with a `render(report, ...)`, loaded when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dsrcheck.records import dataclass

if TYPE_CHECKING:
    from dsrcheck.report.model import Report


@dataclass(frozen=True)
class Format:
    """`summary`: what it is for, in a line; `takes`: what its renderer draws on beside the report.

    `steps`: whether it shows step tables, asked or not.
    """

    summary: str
    takes: tuple[str, ...] = ()
    steps: bool = False


FORMATS: Mapping[str, Format] = {
    "text": Format("for people, in 80 columns", ("color", "steps")),
    "json": Format("for programs; its schema: dsrcheck schema", steps=True),
    "junit": Format("test results, a case for each rule and VIP", ("fail_on",)),
    "sarif": Format("code scanning; SARIF 2.1.0", ("rules", "version"), steps=True),
    "github": Format("annotations of GitHub Actions; also writes the step summary"),
    "html": Format("a page with pictures, in one file without scripts", ("illustrations",), steps=True),
    "markdown": Format("a comment for a merge request"),
}


def render(form: str, report: Report, **extras: Any) -> str:
    """Return a report in one of FORMATS; of `extras` its renderer gets what it takes."""
    module = import_module(f"{__package__}.{form}")
    rendered: str = module.render(report, **{name: extras[name] for name in FORMATS[form].takes})
    return rendered
