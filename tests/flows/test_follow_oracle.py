"""What both ends of real flows said, against tshark's `follow`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsrcheck.addresses import parse_ip
from dsrcheck.flows.conversation import Conversation
from dsrcheck.flows.marks import Marker
from dsrcheck.flows.reread import FlowKey, flow_frames
from dsrcheck.flows.streams import Gap

CASES = (
    ("foreign/not-dsr/arkime__wireshark-retrans.pcap", 1),
    ("foreign/not-dsr/zeek__ctu-62604-80.pcap", 1),
    ("foreign/not-dsr/suricata-verify__smb2-ntlmssp-negotiateflags__input.pcap", 3),
    ("ipvs/s01_dr_sh_healthy.br0.pcap", 6),
    ("ipvs/s02b_dr_rr_healthy_span_rxtx_dup.mirror.pcap", 6),
    ("ipvs/s02c_dr_rr_offload_on.mirror.pcap", 6),
    ("ipvs/s09_tun_healthy.mirror.pcap", 25),
    ("ipvs/s16_ipv6_dr_healthy.mirror.pcap", 6),
    ("ipvs/s17_vlan_tagged_healthy.mirror.pcap", 6),
)
MISSING = re.compile(rb"\[\d+ bytes missing in capture file\]\.?\0?")


def tshark(capture: Path, *arguments: str) -> list[str]:
    """Lines of tshark's output."""
    command = ["tshark", "-n", "-r", str(capture), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def followed(capture: Path, streams: int) -> Iterator[tuple[FlowKey, dict[bool, bytes]]]:
    """The first streams as tshark follows them: who spoke to whom, and what either said (True: the first node)."""
    taps = [word for number in range(streams) for word in ("-z", f"follow,tcp,raw,{number}")]
    ends: list[tuple[tuple[int, int], int]] = []
    said = {True: b"", False: b""}
    for line in tshark(capture, "-q", *taps):
        if line.startswith("Node "):
            address, _, port = line.partition(": ")[2].rpartition(":")
            if port != "0":
                ends.append((parse_ip(address.strip("[]")), int(port)))
        elif re.fullmatch(r"\t?[0-9a-f]+", line):
            said[not line.startswith("\t")] += bytes.fromhex(line.strip())
        elif line.startswith("====") and len(ends) == 2:
            (client, client_port), (service, service_port) = ends
            yield FlowKey(6, client, client_port, service, service_port), said
            ends, said = [], {True: b"", False: b""}


@pytest.mark.tshark
@pytest.mark.corpus
@pytest.mark.parametrize(("name", "streams"), CASES)
def test_both_ends_say_what_tshark_follows(corpus: Path, name: str, streams: int) -> None:
    """Every byte captured of every stream, once and in order, whatever was repeated, passed on, tunnelled or tagged."""
    seen = 0
    for key, oracle in followed(corpus / name, streams):
        marker, conversation = Marker(), Conversation(key.protocol)
        for frame in flow_frames(corpus / name, key):
            conversation.add(frame, marker.mark(frame))
        for inbound in (True, False):
            said = conversation.said(inbound)
            captured = b"".join(
                piece for stream in said.streams for piece in stream.pieces if not isinstance(piece, Gap)
            )
            assert captured == MISSING.sub(b"", oracle[inbound])
            assert not said.dropped
        seen += 1
    assert seen == streams
