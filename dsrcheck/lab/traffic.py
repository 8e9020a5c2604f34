"""What clients do: the traffic of a scenario, put on the clock."""

from __future__ import annotations

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, Dice
from dsrcheck.lab.dns import Resolver
from dsrcheck.lab.http import HttpClient, HttpServer
from dsrcheck.lab.network import Network
from dsrcheck.lab.scenario import Traffic

OWN_PORT = 8080
OUTSIDE_PORT = 8081


def schedule(net: Network) -> None:
    """Put all traffic of the scenario on the clock."""
    for number, traffic in enumerate(net.scenario.traffic):
        dice = Dice(net.seed, f"traffic {number}")
        for place, name in enumerate(traffic.clients):
            # Clients do not move in step: each begins its own share of the interval later.
            first = traffic.start + (traffic.every * place // len(traffic.clients) if traffic.stagger else 0)
            for nth in range(traffic.times):
                jitter = dice.between(0, 30) * MILLISECOND if traffic.every >= 100 * MILLISECOND else 0
                net.clock.at(first + nth * traffic.every + jitter, _act, net, traffic, name, nth)


def _act(net: Network, traffic: Traffic, name: str, nth: int) -> None:
    host = net.host(name)
    if not host.up:
        return
    octets = [traffic.octets[(nth + n) % len(traffic.octets)] for n in range(traffic.requests)]
    if traffic.kind == "http":
        port = next(int(p.partition("/")[2]) for p in net.scenario.ports if p.startswith("tcp"))
        target = net.host(traffic.server).interfaces[0].source_for(net.vip) if traffic.server else net.vip
        host.tcp.connect(target, port, HttpClient(host, target, octets, traffic.upload, traffic.pause))
    elif traffic.kind == "direct":
        target = net.host(traffic.server).interfaces[0].source_for(net.vip)
        host.tcp.connect(target, 80, HttpClient(host, target, octets))
    elif traffic.kind == "outgoing":
        target = net.host(traffic.server).interfaces[0].source_for(net.vip)
        _ensure(net, traffic.server, OUTSIDE_PORT)
        host.tcp.connect(target, OUTSIDE_PORT, HttpClient(host, target, octets))
    elif traffic.kind == "own-service":
        _ensure(net, "balancer", OWN_PORT)
        host.tcp.connect(net.vip, OWN_PORT, HttpClient(host, net.vip, octets))
    elif traffic.kind == "dns":
        port = next(int(p.partition("/")[2]) for p in net.scenario.ports if p.startswith("udp"))
        target = net.host(traffic.server).interfaces[0].source_for(net.vip) if traffic.server else net.vip
        Resolver(host, target, port).ask(f"host{nth}.example.com")
    elif traffic.kind == "ping":
        target = net.host(traffic.server).interfaces[0].source_for(net.vip) if traffic.server else net.vip
        host.icmp.ping(target, 0x2A00 + nth, 1)
    elif traffic.kind == "syn-flood":
        lone_syn(net, name, nth)


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
