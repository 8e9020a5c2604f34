"""`dsrcheck lab`: make captures with the simulated network, or with real network stacks."""

from __future__ import annotations

import json
import shlex
import sys

import click

from dsrcheck import output
from dsrcheck.cli.common import Failure, check_target, write
from dsrcheck.text import printable


@click.group()
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
@click.option(
    "--real", is_flag=True, help="On real network stacks: Linux kernels in network namespaces, for some seconds."
)
@click.option("--truth", "record", metavar="FILE", help="Write down who is who and what therefore fails.")
@click.option("-o", "--output", "target", metavar="FILE", help="Write here; by default a name made of the scenario's.")
def lab_run(
    scenario: str,
    fault: str | None,
    host: str | None,
    vantage: str | None,
    seed: int,
    real: bool,
    record: str | None,
    target: str | None,
) -> None:
    """Run a scenario and write what was captured: pcapng, or pcap where FILE ends so.

    A pcapng has an interface for each vantage: the mirror of the switch, and every host. Names: dsrcheck lab list.
    """
    from dsrcheck.lab import LabError, run

    if real:
        from dsrcheck.lab.real import run

    check_target(target)
    check_target(record)
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
        write(json.dumps(made.truth.as_json(), indent=2) + "\n", record)
    if target != "-":
        click.echo(f"{frames:,} frames. Look at them: dsrcheck analyze {printable(shlex.quote(target))}", err=True)
