"""Does the analyzer agree with the record? Run long: `python -m tests.lab.agreement 500 [SEED]`.

Draws scenario, fault, vantage and seed at random, judges what that vantage captured, alone or with the topology
declared, and prints where verdicts and record differ. test_agreement.py does the same in short.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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

    def made(self) -> tuple[LabRun, str]:
        """The run and the name of the vantage."""
        made = run(self.scenario, self.fault, self.seed)
        names = sorted(made.vantages)
        return made, names[self.vantage % len(names)]

    def disagreements(self, folder: Path) -> list[str]:
        """Judge it, and say where verdicts and record differ; each line names what to run to see it again."""
        made, vantage = self.made()
        place = f"{self.scenario} {self.fault or '-'} {vantage} {self.seed}{' declared' if self.declared else ''}"
        return [f"{place}: {text}" for text in compare(made, vantage, folder, self.declared)]


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


def main() -> int:
    """Run so many draws; the exit status tells whether all agreed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            found = draw(chance).disagreements(Path(folder))
            differing += bool(found)
            for text in found:
                print(text, flush=True)
    print(f"{count - differing} of {count} agree")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
