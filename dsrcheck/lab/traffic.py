"""What clients do: the traffic of a scenario, put on the clock."""

from __future__ import annotations

from collections.abc import Callable

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, Dice
from dsrcheck.lab.dns import Resolver
from dsrcheck.lab.http import HttpClient, HttpServer
from dsrcheck.lab.network import Network
from dsrcheck.lab.scenario import Traffic

OWN_PORT = 8080
OUTSIDE_PORT = 8081


Act = Callable[[Network, Traffic, str, int], None]


def schedule(net: Network, act: Act | None = None) -> None:
    """Put all traffic of the scenario on the clock, from now on. `act`: who does it, if not the simulated hosts."""
    for number, traffic in enumerate(net.scenario.traffic):
        dice = Dice(net.seed, f"traffic {number}")
        for place, name in enumerate(traffic.clients):
            # Clients do not move in step: each begins its own share of the interval later.
            share = traffic.every * place // len(traffic.clients) if traffic.stagger else 0
            first = net.clock.now + traffic.start + share
            for nth in range(traffic.times):
                jitter = dice.between(0, 30) * MILLISECOND if traffic.every >= 100 * MILLISECOND else 0
                net.clock.at(first + nth * traffic.every + jitter, act or simulated, net, traffic, name, nth)


def destination(net: Network, traffic: Traffic) -> tuple[bytes, int]:
    """Address and port that traffic goes to; the port is 0 where it has none. Who is to serve it, does from now on."""
    target = net.host(traffic.server).interfaces[0].source_for(net.vip) if traffic.server else net.vip
    if traffic.kind in ("http", "dns"):
        wanted = "udp" if traffic.kind == "dns" else "tcp"
        return target, next(int(p.partition("/")[2]) for p in net.scenario.ports if p.startswith(wanted))
    if traffic.kind == "outgoing":
        _ensure(net, traffic.server, OUTSIDE_PORT)
        return target, OUTSIDE_PORT
    if traffic.kind == "own-service":
        _ensure(net, "balancer", OWN_PORT)
        return net.vip, OWN_PORT
    return target, 80 if traffic.kind == "direct" else 0


def sizes(traffic: Traffic, nth: int) -> list[int]:
    """How many octets the nth connection asks for, request by request."""
    return [traffic.octets[(nth + n) % len(traffic.octets)] for n in range(traffic.requests)]


def simulated(net: Network, traffic: Traffic, name: str, nth: int) -> None:
    """Have a simulated host do what is due."""
    host = net.host(name)
    if not host.up:
        return
    target, port = destination(net, traffic)
    if traffic.kind == "dns":
        Resolver(host, target, port).ask(f"host{nth}.example.com")
    elif traffic.kind == "ping":
        host.icmp.ping(target, 0x2A00 + nth, 1)
    elif traffic.kind == "syn-flood":
        lone_syn(net, name, nth)
    elif traffic.kind == "http":
        client = HttpClient(host, target, sizes(traffic, nth), traffic.upload, traffic.pause)
        host.tcp.connect(target, port, client)
    else:
        host.tcp.connect(target, port, HttpClient(host, target, sizes(traffic, nth)))


def _ensure(net: Network, name: str, port: int) -> None:
    host = net.host(name)
    if (None, port) not in host.tcp.listeners:
        host.tcp.listen(port, lambda connection: HttpServer(host, name))


def lone_syn(net: Network, name: str, nth: int) -> None:
    """A SYN of a scan: its sender has no connection, and does not answer what comes back."""
    host = net.host(name)
    src = host.source_for(net.vip)
    if src is None:
        return
    ports = (host.dice.between(1024, 65535), 80)
    segment = packets.tcp(src, net.vip, ports, (host.dice.bits(32), 0), packets.SYN, 512, offload=host.offload)
    host.send(packets.packet(src, net.vip, packets.TCP, segment, 64, host.dice.bits(16)), src, net.vip)
    host.tcp.silent = True
