"""The frames of one flow, read from a capture again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dsrcheck.flows.reread import FlowError, FlowKey, flow_frames
from dsrcheck.flowview import flow_key
from dsrcheck.legs import read_legs
from dsrcheck.topology.scene import read_scene
from tests.flows.packets import (
    ACK,
    PSH,
    START,
    SYN,
    TCP_FLOW,
    UDP_FLOW,
    datagram,
    forward,
    reply,
    request,
    write,
)
from tests.kernel.packets import CLIENT, GATEWAY, VIP, ether, icmp, ip4, tcp, udp


def numbers(path: Path, key: FlowKey) -> list[int]:
    """Numbers of the flow's frames."""
    return [frame.number for frame in flow_frames(path, key)]


def test_a_flow_is_its_five_tuple_in_either_direction(tmp_path: Path) -> None:
    """Hops and replies are the flow's; other ports, protocols and addresses are not."""
    others = [
        ether(ip4(6, tcp(src=40001))),
        ether(ip4(17, udp(src=40000, dst=80))),
        ether(ip4(6, tcp(), dst="10.0.0.12")),
        ether(ip4(6, tcp(src=80, dst=40000))),
        b"\0" * 14,
    ]
    path = write(tmp_path / "x.pcapng", [request(SYN, 1), *others, forward(SYN, 1), reply(SYN | ACK, 9, 2)])
    found = list(flow_frames(path, TCP_FLOW))
    assert [frame.number for frame in found] == [1, 7, 8]
    assert [frame.inbound for frame in found] == [True, True, False]
    assert [frame.time - START for frame in found] == [0, 6_000_000, 7_000_000]
    assert [frame.ttl for frame in found] == [64, 63, 64]


def test_only_the_span_asked_for_is_looked_at(tmp_path: Path) -> None:
    """A span that misses the whole batch gives nothing; frame numbers stay those of the capture."""
    path = write(tmp_path / "x.pcapng", [request(SYN, 1)] * 3)
    assert [frame.number for frame in flow_frames(path, TCP_FLOW, first=4)] == []
    assert [frame.number for frame in flow_frames(path, TCP_FLOW, last=0)] == []


def test_numbers_count_from_the_first_of_each_direction(tmp_path: Path) -> None:
    """Relative to the initial sequence numbers; without a handshake so that the first data byte is 1; over the wrap."""
    top = 0xFFFF_FFFF
    opened = [request(SYN, top), reply(SYN | ACK, 5000, 0), request(ACK, 0, 5001), request(PSH | ACK, 0, 5001, b"four")]
    path = write(tmp_path / "x.pcapng", [*opened, reply(ACK, 5001, 4)])
    found = list(flow_frames(path, TCP_FLOW))
    assert [(frame.relative_seq, frame.relative_ack) for frame in found] == [(0, 0), (0, 1), (1, 1), (1, 1), (1, 5)]
    path = write(tmp_path / "y.pcapng", [request(PSH | ACK, 700, 900, b"four"), reply(ACK, 900, 704)])
    found = list(flow_frames(path, TCP_FLOW))
    assert [(frame.relative_seq, frame.relative_ack) for frame in found] == [(1, 1), (1, 5)]


def fragments(payload: bytes, identity: int, size: int) -> list[bytes]:
    """The frames of a datagram in IP fragments of so many bytes (RFC 791)."""
    whole = udp(payload)
    found = []
    for at in range(0, len(whole), size):
        more = 0x2000 if at + size < len(whole) else 0
        found.append(ether(ip4(17, whole[at : at + size], identity=identity, fragment=more | at // 8)))
    return found


def test_later_fragments_follow_their_first_one(tmp_path: Path) -> None:
    """Even those that came before it; each tells where its bytes belong."""
    first, second, third = fragments(bytes(40), identity=77, size=16)
    stranger = ether(ip4(17, bytes(16), identity=78, fragment=2))
    path = write(tmp_path / "x.pcapng", [third, stranger, first, second])
    found = list(flow_frames(path, UDP_FLOW))
    assert [(frame.number, frame.fragment, frame.head, frame.header) for frame in found] == [
        (3, 0, 0, 8),
        (1, 32, 3, 8),
        (4, 16, 3, 8),
    ]


def test_an_identification_used_again_belongs_to_its_new_flow(tmp_path: Path) -> None:
    """After another flow's first fragment with the same identification, later ones are that flow's."""
    mine = fragments(bytes(24), identity=5, size=16)
    theirs = [ether(ip4(17, udp(bytes(8), src=999), identity=5, fragment=0x2000)), mine[1]]
    path = write(tmp_path / "x.pcapng", [*mine, *theirs])
    assert numbers(path, UDP_FLOW) == [1, 2]


def test_icmp_errors_belong_to_the_flow_they_quote(tmp_path: Path) -> None:
    """In either direction, from whomever."""
    quote = ip4(6, tcp()[:8])
    error = ether(ip4(1, icmp(3, 4, 1400, quote), GATEWAY, CLIENT))
    answer_quote = ip4(6, tcp(src=80, dst=40000)[:8], VIP, CLIENT)
    other = ether(ip4(1, icmp(3, 4, 1400, ip4(6, tcp(src=41000)[:8])), GATEWAY, CLIENT))
    path = write(
        tmp_path / "x.pcapng",
        [request(SYN, 1), error, other, ether(ip4(1, icmp(11, 0, 0, answer_quote), GATEWAY, VIP))],
    )
    found = list(flow_frames(path, TCP_FLOW))
    assert [(frame.number, frame.about, frame.inbound) for frame in found] == [
        (1, False, True),
        (2, True, True),
        (4, True, False),
    ]


def test_the_payload_is_what_was_captured(tmp_path: Path) -> None:
    """A frame cut by the snap length keeps its declared length."""
    path = write(tmp_path / "x.pcapng", [datagram(b"question", identity=1)], cut=14 + 20 + 8 + 3)
    (frame,) = flow_frames(path, UDP_FLOW)
    assert (frame.payload, frame.payload_length) == (b"que", 8)


def test_standard_input_cannot_be_read_again() -> None:
    """The error says what to do."""
    with pytest.raises(FlowError, match=r"standard input can be read only once.*save the capture"):
        list(flow_frames("-", TCP_FLOW))


def test_a_pipe_cannot_be_read_again(tmp_path: Path) -> None:
    """Nor one that has a name, which is not opened at all."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FlowError, match="pipe can be read only once"):
        list(flow_frames(tmp_path / "pipe", TCP_FLOW))


@pytest.mark.tshark
@pytest.mark.corpus
@pytest.mark.parametrize(
    "name",
    ["ipvs/s09_tun_healthy.mirror.pcap", "ipvs/s14_udp_rs2_answers_with_rip.mirror.pcap",
     "ipvs/s17_vlan_tagged_healthy.mirror.pcap", "ipvs/s16_ipv6_dr_healthy.mirror.pcap",
     "foreign/robustness/zeek__linux_dlt_sll2.pcap", "foreign/not-dsr/arkime__mongo.pcap"],
)  # fmt: skip
def test_the_frames_are_those_of_tsharks_stream(corpus: Path, name: str) -> None:
    """Each flow with ports has just the frames that tshark puts into one stream (the innermost, if tunnelled)."""
    fields = ["-e", "frame.number", "-e", "tcp.stream", "-e", "udp.stream", "-e", "icmp.type", "-e", "icmpv6.type"]
    command = ["tshark", "-n", "-r", str(corpus / name), "-T", "fields", *fields]
    oracle: dict[tuple[str, str], set[int]] = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        number, tcp_stream, udp_stream, *icmp_types = line.split("\t")
        if (tcp_stream or udp_stream) and not any(icmp_types):
            inner = ("tcp", tcp_stream.split(",")[-1]) if tcp_stream else ("udp", udp_stream.split(",")[-1])
            oracle.setdefault(inner, set()).add(int(number))
    scene = read_scene(read_legs(corpus / name))
    found = []
    for row in range(len(scene.flows)):
        if scene.flows.protocol[row] in (6, 17):
            frames = flow_frames(corpus / name, flow_key(scene.flows, row))
            found.append(frozenset(frame.number for frame in frames if not frame.about))
    assert set(found) == {frozenset(frames) for frames in oracle.values()}
