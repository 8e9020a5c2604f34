"""Why a capture may not show something, as sentences: what `not observed` is told with."""

from __future__ import annotations

from dsrcheck.exchange.visibility import Visibility
from dsrcheck.topology.infer import Topology

PLACES = {
    "client": "it was taken at a client",
    "gateway": "it was taken at a gateway",
    "server": "it was taken at a server",
    "balancer": "it was taken at the balancer",
    "mirror": "the mirrored ports do not show it",
    "unknown": "where it was taken cannot be told",
}


def reasons_for(topology: Topology, visible: Visibility) -> dict[str, str]:
    """Column (or its prefix) -> why it is unknown, for the place where this capture was taken."""
    if not visible.has_macs:
        text = "the capture holds no pair of MAC addresses (link type); capture on a named interface"
        return dict.fromkeys(("request", "forward", "reply", "server", "vip", "probe", "flow", "icmp", "setting"), text)
    place = PLACES[visible.vantage()]
    uncounted = f"requests and forwards cannot be counted against each other: {place}, or offload, cuts or drops"
    return {
        "request": f"no request is seen on its way to the balancer: {place}",
        "request.to_balancer": f"the clients' own frames are not all in this capture: {place}",
        "forward": f"no forwarded packet is seen: {place}",
        "forward.dst_role": f"what the balancer sends is not all in this capture: {place}",
        "forward.same_packets": f"request and forwarded packet are not both seen: {place}",
        "forward.ttl_drop": f"request and forwarded packet are not both seen: {place}",
        "forward.missing": uncounted,
        "forward.repeated": uncounted,
        "forward.servers": (
            "which server the balancer gives packets to is not seen"
            if visible.at_balancer
            else f"what the balancer sends is not all in this capture: {place}"
        ),
        "forward.sent_on": f"what the servers send is not all in this capture: {place}",
        "forward.lost_for_size": f"request and forwarded packet are not both seen: {place}",
        "reply": f"no reply from a server is seen: {place}",
        "reply.through_balancer": f"neither replies nor acknowledgements tell here which way replies took: {place}",
        "reply.answered": "no request was repeated long enough to tell silence from the end of the capture",
        "reply.refused": f"no answer to a SYN is seen: {place}",
        "reply.next_hop_right": f"no reply is seen whose right next hop is known: {place}",
        "reply.mss_fits": f"no SYN-ACK of a server is seen, or the path takes longer packets than usual: {place}",
        "reply.foreign_reset": f"no reply from a server is seen: {place}",
        "reply.from_balancer": f"no forwarded connection is seen at the balancer: {place}",
        "flow": "no connection was caught from its SYN on",
        "server.answers_arp": f"a server's ARP replies to others are not in this capture: {place}",
        "server.advertises": f"a server's neighbour advertisements to others are not in this capture: {place}",
        "server.asks_as_vip": "no frame of the server is in this capture",
        "server.announces": "no frame of the server is in this capture",
        "server.on_segment": f"whether the server is there is not seen: {place}",
        "server.takes": f"the server's ICMP messages are not all in this capture: {place}",
        "server.decapsulates": f"no tunnel to a server is seen with all that the server sends: {place}",
        "server.checked_at_vip": "no check of the VIP on a server is seen, nor one that stays green while it fails",
        "server.clients_by_router": f"no client from behind a router is seen to be served: {place}",
        "vip.flood_peak": "no connection is seen to go on after its SYN",
        "vip.ping_by_balancer": "the balancer is not seen to answer a ping of the VIP",
        "vip.uneven": "too few connections are seen to be spread, or no server is far from its share",
        "vip.stranger": f"nobody is seen to be asked for the VIP by ARP with the answers in view: {place}",
        "vip.owners_at_once": f"nobody is seen to be asked for the VIP by ARP or NDP with the answers in view: {place}",
        "vip.followed": f"which way requests take after the move is not seen: {place}",
        "vip.forward_source": f"request and forwarded packet are not both seen: {place}",
        "vip.snip_in_subnet": "no address of the balancer's own is seen",
        "vip.reply_bytes": "the capture shows of too few requests replies, or acknowledgements for them",
        "vip.request_bytes": "the capture shows no bytes of a request",
        "icmp.reaches_owner": f"no too-big, or none that is lost again and again, is seen: {place}",
        "probe.answered": f"answers to the balancer's ARP questions are not in this capture: {place}",
        "setting.agrees": "the capture does not show what is declared",
    }
