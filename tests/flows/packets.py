"""Small captures made by hand: frames of one TCP or UDP flow between a client, a balancer and a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsrcheck.addresses import parse_ip
from dsrcheck.capture import CaptureWriter
from dsrcheck.flows.conversation import Conversation
from dsrcheck.flows.marks import Mark, Marker
from dsrcheck.flows.reread import FlowFrame, FlowKey, flow_frames
from tests.kernel.packets import BALANCER_MAC, CLIENT, CLIENT_MAC, SERVER_MAC, VIP, ether, ip4, tcp, udp

START = 1_600_000_000_000_000_000
MILLISECOND = 1_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

TCP_FLOW = FlowKey(6, parse_ip(CLIENT), 40000, parse_ip(VIP), 80)
UDP_FLOW = FlowKey(17, parse_ip(CLIENT), 40000, parse_ip(VIP), 53)


def request(
    flags: int,
    seq: int,
    ack: int = 0,
    payload: bytes = b"",
    *,
    identity: int = 0,
    ttl: int = 64,
    dst: str = BALANCER_MAC,
) -> bytes:
    """A segment from the client to the balancer, or wherever `dst` says."""
    segment = tcp(payload, seq=seq, ack=ack, flags=flags)
    return ether(ip4(6, segment, identity=identity, ttl=ttl), src=CLIENT_MAC, dst=dst)


def forward(flags: int, seq: int, ack: int = 0, payload: bytes = b"", *, identity: int = 0) -> bytes:
    """The same as the balancer passes it on."""
    segment = tcp(payload, seq=seq, ack=ack, flags=flags)
    return ether(ip4(6, segment, identity=identity, ttl=63), src=BALANCER_MAC, dst=SERVER_MAC)


def reply(flags: int, seq: int, ack: int = 0, payload: bytes = b"", *, identity: int = 0) -> bytes:
    """A segment from the server to the client."""
    segment = tcp(payload, 80, 40000, seq=seq, ack=ack, flags=flags)
    return ether(ip4(6, segment, VIP, CLIENT, identity=identity), src=SERVER_MAC, dst=CLIENT_MAC)


def datagram(payload: bytes, *, identity: int, answer: bool = False, ttl: int = 64, dst: str = BALANCER_MAC) -> bytes:
    """A UDP packet to port 53, or an answer."""
    if answer:
        packet = ip4(17, udp(payload, 53, 40000), VIP, CLIENT, identity=identity)
        return ether(packet, src=SERVER_MAC, dst=CLIENT_MAC)
    return ether(ip4(17, udp(payload), identity=identity, ttl=ttl), src=CLIENT_MAC, dst=dst)


def write(path: Path, frames: Sequence[bytes], cut: int | None = None, every: int = MILLISECOND) -> Path:
    """Write frames, one every so many nanoseconds, each cut to so many bytes."""
    with CaptureWriter(path) as capture:
        for place, frame in enumerate(frames):
            capture.write(START + place * every, frame[:cut], original=len(frame))
    return path


def marked(path: Path, key: FlowKey) -> list[tuple[FlowFrame, Mark]]:
    """The frames of a flow with what each is."""
    marker = Marker()
    return [(frame, marker.mark(frame)) for frame in flow_frames(path, key)]


def conversation(path: Path, key: FlowKey) -> Conversation:
    """What both ends of a flow say."""
    found = Conversation(key.protocol)
    for frame, mark in marked(path, key):
        found.add(frame, mark)
    return found
