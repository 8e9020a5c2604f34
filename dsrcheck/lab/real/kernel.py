"""What a host's kernel must be told to be as the plan has it: addresses, routes, neighbours and sysctls.

`wanted` reads it from a host of the simulator, `commands` says what to tell iproute2 between one state and the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dsrcheck.lab import packets
from dsrcheck.lab.host import Host
from dsrcheck.lab.host import Network as Range
from dsrcheck.records import dataclass

PLAIN = {
    "ip_forward": 0,
    "arp_ignore": 0,
    "arp_announce": 0,
    "rp_filter": 0,
    "send_redirects": 0,
    "proxy_arp": 0,
    "accept_redirects": 1,
}
"""Linux as the kernel has it before a distribution's hand, but for redirects: those the scenarios switch on. A new
namespace copies the host's settings, so each is set. `ip_forward` comes first: it resets others (ip-sysctl)."""


@dataclass(frozen=True)
class State:
    """A kernel's configuration, in the words of iproute2 that follow `set`, `add` and `del`."""

    links: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    neighbours: frozenset[str] = frozenset()
    sysctls: Mapping[str, int] = field(default_factory=dict)


def wanted(host: Host) -> State:
    """The configuration of a host in the plan."""
    addresses = {f"{_range(net)} dev lo" for net in host.loopback.values()}
    neighbours = set()
    for interface in host.interfaces:
        addresses |= {f"{_range(net)} dev {interface.name}" for net in interface.addresses.values()}
        neighbours |= {
            f"{packets.ip_text(address)} lladdr {packets.mac_text(entry.mac)} dev {interface.name} nud permanent"
            for address, entry in interface.neighbours.entries.items()
            if entry.state == "permanent"
        }
    routes = {
        f"{packets.ip_text(route.network.address)}/{route.network.bits}"
        + (f" via {packets.ip_text(route.gateway)}" if route.gateway else "")
        + f" dev {route.interface.name}"
        + (" onlink" if route.gateway else "")
        for route in host.routes
    }
    links = {f"{interface.name} mtu {interface.mtu}" for interface in host.interfaces}
    return State(frozenset(links), frozenset(addresses), frozenset(routes), frozenset(neighbours), sysctls(host))


def _range(net: Range) -> str:
    # An IPv6 address is at once as good as another: the plan asks for duplicates itself where a scenario wants it.
    return f"{packets.ip_text(net.address)}/{net.bits}{' nodad' if len(net.address) == 16 else ''}"


def sysctls(host: Host) -> dict[str, int]:
    """By path under /proc/sys/net: of `all`, of the loopback, and of each card."""
    said = {}
    for name, plain in PLAIN.items():
        if name == "ip_forward":
            value = host.sysctls.get("all.ip_forward", 0)
            said["ipv4/ip_forward"] = value
            said["ipv6/conf/all/forwarding"] = value
            continue
        for place in ("all", "lo", *(interface.name for interface in host.interfaces)):
            said[f"ipv4/conf/{place}/{name}"] = host.sysctls.get(f"{place}.{name}", plain)
    return said


def commands(before: State, after: State) -> list[str]:
    """What to tell `ip -batch` to come from one state to the other.

    A kernel drops the routes that stood on an address which goes, so all that are wanted are put there again.
    """
    same = before.addresses == after.addresses and before.routes == after.routes
    return [
        *(f"link set {link}" for link in sorted(after.links - before.links)),
        *(f"route del {route}" for route in sorted(before.routes - after.routes)),
        *(f"addr del {address.replace(' nodad', '')}" for address in sorted(before.addresses - after.addresses)),
        *(f"addr replace {address}" for address in sorted(after.addresses - before.addresses)),
        # Networks before the gateways that are in them.
        *(f"route replace {r}" for r in sorted(after.routes, key=lambda r: (" via " in r, r)) if not same),
        *(f"neigh del {entry.replace(' nud permanent', '')}" for entry in sorted(before.neighbours - after.neighbours)),
        *(f"neigh replace {entry}" for entry in sorted(after.neighbours - before.neighbours)),
    ]
