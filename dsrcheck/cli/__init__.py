"""The command line: it reads arguments, calls one function and writes what that says. Exit statuses: `dsrcheck.exits`.

Data goes to standard output, talk to standard error. What a command needs is imported when it runs, so that help and
mistakes in the arguments cost nothing.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

import dsrcheck
from dsrcheck import compiled, output
from dsrcheck.cli.common import Failure
from dsrcheck.exits import Exit
from dsrcheck.text import printable

COMMANDS = {
    "analyze": "analyze", "view": "view", "live": "live", "flow": "flow", "evidence": "evidence", "scrub": "scrub",
    "golden": "golden", "rules": "rules", "explain": "rules", "schema": "rules", "lab": "lab",
}  # fmt: skip
"""The commands, and the module of this package that each is in."""

COMPLETION = "_DSRCHECK_COMPLETE"
"""The environment variable by which a shell asks; click's convention."""


def main() -> NoReturn:
    """Run the command line and end the process with a status of `dsrcheck.exits`."""
    _start_light()
    output.escape_what_cannot_be_shown()
    if COMPLETION in os.environ:  # the shell asks what may come next; cli.main() would answer it
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, "dsrcheck", COMPLETION, os.environ[COMPLETION]))
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
    gc.freeze()  # or the interpreter looks for garbage among all that there is, for a tenth of a small capture's time
    sys.exit(int(status))


def _start_light() -> None:
    """Leave out what takes as long as judging a small capture: threads of NumPy, and looks for garbage in imports."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # they multiply matrices, which nobody does here
    gc.set_threshold(50_000)


def _complain(message: str, status: int) -> int:
    click.echo(f"dsrcheck: error: {printable(' '.join(message.split()))}", err=True)
    return status


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"dsrcheck {dsrcheck.__version__} ({compiled.kernel_state()} kernel)")
        context.exit()


class Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"dsrcheck.cli.{COMMANDS[name]}"), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version,
    help="Show the version, and whether the kernel is compiled or interpreted.",
)  # fmt: skip
def cli() -> None:
    """Judge direct server return (DSR) load balancing from packet captures."""
