"""`dsrcheck evidence`: the frames of the findings, for Wireshark."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import dsrcheck
from dsrcheck import output
from dsrcheck.cli.common import CAPTURE, EXPECT, RULES, TOPOLOGY, Failure, check_target, load_catalogue
from dsrcheck.exits import Exit
from dsrcheck.text import printable


@click.command(short_help="Write the frames of the findings, for Wireshark.")
@CAPTURE
@click.argument("rule", required=False, metavar="[RULE]")
@click.option("-o", "--output", "target", required=True, metavar="FILE", help="Write pcapng to FILE (- for a pipe).")
@TOPOLOGY
@EXPECT
@RULES
def evidence(
    capture: str, rule: str | None, target: str, topology: str | None, expect: str, folders: tuple[str, ...]
) -> None:
    """Write the frames of the findings, of all or of one RULE, with a comment on each that Wireshark shows.

    Nothing is written where nothing was found.
    """
    check_target(target)
    from dsrcheck.capture import CaptureError
    from dsrcheck.evidence import write_evidence
    from dsrcheck.flows.reread import FlowError, check_rereadable
    from dsrcheck.rules import RuleError, find_rule
    from dsrcheck.topology.declared import TopologyError

    try:
        wanted = [find_rule(load_catalogue(folders), rule).id] if rule else []
        check_rereadable(capture)
        analysis = dsrcheck.analyze(capture, topology=topology, expect=expect, rules=folders, tables=False)
        if target == "-":
            frames = write_evidence(capture, analysis, sys.stdout.buffer, wanted)
        else:
            with output.whole_file(Path(target)) as stream:
                frames = write_evidence(capture, analysis, stream, wanted)
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except (FlowError, RuleError, TopologyError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None
    click.echo(_told(frames, target, wanted), err=True)


def _told(frames: int, target: str, wanted: list[str]) -> str:
    if not frames:
        return f"no finding{f' of {wanted[0]}' if wanted else ''} that stands on frames: nothing written"
    where = "" if target == "-" else f" in {printable(target)}; each has a packet comment, which Wireshark shows"
    return f"{frames:,} frame{'s' * (frames != 1)} of evidence{where}"
