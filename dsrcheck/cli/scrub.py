"""`dsrcheck scrub`: a capture that can be shown to others."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dsrcheck import output
from dsrcheck.cli.common import CAPTURE, Failure, check_target
from dsrcheck.exits import Exit
from dsrcheck.text import printable

if TYPE_CHECKING:
    from dsrcheck.scrub import Pseudonyms


@click.command(short_help="Make a capture fit to be shown to others.")
@CAPTURE
@click.option("-o", "--output", "target", required=True, metavar="FILE", help="Write pcapng, or pcap if FILE ends so.")
@click.option("--seed", metavar="TEXT", help="The same secret gives the same names again.")
@click.option(
    "--map", "map_file", metavar="FILE", type=click.Path(dir_okay=False),
    help="Take names from FILE, and write down there who is who.",
)  # fmt: skip
@click.option(
    "--payload", type=click.Choice(["blank", "cut"]), default="blank", show_default=True,
    help="Blank what packets carry, or cut the frames there.",
)  # fmt: skip
def scrub(capture: str, target: str, seed: str | None, map_file: str | None, payload: Literal["blank", "cut"]) -> None:
    """Rename all MACs and addresses of a capture and take out what its packets carry; the verdicts stay the same.

    Common prefixes, private ranges, virtual MACs, ports, VLANs, TTLs, times and lengths stay; right checksums stay
    right. Without --seed or --map other names come out each time.
    """
    check_target(target)
    check_target(map_file)
    from dsrcheck.capture import CaptureError
    from dsrcheck.scrub import MapError
    from dsrcheck.scrub import scrub as scrub_capture

    try:
        names = _names(seed, map_file)
        form: Literal["pcap", "pcapng"] = "pcap" if target.endswith(".pcap") else "pcapng"
        if target == "-":
            frames = scrub_capture(capture, sys.stdout.buffer, names, payload, form)
        else:
            with output.whole_file(Path(target)) as stream:
                frames = scrub_capture(capture, stream, names, payload, form)
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except (MapError, ValueError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{error.filename or target}: {error.strerror}") from None
    if map_file:
        _write_map(names, map_file)
    click.echo(
        f"{frames:,} frames; {len(names.macs):,} MACs and {len(names.addresses):,} addresses have other names"
        + (f"; who is who: {printable(map_file)}" if map_file else ""),
        err=True,
    )


def _names(seed: str | None, map_file: str | None) -> Pseudonyms:
    from dsrcheck.scrub import MapError, Pseudonyms, read_map

    if not map_file or not Path(map_file).exists():
        return Pseudonyms(seed if seed is not None else secrets.token_hex(16))
    names = read_map(Path(map_file))
    if seed not in (None, names.seed):
        raise MapError(f"{printable(map_file)}: has a seed of its own, which is not the one of --seed")
    return names


def _write_map(names: Pseudonyms, map_file: str) -> None:
    from dsrcheck.scrub.names import map_text

    try:
        output.write_whole(Path(map_file), map_text(names))
    except OSError as error:
        raise Failure(f"{map_file}: {error.strerror}") from None
