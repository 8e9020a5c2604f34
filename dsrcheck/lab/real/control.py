"""The real lab from outside: start it, change it, look in, and get what was captured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dsrcheck.lab.real.needs import cannot_run, entrance, refusal, tool
from dsrcheck.lab.run import LabRun, find
from dsrcheck.lab.scenario import Fault, LabError, Scenario, faults, unknown
from dsrcheck.lab.vantage import ALIASES

if TYPE_CHECKING:
    from dsrcheck.lab.real.inside import Whereabouts


def pace_of(scenario: Scenario) -> float:
    """How much faster than in the simulator things happen: mostly twelve seconds of a scenario are six.

    Kernels keep their own time: a SYN that nobody answers is sent again after one second, whatever the pace. Balancers
    that watch each other do as their standards say, and rules judge how many seconds a hand-over takes.
    """
    return 1.0 if scenario.balancers > 1 else 2.0


class RealLab:
    """A scenario on real network stacks, while it runs; a context manager. Everything it makes is gone at its end.

    `fault`: is there from the beginning. `endless`: the traffic begins anew when it is through. `capture`: whether to
    keep what is captured, for `finish`; leave it out where something else watches. `pace`: see pace_of. Raises LabError
    where this machine or the scenario does not allow it.
    """

    def __init__(
        self,
        scenario: str | Scenario,
        fault: str | Fault | None = None,
        seed: int = 0,
        host: str | None = None,
        *,
        pace: float | None = None,
        endless: bool = False,
        capture: bool = False,
    ) -> None:
        self.scenario, self.fault = find(scenario, fault)
        self.seed = seed
        self.host = host
        self.pace = pace or pace_of(self.scenario)
        self.endless = endless
        self.capture = capture
        self._visitors: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> Self:
        from dsrcheck.lab.real.inside import Order

        told = refusal(self.scenario, self.fault, self.host) or cannot_run()
        if told:
            raise LabError(told)
        self._connection, theirs = Pipe()
        # Not by -m: what is sent over the connection must have the same names on either side.
        begin = "from dsrcheck.lab.real.inside import main; main()"
        command = [*(entrance() or ()), sys.executable, "-c", begin, str(theirs.fileno())]
        # A session of its own: an interrupt from the keyboard is for us, and we end it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            start_new_session=True,
        )  # fmt: skip
        theirs.close()
        try:
            self._where: Whereabouts = self._ask(
                Order(self.scenario, self.fault, self.seed, self.host, self.pace, self.endless, self.capture)
            )
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def do(self, what: str | Mapping[str, Any] | Fault, host: str | None = None) -> None:
        """Change something now: a deed (`{"do": "remove-vip", "host": "server2"}`), or what a fault is made of.

        A fault's own times count from now. Raises LabError.
        """
        if isinstance(what, str):
            if what not in faults():
                raise unknown("fault", what, faults())
            what = faults()[what]
        self._ask(("do", what, host))

    def undo(self) -> None:
        """Take the last `do` back: the configuration is what it was.

        What has happened stays: an announcement, entries that neighbours have learned by then. Raises LabError.
        """
        self._ask(("undo",))

    def finish(self) -> LabRun:
        """Wait for the scenario's end, and return what was captured, with the record; only with `capture`."""
        made: LabRun = self._ask(("finish",))
        return made

    def interface(self, vantage: str) -> str:
        """The name of the card that `run_in` shows: the mirror of the switch, or the first card of a host."""
        return self._vantage(vantage)[1]

    def run_in(self, vantage: str, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program in the network namespace of a host, or of the switch's mirror, as root there.

        `options` are Popen's. It is the program's own process that comes back, so signals reach it; if it still runs
        at the lab's end, it is killed.
        """
        descriptor, _ = self._vantage(vantage)
        place = f"/proc/{self._where.pid}"
        user = [f"--user={place}/ns/user", "--preserve-credentials"] if "--user" in (entrance() or ()) else []
        entering = [tool("nsenter"), *user, f"--net={place}/fd/{descriptor}", "--", *command]
        visitor = subprocess.Popen(entering, **options)
        self._visitors.append(visitor)
        return visitor

    def _vantage(self, name: str) -> tuple[int, str]:
        known = ALIASES.get(name, name)
        if known not in self._where.vantages:
            raise unknown("vantage", name, self._where.vantages)
        return self._where.vantages[known]

    def _ask(self, what: object) -> Any:
        """Send an order and wait for its answer. Raises LabError, or RuntimeError where the lab itself has failed."""
        try:
            self._connection.send(what)
            kind, answer = self._connection.recv()
        except (EOFError, OSError):
            raise LabError(f"the real lab has ended (status {self._process.wait()})") from None
        if kind == "error":
            raise LabError(answer)
        if kind == "crash":
            raise RuntimeError(answer)
        return answer

    def _end(self) -> None:
        for visitor in self._visitors:
            if visitor.poll() is None:
                visitor.kill()
                visitor.wait()
        self._connection.close()
        self._process.wait()


def run(
    scenario: str | Scenario,
    fault: str | Fault | None = None,
    seed: int = 0,
    host: str | None = None,
    pace: float | None = None,
) -> LabRun:
    """Run a scenario on real network stacks, maybe with a fault, and return what every vantage captured.

    The mirror has each frame once; `mirror-both` and `mirror-balancer` are the simulator's only. No two runs are the
    same. Raises LabError.
    """
    with RealLab(scenario, fault, seed, host, pace=pace, capture=True) as lab:
        return lab.finish()
