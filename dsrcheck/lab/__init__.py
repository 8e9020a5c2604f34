"""The lab: a network in a box, healthy or broken as told, and what each vantage would have captured of it.

    run = lab.run("dsr-healthy", fault="server-answers-arp", seed=7)
    run.frames("mirror")                  # [(nanoseconds, frame), ...]
    run.truth                             # who is who, which faults were on, which rules therefore fail, where
    run.write("out.pcapng")               # an interface per vantage
    run.write("out.pcap", "mirror", "pcap")

Everything is decided by scenario, fault and seed: the same three give the same bytes on any machine.
"""

from __future__ import annotations

from dsrcheck.lab.run import LabRun, run
from dsrcheck.lab.scenario import Fault, LabError, Scenario, faults, scenarios
from dsrcheck.lab.truth import Truth

__all__ = ["Fault", "LabError", "LabRun", "Scenario", "Truth", "faults", "run", "scenarios"]
