"""The simulator's own record of a run: who is who, which fault was on, which rules therefore fail, and where.

It comes from the scenario, the fault and plain questions to the frames (evidence.py) with full knowledge of the roles,
never from the analyzer: it is the oracle that the analyzer is held to. Of each vantage it says

    must_fail      groups of rules; of each group one at least must fail
    with_topology  the same when the topology is declared (Truth.topology)
    may_fail       rules that may fail besides: entailed, or provable there only by luck
    must_pass      rules that must pass: enough sound evidence is there
    must_not_pass  rules that this vantage cannot show, so that a pass would be blind
    culprits       for rules of must_fail, whom a finding must name if it names anybody
    speaks         for informational rules, whether there is something to tell; absent where either will do

Every rule that is in neither must_fail nor may_fail must not fail. The letters are those of the rule catalogue:
C client on the VIP's segment, R behind a router, B balancer, S server, M mirror of the segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from dsrcheck.lab import packets
from dsrcheck.lab.evidence import EVIDENCE, View
from dsrcheck.lab.forwarder.failover import virtual_mac
from dsrcheck.lab.network import Network
from dsrcheck.lab.scenario import Expectation, Fault, LabError, Scenario
from dsrcheck.lab.vantage import COOKED, Recording
from dsrcheck.records import dataclass

SCHEMA = "dsrcheck.lab-truth/1"
PROVED_HEALTHY: dict[str, dict[str, tuple[str, ...]]] = {
    "dsr-mac": {
        "M": ("DSR102", "DSR103", "DSR104", "DSR107", "DSR201", "DSR202"),
        "B": ("DSR103", "DSR104"),
    },
    "dsr-ipip": {"M": ("DSR202",)},
}
BLIND = {
    "C": (
        "DSR102", "DSR103", "DSR104", "DSR105", "DSR106", "DSR110", "DSR202", "DSR205", "DSR402", "DSR502", "DSR601",
        "DSR603",
    ),
    "R": (
        "DSR101", "DSR102", "DSR103", "DSR104", "DSR105", "DSR106", "DSR110", "DSR202", "DSR205", "DSR207", "DSR301",
        "DSR402", "DSR404", "DSR502", "DSR601", "DSR603", "DSR604",
    ),
    "B": ("DSR101", "DSR205", "DSR301", "DSR506"),
    "S": ("DSR101", "DSR102", "DSR105", "DSR106", "DSR306", "DSR402", "DSR603"),
}  # fmt: skip
COUNTING = ("DSR106",)
STATED = ("DSR506",)
"""Rules of what a server states when a connection begins."""
COMPARED = ("DSR109",)
"""Rules that hold what goes out against what came in: one card of a balancer with two arms has only either."""
COPY_WINDOW = 1_000_000
OFFLOAD_FRAME = 1522
MANY = 30_000


@dataclass(frozen=True)
class HostTruth:
    """A host: its role, MACs and addresses. Of a server the VIP is not listed."""

    name: str
    role: str
    macs: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class VantageTruth:
    """What one vantage can show; see the head of this module."""

    name: str
    letters: str
    frames: int
    must_fail: tuple[tuple[str, ...], ...] = ()
    with_topology: tuple[tuple[str, ...], ...] = ()
    may_fail: frozenset[str] = frozenset()
    must_pass: tuple[str, ...] = ()
    must_not_pass: tuple[str, ...] = ()
    culprits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    speaks: Mapping[str, bool] = field(default_factory=dict)

    @property
    def fails(self) -> frozenset[str]:
        """Every rule of which it is said that it must fail, alternatives included."""
        return frozenset(rule for group in self.must_fail for rule in group)


@dataclass(frozen=True)
class Truth:
    """The record of one run. `mode`: of the VIP; `direct` where nothing is balanced."""

    scenario: str
    fault: str | None
    fault_host: str | None
    seed: int
    healthy: bool
    mode: str
    vip: str | None
    subnet: str
    services: tuple[str, ...]
    hosts: tuple[HostTruth, ...]
    vantages: Mapping[str, VantageTruth]
    outdated: Mapping[str, str] = field(default_factory=dict)

    def macs(self, role: str) -> tuple[str, ...]:
        """All MACs of the hosts of a role."""
        return tuple(mac for host in self.hosts if host.role == role for mac in host.macs)

    def as_json(self) -> dict[str, Any]:
        """As plain data, sorted, for `--truth FILE`."""
        return {
            "schema": SCHEMA,
            "scenario": self.scenario,
            "fault": self.fault,
            "fault_host": self.fault_host,
            "seed": self.seed,
            "healthy": self.healthy,
            "mode": self.mode,
            "vip": self.vip,
            "subnet": self.subnet,
            "services": list(self.services),
            "hosts": [
                {"name": h.name, "role": h.role, "macs": list(h.macs), "addresses": list(h.addresses)}
                for h in self.hosts
            ],
            "vantages": {
                name: {
                    "letters": v.letters,
                    "frames": v.frames,
                    "must_fail": [list(group) for group in v.must_fail],
                    "with_topology": [list(group) for group in v.with_topology],
                    "may_fail": sorted(v.may_fail),
                    "must_pass": list(v.must_pass),
                    "must_not_pass": list(v.must_not_pass),
                    "culprits": {rule: list(macs) for rule, macs in sorted(v.culprits.items())},
                    "speaks": dict(sorted(v.speaks.items())),
                }
                for name, v in sorted(self.vantages.items())
            },
        }

    def topology(self) -> str:
        """The network as a declared topology (TOML); where the fault is an outdated declaration, that one."""
        lines = []
        if self.vip is not None:
            lines += ["[[vip]]", f'address = "{self.vip}"', f'mode = "{self.mode}"', f'subnet = "{self.subnet}"']
            lines += [f"services = {_list(self.services)}"]
        for host in self.hosts:
            if host.role in ("balancer", "server") and self.vip is not None:
                macs = (self.outdated[host.name],) if host.name in self.outdated else host.macs
                addresses = "snips" if host.role == "balancer" else "addresses"
                lines += [f"[[vip.{host.role}]]", f'name = "{host.name}"', f"macs = {_list(macs)}"]
                lines += [f"{addresses} = {_list(host.addresses)}"]
        gateways = self.macs("gateway")
        if gateways:
            lines += ["[gateway]", f"macs = {_list(gateways)}"]
        return "\n".join(lines) + "\n"


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def letters(net: Network, name: str) -> str:
    """Where in the rule catalogue's terms a vantage is."""
    if name in ("mirror", "mirror-both"):
        return "M"
    if name == "mirror-balancer" or name.startswith("balancer"):
        return "B"
    if name == "gateway":
        return "CR"
    role = net.roles.get(name)
    if role == "server":
        return "S"
    if role == "client" and not name.startswith(("routed", "natted")):
        return "C"
    return "C" if role == "stranger" else "R"


def record(
    net: Network,
    scenario: Scenario,
    fault: Fault | None,
    seed: int,
    host: str | None,
    seen: Mapping[str, Recording],
) -> Truth:
    """Write down what a finished run was."""
    fault_host = (host or fault.host or None) if fault is not None else None
    hosts = tuple(_host(net, name) for name in net.hosts)
    expects = (*scenario.expects, *(fault.expects if fault is not None else ()))
    vantages = {}
    for name, recording in seen.items():
        where = letters(net, name)
        vantages[name] = _vantage(net, scenario, fault, fault_host, expects, name, where, recording)
    broken = bool(scenario.expects) or "broken" in scenario.tags or (fault is not None and not fault.harmless)
    return Truth(
        scenario=scenario.name,
        fault=fault.name if fault is not None else None,
        fault_host=fault_host,
        seed=seed,
        healthy=not broken,
        mode=(fault.mode if fault is not None and fault.mode else None) or scenario.mode,
        vip=packets.ip_text(net.vip) if scenario.balanced else None,
        subnet=net.numbers.subnet,
        services=scenario.ports if scenario.balanced else (),
        hosts=hosts,
        vantages=vantages,
        outdated=fault.outdated if fault is not None else {},
    )


def _host(net: Network, name: str) -> HostTruth:
    host, role = net.hosts[name], net.roles[name]
    macs = [i.mac for i in host.interfaces]
    if role == "balancer" and net.scenario.balancer.get("virtual_mac"):
        macs.append(virtual_mac(51))
    # An address that a fault has taken or moved is still whose it is.
    own = [a for i in host.interfaces for a in i.addresses if a != net.vip]
    return HostTruth(name, role, tuple(map(packets.mac_text, macs)), tuple(map(packets.ip_text, own)))


def view(net: Network, scenario: Scenario, fault_host: str | None, recording: Recording) -> View:
    """A vantage's frames, with everything one could know about the hosts."""
    by_role: dict[str, set[bytes]] = {"balancer": set(), "server": set(), "gateway": set()}
    real: dict[bytes, bytes] = {}
    clients: dict[bytes, bytes] = {}
    snips: set[bytes] = set()
    for name, host in net.hosts.items():
        role = net.roles[name]
        by_role.setdefault(role, set()).update(i.mac for i in host.interfaces)
        for interface in host.interfaces:
            for address in interface.addresses:
                if role == "server" and address != net.vip:
                    real[address] = interface.mac
                if role == "balancer" and address != net.vip:
                    snips.add(address)
                if role == "client":
                    clients[address] = interface.mac
    if scenario.balancer.get("virtual_mac"):
        by_role["balancer"].add(virtual_mac(51))
    culprit = net.hosts.get(fault_host or "")
    return View(
        frames=recording.frames if recording.link_type != COOKED else [],
        vip=net.vip,
        ports=frozenset(int(port.partition("/")[2]) for port in scenario.ports),
        balancers=frozenset(by_role["balancer"]),
        servers=frozenset(by_role["server"]),
        gateways=frozenset(by_role["gateway"]),
        culprits=frozenset(i.mac for i in culprit.interfaces) if culprit is not None else frozenset(),
        real=real,
        snips=frozenset(snips),
        clients=clients,
    )


def _vantage(
    net: Network,
    scenario: Scenario,
    fault: Fault | None,
    fault_host: str | None,
    expects: tuple[Expectation, ...],
    name: str,
    where: str,
    recording: Recording,
) -> VantageTruth:
    must: list[tuple[str, ...]] = []
    declared: list[tuple[str, ...]] = []
    may = set(scenario.may) | (fault.may if fault is not None else set())
    if fault is not None and not fault.capture:
        # Where replies fail requests are the heavier part and checks may stay green; what is may not be as declared.
        may |= {"DSR703", "DSR406", "DSR601"}
    culprits: dict[str, tuple[str, ...]] = {}
    looked = view(net, scenario, fault_host, recording) if expects else None
    for expect in expects:
        if looked is None or expect.seen not in EVIDENCE:
            raise LabError(f"{scenario.name}: there is no evidence {expect.seen!r}")
        group = (expect.rule, *expect.alternative)
        found = EVIDENCE[expect.seen](looked)
        shown = found if set(where) & set(expect.at + expect.declared) else frozenset()
        # A server hears another one's broadcasts, but cannot tell by itself that it is a server; nor that there is a
        # balancer, where that keeps the clients' MACs, or where nobody on the servers' own segment asks for the VIP.
        alone = name != fault_host or scenario.two_arms or not _sees_balancer(looked)
        bystander = where == "S" and fault_host is not None and alone
        # On one card of a balancer with two arms nothing is passed on: only a declaration tells what it is.
        bystander |= scenario.two_arms and name.startswith("balancer")
        # A mirror's copies that a capture's fault has moved in time are no copies to see, and no packets to count.
        uncounted = _has_copies(recording.frames) and (expect.rule in COUNTING or (fault is not None and fault.capture))
        if shown and set(where) & set(expect.at) and not bystander and not uncounted:
            must.append(group)
        apart = scenario.two_arms and name.startswith("balancer") and expect.rule in COMPARED
        if shown and not uncounted and not apart:
            declared.append(group)
            if expect.names:
                told = (looked.culprits & found) or found
                told |= _looks_like_a_server(looked, where)
                named = map(packets.mac_text, told)
                culprits[expect.rule] = tuple(sorted({*culprits.get(expect.rule, ()), *named}))
        may.update(group)
    sound = fault is None and not expects and scenario.balanced and not scenario.tags_unsound
    letter = "M" if "M" in where else where[-1]
    # With two arms one card of the balancer sees requests only, the other one forwards only.
    whole = letter == "M" or (name == "balancer" and not scenario.two_arms)
    proved = PROVED_HEALTHY.get(scenario.mode, {}).get(letter, ()) if sound and whole else ()
    capture = _capture_rules(recording)
    must += [(rule,) for rule in capture]
    declared += [(rule,) for rule in capture]
    return VantageTruth(
        name=name,
        letters=where,
        frames=len(recording.frames),
        must_fail=tuple(dict.fromkeys(must)),
        with_topology=tuple(dict.fromkeys(declared)),
        may_fail=frozenset(may),
        must_pass=tuple(proved),
        must_not_pass=_blind(fault, where, looked) if looked is None or not _sees_forwards(looked, where) else (),
        culprits=culprits,
        speaks=_speaks(net, scenario, fault, recording),
    )


def _looks_like_a_server(looked: View, where: str) -> frozenset[bytes]:
    """The balancers, where nothing tells which of two owners is the server.

    So it is to a client that no server answers, and to anybody where a balancer answers itself and is not seen to give
    anything to others.
    """
    gives = any(packet.src_mac in looked.balancers for _, packet in looked.requests)
    only_balancers = looked.answering <= looked.balancers
    serves = bool(looked.answering & looked.balancers)
    alike = only_balancers if where == "C" else serves and not gives
    return looked.balancers if alike else frozenset()


def _sees_forwards(looked: View, where: str) -> bool:
    """Whether a client or gateway sees the balancer's forwards after all, because a fault sends them by its card."""
    return where[0] in "CR" and any(packet.src_mac in looked.balancers for _, packet in looked.requests)


def _sees_balancer(looked: View) -> bool:
    """Whether a balancer's MAC is on any frame to the VIP."""
    return any(looked.balancers & {packet.src_mac, packet.dst_mac} for _, packet in looked.requests)


def _has_copies(frames: list[tuple[int, bytes]]) -> bool:
    """Whether a frame comes again within a millisecond, to the octet: then frames cannot be counted for sure."""
    last: dict[bytes, int] = {}
    for time, frame in frames:
        if time - last.get(frame, -COPY_WINDOW - 1) <= COPY_WINDOW:
            return True
        last[frame] = time
    return False


def _blind(fault: Fault | None, where: str, looked: View | None) -> tuple[str, ...]:
    shown = {
        rule for expect in (fault.expects if fault is not None else ()) for rule in (expect.rule, *expect.alternative)
    }
    # A fault may send replies by a balancer, whose capture then has the servers' own segment sizes.
    if looked is not None and any(packet.tcp_flags & packets.SYN for _, packet in looked.replies):
        shown.update(STATED)
    blind = set(BLIND.get(where[0], ()))
    if "R" in where and "C" in where:
        blind = set(BLIND["C"])
    return tuple(sorted(blind - shown))


def _capture_rules(recording: Recording) -> list[str]:
    rules = []
    if recording.cut or recording.dropped:
        rules.append("DSR901")
    if recording.link_type == COOKED:
        rules.append("DSR902")
    return rules


def _speaks(net: Network, scenario: Scenario, fault: Fault | None, recording: Recording) -> dict[str, bool]:
    """Which informational rules have something to tell. Absent: either will do."""
    frames = recording.frames
    times = [time for time, _ in frames]
    back = any(later < earlier for earlier, later in itertools.pairwise(times))
    longer = any(len(frame) > OFFLOAD_FRAME for _, frame in frames)
    said = {
        "DSR903": _has_copies(frames),
        "DSR905": back,
    }
    if longer or not scenario.offload:  # unfinished checksums alone are not always looked at
        said["DSR904"] = longer
    # Elsewhere, or amid rewritten connections, it may not show that what was caught midway is balanced.
    if len(frames) <= MANY and recording.name == "mirror" and scenario.mode.startswith("dsr"):
        midway = _caught_midway(frames, net.vip)
        if midway or fault is None or not fault.capture:
            said["DSR906"] = midway
    if not scenario.balanced:
        said["DSR705"] = False
    elif scenario.mode.startswith("dsr") and recording.name == "mirror" and fault is None and not scenario.expects:
        said["DSR705"] = True
    return said


def _caught_midway(frames: list[tuple[int, bytes]], vip: bytes) -> bool:
    """Whether the first frame of some TCP connection to the VIP is not its SYN."""
    known = set()
    for _, frame in frames:
        packet = packets.Packet(frame)
        if packet.version and packet.protocol == packets.TCP and vip in (packet.src, packet.dst):
            one, other = (packet.src, packet.ports[0]), (packet.dst, packet.ports[1])
            pair = (min(one, other), max(one, other))
            if pair not in known:
                known.add(pair)
                if not packet.tcp_flags & packets.SYN:
                    return True
    return False
