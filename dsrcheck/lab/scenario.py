"""Scenarios and faults as data: what a TOML file may say, checked, and where the built-in ones lie."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import field, fields
from functools import cache
from importlib import resources
from typing import Any

import tomli

from dsrcheck.lab.clock import duration
from dsrcheck.records import dataclass

TRAFFIC = ("http", "dns", "ping", "syn-flood", "direct", "outgoing", "own-service", "probe")


class LabError(ValueError):
    """A scenario, fault, vantage or host that does not exist, or a file that says what cannot be."""


@dataclass(frozen=True)
class Traffic:
    """Something that clients do, again and again. Times in nanoseconds.

    `octets`: sizes of the answers, taken in turn. `upload`: octets sent instead. `requests`: per connection.
    """

    kind: str
    clients: tuple[str, ...]
    start: int = 300_000_000
    every: int = 400_000_000
    times: int = 4
    octets: tuple[int, ...] = (200, 2000, 20_000)
    upload: int = 0
    requests: int = 1
    pause: int = 0
    server: str = ""
    stagger: bool = True


@dataclass(frozen=True)
class Expectation:
    """A rule that must fail wherever a vantage holds the evidence (a name in evidence.EVIDENCE).

    `at`: vantage letters of the rule catalogue where it must fail without more knowledge; `declared`: where it must
    once the topology is declared. `alternative`: rules that say the same just as well. `names`: it has a known culprit.
    """

    rule: str
    seen: str
    at: str = ""
    declared: str = ""
    alternative: tuple[str, ...] = ()
    names: bool = True


@dataclass(frozen=True)
class Scenario:
    """A network and what happens in it. Hosts are named by their role: client1, routed1, server1, balancer, gateway."""

    name: str
    summary: str
    length: int
    ip: int = 4
    vlan: int | None = None
    clients: int = 3
    routed: int = 0
    natted: int = 0
    servers: int = 3
    balancers: int = 1
    balanced: bool = True
    two_arms: bool = False
    offload: bool = False
    localnode: bool = False
    numbering: str = "lab"
    ports: tuple[str, ...] = ("tcp/80",)
    server_mss: int | None = None
    tells_too_big: bool = True
    tags: tuple[str, ...] = ()
    balancer: Mapping[str, Any] = field(default_factory=dict)
    traffic: tuple[Traffic, ...] = ()
    changes: tuple[Mapping[str, Any], ...] = ()
    expects: tuple[Expectation, ...] = ()
    may: frozenset[str] = frozenset()

    @property
    def tags_unsound(self) -> bool:
        """Whether something is going on that keeps rules from being proved in spite of health."""
        return bool({"broken", "outage", "flood", "lossy", "article"} & set(self.tags))

    @property
    def mode(self) -> str:
        """The balancer's mode, `direct` where nothing is balanced."""
        return str(self.balancer.get("mode", "dsr-mac")) if self.balanced else "direct"

    @property
    def has(self) -> frozenset[str]:
        """What faults ask for: mode, family, kinds of clients, method, tags."""
        said = {self.mode, f"ipv{self.ip}", *self.tags}
        said |= {"on-segment"} if self.clients else set()
        said |= {"routed"} if self.routed or self.natted else set()
        said |= {"balancers"} if self.balancers > 1 else set()
        said |= {"servers"} if self.servers > 1 else set()
        said |= {"virtual-mac"} if self.balancer.get("virtual_mac") else set()
        said |= {"client-mac-kept"} if self.balancer.get("keep_client_mac") else set()
        said |= {"sessionless"} if self.balancer.get("sessionless") else {"sessions"}
        said |= {str(self.balancer.get("method", "source-hash"))}
        said |= {kind.partition("/")[0] for kind in self.ports}
        said |= {"dsr"} if self.mode.startswith("dsr") else set()
        for name, there in (("vlan", self.vlan), ("offload", self.offload), ("two-arms", self.two_arms)):
            said |= {name} if there else set()
        return frozenset(said)


@dataclass(frozen=True)
class Fault:
    """A small change to a scenario. `needs`, `unless`: what a scenario must, and must not, have (Scenario.has).

    `capture`: what befalls the capture instead of the network (vantage.befall). `harmless`: no rule fails by it.
    `mode`: the VIP's mode under the fault, if it changes that. `outdated`: host to the MAC its declaration still has.
    """

    name: str
    summary: str
    needs: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    host: str = ""
    at: int = 0
    changes: tuple[Mapping[str, Any], ...] = ()
    expects: tuple[Expectation, ...] = ()
    may: frozenset[str] = frozenset()
    capture: Mapping[str, Any] = field(default_factory=dict)
    mode: str | None = None
    harmless: bool = False
    outdated: Mapping[str, str] = field(default_factory=dict)

    def applies_to(self, scenario: Scenario) -> bool:
        """Whether this fault makes sense in a scenario; one that is broken already takes no other."""
        if "broken" in scenario.tags and not self.capture:
            return False
        return self.needs <= scenario.has and not self.unless & scenario.has


def _files(room: str) -> dict[str, Any]:
    folder = resources.files("dsrcheck.lab") / room
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return {name.removesuffix(".toml"): folder / name for name in names}


@cache
def scenarios() -> dict[str, Scenario]:
    """The built-in scenarios by name."""
    return {name: read_scenario(name, file.read_text("utf-8")) for name, file in _files("scenarios").items()}


@cache
def faults() -> dict[str, Fault]:
    """The built-in faults by name."""
    return {name: read_fault(name, file.read_text("utf-8")) for name, file in _files("faults").items()}


def read_scenario(name: str, text: str) -> Scenario:
    """A scenario from TOML. Raises LabError with what is wrong."""
    said = _parse(name, text)
    _singular(name, said)
    said["length"] = _duration(name, said.get("length", "10 s"))
    said["traffic"] = tuple(_traffic(name, entry) for entry in said.get("traffic", []))
    said["changes"] = tuple(_change(name, entry) for entry in said.pop("change", []))
    for key in ("ports", "tags"):
        if key in said:
            said[key] = tuple(said[key])
    said["expects"] = _expectations(name, said.pop("expect", []))
    said["may"] = frozenset(said.get("may", ()))
    said["balancer"] = {k: _maybe_duration(name, v) for k, v in said.get("balancer", {}).items()}
    _known(name, said, Scenario)
    return Scenario(name=name, **said)


def read_fault(name: str, text: str) -> Fault:
    """A fault from TOML. Raises LabError with what is wrong."""
    said = _parse(name, text)
    _singular(name, said)
    said["at"] = _duration(name, said.get("at", "0 s"))
    said["changes"] = tuple(_change(name, entry) for entry in said.pop("change", []))
    said["expects"] = _expectations(name, said.pop("expect", []))
    for key in ("needs", "unless", "may"):
        said[key] = frozenset(said.get(key, ()))
    _known(name, said, Fault)
    return Fault(name=name, **said)


def _singular(name: str, said: Mapping[str, Any]) -> None:
    for key in ("change", "expect"):
        if key + "s" in said:
            raise LabError(f"{name}: write [[{key}]], not {key}s")


def _expectations(name: str, entries: list[dict[str, Any]]) -> tuple[Expectation, ...]:
    for entry in entries:
        entry["alternative"] = tuple(entry.get("alternative", ()))
        _known(name, entry, Expectation)
    return tuple(Expectation(**entry) for entry in entries)


def _parse(name: str, text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError) as error:
        raise LabError(f"{name}: {error}") from error


def _known(name: str, said: Mapping[str, Any], kind: type) -> None:
    known = {item.name for item in fields(kind)} - {"name"}
    for key in said:
        if key not in known:
            raise LabError(f"{name}: there is no key {key!r}; known are {', '.join(sorted(known))}")


def _traffic(name: str, entry: dict[str, Any]) -> Traffic:
    for key in ("start", "every", "pause"):
        if key in entry:
            entry[key] = _duration(name, entry[key])
    entry["clients"] = tuple(entry.get("clients", ()))
    if "octets" in entry:
        entry["octets"] = tuple(entry["octets"])
    _known(name, entry, Traffic)
    if entry.get("kind") not in TRAFFIC:
        raise LabError(f"{name}: traffic of kind {entry.get('kind')!r}; known are {', '.join(TRAFFIC)}")
    return Traffic(**entry)


def _change(name: str, entry: dict[str, Any]) -> Mapping[str, Any]:
    changed = {key: _maybe_duration(name, value) for key, value in entry.items()}
    if "do" not in changed:
        raise LabError(f"{name}: a change needs `do`, the name of what to do")
    changed.setdefault("at", None)
    return changed


def _maybe_duration(name: str, value: Any) -> Any:
    if isinstance(value, str) and value[:1].isdigit() and value.rpartition(" ")[2] in ("ns", "us", "ms", "s", "min"):
        return _duration(name, value)
    return value


def _duration(name: str, text: str) -> int:
    try:
        return duration(text)
    except ValueError as error:
        raise LabError(f"{name}: {error}") from error


def unknown(kind: str, name: str, known: Iterable[str]) -> LabError:
    """The error that there is no scenario, fault, vantage or host of a name, with what was meant, or what there is."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return LabError(
        f"there is no {kind} {name}; " + (f"did you mean {close[0]}?" if close else f"there are {names(known)}")
    )


def names(given: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(sorted(given))
