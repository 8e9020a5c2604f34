"""`dsrcheck live`: watch an interface, a pipe or a file that grows."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from dsrcheck.cli.common import EXPECT, RULES, TOPOLOGY, Failure, load_catalogue, tell_if_interpreted, words
from dsrcheck.cli.screens import check_screens, show
from dsrcheck.exits import Exit

if TYPE_CHECKING:
    from dsrcheck.live import Judge, Spool
    from dsrcheck.live.watch import CaptureWatch

MEGABYTE = 1_000_000


@click.command()
@click.argument("capture", required=False, metavar="[CAPTURE]")
@click.option("-i", "--interface", "interfaces", multiple=True, metavar="IFACE", help="Capture here; may be repeated.")
@click.option("-f", "--filter", "capture_filter", metavar="FILTER", help="Capture filter, as for tcpdump.")
@click.option("-w", "--write", "target", metavar="FILE", help="Keep the frames in FILE (pcapng).")
@click.option(
    "--file-size", type=click.FloatRange(min=0, min_open=True), metavar="MB",
    help="Begin a new file when one is so large: FILE_00001, FILE_00002 ...",
)  # fmt: skip
@click.option("--files", type=click.IntRange(min=1), metavar="N", help="Keep the last N of those files only.")
@click.option("--follow", is_flag=True, help="Go on reading CAPTURE as it grows.")
@click.option(
    "--idle", type=click.FloatRange(min=1), default=60.0, show_default=True, metavar="SECONDS",
    help="Flows without a frame for so long are kept as totals only.",
)  # fmt: skip
@click.option(
    "--every", type=click.FloatRange(min=0.001), default=1.0, show_default=True, metavar="SECONDS",
    help="Judge after so many seconds of capture time.",
)  # fmt: skip
@click.option(
    "--most-legs", type=click.IntRange(min=1000), default=100_000, show_default=True, metavar="N",
    help="Keep so many one-way streams at most; beyond that the oldest flows leave sooner.",
)  # fmt: skip
@TOPOLOGY
@EXPECT
@click.option("--select", multiple=True, metavar="RULES", help="Judge by these rules only: ids, beginnings, names.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out.")
@RULES
@click.option("--headless", is_flag=True, help="No screen: print findings as they come and go, and the report.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="With --headless: text, or a JSON object a line.",
)  # fmt: skip
@click.option("--fail-on", type=click.Choice(["error", "warning", "never"]), default="error", show_default=True)
@click.option("--exit-zero", is_flag=True, help="End with status 0 whatever was found.")
def live(
    capture: str | None,
    interfaces: tuple[str, ...],
    capture_filter: str | None,
    target: str | None,
    file_size: float | None,
    files: int | None,
    follow: bool,
    idle: float,
    every: float,
    most_legs: int,
    topology: str | None,
    expect: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    folders: tuple[str, ...],
    headless: bool,
    form: str,
    fail_on: str,
    exit_zero: bool,
) -> int:
    """Watch what goes on: on interfaces (dumpcap captures), in a pipe (-), or in a file.

    Exit status, with --headless: 0 clean, 1 findings (also those that were over by the end), 2 wrong usage, topology or
    rules, 3 no balanced traffic, 4 the capture could not begin or failed. Ctrl-C (SIGINT) or SIGTERM ends the watch;
    its report and the status of what was found follow.
    """
    _check(capture, interfaces, capture_filter, target, file_size, files, follow)
    if not headless:
        check_screens("add --headless for lines")
    tell_if_interpreted()
    from dsrcheck.live import Pace, TemporarySpool, watch_interfaces, watch_stream

    judge = _judge(topology, expect, select, ignore, folders)
    pace = Pace(every=every, idle=idle, most_legs=most_legs)
    spool = _spool(target, file_size, files)
    if spool is None and not headless and (capture == "-" or interfaces):
        spool = TemporarySpool()
    if capture is None:
        watch = watch_interfaces(interfaces, judge, capture_filter, pace, spool)
    else:
        watch = watch_stream(capture, judge, follow, pace, spool)
    if headless:
        return _print(watch, form, fail_on, exit_zero)
    show(watch, judge, load_catalogue(folders))
    return Exit.CLEAN


def _check(
    capture: str | None, interfaces: tuple[str, ...], capture_filter: str | None, target: str | None,
    file_size: float | None, files: int | None, follow: bool,
) -> None:  # fmt: skip
    """Refuse what makes no sense together."""
    if (capture is None) != bool(interfaces):
        raise Failure("give either an interface to capture on (-i IFACE) or a capture to read")
    if capture is not None and capture_filter is not None:
        raise Failure("-f is a filter for capturing; a capture is read whole")
    if capture is None and follow:
        raise Failure("--follow is for a file that grows")
    if target is None and (file_size is not None or files is not None):
        raise Failure("--file-size and --files are for the files of -w FILE")
    if files is not None and file_size is None:
        raise Failure("--files N needs --file-size, which says when a new file begins")
    if target == "-":
        raise Failure("-w needs a file: standard output is for what was found")
    if (
        target is not None
        and capture not in (None, "-")
        and Path(target).exists()
        and Path(target).samefile(str(capture))
    ):
        raise Failure(f"{target}: this is the capture that is read")
    if target is not None and not Path(target).resolve().parent.is_dir():
        raise Failure(f"{target}: there is no such folder to write to")


def _is_same(target: str, capture: str) -> bool:
    return Path(capture).exists() and Path(target).samefile(capture)


def _judge(
    topology: str | None, expect: str, select: tuple[str, ...], ignore: tuple[str, ...], folders: tuple[str, ...]
) -> Judge:
    """What judges the legs, by the user's choices."""
    from dsrcheck.analysis import judge
    from dsrcheck.rules import RuleError, select_rules
    from dsrcheck.topology.declared import TopologyError, read_topology

    try:
        catalogue = select_rules(load_catalogue(folders), words(select), words(ignore))
        declared = read_topology(Path(topology)) if topology is not None else None
    except (TopologyError, RuleError) as error:
        raise Failure(str(error)) from None
    return lambda legs: judge(legs, catalogue, declared, expect)


def _spool(target: str | None, file_size: float | None, files: int | None) -> Spool | None:
    from dsrcheck.live import Spool

    if target is None:
        return None
    try:
        return Spool(target, round(file_size * MEGABYTE) if file_size is not None else None, files)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None


def _print(watch: CaptureWatch, form: str, fail_on: str, exit_zero: bool) -> int:
    """Print what comes until the watch ends, and return the status."""
    from dsrcheck.capture import CaptureError
    from dsrcheck.capture.dumpcap import DumpcapError
    from dsrcheck.live.lines import JsonLines, Text, status, tell
    from dsrcheck.topology.declared import TopologyError

    click.echo(f"dsrcheck: watching {watch.name}; Ctrl-C ends it with the report", err=True)
    ended = int(Exit.INTERRUPTED)  # where it is ended before anything has come
    try:
        with _ended_by_signals(watch):
            for text, seen, snapshot in tell(watch.snapshots(), JsonLines() if form == "json" else Text()):
                sys.stdout.write(text)
                sys.stdout.flush()
                ended = status(seen, snapshot, fail_on, exit_zero)
    except DumpcapError as error:
        for line in error.said:
            click.echo(line, err=True)
        raise Failure(str(error), Exit.UNREADABLE) from None
    except CaptureError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except TopologyError as error:
        raise Failure(str(error)) from None
    return ended


@contextmanager
def _ended_by_signals(watch: CaptureWatch) -> Iterator[None]:
    """SIGINT and SIGTERM end the watch; a second one of them ends the program."""

    def stop(number: int, frame: FrameType | None) -> None:
        for ending, handler in before.items():
            signal.signal(ending, handler)
        watch.stop()

    before = {ending: signal.signal(ending, stop) for ending in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
