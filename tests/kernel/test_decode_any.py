"""Any bytes: nothing is raised, nothing is read that was not captured, nothing is left over from the frame before."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.kernel import packets as p
from tests.kernel.both import interpreted, versions

VERSIONS = versions("decode")
ATTRIBUTES = sorted(name for name in vars(interpreted("decode").Frame()) if not name.startswith("_"))
LINK_TYPES = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276]

INNER4, INNER6 = p.ip4(6, p.tcp(b"inner")), p.ip6(17, p.udp(b"inner"))
SYN = p.tcp(options=bytes.fromhex("020405b40402080a000000110000000001030307"))
QUOTE6 = p.ip6(44, struct.pack(">BBHI", 6, 0, 0, 5) + p.tcp()[:8])
LINK_LAYER_OPTION = bytes([1, 1]) + p.mac(p.SERVER_MAC)
FRAMES = [
    p.ether(p.ip4(6, SYN)),
    p.ether(p.tag(10, p.tag(20, INNER6), 0x88A8), 0x8100),
    p.ether(bytes.fromhex("aaaa030000000800") + INNER4, 53),
    p.ether(p.arp(1, p.SERVER_MAC, p.VIP, p.VIP), 0x0806, dst=p.BROADCAST),
    p.ether(p.ip4(1, p.icmp(3, 4, 1400, INNER4[:28]))),
    p.ether(p.ip6(58, p.icmp(2, 0, 1280, QUOTE6))),
    p.ether(p.ip6(58, p.icmp(135, 0, 0, p.packed(p.VIP6) + LINK_LAYER_OPTION), hops=255)),
    p.ether(p.ip6(58, p.icmp(137, 0, 0, p.packed(p.VIP6) * 2 + LINK_LAYER_OPTION + bytes([4, 8, *bytes(6)]) + QUOTE6))),
    p.ether(p.ip6(0, bytes([60, 0, *bytes(6), 51, 0, *bytes(6), 44, 1, *bytes(10), 6, 0, *bytes(6)]) + p.tcp())),
    p.ether(p.ip4(4, p.ip6(4, p.ip4(41, INNER6)))),
    p.ether(p.ip6(47, p.gre(p.ether(p.tag(5, INNER4), 0x8100), 0x6558, 0xB000))),
    p.ether(p.ip4(17, p.udp(p.gue(INNER6, bytes(8)), dst=19523))),
    p.ether(p.ip4(17, p.udp(INNER4, dst=6080))),
    p.ether(p.ip6(17, p.udp(p.geneve(p.ether(INNER4), 0x6558, bytes(8)), dst=6081))),
    p.ether(p.ip4(132, p.udp(bytes(10)))),
]


class Guarded:
    """Bytes of which only one frame's may be read."""

    def __init__(self, data: bytes, offset: int, captured: int) -> None:
        self.data, self.first, self.last = data, offset, offset + captured - 1

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, at: int) -> int:
        assert self.first <= at <= self.last, f"read at {at}, captured are {self.first} to {self.last}"
        return self.data[at]


def attributes(frame: Any) -> dict[str, int]:
    """Return all that a frame tells."""
    return {name: getattr(frame, name) for name in ATTRIBUTES}


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Return a good frame with some octets changed and its end cut or extended."""
    octets = bytearray(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.integers(0, len(octets)))]) if draw(st.booleans()) else bytes(octets)


@st.composite
def captured_frames(draw: st.DrawFn) -> tuple[bytes, int, int]:
    """Return octets, a link type that need not be theirs, and an original length."""
    octets = draw(st.one_of(st.binary(max_size=120), spoiled()))
    link_type = draw(st.one_of(st.just(1), st.sampled_from(LINK_TYPES)))
    if link_type == 1 or not draw(st.booleans()):
        return octets, link_type, draw(st.one_of(st.just(len(octets)), st.integers(0, 2**31)))
    cooked = {0: bytes([2, 0, 0, 0]), 108: bytes([0, 0, 0, 30]), 113: bytes([0, 0, 0, 1, 0, 6, *bytes(8)])}
    return cooked.get(link_type, b"") + octets[12 if link_type == 113 else 14 :], link_type, len(octets)


@pytest.mark.parametrize("octets", FRAMES)
def test_the_good_frames_are_good(octets: bytes) -> None:
    """What the other tests spoil is readable to begin with."""
    frame = interpreted("decode").Frame()
    assert frame.decode(octets, 0, len(octets), len(octets), 1) == (2 if octets[12:14] == b"\x08\x06" else 4)


@settings(max_examples=600)
@given(captured_frames(), st.integers(0, 5))
def test_only_captured_bytes_are_read(captured: tuple[bytes, int, int], offset: int) -> None:
    """The interpreted source never asks for a byte outside of the frame, whatever the frame says of itself."""
    octets, link_type, original = captured
    data = Guarded(bytes(offset) + octets + bytes(200), offset, len(octets))
    frame = interpreted("decode").Frame()
    reach = frame.decode(data, offset, len(octets), original, link_type)
    assert reach in (0, 2, 3, 4)
    assert all(value >= 0 for value in attributes(frame).values())
    assert frame.payload_captured == 0 or frame.payload_offset + frame.payload_captured <= offset + len(octets)


@settings(max_examples=600)
@given(captured_frames(), captured_frames(), st.binary(max_size=80))
@example((FRAMES[0], 1, 74), (FRAMES[9], 1, 20), b"")
@example((b"", 1, 0), (FRAMES[4], 1, 70), b"")
def test_a_frame_is_told_alike_everywhere(
    captured: tuple[bytes, int, int], before: tuple[bytes, int, int], behind: bytes
) -> None:
    """In every version of the kernel: by what is captured alone, not by what stands behind it or was decoded before."""
    octets, link_type, original = captured
    fresh = interpreted("decode").Frame()
    fresh.decode(octets, 0, len(octets), original, link_type)
    for module in VERSIONS.values():
        frame = module.Frame()
        frame.decode(before[0], 0, len(before[0]), before[2], before[1])
        frame.decode(octets + behind, 0, len(octets), original, link_type)
        assert attributes(frame) == attributes(fresh)
