"""The lab's own process: in fresh namespaces it plays a scenario, and does what it is told through a connection.

Started by control.RealLab. It ends with the connection, and everything else ends with it.
"""

from __future__ import annotations

import os
import selectors
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from dsrcheck.lab.changes import change
from dsrcheck.lab.clock import SECOND, Timer
from dsrcheck.lab.real.namespace import host_pid
from dsrcheck.lab.real.needs import deed_refusal
from dsrcheck.lab.real.play import Play
from dsrcheck.lab.real.taps import Taps
from dsrcheck.lab.real.undo import Restore, snapshot
from dsrcheck.lab.run import LabRun
from dsrcheck.lab.scenario import Fault, LabError, Scenario, names
from dsrcheck.lab.truth import record
from dsrcheck.lab.vantage import recordings
from dsrcheck.records import dataclass

AGAIN = 0.02
"""Seconds to wait for a marker before another is sent."""
PATIENCE = 20.0
"""Seconds after which a marker will not come any more."""
IDLE = 60.0
"""Seconds to wait where nothing is awaited in particular."""


@dataclass(frozen=True)
class Order:
    """What is to be played."""

    scenario: Scenario
    fault: Fault | None
    seed: int
    host: str | None
    pace: float
    endless: bool
    capture: bool


@dataclass(frozen=True)
class Whereabouts:
    """Where it is played: the process; by vantage the descriptor of its namespace, and the name of the card there."""

    pid: int
    vantages: Mapping[str, tuple[int, str]]


class Inside:
    """The process: a play, its taps, and the changes that can be taken back."""

    def __init__(self, connection: Connection, order: Order) -> None:
        self.connection = connection
        self.order = order
        self.play = Play(order.scenario, order.seed, order.pace)
        self.done: list[tuple[Restore, list[Timer]]] = []
        if order.fault is not None:
            self._apply(order.fault.changes, order.fault.at, 0, order.host or order.fault.host)
        self.taps = Taps(self.play.switch, self.play.ports, self.play.macs) if order.capture else None
        if self.taps is not None:
            self.play.selector.register(self.taps, selectors.EVENT_READ, self.taps.read)
            self._mark("begin")
        self.play.selector.register(connection, selectors.EVENT_READ, lambda: None)
        self.play.start(order.endless)

    def where(self) -> Whereabouts:
        """For whoever wants to look in from outside."""
        there = {name: (space.fd, "eth0") for name, space in self.play.spaces.items()}
        return Whereabouts(host_pid(), {"mirror": (self.play.switch.fd, "mirror"), **there})

    def run(self) -> None:
        """Play until the connection ends."""
        while True:
            self.play.step(IDLE)
            if self.connection.poll():
                self._obey()

    def _obey(self) -> None:
        said, *arguments = self.connection.recv()
        try:
            self.connection.send(("done", getattr(self, f"_{said}")(*arguments)))
        except LabError as error:
            self.connection.send(("error", str(error)))

    # What can be asked for.

    def _do(self, what: Mapping[str, Any] | Fault, host: str | None) -> None:
        """Make a change, or those of a fault, each as long after the first as the fault says."""
        restore, now = snapshot(self.play.net), self.play.now
        if isinstance(what, Fault):
            pending = self._apply(what.changes, what.at, now, host or what.host)
        else:
            pending = self._apply((what,), 0, now, host)
        self.done.append((restore, pending))

    def _undo(self) -> None:
        """Take the last change back, and what of it was still to come."""
        if not self.done:
            raise LabError("there is no change to undo")
        restore, pending = self.done.pop()
        for timer in pending:
            timer.cancel()
        restore()
        self.play.follow()

    def _finish(self) -> LabRun:
        """Play to the scenario's end, and return what was captured."""
        if self.taps is None:
            raise LabError("this lab captures nothing: RealLab(..., capture=True)")
        length = self.order.scenario.length
        while self.play.now < length:
            self.play.step((length - self.play.now) / self.play.pace / SECOND)
            if self.connection.poll():
                raise EOFError  # whoever waits for an answer says nothing, unless it is gone
        self._mark("end")
        self.play.selector.unregister(self.taps)
        seen, dropped = self.taps.end(self.play.moves)
        net, order = self.play.net, self.order
        for name, frames in seen.items():
            net.taps[name].frames = frames
        found = recordings(net, order.fault, 0)
        if dropped:
            found = {name: replace(one, dropped=dropped) for name, one in found.items()}
        truth = record(net, order.scenario, order.fault, order.seed, order.host, found)
        return LabRun(order.scenario, order.fault, order.seed, found, truth)

    # The means.

    def _apply(self, changes: tuple[Mapping[str, Any], ...], begin: int, now: int, host: str | None) -> list[Timer]:
        """Make the changes, and return the timers of those that are still to come."""
        pending = []
        for entry in changes:
            told = deed_refusal(self.order.scenario, entry, str(entry.get("host") or host))
            if told:
                raise LabError(told)
            later = (begin if entry.get("at") is None else entry["at"]) - (begin if now else 0)
            pending.append(change(self.play.net, entry, now + later if later else 0, host))
        return [timer for timer in pending if timer is not None]

    def _mark(self, phrase: str) -> None:
        """Wait until every tap has seen a marker."""
        assert self.taps is not None
        dead = [nic.name for name in self.play.off for nic in self.play.net.nics[name]]
        self.taps.mark(phrase, dead)
        again, patience = time.monotonic() + AGAIN, time.monotonic() + PATIENCE
        while not self.taps.marked:
            self.play.step(AGAIN)
            if time.monotonic() >= patience:
                raise LabError(f"dumpcap shows nothing of {names(self.taps.unmarked)}")
            if time.monotonic() >= again:
                self.taps.mark(phrase)
                again = time.monotonic() + AGAIN


def main() -> None:
    """Play what the connection orders, until it ends."""
    connection: Connection = Connection(int(sys.argv[1]))
    try:
        inside = Inside(connection, connection.recv())
        connection.send(("done", inside.where()))
        inside.run()
    except EOFError:
        pass  # nobody is there any more
    except LabError as error:
        connection.send(("error", str(error)))
    except BaseException:
        connection.send(("crash", traceback.format_exc()))
    # Threads may hang in a connection that nobody answers; namespaces and dumpcap end with the process.
    os._exit(0)
