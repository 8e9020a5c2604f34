"""Wireshark display filters for what is under a cursor."""

from __future__ import annotations

from dsrcheck.addresses import ip_text
from dsrcheck.findings import FrameRef
from dsrcheck.flows.reread import FlowKey
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES


def flow_filter(key: FlowKey) -> str:
    """Both directions of a flow."""
    client, service = ip_text(*key.client), ip_text(*key.service)
    parts = [f"{_family(client)}.addr == {client}", f"{_family(service)}.addr == {service}"]
    if key.protocol in PORT_PROTOCOLS:
        name = PROTOCOL_NAMES[key.protocol]
        parts += [f"{name}.port == {key.client_port}", f"{name}.port == {key.service_port}"]
    else:
        parts.append({1: "icmp", 58: "icmpv6"}.get(key.protocol, f"ip.proto == {key.protocol}"))
    return " && ".join(parts)


def frame_filter(frame: FrameRef) -> str:
    """One frame."""
    return f"frame.number == {frame.number}"


def claim_filter(address: str) -> str:
    """Whoever speaks of an address by ARP or NDP."""
    if ":" in address:
        return f"icmpv6.nd.ns.target_address == {address} || icmpv6.nd.na.target_address == {address}"
    return f"arp.src.proto_ipv4 == {address} || arp.dst.proto_ipv4 == {address}"


def _family(address: str) -> str:
    return "ipv6" if ":" in address else "ip"
