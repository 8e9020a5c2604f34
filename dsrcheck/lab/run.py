"""Running a scenario, with or without a fault: the frames of each vantage, the record, and the files."""

from __future__ import annotations

from os import PathLike
from typing import BinaryIO

from dsrcheck.lab.changes import apply, change
from dsrcheck.lab.network import Network, build
from dsrcheck.lab.output import write
from dsrcheck.lab.scenario import Fault, LabError, Scenario, faults, names, scenarios, unknown
from dsrcheck.lab.traffic import schedule
from dsrcheck.lab.truth import Truth, record
from dsrcheck.lab.vantage import Recording, recordings, resolve
from dsrcheck.records import dataclass

BEGIN = 1_400_000_000_000_000_000
"""When every simulation begins: 2014-05-13 16:53:20 UTC, the year of the article."""


@dataclass(frozen=True)
class LabRun:
    """What one run left: the truth, and by vantage the frames that were captured there."""

    scenario: Scenario
    fault: Fault | None
    seed: int
    vantages: dict[str, Recording]
    truth: Truth

    def frames(self, vantage: str) -> list[tuple[int, bytes]]:
        """What a vantage captured: time in nanoseconds since 1970 UTC, and the frame, in order. Raises LabError."""
        return self.recording(vantage).frames

    def recording(self, vantage: str) -> Recording:
        """A vantage with all that a file of it would say. Raises LabError."""
        return self.vantages[resolve(vantage, self.vantages)]

    def write(self, target: str | PathLike[str] | BinaryIO, vantage: str | None = None, format: str = "pcapng") -> int:
        """Write a capture: of one vantage, or of all, an interface each (pcapng). Returns the number of frames."""
        chosen = list(self.vantages.values()) if vantage is None else [self.recording(vantage)]
        return write(target, chosen, format)


def find(scenario: str | Scenario, fault: str | Fault | None) -> tuple[Scenario, Fault | None]:
    """Scenario and fault by name. Raises LabError when there is none, or they do not go together."""
    if isinstance(scenario, str):
        if scenario not in scenarios():
            raise unknown("scenario", scenario, scenarios())
        scenario = scenarios()[scenario]
    if isinstance(fault, str):
        if fault not in faults():
            raise unknown("fault", fault, faults())
        fault = faults()[fault]
    if fault is not None and not fault.applies_to(scenario):
        wants = names(fault.needs - scenario.has) or f"no {names(fault.unless & scenario.has)}"
        fitting = [name for name, other in scenarios().items() if fault.applies_to(other)]
        raise LabError(
            f"fault {fault.name} makes no sense in scenario {scenario.name}: it wants {wants}, as in {names(fitting)}"
        )
    return scenario, fault


def run(scenario: str | Scenario, fault: str | Fault | None = None, seed: int = 0, host: str | None = None) -> LabRun:
    """Run a scenario, maybe with a fault, and return what every vantage saw.

    `host`: whom the fault befalls, if not the one it names itself. The same arguments give the same bytes on any
    machine. Raises LabError.
    """
    scenario, fault = find(scenario, fault)
    net = simulate(scenario, fault, seed, host)
    seen = recordings(net, fault, BEGIN)
    return LabRun(scenario, fault, seed, seen, record(net, scenario, fault, seed, host, seen))


def simulate(scenario: Scenario, fault: Fault | None, seed: int, host: str | None = None) -> Network:
    """The network of a scenario after it has run."""
    net = build(scenario, seed)
    for entry in scenario.changes:
        change(net, entry, entry["at"] or 0, None)
    if fault is not None:
        apply(net, fault, host)
    schedule(net)
    net.run(scenario.length)
    return net
