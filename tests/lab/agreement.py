"""Does the analyzer agree with the record? For tests, and as a long run: `python -m tests.lab.agreement 500 [SEED]`.

Draws scenario, fault, vantage and seed at random, judges what that vantage captured, alone and with the topology
declared, and prints where verdicts and record differ.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dsrcheck.analysis import analyze
from dsrcheck.lab import LabRun, faults, run, scenarios
from dsrcheck.report.model import Report


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
    capture, topology = folder / "capture.pcapng", folder / "topology.toml"
    made.write(capture, vantage)
    topology.write_text(made.truth.topology(), "utf-8")
    report = analyze(capture, topology=topology if declared else None).report
    return list(disagreements(report, made, vantage, declared))


def draw(chance: random.Random) -> tuple[str, str | None, int]:
    """A scenario, a fault that fits it (or none), and a seed."""
    scenario = chance.choice(sorted(name for name, s in scenarios().items() if "long" not in s.tags))
    fitting = sorted(name for name, fault in faults().items() if fault.applies_to(scenarios()[scenario]))
    fault = chance.choice([None, *fitting]) if chance.random() < 0.9 else None
    return scenario, fault, chance.randrange(1000)


def main() -> int:
    """Run so many draws; the exit status tells whether all agreed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            scenario, fault, seed = draw(chance)
            made = run(scenario, fault, seed)
            vantage = chance.choice(sorted(made.vantages))
            declared = chance.random() < 0.3
            found = compare(made, vantage, Path(folder), declared)
            differing += bool(found)
            for text in found:
                print(f"{scenario} {fault or '-'} {vantage} {seed}{' declared' if declared else ''}: {text}")
    print(f"{count - differing} of {count} agree")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
