"""`dsrcheck golden`: captures with the reports that were accepted of them, judged again."""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
from pathlib import Path

import click

from dsrcheck import output
from dsrcheck.cli.common import CAPTURE, TOPOLOGY, Failure, colored, tell_if_interpreted
from dsrcheck.exits import Exit
from dsrcheck.text import printable

FOLDER = click.argument("folder", default="pcaps", metavar="[DIR]", type=click.Path(path_type=Path))


@click.group()
def golden() -> None:
    """Keep captures with their accepted reports, and judge them again."""


@golden.command(short_help="Judge the cases again, and tell what differs.")
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


@golden.command(short_help="Accept the present reports.")
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


@golden.command(short_help="Make a case of a capture.")
@CAPTURE
@click.option(
    "--into", default="pcaps", show_default=True, metavar="DIR", type=click.Path(path_type=Path),
    help="The folder of cases.",
)  # fmt: skip
@click.option("--name", metavar="NAME", help="The case's name; else made of the file's.")
@TOPOLOGY
@click.option(
    "--scrub", "scrubbed", is_flag=True, help="Rename MACs and addresses, and blank payloads (see dsrcheck scrub)."
)
def new(capture: str, into: Path, name: str | None, topology: str | None, scrubbed: bool) -> None:
    """Make a case of CAPTURE: copy it, accept its present report, and begin its case.toml."""
    if scrubbed and topology:
        raise Failure(
            "--topology has the true names, and --scrub changes them: dsrcheck scrub --map FILE tells who is who then"
        )
    if scrubbed:
        with tempfile.TemporaryDirectory() as folder:
            _new(_scrubbed(capture, Path(folder)), into, name, None, "dsrcheck scrub")
    else:
        _new(Path(capture), into, name, topology, None)


def _new(capture: Path, into: Path, name: str | None, topology: str | None, scrubbed: str | None) -> None:
    from dsrcheck.capture import CaptureError
    from dsrcheck.golden import CASE_FILE, CaseError
    from dsrcheck.golden.new import LARGE, new_case

    try:
        judged = new_case(capture, into, name, Path(topology) if topology else None, scrubbed)
    except CaseError as error:
        raise Failure(str(error)) from None
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except OSError as error:
        raise Failure(f"{into}: {error.strerror}") from None
    case = judged.case
    told = [
        f"{case.folder}: made; the verdict of its report is {judged.report.verdict}.",
        f"Fill in {', '.join(case.unfilled)} in {case.folder / CASE_FILE}, and keep the assertions that are true.",
    ]
    if not scrubbed:
        told.append("It holds true addresses, and what was said: --scrub takes both out.")
    if case.captures[0].stat().st_size > LARGE:
        told.append("It is large for a repository: cut it (tcpdump -r FILE -c FRAMES -w CUT), and begin again.")
    for sentence in told:
        click.echo(printable(sentence), err=True)
    output.print_data(f"dsrcheck golden check {printable(shlex.quote(str(case.folder)))}\n")


def _scrubbed(capture: str, folder: Path) -> Path:
    """The capture under other names, in a folder; nobody can tell the true ones from it."""
    from dsrcheck.capture import CaptureError
    from dsrcheck.scrub import Pseudonyms, scrub

    target = folder / f"{Path(capture).name.partition('.')[0]}.pcapng"
    try:
        with target.open("wb") as stream:
            scrub(capture, stream, Pseudonyms(secrets.token_hex(16)))
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    return target


def _cases(folder: Path) -> list[Path]:
    from dsrcheck.golden import CaseError
    from dsrcheck.golden.check import find_cases

    try:
        return find_cases(folder)
    except CaseError as error:
        raise Failure(str(error)) from None
