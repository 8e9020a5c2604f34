"""What can be changed in a running network: the small deeds that faults (and some scenarios) are made of.

A deed is a function of the network, the host it befalls and the keys of its TOML table; its name there is `do`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND, Timer
from dsrcheck.lab.dns import answer
from dsrcheck.lab.forwarder import Balancer
from dsrcheck.lab.host import Host
from dsrcheck.lab.network import Network, default_route
from dsrcheck.lab.scenario import Fault, LabError
from dsrcheck.lab.traffic import lone_syn

Deed = Callable[[Network, Host, Mapping[str, Any]], None]
DEEDS: dict[str, Deed] = {}


def deed(function: Deed) -> Deed:
    """Enter a deed under its name, with hyphens."""
    DEEDS[function.__name__.rstrip("_").replace("_", "-")] = function
    return function


def apply(net: Network, fault: Fault, host: str | None = None) -> None:
    """Put a fault's changes on the clock; those at its begin happen before anything else."""
    for entry in fault.changes:
        change(net, entry, fault.at if entry["at"] is None else entry["at"], host or fault.host)


def change(net: Network, entry: Mapping[str, Any], at: int, host: str | None) -> Timer | None:
    """Put one change on the clock, and return its timer; none where it is made at once.

    Raises LabError for a deed or host that does not exist.
    """
    if entry["do"] not in DEEDS:
        raise LabError(f"there is no deed {entry['do']!r}; there are {', '.join(sorted(DEEDS))}")
    act, name = DEEDS[entry["do"]], str(entry.get("host") or host)
    if at:
        return net.clock.timer(at - net.clock.now, lambda: _do(net, act, name, entry))
    _do(net, act, name, entry)
    return None


def _do(net: Network, act: Deed, name: str, entry: Mapping[str, Any]) -> None:
    act(net, Host(name, net.clock, net.seed) if act is join else net.host(name), entry)
    if name in net.forwarders:
        # A change from outside may have made frames, or set a timer.
        forwarder = net.forwarders[name]
        net.drive(forwarder, forwarder.advance(net.clock.now))
    net.changed()


def _address(net: Network, said: object) -> bytes:
    """`vip`, a host's name (its first address), a number in the VIP's subnet, or an address."""
    if isinstance(said, int):
        return net.numbers.neighbour(said)
    if said == "vip":
        return net.vip
    if said == "gateway":
        return net.numbers.gateway
    if said == "snip":
        return net.numbers.balancer(1)[1]
    if isinstance(said, str) and said in net.hosts:
        return net.hosts[said].interfaces[0].source_for(net.vip)
    return packets.ip(str(said))


@deed
def sysctl(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Set sysctls of conf/all: `values = {arp_ignore = 0}`."""
    for name, value in entry["values"].items():
        host.sysctls[f"all.{name}"] = value


@deed
def remove_vip(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Take the VIP off the loopback."""
    host.loopback.pop(net.vip, None)
    host.changed()


@deed
def vip_on_card(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Put the VIP on the network card instead of the loopback; with `dad` ask first who has it (RFC 4862)."""
    host.loopback.pop(net.vip, None)
    card = host.interfaces[0]
    card.add(net.vip, 8 * len(net.vip))
    host.changed()
    if entry.get("dad"):
        group = packets.solicited_node(net.vip)
        card.neighbours.solicit6(net.vip, bytes(16), group, packets.multicast_mac(group))


@deed
def default_gateway(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Send what leaves the subnet (or, with `everything`, all but the gateway's own traffic) to another gateway."""
    gateway = _address(net, entry["gateway"])
    card = host.interfaces[0]
    default_route(host, card, gateway)
    if entry.get("everything"):
        for name, role in net.roles.items():
            if role == "client":
                address = net.hosts[name].interfaces[0].source_for(gateway)
                host.add_route(packets.ip_text(address), card, gateway)


@deed
def on_link(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Take a network for local (`network`), as a mask too wide does: ask by ARP for who is behind a router."""
    host.add_route(entry["network"], host.interfaces[0])


@deed
def static_route(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """A route to `network` by way of the host or address `gateway`."""
    host.add_route(entry["network"], host.interfaces[0], _address(net, entry["gateway"]))


@deed
def second_card(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Move the default route to another card, which is not on this network."""
    host.routes = [route for route in host.routes if route.network.bits]
    other = host.interface("eth1", packets.mac(f"00:01:aa:bb:ff:{host.interfaces[0].mac[5]:02x}"))
    other.add(packets.ip("172.16.9.2"), 24)
    host.add_route("0.0.0.0/0", other, packets.ip("172.16.9.1"))


@deed
def neighbour(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """An entry in the neighbour cache: `address` is at the MAC of the host `of` (or at `mac`).

    `state`: permanent, unless it is `stale`.
    """
    mac = packets.mac(entry["mac"]) if "mac" in entry else net.host(entry["of"]).interfaces[0].mac
    address = _address(net, entry["address"])
    route = host.route(address)
    (route.interface if route else host.interfaces[0]).neighbours.set(address, mac, entry.get("state", "permanent"))


@deed
def forget(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Remove an address from the neighbour cache, as after a time-out."""
    for interface in host.interfaces:
        interface.neighbours.forget(_address(net, entry["address"]))


@deed
def announce(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Announce the VIP by gratuitous ARP: `form` is `announcement` (a request) or `reply` (to 255.255.255.255)."""
    card = host.interfaces[0]
    for nth in range(entry.get("times", 2)):
        if entry.get("form") == "reply":
            body = packets.arp(2, card.mac, net.vip, packets.BROADCAST, b"\xff" * 4)
        elif entry.get("form") == "probe":
            body = packets.arp(1, card.mac, packets.ANY4, bytes(6), net.vip)
        else:
            body = packets.arp(1, card.mac, net.vip, bytes(6), net.vip)
        when = net.clock.now + nth * SECOND + 5 * MILLISECOND
        net.clock.at(when, card.transmit, packets.BROADCAST, body, packets.ETHERTYPE_ARP)


@deed
def stop_service(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Serve the real address only (or nothing, with `everywhere`): the VIP refuses."""
    address = host.interfaces[0].source_for(net.vip)
    for (bound, port), accept in list(host.tcp.listeners.items()):
        del host.tcp.listeners[bound, port]
        if not entry.get("everywhere"):
            host.tcp.listen(port, accept, address)


@deed
def stop_udp(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Serve UDP at the real address only: the VIP's ports are closed."""
    own = frozenset({host.interfaces[0].source_for(net.vip)})
    for port in list(host.udp.services):
        host.udp.bind(port, own, answer)


@deed
def no_tunnel(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Take the tunnel's end away."""
    host.tunnel = False


@deed
def flood(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Send SYNs to the VIP, `times` in all, one `every` so long, and never go on."""
    for nth in range(entry["times"]):
        net.clock.at(net.clock.now + nth * entry["every"], lone_syn, net, host.name, nth)


@deed
def wildcard(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Bind the UDP services to the wildcard address, so that answers come from the real one."""
    for port in list(host.udp.services):
        host.udp.bind(port, None, answer)


@deed
def balancer(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Change settings of a balancer: `values = {method = "round-robin"}`; an address may be a host's name."""
    if not isinstance(host, Balancer):
        raise LabError(f"{host.name} is no balancer")
    values = dict(entry["values"])
    if "resolve_by" in values:
        values["resolve_by"] = _address(net, values["resolve_by"])
    host.configure(**values)
    if values.get("mixed_source") or values.get("flapping_source") or values.get("keep_client_mac"):
        net.switches["inside"].sticky = True


@deed
def lose_sessions(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Empty the session table while connections are open, `times` in all, as restarts do."""
    _lose_sessions(net, host, entry.get("times", 5))


def _lose_sessions(net: Network, host: Host, times: int) -> None:
    if isinstance(host, Balancer):
        if any(session.state == "established" for session in host.sessions.by_key.values()):
            host.sessions.clear()
            times -= 1
            net.clock.at(net.clock.now + SECOND, _lose_sessions, net, host, times)
        elif times:
            net.clock.at(net.clock.now + 2 * MILLISECOND, _lose_sessions, net, host, times)


@deed
def move_subnet(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Give the balancer its own address in another subnet (`address`), with a gateway there; the VIP stays."""
    card = host.interfaces[0]
    for address in [a for a in card.addresses if a != net.vip]:
        del card.addresses[address]
    card.add(packets.ip(entry["address"]), entry["bits"])
    gateway = packets.ip(entry["gateway"])
    host.routes = []
    host.add_route("0.0.0.0/0", card, gateway)
    net.host("gateway").interfaces[0].add(gateway, entry["bits"])
    net.host("gateway").changed()
    host.changed()


@deed
def power_off(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Switch a host off; `back` later it is on again."""
    host.up = False
    for nic in net.nics.get(host.name, []):
        nic.up = False
    if "back" in entry:
        net.clock.at(net.clock.now + entry["back"], _power_on, net, host)


def _power_on(net: Network, host: Host) -> None:
    host.up = True
    for nic in net.nics.get(host.name, []):
        nic.up = True
    net.changed()


@deed
def release(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Have a balancer give the VIPs up in good order."""
    if isinstance(host, Balancer):
        host.failover.release()


@deed
def take_over(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Have a balancer take the VIPs; `announce = false`: without a word."""
    if isinstance(host, Balancer):
        host.failover.take(entry.get("announce"))


@deed
def join(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """A foreign host on the segment, with `mac` and `addresses` (the VIP may be one); `behind`: on its other card.

    `gateway = "gateway"`: it sends there what is elsewhere, as a second router does.
    """
    name = host.name
    stranger = net.add(name, "stranger", host)
    stranger.up = True
    card = stranger.interface("eth0", packets.mac(entry["mac"]), net.scenario.vlan)
    for address in entry["addresses"]:
        card.add(_address(net, address), net.numbers.bits)
    stranger.sysctls.update({f"all.{key}": value for key, value in entry.get("sysctls", {}).items()})
    if entry.get("behind"):
        stranger.add_route(entry["behind"], stranger.interface("eth1", packets.mac("00:01:aa:bb:ff:7f")))
    if entry.get("gateway"):
        # Routers know each other by their link-local addresses (RFC 4861, 8).
        gateway = packets.link_local(net.numbers.gateway_mac) if net.scenario.ip == 6 else net.numbers.gateway
        default_route(stranger, card, gateway)
    stranger.changed()
    net.plug(stranger, card, "inside", tap=name)


@deed
def foreign_reset(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Have a server reset connections of other ones, `times` in all: RST from the VIP to clients it does not serve."""
    _reset_others(net, host, entry.get("times", 5))


def _reset_others(net: Network, host: Host, times: int) -> None:
    pause = 2 * MILLISECOND
    for name in sorted(net.hosts):
        other = net.hosts[name]
        if net.roles.get(name) != "server" or other is host:
            continue
        for connection in list(other.tcp.connections.values()):
            if times and connection.src == net.vip and connection.state == "established" and connection.sent > 1:
                numbers = ((connection.initial + connection.sent) & 0xFFFF_FFFF, 0)
                ports = (connection.src_port, connection.dst_port)
                segment = packets.tcp(net.vip, connection.dst, ports, numbers, packets.RST, 0, offload=host.offload)
                host.send(packets.packet(net.vip, connection.dst, packets.TCP, segment, 64), net.vip, connection.dst)
                times, pause = times - 1, SECOND
    if times:
        net.clock.at(net.clock.now + pause, _reset_others, net, host, times)


@deed
def lose(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Lose frames on a host's cable: each `nth` with data, SYN-ACKs, or long ones; `way` in or out."""
    counted = [0]

    def drop(frame: bytes, way: str) -> bool:
        if way != entry.get("way", "in"):
            return False
        seen = packets.Packet(frame)
        if "size" in entry:
            return len(frame) > int(entry["size"])
        if entry.get("kind") == "syn-ack":
            return seen.protocol == packets.TCP and seen.tcp_flags & 0x12 == 0x12
        if seen.protocol != packets.TCP or not seen.payload:
            return False
        counted[0] += 1
        return counted[0] % int(entry.get("nth", 100)) == 0

    for nic in net.nics[host.name][: entry.get("cards", 1)]:
        nic.lose = drop


@deed
def mtu(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Set the MTU of a host's last card: a link further on lets no longer packets through."""
    host.interfaces[-1].mtu = entry["size"]


@deed
def state_mss(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """Have all servers state another segment size."""
    for name, role in net.roles.items():
        if role == "server":
            net.hosts[name].tcp.mss = entry["mss"]


@deed
def keep_too_big(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """A balancer that hands no ICMP error about a reply on to its server."""
    if isinstance(host, Balancer):
        host.steers_errors = False


@deed
def no_too_big(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """A balancer that drops what is too big for its tunnel without a word, or a filter that eats the ICMP."""
    if isinstance(host, Balancer):
        host.tells_too_big = False


@deed
def deaf_to_icmp(net: Network, host: Host, entry: Mapping[str, Any]) -> None:
    """A client that heeds no ICMP, as behind a firewall that drops it."""
    host.icmp.deaf = True
