"""Runs dsrcheck and its peers by turns on made captures, and prints what it costs against what it may cost.

    python -m benchmarks                    the table, on captures of up to ten million frames
    python -m benchmarks --most 1_000_000   only those of up to a million
    python -m benchmarks --plot costs.svg   cost against frames and against legs, drawn (extra: bench)

Peers that are not installed are left out. Captures lie in a temporary folder, at most two gigabytes at a time.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dsrcheck as package
from benchmarks.measure import Pair, Program, alternate, busy, machine
from dsrcheck.rules.catalogue import built_in_folder

JUDGED = (0, 1, 3)
"""Exit statuses of a capture that was read and judged."""
TSHARK_FIELDS = (
    "frame.number", "frame.time_epoch", "frame.len", "eth.src", "eth.dst", "vlan.id", "ip.src", "ip.dst", "ip.ttl",
    "ip.id", "ip.proto", "tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len",
    "udp.srcport", "udp.dstport", "arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "arp.src.hw_mac",
)  # fmt: skip
MEMORY = 150e6
MEMORY_A_LEG = 250
LIVE = 200_000
INTERPRETED = 25_000
MANY, FEW = "many", "few"
RESULT = Path(__file__).parent / "result.md"


def dsrcheck(capture: Path | str, *options: str, feed: Path | None = None) -> Program:
    """The whole way, from the file to the printed verdict, by the interpreter that runs this."""
    command = [sys.executable, "-m", "dsrcheck", "analyze", str(capture), *options]
    return Program("dsrcheck", command, feed, JUDGED)


def cat(capture: Path) -> Program:
    """Reads, and does nothing with it."""
    return Program("cat", ["cat", str(capture)])


def tcpdump(capture: Path) -> Program:
    """Reads the headers of records, and does nothing with the frames."""
    return Program("tcpdump -w /dev/null", ["tcpdump", "-r", str(capture), "-w", "/dev/null"])


def softflowd(capture: Path) -> Program:
    """Two-way flows, without MAC addresses."""
    return Program("softflowd", ["softflowd", "-d", "-r", str(capture), "-m", "4000000"])


def pmacctd(capture: Path) -> Program:
    """One-way flows with MAC addresses: what we call legs."""
    keys = "src_mac,dst_mac,vlan,src_host,dst_host,src_port,dst_port,proto"
    command = ["pmacctd", "-I", str(capture), "-P", "print", "-r", "3600", "-c", keys]
    return Program("pmacctd", command, wanted=(0, 1))


def tshark(capture: Path, *fields: str) -> Program:
    """Some fields of every frame."""
    options = [part for name in fields for part in ("-e", name)]
    command = ["tshark", "-n", "-r", str(capture), "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", *options]
    return Program(f"tshark, {len(fields)} field{'s' * (len(fields) > 1)}", command)


def tshark_one(capture: Path) -> Program:
    """The least that tshark can do."""
    return tshark(capture, "frame.number")


def tshark_all(capture: Path) -> Program:
    """What a script would have to ask tshark for to group by itself."""
    return tshark(capture, *TSHARK_FIELDS)


@dataclass(frozen=True)
class Row:
    """A line of the table: a capture, what is compared with whom, the target for the ratio, how often to run."""

    frames: int
    kind: str
    peer: Callable[[Path], Program]
    target: float | None
    turns: int


ROWS = (
    Row(10_000, MANY, tshark_one, 0.5, 9),
    Row(1_000_000, MANY, tshark_all, 1 / 40, 1),
    Row(1_000_000, MANY, pmacctd, None, 3),
    Row(1_000_000, MANY, softflowd, 1.5, 7),
    Row(10_000_000, MANY, softflowd, 1.0, 3),
    Row(10_000_000, MANY, pmacctd, None, 1),
    Row(10_000_000, MANY, tcpdump, 3.0, 3),
    Row(10_000_000, MANY, cat, None, 3),
    Row(10_000_000, FEW, tcpdump, 1.0, 3),
)


@dataclass
class Table:
    """The table as it grows; every line is printed as soon as it is known."""

    lines: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.lines.append("| " + " | ".join(cells) + " |")
        print(self.lines[-1], flush=True)


@contextmanager
def made(folder: Path, frames: int, kind: str, legs: int | None = None) -> Iterator[tuple[Path, int]]:
    """A capture for a while, and its legs.

    Another process makes it: a process begins with the size of the one that started it, and this one must stay small.
    """
    path = folder / f"{kind}-{frames}.pcap"
    legs = legs if legs is not None else 24 if kind == FEW else frames * 15 // 100
    traffic = [sys.executable, "-m", "benchmarks.traffic", str(path), "--frames", str(frames), "--legs", str(legs)]
    try:
        subprocess.run(traffic, check=True)
        cat(path).run()  # into memory, for whoever is first
        yield path, legs
    finally:
        path.unlink()


def compare(folder: Path, most: int, table: Table) -> None:
    """Run all rows."""
    table.add("capture", "against", "dsrcheck: CPU, memory", "peer: CPU, memory", "ratio", "target", "")
    table.add(*["---"] * 7)
    for frames, kind in dict.fromkeys((row.frames, row.kind) for row in ROWS if row.frames <= most):
        with made(folder, frames, kind) as (capture, legs):
            for row in ROWS:
                program = row.peer(capture)
                if (row.frames, row.kind) == (frames, kind) and shutil.which(program.command[0]):
                    pair = alternate(dsrcheck(capture, "--jobs", "1"), program, row.turns)
                    add_pair(table, f"{frames:,} frames, {legs:,} legs", program.name, pair, row.target)
            ours = dsrcheck(capture, "--jobs", "1").run()
            allowed = MEMORY + MEMORY_A_LEG * legs
            table.add(
                f"{frames:,} frames, {legs:,} legs", "memory", f"{ours.memory / 1e6:.0f} MB", "", "",
                f"{allowed / 1e6:.0f} MB", verdict(ours.memory <= allowed),
            )  # fmt: skip
            if frames == most:
                add_live(table, capture, frames, legs)
                if kind == MANY:
                    add_jobs(table, capture, f"{frames:,} frames, {legs:,} legs")
    with made(folder, 2 * most, FEW) as (capture, legs):
        add_jobs(table, capture, f"{2 * most:,} frames, {legs:,} legs")
    with made(folder, 100_000, MANY) as (capture, legs):
        add_interpreted(table, folder, capture, 100_000, legs)


def add_pair(table: Table, capture: str, name: str, pair: Pair, target: float | None) -> None:
    """A line for two programs."""
    costs = [f"{cost.cpu:.2f} s, {cost.memory / 1e6:.0f} MB" for cost in (pair.ours, pair.theirs)]
    reached = "" if target is None else verdict(pair.ratio <= target)
    table.add(capture, name, *costs, f"{pair.ratio:.3g}", "" if target is None else f"{target:.3g}", reached)


def add_jobs(table: Table, capture: Path, title: str) -> None:
    """One process against two, by the time that passes."""
    pair = alternate(dsrcheck(capture, "--jobs", "1"), dsrcheck(capture, "--jobs", "2"), 3, by_wall=True)
    costs = [f"{cost.wall:.2f} s passed, {cost.cpu:.2f} s CPU" for cost in (pair.ours, pair.theirs)]
    table.add(title, "--jobs 2 (throughput)", *costs, f"{pair.ratio:.2f}", "1.7", verdict(pair.ratio >= 1.7))


def add_live(table: Table, capture: Path, frames: int, legs: int) -> None:
    """Frames a second of processor time, when they come through a pipe: judged at the end, and as they come."""
    live = Program("dsrcheck live", [sys.executable, "-m", "dsrcheck", "live", "--headless", "-"], capture, JUDGED)
    for program, title in ((dsrcheck("-", feed=capture), "by a pipe"), (live, "live, by a pipe")):
        ours = program.run()
        rate = frames / ours.cpu
        table.add(
            f"{frames:,} frames, {legs:,} legs", title, f"{ours.cpu:.2f} s, {ours.memory / 1e6:.0f} MB", "",
            f"{rate / 1e6:.2f} M frames/s", "0.2 M frames/s", verdict(rate >= LIVE),
        )  # fmt: skip


def add_interpreted(table: Table, folder: Path, capture: Path, frames: int, legs: int) -> None:
    """The same without a compiler: frames a second of a copy of the sources."""
    home = Path(package.__file__).parent
    shutil.copytree(home, folder / home.name, ignore=shutil.ignore_patterns("*.so"))
    shutil.copytree(built_in_folder(), folder / "rules")
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); from dsrcheck.cli import main; main()"
    command = [sys.executable, "-c", start, "analyze", str(capture), "--jobs", "1"]
    ours = Program("dsrcheck, interpreted", command, wanted=JUDGED).run()
    rate = frames / ours.cpu
    table.add(
        f"{frames:,} frames, {legs:,} legs", "no compiler", f"{ours.cpu:.2f} s, {ours.memory / 1e6:.0f} MB", "",
        f"{rate:,.0f} frames/s", f"{INTERPRETED:,} frames/s", verdict(rate >= INTERPRETED),
    )  # fmt: skip


def verdict(reached: bool) -> str:
    """Whether a target was reached."""
    return "yes" if reached else "no"


def plot(folder: Path, most: int, target: Path) -> None:
    """Draw the cost of the whole way against frames (6.6 a leg) and against legs (all of them in `most` frames)."""
    import matplotlib

    matplotlib.use("svg" if target.suffix == ".svg" else "agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True)
    peers = [peer for peer in (tcpdump, softflowd) if shutil.which(peer(folder).command[0])]
    counts = [count for count in (10**4, 10**5, 10**6, 10**7) if count <= most]
    for axes, points in (
        (left, [(frames, frames * 15 // 100) for frames in counts]),
        (right, [(most, legs) for legs in (30, *counts[:-1], most * 27 // 100)]),
    ):
        costs: dict[str, list[float]] = {}
        for frames, legs in points:
            with made(folder, frames, MANY, legs // 3 * 3) as (capture, _):
                for program in (dsrcheck(capture, "--jobs", "1"), *(peer(capture) for peer in peers)):
                    costs.setdefault(program.name, []).append(program.run().cpu)
        for name, seconds in costs.items():
            axes.loglog([point[axes is right] for point in points], seconds, marker="o", label=name)
        axes.grid(True, which="major", alpha=0.3)
    left.set(xlabel="frames (6.6 a leg)", ylabel="CPU seconds, whole process")
    right.set(xlabel=f"legs (in {most:,} frames)")
    left.legend()
    figure.suptitle(machine(), fontsize=8)
    figure.tight_layout()
    figure.savefig(target)


def main() -> None:
    """Measure, print, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10_000_000, help="frames of the largest capture")
    parser.add_argument("--plot", type=Path, help="draw costs into this file instead")
    parser.add_argument("-o", "--output", type=Path, default=RESULT, help="write the table to this file")
    chosen = parser.parse_args()
    compileall.compile_dir(str(Path(package.__file__).parent), quiet=2)  # as installing does
    with tempfile.TemporaryDirectory(prefix="dsrcheck-bench-") as folder:
        if chosen.plot is not None:
            plot(Path(folder), chosen.most, chosen.plot)
            return
        title = f"{machine()}. Load before: {busy():.1f}."
        print(title, flush=True)
        table = Table()
        compare(Path(folder), chosen.most, table)
        chosen.output.write_text("\n".join([title, "", *table.lines, ""]))


if __name__ == "__main__":
    main()
