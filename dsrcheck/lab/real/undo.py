"""Taking a change back: the plan is put as it was, and the kernels follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields

from dsrcheck.lab.forwarder import Balancer
from dsrcheck.lab.neighbours import Neighbour
from dsrcheck.lab.network import Network

Restore = Callable[[], None]


def snapshot(net: Network) -> Restore:
    """Remember the configuration of every host; the function that comes back restores it.

    Hosts that have joined since are gone. What has happened cannot be taken back: an announcement, a lost session
    table, a balancer's hand-over.
    """
    hosts = [_host(net, name) for name in net.hosts]
    known = set(net.hosts)

    def restore() -> None:
        for back in hosts:
            back()
        for name in net.hosts.keys() - known:
            del net.hosts[name], net.nics[name], net.roles[name]

    return restore


def _host(net: Network, name: str) -> Restore:
    host = net.hosts[name]
    loopback, routes, sysctls = dict(host.loopback), list(host.routes), dict(host.sysctls)
    listeners, services, up = dict(host.tcp.listeners), dict(host.udp.services), host.up
    nics = [(nic, nic.up, nic.lose) for nic in net.nics.get(name, [])]
    cards = [(card, card.mtu, dict(card.addresses), _permanent(card.neighbours.entries)) for card in host.interfaces]
    balancer = (host.settings, host.tells_too_big, host.steers_errors) if isinstance(host, Balancer) else None

    def restore() -> None:
        host.loopback, host.routes, host.sysctls, host.up = dict(loopback), list(routes), dict(sysctls), up
        host.tcp.listeners, host.udp.services = dict(listeners), dict(services)
        host.interfaces = [card for card, *_ in cards]
        for card, mtu, addresses, permanent in cards:
            card.mtu, card.addresses = mtu, dict(addresses)
            for address, mac in _permanent(card.neighbours.entries).items():
                if permanent.get(address) != mac:
                    del card.neighbours.entries[address]
            for address, mac in permanent.items():
                card.neighbours.set(address, mac)
        for nic, was_up, lose in nics:
            nic.up, nic.lose = was_up, lose
        if isinstance(host, Balancer) and balancer is not None:
            settings, host.tells_too_big, host.steers_errors = balancer
            host.configure(**{field.name: getattr(settings, field.name) for field in fields(settings)})
        host.changed()

    return restore


def _permanent(entries: Mapping[bytes, Neighbour]) -> dict[bytes, bytes]:
    return {address: entry.mac for address, entry in entries.items() if entry.state == "permanent"}
