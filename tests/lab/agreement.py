"""Does the analyzer agree with the record? Run long: `python -m tests.lab.agreement 500 [SEED]`.

Draws scenario, fault, vantage and seed at random, judges what that vantage captured, alone or with the topology
declared, and prints where verdicts and record differ. test_agreement.py does the same in short. With `all` for the
number, nothing is left to chance but the seed: every scenario with every fault, from every vantage, both ways.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

from dsrcheck.analysis import analyze
from dsrcheck.lab import LabRun, faults, run, scenarios
from dsrcheck.report.model import Report


@dataclass(frozen=True)
class Draw:
    """One capture to judge: what was run, by what seed, and who looked. `vantage`: a place among those there are."""

    scenario: str
    fault: str | None
    seed: int
    vantage: int
    declared: bool

    def made(self) -> LabRun:
        """The run, of which this is one capture."""
        return run(self.scenario, self.fault, self.seed)

    def disagreements(self, made: LabRun) -> list[str]:
        """Judge it, and say where verdicts and record differ; each line names what to run to see it again."""
        names = sorted(made.vantages)
        vantage = names[self.vantage % len(names)]
        place = f"{self.scenario} {self.fault or '-'} {vantage} {self.seed}{' declared' if self.declared else ''}"
        with tempfile.TemporaryDirectory() as folder:
            return [f"{place}: {text}" for text in compare(made, vantage, Path(folder), self.declared)]


def pairs() -> list[tuple[str, str | None]]:
    """All scenarios, alone and with each fault that fits; the long one is left out."""
    quick = sorted(name for name, scenario in scenarios().items() if "long" not in scenario.tags)
    return [
        (name, fault)
        for name in quick
        for fault in (None, *sorted(f for f, entry in faults().items() if entry.applies_to(scenarios()[name])))
    ]


def disagreements(report: Report, made: LabRun, vantage: str, declared: bool = False) -> Iterator[str]:
    """What a report says otherwise than the record, a line each."""
    truth = made.truth.vantages[vantage]
    failed = {finding.rule for finding in report.findings if finding.severity != "info"}
    told = {finding.rule for finding in report.findings if finding.severity == "info"}
    passed = {verdict.rule for verdict in report.verdicts if verdict.verdict == "pass"}
    groups = truth.with_topology if declared else truth.must_fail
    for group in groups:
        if not failed & set(group):
            yield f"{' or '.join(group)} does not fail"
    for rule in sorted(failed - {rule for group in truth.with_topology for rule in group} - truth.may_fail):
        yield f"{rule} fails"
    for finding in report.findings:
        macs = truth.culprits.get(finding.rule)
        named = getattr(finding.subject, "mac", None)
        if macs and named and named not in macs:
            yield f"{finding.rule} blames {named}, not {' or '.join(macs)}"
    for rule in truth.must_pass:
        if rule not in passed:
            yield f"{rule} does not pass"
    for rule in truth.must_not_pass:
        if rule in passed and not declared:
            yield f"{rule} passes blindly"
    for rule, speaks in truth.speaks.items():
        if (rule in told) != speaks:
            yield f"{rule} {'speaks' if rule in told else 'is silent'}"


def compare(made: LabRun, vantage: str, folder: Path, declared: bool = False) -> list[str]:
    """Judge what a vantage captured, and return the disagreements."""
    return list(disagreements(judged(made, folder, vantage, declared), made, vantage, declared))


def judged(made: LabRun, folder: Path, vantage: str = "mirror", declared: bool = False) -> Report:
    """What the analyzer says of what a vantage captured."""
    capture, topology = folder / "capture.pcapng", folder / "topology.toml"
    made.write(capture, vantage)
    topology.write_text(made.truth.topology(), "utf-8")
    return analyze(capture, topology=topology if declared else None).report


def draw(chance: random.Random) -> Draw:
    """A capture by chance: scenarios alike often, and of one each of its faults."""
    scenario = chance.choice(sorted({name for name, _ in pairs()}))
    fault = chance.choice([fault for name, fault in pairs() if name == scenario])
    return Draw(scenario, fault, chance.randrange(1000), chance.randrange(1000), chance.random() < 0.4)


def everything(pair: tuple[str, str | None], seed: int) -> list[list[str]]:
    """Run a scenario with a fault once; the disagreements of each vantage, alone and then declared."""
    made = run(*pair, seed)
    return [
        Draw(*pair, seed, place, declared).disagreements(made)
        for place in range(len(made.vantages))
        for declared in (False, True)
    ]


def one_of(capture: Draw) -> list[list[str]]:
    """The disagreements of one draw, in the shape that `everything` gives them."""
    return [capture.disagreements(capture.made())]


def main() -> int:
    """Judge so many draws, or all there are, on all processors; the exit status tells whether all agreed."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.agreement")
    parser.add_argument("count", nargs="?", default="100", help="how many draws, or `all`")
    parser.add_argument("seed", nargs="?", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    captures = differing = 0
    with ProcessPoolExecutor() as pool:
        if asked.count == "all":
            results = pool.map(everything, pairs(), repeat(asked.seed))
        else:
            results = pool.map(one_of, [draw(chance) for _ in range(int(asked.count))])
        for found in results:
            captures += len(found)
            differing += sum(map(bool, found))
            for text in chain.from_iterable(found):
                print(text, flush=True)
    print(f"{captures - differing} of {captures} agree")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
