"""placeholder"""
from __future__ import annotations
from dataclasses import dataclass
from dsrcheck.lab.network import Network
from dsrcheck.lab.scenario import Fault, Scenario
from dsrcheck.lab.vantage import Recording
@dataclass(frozen=True)
class Truth:
    scenario: str
def record(net: Network, scenario: Scenario, fault: Fault | None, seed: int, host: str | None, seen: dict[str, Recording]) -> Truth:
    return Truth(scenario.name)
