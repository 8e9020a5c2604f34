"""`dsrcheck flow`: the list, and one flow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from dsrcheck.capture import CaptureError
from dsrcheck.flowview import LIST_LIMIT, FlowError, flow_detail, flow_list
from tests.flows.packets import ACK, FIN, PSH, RST, SYN, datagram, forward, reply, request, write
from tests.kernel.packets import ether, ip4, tcp

HANDSHAKE = [request(SYN, 99), forward(SYN, 99), reply(SYN | ACK, 499, 100), request(ACK, 100, 500)]


def rows(text: str) -> list[list[str]]:
    """Cells of the list, without its heading."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("frames", "state"),
    [
        (HANDSHAKE, "handshake"),
        (HANDSHAKE[:1], "SYN only, one-way"),
        (HANDSHAKE[:3], "half-open"),
        ([*HANDSHAKE, reply(FIN | ACK, 500, 100)], "closed"),
        ([*HANDSHAKE[:2], reply(RST | ACK, 0, 100)], "reset"),
        ([HANDSHAKE[0], HANDSHAKE[1], HANDSHAKE[3]], "handshake, one-way"),
        ([HANDSHAKE[2]], "handshake, one-way"),
        ([request(ACK, 100, 500), reply(ACK, 500, 100)], "no handshake"),
        ([datagram(b"q", identity=1)], "one-way"),
        ([datagram(b"q", identity=1), datagram(b"a", identity=2, answer=True)], "both ways"),
    ],
)
def test_the_state_of_a_flow(tmp_path: Path, frames: list[bytes], state: str) -> None:
    """How far a connection came, and whether the capture holds both of its ways."""
    ((*_, found),) = rows(flow_list(write(tmp_path / "x.pcapng", frames)))
    assert found == state


def test_flows_are_numbered_in_order_of_their_first_frames(tmp_path: Path) -> None:
    """With ends, protocol, frames over all hops, bytes and seconds."""
    path = write(tmp_path / "x.pcapng", [datagram(b"question", identity=1), *HANDSHAKE])
    assert rows(flow_list(path)) == [
        ["1", "10.0.0.1:40000", "10.0.0.10:53", "udp", "1", "50", "0.000", "one-way"],
        ["2", "10.0.0.1:40000", "10.0.0.10:80", "tcp", "4", "216", "0.003", "handshake"],
    ]


def test_the_list_is_bounded(tmp_path: Path) -> None:
    """A scan makes a flow a packet; the rest is counted, and shown when asked for."""
    frames = [ether(ip4(6, tcp(dst=1 + place))) for place in range(LIST_LIMIT + 7)]
    path = write(tmp_path / "x.pcapng", frames)
    lines = flow_list(path).splitlines()
    assert len(lines) == 1 + LIST_LIMIT + 1
    assert lines[-1] == "... 7 more flows (--all shows them)"
    assert len(flow_list(path, everything=True).splitlines()) == 1 + LIST_LIMIT + 7


def test_a_capture_without_flows_says_so(tmp_path: Path) -> None:
    """And any number is an error."""
    path = write(tmp_path / "x.pcapng", [])
    assert flow_list(path) == "no IP flows in this capture\n"
    with pytest.raises(FlowError, match=r"no flow 1: it has no IP flows"):
        flow_detail(path, 1)


@pytest.mark.parametrize("number", [0, -1, 2, 10**30])
def test_an_unknown_number_names_the_range(tmp_path: Path, number: int) -> None:
    """One line."""
    path = write(tmp_path / "x.pcapng", HANDSHAKE)
    with pytest.raises(FlowError, match=r"x.pcapng: no flow -?\d+: it has flows 1 to 1$"):
        flow_detail(path, number)


def test_standard_input_is_refused_for_one_flow() -> None:
    """Before anything is read of it."""
    with pytest.raises(FlowError, match="standard input"):
        flow_detail("-", 1)


def test_what_is_not_there_is_the_captures_error(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(CaptureError):
        flow_detail(tmp_path / "none.pcap", 1)


def test_one_flow_has_facts_ladder_and_bytes(tmp_path: Path) -> None:
    """Everything a person asks of a connection, in this order."""
    frames = [*HANDSHAKE, request(PSH | ACK, 100, 500, b"GET /\n"), reply(PSH | ACK, 500, 106, b"\x1b[2J\n")]
    text = flow_detail(write(tmp_path / "x.pcapng", frames), 1)
    lines = text.splitlines()
    assert lines[:3] == [
        "Flow 1: tcp 10.0.0.1:40000 to 10.0.0.10:80",
        "6 frames, 335 bytes, handshake",
        "2020-09-13T12:26:40.000000000Z, for 0.005000 s",
    ]
    assert "    2   0.001000  |           |==========>|   same packet as 1, TTL 64 to 63" in lines
    assert lines[-5:] == ["client to service: 6 bytes", "  GET /", "", "service to client: 5 bytes", "  \\x1b[2J"]
    dumped = flow_detail(tmp_path / "x.pcapng", 1, as_hex=True).splitlines()
    assert dumped[-1] == f"00000000  {'1b 5b 32 4a 0a':23}  {'':23}  |.[2J.|"


def test_a_direction_that_was_not_captured_is_told(tmp_path: Path) -> None:
    """The client's acknowledgements show that there was one, and how much it brought."""
    frames = [request(SYN, 99), request(ACK, 100, 500), request(ACK, 100, 9000)]
    text = flow_detail(write(tmp_path / "x.pcapng", frames), 1)
    assert "The service's frames are not in this capture; the client acknowledges what they brought." in text
    assert "service to client: 8,500 bytes, 8,500 of them not captured" in text


def test_an_answer_from_another_address_is_pointed_at(tmp_path: Path) -> None:
    """It is another flow, but of the same client and port."""
    answer = ether(ip4(6, tcp(src=80, dst=40000, flags=SYN | ACK), "10.0.0.100", "10.0.0.1"))
    text = flow_detail(write(tmp_path / "x.pcapng", [*HANDSHAKE[:2], answer]), 1)
    assert "See also flow 2: 10.0.0.1:40000 to 10.0.0.100:80, of the same client and port" in text


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["x.pcapng"], 0, ""),
        (["x.pcapng", "1", "--hex", "--all"], 0, ""),
        (["x.pcapng", "2"], 2, "dsrcheck: error: x.pcapng: no flow 2: it has flows 1 to 1\n"),
        (["-", "1"], 2, "dsrcheck: error: standard input can be read only once, but a flow is read again: "),
        (["none.pcapng", "1"], 4, "dsrcheck: error: none.pcapng: "),
    ],
)
def test_the_command_ends_with_a_status_of_the_contract(
    tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    """One line on standard error, or the text on standard output."""
    write(tmp_path / "x.pcapng", HANDSHAKE)
    place = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    command = [sys.executable, "-m", "dsrcheck", "flow", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, env=place, capture_output=True, text=True, check=False, input="")
    assert ended.returncode == status
    assert ended.stderr.startswith(said)
    assert ended.stderr.count("\n") == bool(said)
    assert bool(ended.stdout) == (status == 0)


@pytest.mark.corpus
def test_any_flow_of_any_capture_can_be_shown(corpus: Path) -> None:
    """Odd, damaged and rare files: no traceback, nothing unescaped, and lines of 80 columns in the ladder."""
    for path in sorted([*corpus.glob("foreign/*/*.pcap*"), *corpus.glob("ipvs/s1*.pcap")]):
        try:
            shown = [flow_list(path), flow_detail(path, 1), flow_detail(path, 1, as_hex=True, everything=True)]
        except (CaptureError, FlowError):
            continue
        for text in shown:
            assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in text.replace("\n", ""))
        assert all(len(line) <= 80 for line in shown[1].splitlines() if re.match(r" *\d+  +\d+\.\d{6}  [|:o]", line))


@pytest.mark.tshark
@pytest.mark.corpus
@pytest.mark.parametrize("name", ["ipvs/s09_tun_healthy.mirror.pcap", "ipvs/s19_dead_service_rs2_rst.mirror.pcap"])
def test_the_list_counts_as_tshark_does(corpus: Path, name: str) -> None:
    """Frames of each TCP conversation, and whether an RST was among them."""
    fields = ["-e", "tcp.stream", "-e", "tcp.flags.reset", "-e", "frame.len"]
    command = ["tshark", "-n", "-r", str(corpus / name), "-Y", "tcp && !icmp", "-T", "fields", *fields]
    oracle: dict[str, list[int]] = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        stream, reset, length = line.split("\t")
        counts = oracle.setdefault(stream, [0, 0, 0])
        counts[0] += 1
        counts[1] += int(length)
        counts[2] |= int(reset)
    found = [
        [int(frames.replace(",", "")), int(size.replace(",", "")), int(state.startswith("reset"))]
        for _, _, _, protocol, frames, size, _, state in rows(flow_list(corpus / name))
        if protocol == "tcp"
    ]
    assert found == list(oracle.values())
