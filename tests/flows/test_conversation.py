"""What both ends say: streams and datagrams from the frames of a flow."""

from __future__ import annotations

from pathlib import Path

from dsrcheck.flows.streams import Gap
from tests.flows.packets import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    TCP_FLOW,
    UDP_FLOW,
    conversation,
    datagram,
    forward,
    reply,
    request,
    write,
)
from tests.kernel.packets import CLIENT, GATEWAY, SERVER_MAC, ether, icmp, ip4, tcp, udp


def test_a_connection_says_each_byte_once(tmp_path: Path) -> None:
    """Request and forward of a packet are one; both directions are told apart."""
    frames = [
        request(SYN, 99), forward(SYN, 99), reply(SYN | ACK, 499, 100), request(PSH | ACK, 100, 500, b"hello"),
        forward(PSH | ACK, 100, 500, b"hello"), reply(PSH | ACK, 500, 105, b"world"), reply(FIN | ACK, 505, 105),
    ]  # fmt: skip
    found = conversation(write(tmp_path / "x.pcapng", frames), TCP_FLOW)
    assert [stream.pieces for stream in found.said(True).streams] == [(b"hello",)]
    assert [stream.pieces for stream in found.said(False).streams] == [(b"world",)]
    assert [stream.closed for stream in found.said(False).streams] == [True]


def test_what_was_not_captured_is_a_gap_of_known_length(tmp_path: Path) -> None:
    """Payloads cut by the snap length, and replies that only the client's acknowledgements tell of."""
    frames = [
        request(SYN, 99),
        request(ACK, 100, 500),
        request(PSH | ACK, 100, 500, b"0123456789"),
        request(ACK, 110, 1500),
    ]
    found = conversation(write(tmp_path / "x.pcapng", frames, cut=14 + 40 + 4), TCP_FLOW)
    assert [stream.pieces for stream in found.said(True).streams] == [(b"0123", Gap(6))]
    assert [stream.pieces for stream in found.said(False).streams] == [(Gap(1000),)]


def test_the_text_of_a_reset_is_not_of_the_stream(tmp_path: Path) -> None:
    """Some stacks say why they reset (RFC 9293, 3.5.2)."""
    frames = [request(SYN, 99), request(PSH | ACK, 100, 500, b"data"), request(RST | ACK, 104, 500, b"go away")]
    found = conversation(write(tmp_path / "x.pcapng", frames), TCP_FLOW)
    assert [stream.pieces for stream in found.said(True).streams] == [(b"data",)]


def test_a_segment_in_fragments_is_put_together(tmp_path: Path) -> None:
    """TCP options and all: later fragments begin where the header and the first fragment's payload end."""
    options = b"\x01" * 12
    whole = tcp(b"0123456789abcdefghijklmnop", seq=100, ack=1, flags=PSH | ACK, options=options)
    first = ether(ip4(6, whole[:40], identity=9, fragment=0x2000))
    last = ether(ip4(6, whole[40:], identity=9, fragment=5))
    found = conversation(write(tmp_path / "x.pcapng", [last, first]), TCP_FLOW)
    assert [stream.pieces for stream in found.said(True).streams] == [(b"0123456789abcdefghijklmnop",)]


def test_datagrams_come_in_order_and_once(tmp_path: Path) -> None:
    """A datagram passed on is one; the same words in another packet are another."""
    frames = [
        datagram(b"one", identity=1), datagram(b"one", identity=1, ttl=63, dst=SERVER_MAC),
        datagram(b"two", identity=2), datagram(b"one", identity=3), datagram(b"answer", identity=4, answer=True),
    ]  # fmt: skip
    found = conversation(write(tmp_path / "x.pcapng", frames), UDP_FLOW)
    assert [(said.number, said.pieces) for said in found.said(True).datagrams] == [
        (1, (b"one",)), (3, (b"two",)), (4, (b"one",)),
    ]  # fmt: skip
    assert [said.pieces for said in found.said(False).datagrams] == [(b"answer",)]


def test_a_datagram_in_fragments_is_put_together(tmp_path: Path) -> None:
    """In whatever order, once for both hops; a fragment that was not captured is a gap."""
    payload = bytes(range(40))
    whole = udp(payload)

    def piece(at: int, ttl: int, dst: str, size: int = 16) -> bytes:
        more = 0x2000 if at + size < len(whole) else 0
        return ether(ip4(17, whole[at : at + size], identity=9, fragment=more | at // 8, ttl=ttl), dst=dst)

    here, there = (64, "00:01:aa:bb:cc:0a"), (63, SERVER_MAC)
    frames = [piece(32, *here), piece(0, *here), piece(16, *here), *(piece(at, *there) for at in (0, 16, 32))]
    found = conversation(write(tmp_path / "x.pcapng", frames), UDP_FLOW)
    assert [(said.number, said.pieces) for said in found.said(True).datagrams] == [(2, (payload,))]
    found = conversation(write(tmp_path / "y.pcapng", [frames[0], frames[1]]), UDP_FLOW)
    assert [said.pieces for said in found.said(True).datagrams] == [(payload[:8], Gap(16), payload[24:])]


def test_an_error_about_the_flow_says_nothing_in_it(tmp_path: Path) -> None:
    """ICMP errors are frames of the flow, not words of its ends."""
    error = ether(ip4(1, icmp(3, 3, 0, ip4(17, udp(b"one"))), GATEWAY, CLIENT))
    found = conversation(write(tmp_path / "x.pcapng", [datagram(b"one", identity=1), error]), UDP_FLOW)
    assert [said.pieces for said in found.said(True).datagrams] == [(b"one",)]
    assert found.said(False).datagrams == ()
