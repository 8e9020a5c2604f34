"""`dsrcheck golden`: captures with the reports that were accepted of them, judged again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from dsrcheck import output
from dsrcheck.cli.common import Failure, colored, tell_if_interpreted
from dsrcheck.exits import Exit
from dsrcheck.text import printable

FOLDER = click.argument("folder", default="pcaps", metavar="[DIR]", type=click.Path(path_type=Path))


@click.group()
def golden() -> None:
    """Keep captures with their accepted reports, and judge them again."""


@golden.command()
@FOLDER
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def check(folder: Path, color: str) -> int:
    """Judge the cases under DIR (pcaps) and tell what differs from what was accepted.

    Exit status: 0 as accepted, 1 something differs or an assertion does not hold, 2 a case's files are wrong,
    4 unreadable capture.
    """
    from dsrcheck.golden import show
    from dsrcheck.golden.check import check as judge
    from dsrcheck.report.layout import Paint

    tell_if_interpreted()
    paint = Paint(colored(color, None))
    states: dict[str, str] = {}
    for outcome in judge(_cases(folder)):
        name = show.name_of(outcome.folder, folder)
        states[name] = show.state(outcome)
        output.print_data("".join(f"{line}\n" for line in show.case_lines(outcome, name, paint)))
    output.print_data(f"\n{show.summary(list(states.values()))}\n")
    if show.FAILED in states.values():
        output.print_data("A failed case is not accepted: mend what is broken, or its case.toml.\n")
    acceptable = [name for name, state in states.items() if state in (show.CHANGED, show.MISSING)]
    if acceptable:
        command = show.accept_command(folder, acceptable if len(acceptable) < len(states) else [])
        output.print_data(f"If that is right, accept it:\n  {printable(command)}\n")
    return show.status(list(states.values()))


@golden.command()
@FOLDER
@click.argument("cases", nargs=-1, metavar="[CASE...]")
def update(folder: Path, cases: tuple[str, ...]) -> int:
    """Write the present reports of cases under DIR (all, or those named) as the accepted ones; tell what changes.

    Refuses where continuous integration runs (CI is set), and for a case of which an assertion does not hold.
    """
    from dsrcheck.golden import show
    from dsrcheck.golden.check import Judged
    from dsrcheck.golden.check import check as judge
    from dsrcheck.report.layout import Paint

    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise Failure("CI is set: what continuous integration finds, a person accepts; run this at a desk")
    found = _cases(folder)
    known = {show.name_of(path, folder): path for path in found}
    for name in cases:
        if name.rstrip("/") not in known:
            from dsrcheck.rules.source import meant

            raise Failure(f"{folder}: there is no case {name!r} in it{meant(name, known)}")
    chosen = [known[name.rstrip("/")] for name in cases] or found
    states, written = [], 0
    for outcome in judge(chosen):
        state = show.state(outcome)
        states.append(state)
        if state == show.OK:
            continue
        name = show.name_of(outcome.folder, folder)
        output.print_data("".join(f"{line}\n" for line in show.case_lines(outcome, name, Paint(False))))
        if isinstance(outcome, Judged) and state in (show.CHANGED, show.MISSING):
            try:
                outcome.accept()
            except OSError as error:
                raise Failure(f"{outcome.case.expected}: {error.strerror}") from None
            written += 1
    refused = [state for state in states if state in (show.FAILED, show.BROKEN, show.UNREADABLE)]
    output.print_data(f"{written} written, {states.count(show.OK)} as accepted, {len(refused)} refused\n")
    return show.status(refused)


@golden.command()
@click.argument("capture", type=click.Path(path_type=Path))
@click.option(
    "--into", default="pcaps", show_default=True, metavar="DIR", type=click.Path(path_type=Path),
    help="The folder of cases.",
)  # fmt: skip
@click.option("--name", metavar="NAME", help="The case's name; else made of the file's.")
@click.option(
    "--topology",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Declare who is who.",
)
def new(capture: Path, into: Path, name: str | None, topology: Path | None) -> None:
    """Make a case of CAPTURE: copy it, accept its present report, and begin its case.toml."""
    from dsrcheck.capture import CaptureError
    from dsrcheck.golden import CaseError
    from dsrcheck.golden.new import LARGE, new_case

    try:
        judged = new_case(capture, into, name, topology)
    except CaseError as error:
        raise Failure(str(error)) from None
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except OSError as error:
        raise Failure(f"{into}: {error.strerror}") from None
    case = judged.case
    file = case.folder / "case.toml"
    click.echo(f"{printable(str(case.folder))}: made; the report's verdict is {judged.report.verdict}", err=True)
    click.echo(
        f"Fill in {', '.join(case.unfilled)} in {printable(str(file))}, and keep the assertions that are true.",
        err=True,
    )
    if case.captures[0].stat().st_size > LARGE:
        click.echo(
            "The capture is large for a repository: what is needed of it, editcap or tcpdump -r can cut.", err=True
        )
    output.print_data(f"dsrcheck golden check {printable(shlex.quote(str(case.folder)))}\n")


def _cases(folder: Path) -> list[Path]:
    from dsrcheck.golden import CaseError
    from dsrcheck.golden.check import find_cases

    try:
        return find_cases(folder)
    except CaseError as error:
        raise Failure(str(error)) from None
