"""`dsrcheck flow`: the flows of a capture, or one of them whole."""

from __future__ import annotations

import click

from dsrcheck import output
from dsrcheck.cli.common import CAPTURE, Failure
from dsrcheck.exits import Exit


@click.command(short_help="List the flows of a capture, or show one whole.")
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
