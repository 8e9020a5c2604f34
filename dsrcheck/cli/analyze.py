"""`dsrcheck analyze`: judge captures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import dsrcheck
from dsrcheck.cli.common import (
    CAPTURES,
    EXPECT,
    OUTPUT,
    RULES,
    TOPOLOGY,
    Failure,
    add_step_summary,
    check_target,
    colored,
    keep_freed_memory,
    load_catalogue,
    tell_if_interpreted,
    words,
    write,
)
from dsrcheck.cli.progress import Progress, cores
from dsrcheck.exits import Exit
from dsrcheck.report.formats import FORMATS, render

if TYPE_CHECKING:
    from dsrcheck.analysis import Analysis
    from dsrcheck.findings import FormerFinding


@click.command()
@CAPTURES
@TOPOLOGY
@EXPECT
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True,
    help=" ".join(f"{name}: {form.summary}." for name, form in FORMATS.items()),
)  # fmt: skip
@OUTPUT
@click.option("--select", multiple=True, metavar="RULES", help="Judge by these rules only: ids, beginnings, names.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out.")
@RULES
@click.option("--fail-on", type=click.Choice(["error", "warning", "never"]), default="error", show_default=True)
@click.option(
    "--baseline", metavar="FILE", type=click.Path(path_type=Path),
    help="A JSON report of before: fail on findings that are new only, and tell those that are gone.",
)  # fmt: skip
@click.option("--exit-zero", is_flag=True, help="End with status 0 whatever was found.")
@click.option("--steps", is_flag=True, help="Print the steps of one flow of each kind.")
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Processes that read  [default: cores]")
@click.option("--dask", metavar="ADDRESS|local", help="Have the workers of a Dask cluster read, from shared storage.")
@click.option("--partial", is_flag=True, help="Report what was read so far when Ctrl-C ends the reading of files.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def analyze(
    captures: tuple[str, ...],
    topology: str | None,
    expect: str,
    form: str,
    target: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    folders: tuple[str, ...],
    fail_on: str,
    baseline: Path | None,
    exit_zero: bool,
    steps: bool,
    jobs: int | None,
    dask: str | None,
    partial: bool,
    color: str,
) -> int:
    """Judge captures of one network; - is standard input.

    Exit status: 0 clean, 1 findings, 2 wrong usage, topology or rules, 3 no balanced traffic, 4 unreadable capture,
    130 interrupted. Ctrl-C while a capture comes through a pipe ends the capture, and its report follows.
    """
    if captures.count("-") > 1:
        raise Failure("standard input (-) can be read once")
    check_target(target)
    tell_if_interpreted()
    keep_freed_memory()
    from dsrcheck.capture import CaptureError
    from dsrcheck.legs.errors import ClusterError, WorkerError
    from dsrcheck.rules import RuleError
    from dsrcheck.topology.declared import TopologyError

    before = _read_baseline(baseline) if baseline else None
    try:
        with Progress(captures, partial) as progress:
            analysis = dsrcheck.analyze(
                *captures, topology=topology, expect=expect, rules=folders, select=words(select), ignore=words(ignore),
                jobs=jobs or cores(), dask=dask, watch=progress, steps=steps or FORMATS[form].steps,
                tables=False,
            )  # fmt: skip
    except (TopologyError, RuleError, ClusterError) as error:
        raise Failure(str(error)) from None
    except (CaptureError, WorkerError) as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    report = analysis.report
    if before is not None:
        from dsrcheck.baseline import compare

        report = compare(report, before)
    extras = {"color": colored(color, target), "steps": steps, "fail_on": fail_on, "version": dsrcheck.__version__}
    write(render(form, report, **extras, **_costly_extras(form, analysis, folders)), target)
    if form == "github":
        add_step_summary(render("markdown", report))
    return report.status(fail_on, exit_zero)


def _read_baseline(path: Path) -> tuple[FormerFinding, ...]:
    """The findings of before."""
    from dsrcheck.baseline import BaselineError, read_baseline

    try:
        return read_baseline(path)
    except BaselineError as error:
        raise Failure(str(error)) from None


def _costly_extras(form: str, analysis: Analysis, folders: tuple[str, ...]) -> dict[str, object]:
    """What only some formats draw on, made only for them."""
    takes = FORMATS[form].takes
    extras: dict[str, object] = {}
    if "rules" in takes:
        extras["rules"] = load_catalogue(folders)
    if "illustrations" in takes:
        from dsrcheck.illustrate import illustrate

        extras["illustrations"] = illustrate(analysis.sides, analysis.report)
    return extras
