"""The command line: it reads arguments, calls one function and writes what that says. Exit statuses: `dsrcheck.exits`.

Data goes to standard output, talk to standard error. What a command needs is imported when it runs, so that help and
mistakes in the arguments cost nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

import dsrcheck
from dsrcheck import compiled, output
from dsrcheck.exits import Exit
from dsrcheck.text import printable

EXPECTATIONS = (
    "dsr", "any", "dsr-mac", "dsr-ipip", "dsr-gre", "dsr-gue", "dsr-geneve", "dsr-option", "dsr-dscp",
    "nat", "proxy", "direct",
)  # fmt: skip
CAPTURES = click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
CAPTURE = click.argument("capture", metavar="CAPTURE")
FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
OUTPUT = click.option("-o", "--output", "target", metavar="FILE", help="Write to FILE, whole or not at all.")
RULES = click.option(
    "--rules", "folders", multiple=True, metavar="DIR", type=click.Path(exists=True, file_okay=False),
    help="Add the rule files of a folder.",
)  # fmt: skip


class Failure(click.ClickException):
    """Ends the program with one line on standard error and a status of the contract."""

    def __init__(self, message: str, status: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.status = status


def main() -> NoReturn:
    """Run the command line and end the process with a status of `dsrcheck.exits`."""
    output.escape_what_cannot_be_shown()
    try:
        # Not cli.main(): it ends with status 1, which means findings, when the reader of its output goes away.
        with cli.make_context("dsrcheck", sys.argv[1:]) as context:
            status = cli.invoke(context) or Exit.CLEAN
    except click.exceptions.Exit as end:
        status = end.exit_code
    except Failure as error:
        status = _complain(error.message, error.status)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = Exit.USAGE
    except click.ClickException as error:
        status = _complain(error.format_message(), Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        status = Exit.INTERRUPTED
    except BrokenPipeError:
        output.drop_standard_output()
        status = Exit.CLEAN
    sys.exit(int(status))


def _complain(message: str, status: int) -> int:
    click.echo(f"dsrcheck: error: {printable(' '.join(message.split()))}", err=True)
    return status


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"dsrcheck {dsrcheck.__version__} ({compiled.kernel_state()} kernel)")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version,
    help="Show the version, and whether the kernel is compiled or interpreted.",
)  # fmt: skip
def cli() -> None:
    """Judge direct server return (DSR) load balancing from packet captures."""


@cli.command()
@CAPTURES
@click.option("--topology", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="Declare who is who.")
@click.option(
    "--expect", type=click.Choice(EXPECTATIONS), default="dsr", show_default=True, metavar="dsr|any|MODE",
    help="The mode that each VIP must have; `any` judges each by the mode it has.",
)  # fmt: skip
@FORMAT
@OUTPUT
@click.option("--select", multiple=True, metavar="RULES", help="Judge by these rules only: ids, beginnings, names.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out.")
@RULES
@click.option("--fail-on", type=click.Choice(["error", "warning", "never"]), default="error", show_default=True)
@click.option("--exit-zero", is_flag=True, help="End with status 0 whatever was found.")
@click.option("--steps", is_flag=True, help="Print the steps of one flow of each kind.")
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
    exit_zero: bool,
    steps: bool,
    color: str,
) -> int:
    """Judge captures of one network; - is standard input.

    Exit status: 0 clean, 1 findings, 2 wrong usage, topology or rules, 3 no balanced traffic, 4 unreadable capture,
    130 interrupted. Ctrl-C while a capture comes through a pipe ends the capture, and its report follows.
    """
    if captures.count("-") > 1:
        raise Failure("standard input (-) can be read once")
    _check_target(target)
    if compiled.interpreted_modules():
        click.echo(
            f"dsrcheck: note: the kernel is {compiled.kernel_state()}, which is slow "
            "(some ten thousands of frames a second); install with a C compiler and Python's headers to compile it",
            err=True,
        )
    from dsrcheck.capture import CaptureError
    from dsrcheck.rules import RuleError
    from dsrcheck.topology.declared import TopologyError

    try:
        report = dsrcheck.analyze(
            *captures, topology=topology, expect=expect, rules=folders, select=_words(select), ignore=_words(ignore)
        ).report
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except (TopologyError, RuleError) as error:
        raise Failure(str(error)) from None

    if form == "json":
        from dsrcheck.report.json import render as render_json

        _write(render_json(report), target)
    else:
        from dsrcheck.report.text import render as render_text

        _write(render_text(report, color=_colored(color, target), steps=steps), target)
    return report.status(fail_on, exit_zero)


@cli.command()
@FORMAT
@RULES
def rules(form: str, folders: tuple[str, ...]) -> None:
    """List the rules."""
    from dsrcheck.rules import as_dict

    catalogue = _load_rules(folders)
    if form == "json":
        _write_json([as_dict(rule) for rule in catalogue])
        return
    from dsrcheck.report.layout import paragraph

    for rule in catalogue:
        output.print_data(f"{rule.id} {rule.name} ({rule.severity})\n")
        output.print_data("\n".join(paragraph(rule.summary, 4)) + "\n")


@cli.command()
@click.argument("rule")
@FORMAT
@RULES
def explain(rule: str, form: str, folders: tuple[str, ...]) -> None:
    """Explain a rule: what it checks, why it matters, how to mend what breaks it."""
    from dsrcheck.rules import RuleError, as_dict, find_rule
    from dsrcheck.rules import explain as explanation

    try:
        found = find_rule(_load_rules(folders), rule)
    except RuleError as error:
        raise Failure(str(error)) from None
    if form == "json":
        _write_json(as_dict(found))
    else:
        output.print_data(explanation(found))


@cli.command()
@CAPTURE
@click.argument("number", required=False, type=click.IntRange(min=1), metavar="[N]")
@click.option("--hex", "as_hex", is_flag=True, help="Show the bytes of both directions in hexadecimal.")
@click.option("--all", "everything", is_flag=True, help="Show all frames and bytes, however many.")
def flow(capture: str, number: int | None, as_hex: bool, everything: bool) -> None:
    """List the flows of a capture, or show one: the ladder of its frames, and the bytes of both directions."""
    from dsrcheck.capture import CaptureError
    from dsrcheck.flowview import FlowError, flow_detail, flow_list

    try:
        if number is None:
            text = flow_list(capture, everything=everything)
        else:
            text = flow_detail(capture, number, as_hex=as_hex, everything=everything)
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except FlowError as error:
        raise Failure(str(error)) from None
    output.print_data(text)


@cli.command()
def schema() -> None:
    """Print the JSON Schema of the report."""
    from dsrcheck.report.json import schema as report_schema

    _write_json(report_schema())


@cli.group()
def lab() -> None:
    """Make captures: a simulated network, healthy or broken as told."""


@lab.command("list")
def lab_list() -> None:
    """List the scenarios and the faults."""
    from dsrcheck.lab import faults, scenarios
    from dsrcheck.report.layout import paragraph

    for title, entries in (("Scenarios", scenarios()), ("Faults", faults())):
        rows = [line for name in sorted(entries) for line in (f"  {name}", *paragraph(entries[name].summary, 6))]
        output.print_data("\n".join([title, *rows]) + "\n")


@lab.command("run")
@click.argument("scenario")
@click.option("--fault", metavar="NAME", help="Break it so.")
@click.option("--host", metavar="NAME", help="Whom the fault befalls.")
@click.option("--vantage", metavar="NAME", help="Write what this vantage captured; all of them otherwise.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--truth", "record", metavar="FILE", help="Write down who is who and what therefore fails.")
@click.option("-o", "--output", "target", metavar="FILE", help="Write here; by default a name made of the scenario's.")
def lab_run(
    scenario: str,
    fault: str | None,
    host: str | None,
    vantage: str | None,
    seed: int,
    record: str | None,
    target: str | None,
) -> None:
    """Run a scenario and write what was captured: pcapng, or pcap where FILE ends so.

    A pcapng has an interface for each vantage: the mirror of the switch, and every host. Names: dsrcheck lab list.
    """
    from dsrcheck.lab import LabError, run

    _check_target(target)
    _check_target(record)
    try:
        made = run(scenario, fault, seed, host)
        target = target or f"{'-'.join(filter(None, (scenario, fault, vantage)))}.pcapng"
        form = "pcap" if target.endswith(".pcap") else "pcapng"
        destination = sys.stdout.buffer if target == "-" else target
        frames = made.write(destination, vantage, form)
    except LabError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None
    if record:
        _write(json.dumps(made.truth.as_json(), indent=2) + "\n", record)
    if target != "-":
        click.echo(f"{frames:,} frames. Look at them: dsrcheck analyze {printable(shlex.quote(target))}", err=True)


def _load_rules(folders: Iterable[str]) -> tuple[Any, ...]:
    from dsrcheck.rules import RuleError, load_rules

    try:
        return load_rules([Path(folder) for folder in folders])
    except RuleError as error:
        raise Failure(str(error)) from None


def _words(options: tuple[str, ...]) -> list[str]:
    """The values of an option that may be repeated and may hold several, separated by commas."""
    return [word.strip() for option in options for word in option.split(",") if word.strip()]


def _colored(choice: str, target: str | None) -> bool:
    """Colours only on a terminal, and not against the user's wish (https://no-color.org)."""
    if choice != "auto":
        return choice == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return target in (None, "-") and sys.stdout.isatty() and not plain


def _check_target(target: str | None) -> None:
    """Tell before the work is done that its result could not be written."""
    if target not in (None, "-") and not Path(str(target)).resolve().parent.is_dir():
        raise Failure(f"{target}: there is no such folder to write to")


def _write(text: str, target: str | None) -> None:
    if target is None or target == "-":
        output.print_data(text)
        return
    try:
        output.write_whole(Path(target), text)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None


def _write_json(value: object) -> None:
    output.print_data(json.dumps(value, indent=2) + "\n")
