"""How much work is done, counted and not timed: what a frame costs must not hang on how many there are, and so on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from dsrcheck import compiled
from dsrcheck.analysis import judge
from dsrcheck.capture import Interface, open_capture
from dsrcheck.capture.batch import BATCH_FRAMES
from dsrcheck.capture.reader import CHUNK
from dsrcheck.kernel.fold import Fold
from dsrcheck.legs import Legs, read_legs
from dsrcheck.rules import load_rules
from tests.capture.blocks import pcap_header, pcap_record
from tests.kernel import packets
from tests.kernel.batches import batch

BALANCER, SERVER, GATEWAY = packets.BALANCER_MAC, packets.SERVER_MAC, "00:01:aa:bb:cc:fe"
SYN, ACK = 2, 16

needs_compiled = pytest.mark.skipif(bool(compiled.interpreted_modules()), reason="counts calls of the compiled kernel")


def calls(work: Callable[[], object]) -> int:
    """Count the calls, of Python functions and of C functions, that some work takes."""
    found = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def connection(number: int) -> list[bytes]:
    """A SYN from behind the gateway, the same one forwarded by the balancer, and the server's SYN-ACK."""
    client, port = f"198.51.{number >> 8 & 255}.{number & 255}", 40000 + number % 20000
    syn = packets.ip4(
        6, packets.tcp(src=port, seq=number, flags=SYN), client, packets.VIP, ttl=63, identity=number & 0xFFFF
    )
    answer = packets.ip4(6, packets.tcp(src=80, dst=port, ack=number + 1, flags=SYN | ACK), packets.VIP, client)
    return [
        packets.ether(syn, src=GATEWAY, dst=BALANCER),
        packets.ether(syn, src=BALANCER, dst=SERVER),
        packets.ether(answer, src=SERVER, dst=GATEWAY),
    ]


def balanced(connections: int) -> Legs:
    """The legs of so many balanced connections, and the ARP that tells whose the VIP is."""
    told = packets.arp(2, BALANCER, packets.VIP, packets.GATEWAY, GATEWAY)
    frames = [packets.ether(told, 0x0806, src=BALANCER, dst=GATEWAY)]
    frames += [frame for number in range(connections) for frame in connection(number)]
    fold = Fold()
    fold.fold(batch(frames), [1])
    return Legs.of(fold, [Interface()]).whole()


@needs_compiled
def test_no_call_for_a_frame(tmp_path: Path) -> None:
    """Reading and folding calls functions for each batch, none for a frame."""
    path = tmp_path / "many.pcap"
    frame = connection(1)[0]

    def read(count: int) -> int:
        path.write_bytes(pcap_header() + pcap_record(frame) * count)
        return calls(lambda: read_legs(path))

    read(BATCH_FRAMES)
    few, many = read(BATCH_FRAMES), read(9 * BATCH_FRAMES)
    assert (many - few) / (8 * BATCH_FRAMES) < 0.02


@needs_compiled
def test_no_call_for_a_leg_or_a_flow() -> None:
    """From legs to the report, four times as many connections take as many calls: columns all the way."""
    rules = load_rules([])
    few, many = balanced(500), balanced(2000)
    judge(few, rules)
    assert judge(many, rules).report.verdict == judge(few, rules).report.verdict
    assert len(many.legs) == 4 * len(few.legs) == 6000
    assert calls(lambda: judge(many, rules)) < 1.02 * calls(lambda: judge(few, rules))


def strangers(connections: int) -> Legs:
    """The legs of so many connections, each of other hosts, that all run between two routers; nothing is balanced."""
    frames = []
    for number in range(connections):
        client, server = (f"{net}.51.{number >> 8 & 255}.{number & 255}" for net in (198, 203))
        port = 40000 + number % 20000
        syn = packets.ip4(6, packets.tcp(src=port, seq=number, flags=SYN), client, server, identity=number & 0xFFFF)
        answer = packets.ip4(6, packets.tcp(src=80, dst=port, ack=number + 1, flags=SYN | ACK), server, client)
        frames += [packets.ether(syn, src=GATEWAY, dst=BALANCER), packets.ether(answer, src=BALANCER, dst=GATEWAY)]
    fold = Fold()
    fold.fold(batch(frames), [1])
    return Legs.of(fold, [Interface()]).whole()


@needs_compiled
def test_no_call_for_an_address() -> None:
    """Hosts that nothing is known of but their addresses take no calls either, however many a router stands for."""
    rules = load_rules([])
    few, many = strangers(500), strangers(2000)
    judge(few, rules)
    assert len(many.legs) == 4 * len(few.legs) == 4000
    assert calls(lambda: judge(many, rules)) < 1.02 * calls(lambda: judge(few, rules))


@needs_compiled
def test_no_call_for_a_leg_that_merges() -> None:
    """Two pieces of a capture merge in as many calls for many legs as for few."""
    few, many = balanced(500), balanced(2000)
    Legs.merge(few, few)
    assert calls(lambda: Legs.merge(many, many)) < 1.1 * calls(lambda: Legs.merge(few, few))


def test_bytes_of_a_leg() -> None:
    """What the fold keeps of a leg, and of a thousand frames of one leg."""
    frames = [frame for number in range(1000) for frame in connection(number)]
    fold = Fold()
    fold.fold(batch(frames), [1])
    assert fold.buffers()["legs"].nbytes == 256 * 3000
    steady = Fold()
    steady.fold(batch([connection(1)[0]] * 1000), [1])
    assert steady.buffers()["legs"].nbytes == 256


def test_bytes_are_read_once(tmp_path: Path) -> None:
    """The bytes of all buffers that batches come in are hardly more than those of the file."""
    content = pcap_header() + pcap_record(connection(1)[0] + bytes(500)) * 20_000
    path = tmp_path / "large.pcap"
    path.write_bytes(content)
    with open_capture(path) as capture:
        buffers = {id(part.data): part.data for part in capture.batches()}
    assert len(content) > 10 * CHUNK
    assert sum(len(data) for data in buffers.values()) < 1.01 * len(content)
