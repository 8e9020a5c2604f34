"""One frame in one line, as the kernel decodes it: who sends what to whom."""

from __future__ import annotations

from dsrcheck.addresses import ip_text, mac_text
from dsrcheck.flows.ladder import FLAG_NAMES, ICMP_NAMES
from dsrcheck.flows.reread import ICMP, ICMPV6, TCP
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES
from dsrcheck.kernel.decode import TUNNELS, Frame
from dsrcheck.topology.claims import KIND_NAMES
from dsrcheck.tui.reading import FrameBytes


def frame_summary(found: FrameBytes) -> str:
    """`ARP reply: 10.0.0.10 is at 00:01:aa:bb:cc:64, to 00:01:aa:bb:cc:01`; `SYN 10.0.0.1:40000 > 10.0.0.10:80`."""
    frame = Frame()
    reach = frame.decode(found.data, 0, len(found.data), found.original, found.link_type)
    if frame.claim:
        return claim_summary(frame)
    if not frame.ip_version:
        return f"{mac_text(frame.src_mac)} > {mac_text(frame.dst_mac)}, no IP"
    return f"{_what(frame)} {_ends(frame, reach)}{_tunnel(frame)}, to {mac_text(frame.dst_mac)}"


def claim_summary(frame: Frame) -> str:
    """An ARP or NDP frame in words."""
    kind = KIND_NAMES[frame.claim]
    address = ip_text(frame.claim_high, frame.claim_low)
    target = ip_text(frame.target_high, frame.target_low)
    return claim_words(kind, address, mac_text(frame.claim_mac), target, mac_text(frame.dst_mac))


def claim_words(kind: str, address: str, mac: str, target: str, receiver: str) -> str:
    """What a claim says, by its kind."""
    whom = "everybody" if receiver == "ff:ff:ff:ff:ff:ff" or receiver.startswith("33:33") else receiver
    if kind in ("request", "solicitation"):
        return f"who has {target}? asks {address} at {mac}"
    if kind in ("probe", "dad"):
        return f"may I have {target}? asks {mac}"
    word = {"reply": "answers", "advertisement": "answers"}.get(kind, "announces to")
    return f"{address} is at {mac}, {word} {whom}"


def _what(frame: Frame) -> str:
    if frame.protocol == TCP and frame.tcp_flags:
        flags = " ".join(name for bit, name in FLAG_NAMES if frame.tcp_flags & bit)
        return flags + (f" len {frame.payload_length}" if frame.payload_length else "")
    if frame.protocol in (ICMP, ICMPV6):
        return f"ICMP {ICMP_NAMES.get((frame.protocol, frame.icmp_type), f'type {frame.icmp_type}')}"
    return PROTOCOL_NAMES.get(frame.protocol, f"protocol {frame.protocol}")


def _ends(frame: Frame, reach: int) -> str:
    src, dst = ip_text(frame.src_high, frame.src_low), ip_text(frame.dst_high, frame.dst_low)
    if reach < 4 or frame.protocol not in PORT_PROTOCOLS:
        return f"{src} > {dst}"
    return f"{_socket(src, frame.src_port)} > {_socket(dst, frame.dst_port)}"


def _socket(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _tunnel(frame: Frame) -> str:
    return (
        f" in {TUNNELS[frame.tunnel]} to {ip_text(frame.outer_dst_high, frame.outer_dst_low)}" if frame.tunnel else ""
    )
