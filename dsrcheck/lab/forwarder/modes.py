"""What becomes of a request in each mode. New tunnels go here: a function, and a name in `SENDERS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.forwarder.sessions import Session
from dsrcheck.lab.forwarder.settings import Server
from dsrcheck.lab.packets import Packet

if TYPE_CHECKING:
    from dsrcheck.lab.forwarder.balancer import Balancer
    from dsrcheck.lab.host import Interface

Sender = Callable[["Balancer", "Interface", Packet, Server, Session | None], None]


def by_mac(balancer: Balancer, interface: Interface, packet: Packet, server: Server, session: Session | None) -> None:
    """dsr-mac: the packet as it is, one hop on, to the server's MAC."""
    defects = balancer.settings.defects
    octets = packets.lower_ttl(packet.ip) if balancer.settings.lower_ttl else packet.ip
    if defects.source_nat and session is not None:
        src, port = balancer.own_end(session, session.key[3])
        octets = packets.rewrite(octets, src=src, src_port=port, offload=balancer.offload)
    if defects.ttl is not None or defects.new_ident or defects.sequence_shift:
        octets = packets.rewrite(
            octets,
            ident=balancer.next_ident(packet.dst) if defects.new_ident and packet.version == 4 else None,
            ttl=defects.ttl,
            sequence=(defects.sequence_shift, 0),
            offload=balancer.offload,
        )
    keep = balancer.settings.keep_client_mac
    if defects.mixed_source and session is not None:
        keep = session.number % 2 == 0
    if defects.flapping_source:
        keep = balancer.forwarded % defects.flapping_source == 0
    balancer.pass_on(octets, packet, defects.resolve_by or server.address, packet.src_mac if keep else None)


def by_tunnel(
    balancer: Balancer, interface: Interface, packet: Packet, server: Server, session: Session | None
) -> None:
    """dsr-ipip: the packet inside another one to the server's real address (RFC 2003; IPv6: RFC 2473)."""
    route = balancer.route(server.address)
    if route is None:
        return
    overhead = 20 if len(server.address) == 4 else 40
    octets = packet.ip
    if len(octets) + overhead > route.interface.mtu and not balancer.offload:
        if balancer.tells_too_big:
            balancer.icmp.error(packet, interface, "size", route.interface.mtu - overhead)
        return
    if balancer.settings.lower_ttl:
        octets = packets.lower_ttl(octets)
    src = route.interface.source_for(server.address)
    protocol = packets.IPIP if packet.version == 4 else packets.IP6_IN_IP
    ttl = octets[8] if packet.version == 4 else octets[7]
    outer = packets.packet(src, server.address, protocol, octets, ttl)
    balancer.pass_on(outer, packet, balancer.settings.defects.resolve_by or server.address, None)


def by_nat(balancer: Balancer, interface: Interface, packet: Packet, server: Server, session: Session | None) -> None:
    """nat: the destination becomes the server's address; with `source_nat` the source becomes the balancer's."""
    defects = balancer.settings.defects
    octets = packets.lower_ttl(packet.ip)
    shift = defects.sequence_shift
    if defects.source_nat and session is not None:
        src, port = balancer.own_end(session, server.address)
        octets = packets.rewrite(octets, src, server.address, port, sequence=(shift, 0), offload=balancer.offload)
    else:
        octets = packets.rewrite(octets, None, server.address, sequence=(shift, 0), offload=balancer.offload)
    balancer.pass_on(octets, packet, server.address, None)


SENDERS: dict[str, Sender] = {"dsr-mac": by_mac, "dsr-ipip": by_tunnel, "nat": by_nat}
