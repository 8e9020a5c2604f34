"""The fold by hand-made frames: what a leg keeps, and what goes to the tables beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dsrcheck.capture import CaptureError, open_capture
from dsrcheck.kernel import columns
from dsrcheck.legs.table import TYPES, cells_type
from tests.kernel import packets
from tests.kernel.batches import START, batch
from tests.kernel.both import versions

FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
UNUSED = (1 << 64) - 1
Rows = list[dict[str, int]]
TOP = (1 << 32) - 1


@pytest.fixture(params=list(versions("fold").items()), ids=lambda version: version[0])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    """The module, interpreted and, where it is built, compiled."""
    module: ModuleType = request.param[1]
    return module


def folded(
    kernel: ModuleType,
    frames: Sequence[bytes],
    times: Sequence[int] | None = None,
    limit: int = 1000,
    link_type: int = 1,
) -> dict[str, Rows]:
    """Fold frames and return all tables, row by row."""
    fold = kernel.Fold(limit)
    fold.fold(batch(frames, times), [link_type])
    tables = {}
    for name, buffer in fold.buffers().items():
        kind = TYPES.get(name) or cells_type(columns.TOTALS)
        tables[name] = [dict(zip(kind.names or (), row.tolist(), strict=True)) for row in np.frombuffer(buffer, kind)]
    return tables


def segment(payload: bytes = b"", *, identity: int = 7, back: bool = False, **fields: Any) -> bytes:
    """A TCP segment in an Ethernet frame, client to VIP or back."""
    src, dst = (packets.VIP, packets.CLIENT) if back else (packets.CLIENT, packets.VIP)
    return packets.ether(packets.ip4(6, packets.tcp(payload, **fields), src, dst, identity=identity))


def only(rows: Rows) -> dict[str, int]:
    """The one row there is."""
    (row,) = rows
    return row


def test_layout_of_the_compiled_kernel() -> None:
    """layout.pxd lists the constants of columns.py: all of them, each with its value."""
    text = (Path(columns.__file__).with_name("layout.pxd")).read_text()
    told = {}
    for block in text.split("cdef enum:")[1:]:
        value = 0
        for name, start in re.findall(r"([A-Z_0-9]+)(?: = ([0-9]+))?", block):
            value = int(start) if start else value
            told[name] = value
            value += 1
    tables = ("PATH_", "LEG_", "RESTART_", "CLAIM_", "ICMP_", "FRAGMENT_", "SYNS_", "RATE_", "TOTAL_")
    assert told == {
        name: value
        for name, value in vars(columns).items()
        if name.startswith(tables) and isinstance(value, int) and name != "LEG_WIDTH"
    }


def test_columns_of_a_leg_share_no_byte() -> None:
    """Columns of three widths fill the row without overlap."""
    used = [offset + place for offset, width in columns.LEG_OFFSETS.values() for place in range(width)]
    assert len(set(used)) == len(used)
    assert max(used) < 8 * columns.LEG_WIDTH


def test_what_a_leg_counts(kernel: ModuleType) -> None:
    """Frames, bytes, payload, times, TTL and lengths of one leg, whose frames come out of order in time."""
    frames = [
        packets.ether(packets.ip4(17, packets.udp(b"x" * size), ttl=ttl, identity=size, tos=0x28)) + b"pad"
        for size, ttl in ((10, 64), (0, 60), (30, 65))
    ]
    leg = only(folded(kernel, frames, [START + 5, START + 3, START + 9])["legs"])
    assert (leg["src_high"], leg["src_low"]) == packets.halves(packets.CLIENT)
    assert (leg["dst_high"], leg["dst_low"]) == packets.halves(packets.VIP)
    assert (leg["protocol"], leg["src_port"], leg["dst_port"], leg["fragment"]) == (17, 40000, 53, 0)
    assert (leg["frames"], leg["bytes"]) == (3, 3 * (14 + 20 + 8 + 3) + 40)
    assert (leg["payload"], leg["longest"]) == (40, 58)
    assert (leg["first_frame"], leg["last_frame"], leg["first_time"], leg["last_time"]) == (1, 3, START + 3, START + 9)
    assert (leg["ttl_min"], leg["ttl_max"], leg["dscp"]) == (60, 65, 10)


def test_totals_and_stations(kernel: ModuleType) -> None:
    """Frames that make no leg are counted; time that runs back is noticed; each path knows its bytes per second."""
    arp = packets.ether(packets.arp(1, packets.CLIENT_MAC, packets.CLIENT, packets.VIP), 0x0806)
    frames = [segment(), arp, b"", segment(seq=5)[:40], b"\0" * 2000]
    times = [START, START + 10**9, START + 10**9 - 7, START + 10**9, START + 10**9]
    tables = folded(kernel, frames, times)
    total = only(tables["totals"])
    assert (total["frames"], total["bytes"]) == (5, sum(map(len, frames)))
    assert (total["undecoded"], total["not_ip"], total["cut"], total["offload"]) == (1, 2, 1, 1)
    assert (total["time_backwards"], total["time_backwards_max"]) == (1, 7)
    assert (total["first_time"], total["last_time"]) == (START, START + 10**9)
    assert [path["frames"] for path in tables["paths"]] == [3, 1]
    seconds = {(row["second"], row["path"]): row["bytes"] for row in tables["throughput"]}
    assert seconds[START // 10**9, 0] == 54
    assert sum(seconds.values()) == total["bytes"]
    assert [leg["src_port"] for leg in tables["legs"]] == [40000, 0]


def test_paths_tell_links_and_tunnels_apart(kernel: ModuleType) -> None:
    """One inner packet untagged, tagged, and in a tunnel: three paths, three legs, one hash."""
    inner = packets.ip4(17, packets.udp(b"q" * 20), identity=9)
    lower = packets.ip4(17, packets.udp(b"q" * 20), identity=9, ttl=63)
    frames = [
        packets.ether(inner),
        packets.ether(packets.tag(17, inner), 0x8100),
        packets.ether(packets.ip4(4, lower, packets.BALANCER, packets.SERVER, ttl=63), dst=packets.SERVER_MAC),
    ]
    tables = folded(kernel, frames)
    assert [(path["vlan"], path["tunnel"]) for path in tables["paths"]] == [(0, 0), (17, 0), (0, 1)]
    outer = tables["paths"][2]
    assert (outer["outer_src_high"], outer["outer_src_low"]) == packets.halves(packets.BALANCER)
    assert (outer["outer_dst_high"], outer["outer_dst_low"]) == packets.halves(packets.SERVER)
    assert len({leg["hash"] for leg in tables["legs"]}) == 1
    assert [leg["outer_ttl_max"] for leg in tables["legs"]] == [0, 0, 63]
    assert [leg["path"] for leg in tables["legs"]] == [0, 1, 2]


def test_a_cut_packet_keeps_its_hash_if_the_prefix_is_there(kernel: ModuleType) -> None:
    """One snap length cuts a tagged frame four bytes earlier: the hash stands on the first 16 bytes of payload only."""
    packet = packets.ip4(6, packets.tcp(b"0123456789abcdef0123456789", flags=ACK))
    plain, tagged = packets.ether(packet)[:74], packets.ether(packets.tag(5, packet), 0x8100)[:74]
    legs = folded(kernel, [plain, tagged])["legs"]
    assert legs[0]["hash"] == legs[1]["hash"]
    assert [leg["hash_cut"] for leg in legs] == [0, 0]
    short = only(folded(kernel, [plain[:69]])["legs"])
    assert short["hash_cut"] == 1
    assert short["hash"] != legs[0]["hash"]


@pytest.mark.parametrize(
    "other",
    [
        segment(b"hello", seq=1001, flags=ACK, window=500),
        segment(b"hello", seq=1002, flags=ACK),
        segment(b"hello", seq=1001, ack=1, flags=ACK),
        segment(b"hello", seq=1001, flags=ACK | PUSH),
        segment(b"hellp", seq=1001, flags=ACK),
        segment(b"hello!", seq=1001, flags=ACK),
        segment(b"hello", seq=1001, flags=ACK, identity=8),
    ],
)
def test_hash_tells_packets_apart(kernel: ModuleType, other: bytes) -> None:
    """Each field that a hop leaves alone counts."""
    one = only(folded(kernel, [segment(b"hello", seq=1001, flags=ACK)])["legs"])
    assert one["hash"] != only(folded(kernel, [other])["legs"])["hash"]


def test_samples_are_the_smallest_hashes(kernel: ModuleType) -> None:
    """The sketch holds the four smallest distinct hashes, in ascending order."""
    frames = [segment(seq=number, flags=ACK) for number in range(9)]
    singles = [only(folded(kernel, [frame])["legs"])["hash"] for frame in frames]
    leg = only(folded(kernel, [*frames, *frames[::-1], frames[3]])["legs"])
    smallest = sorted(range(9), key=singles.__getitem__)[:4]
    assert [leg[f"sample_hash_{place}"] for place in range(4)] == [singles[number] for number in smallest]
    assert leg["hash"] == (2 * sum(singles) + singles[3]) % (1 << 64)
    one = only(folded(kernel, frames[:1])["legs"])
    assert [one[f"sample_hash_{place}"] for place in range(4)] == [singles[0], UNUSED, UNUSED, UNUSED]


def test_handshake_and_progress(kernel: ModuleType) -> None:
    """A client's leg over the wrap of sequence numbers: SYN sent twice, data, a retransmission, FIN."""
    isn = TOP - 2
    frames = [
        segment(seq=isn, flags=SYN),
        segment(seq=isn, flags=SYN, identity=8),
        segment(seq=isn + 1, ack=501, flags=ACK),
        segment(b"12345", seq=isn + 1, ack=501, flags=ACK | PUSH),
        segment(b"6789", seq=3, ack=900, flags=ACK),
        segment(b"12345", seq=isn + 1, ack=501, flags=ACK | PUSH, identity=9),
        segment(seq=7, ack=901, flags=ACK | FIN),
    ]
    times = [START + number for number in range(7)]
    leg = only(folded(kernel, frames, times)["legs"])
    assert (leg["syn"], leg["syn_ack"], leg["fin"], leg["rst"]) == (2, 0, 1, 0)
    assert (leg["isn"], leg["isn_frames"], leg["isn_changes"]) == (isn, 2, 0)
    assert (leg["isn_first_frame"], leg["isn_last_frame"]) == (1, 2)
    assert (leg["isn_first_time"], leg["isn_last_time"]) == (START, START + 1)
    assert (leg["seq_frame"], leg["seq_first"], leg["seq_top"], leg["seq_advance"]) == (1, isn, 8, 11)
    assert (leg["ack_frames"], leg["ack_first"], leg["ack_top"], leg["ack_advance"]) == (5, 501, 901, 400)
    assert leg["restart"] == 0


def test_ports_used_again(kernel: ModuleType) -> None:
    """A SYN with another number begins another connection: the gap does not count, both connections' progress does."""
    frames = [
        segment(seq=1000, flags=SYN),
        segment(b"abc", seq=1001, ack=51, flags=ACK),
        segment(seq=0x9000_0000, flags=SYN, identity=8),
        segment(b"defgh", seq=0x9000_0001, ack=7001, flags=ACK),
        segment(seq=0x9000_0006, ack=7011, flags=ACK),
    ]
    tables = folded(kernel, frames)
    leg, restart = only(tables["legs"]), only(tables["restarts"])
    assert leg["seq_advance"] == 4 + 6
    assert leg["ack_advance"] == 10
    assert (leg["seq_first"], leg["seq_top"], leg["ack_first"], leg["ack_top"]) == (1000, 0x9000_0006, 51, 7011)
    assert (leg["isn"], leg["isn_frames"], leg["isn_changes"]) == (1000, 1, 1)
    assert (leg["isn_other"], leg["restart"]) == (0x9000_0000, 1)
    assert (restart["leg"], restart["isn"], restart["frame"]) == (0, 0x9000_0000, 3)
    assert (restart["seq_top"], restart["seq_advance"], restart["acked"], restart["ack_first"]) == (1004, 4, 1, 7001)


def test_resets_have_no_part_in_progress(kernel: ModuleType) -> None:
    """The numbers of an RST may be anything: a refusal has sequence number 0."""
    frames = [segment(seq=0, ack=1001, flags=RST | ACK), segment(seq=3_000_000_000, flags=RST, identity=8)]
    leg = only(folded(kernel, frames, [START, START + 5])["legs"])
    assert (leg["rst"], leg["rst_frame"], leg["rst_ack"]) == (2, 1, 1)
    assert (leg["seq_frame"], leg["seq_advance"], leg["ack_frames"]) == (0, 0, 0)


def test_mss_is_the_smallest(kernel: ModuleType) -> None:
    """Of the MSS options seen; none is 0."""
    options = [b"", b"\x02\x04\x05\xb4", b"\x02\x04\x05\x64"]
    frames = [
        packets.ether(packets.ip4(6, packets.tcp(seq=number, options=option))) for number, option in enumerate(options)
    ]
    assert only(folded(kernel, frames[:1])["legs"])["mss"] == 0
    assert only(folded(kernel, frames)["legs"])["mss"] == 0x564


def test_echo_errors_and_redirects(kernel: ModuleType) -> None:
    """An echo's leg has the identifier for ports; an error's has type and code, and a row that quotes."""
    quoted = packets.ip4(6, packets.tcp())[:28]
    frames = [
        packets.ether(packets.ip4(1, packets.icmp(8, 0, 0x1234_0001))),
        packets.ether(packets.ip4(1, packets.icmp(8, 0, 0x1234_0002))),
        packets.ether(packets.ip4(1, packets.icmp(0, 0, 0x1234_0001), packets.VIP, packets.CLIENT)),
        packets.ether(packets.ip4(1, packets.icmp(3, 4, 1400, quoted), packets.SERVER, packets.CLIENT)),
    ]
    tables = folded(kernel, frames)
    assert [(leg["src_port"], leg["dst_port"]) for leg in tables["legs"]] == [
        (0x1234, 0x1234),
        (0x1234, 0x1234),
        (3, 4),
    ]
    assert [(leg["echo_requests"], leg["echo_replies"]) for leg in tables["legs"]] == [(2, 0), (0, 1), (0, 0)]
    message = only(tables["icmp"])
    assert (message["type"], message["code"], message["value"], message["frame"]) == (3, 4, 1400, 4)
    assert (message["quoted_dst_high"], message["quoted_dst_low"]) == packets.halves(packets.VIP)
    assert (message["quoted_src_port"], message["quoted_dst_port"]) == (40000, 80)


def test_fragments(kernel: ModuleType) -> None:
    """A first fragment knows the ports; later ones make a leg of their own under the fragment id."""
    frames = [
        packets.ether(packets.ip4(17, packets.udp(b"q" * 16, length=400), identity=0xBEEF, fragment=0x2000)),
        packets.ether(packets.ip4(17, b"later", identity=0xBEEF, fragment=3)),
    ]
    tables = folded(kernel, frames)
    assert [(leg["fragment"], leg["src_port"], leg["dst_port"]) for leg in tables["legs"]] == [
        (0, 40000, 53),
        (1, 0xBEEF, 0),
    ]
    assert tables["legs"][1]["payload"] == 5
    first = only(tables["fragments"])
    assert (first["id"], first["src_port"], first["dst_port"], first["frame"]) == (0xBEEF, 40000, 53, 1)
    assert only(tables["totals"])["cut"] == 0


def test_claims_keep_their_order(kernel: ModuleType) -> None:
    """ARP statements row by row, with who says what of whom."""
    ask = packets.ether(packets.arp(1, packets.CLIENT_MAC, packets.CLIENT, packets.VIP), 0x0806, dst=packets.BROADCAST)
    tell = packets.ether(
        packets.arp(2, packets.BALANCER_MAC, packets.VIP, packets.CLIENT, packets.CLIENT_MAC),
        0x0806, src=packets.BALANCER_MAC, dst=packets.CLIENT_MAC,
    )  # fmt: skip
    tables = folded(kernel, [ask, tell])
    assert [(claim["kind"], claim["frame"]) for claim in tables["claims"]] == [(1, 1), (2, 2)]
    reply = tables["claims"][1]
    assert reply["mac"] == reply["src_mac"] == packets.mac_number(packets.BALANCER_MAC)
    assert (reply["high"], reply["low"]) == packets.halves(packets.VIP)
    assert (reply["target_high"], reply["target_low"]) == packets.halves(packets.CLIENT)
    assert tables["legs"] == []


def test_syns_by_second(kernel: ModuleType) -> None:
    """SYNs without ACK, by destination and second."""
    frames = [segment(seq=number, src=1000 + number, flags=SYN) for number in range(5)]
    frames += [segment(flags=SYN | ACK, back=True)]
    times = [START, START, START + 10**9, START + 10**9, START + 10**9, START + 10**9]
    rows = folded(kernel, frames, times)["syn_rate"]
    assert [(row["second"] - START // 10**9, row["syns"]) for row in rows] == [(0, 2), (1, 3)]
    assert {(row["dst_high"], row["dst_low"]) for row in rows} == {packets.halves(packets.VIP)}


def test_twins(kernel: ModuleType) -> None:
    """Equal bytes within a millisecond, either way in time, are one frame; a later one, and another TTL, are not."""
    lower = packets.ether(packets.ip4(6, packets.tcp(), ttl=63))
    frames = [segment(), segment(), lower, segment(), segment()]
    times = [START, START + 1_000_000, START + 1_000_001, START + 500_000, START + 1_500_001]
    tables = folded(kernel, frames, times)
    assert only(tables["totals"])["twins"] == 2
    leg = only(tables["legs"])
    assert (leg["frames"], leg["last_frame"]) == (3, 5)
    far = [segment(), *[segment(seq=number) for number in range(600)], segment()]
    assert only(folded(kernel, far, [START] * len(far))["totals"])["twins"] == 0


def test_many_legs(kernel: ModuleType) -> None:
    """Tables grow, and every leg is found again."""
    frames = [segment(src=port, dst=port % 7, flags=ACK, identity=turn) for turn in range(2) for port in range(3000)]
    tables = folded(kernel, frames, limit=10_000)
    assert [(leg["src_port"], leg["dst_port"], leg["frames"]) for leg in tables["legs"]] == [
        (p, p % 7, 2) for p in range(3000)
    ]
    assert [leg["first_frame"] for leg in tables["legs"]] == list(range(1, 3001))


def test_a_flood_folds_the_smallest_legs(kernel: ModuleType) -> None:
    """Past the limit the legs of a frame each go into the totals; a long one stays, and its restarts with it."""
    steady = [segment(b"x", src=9, seq=number * 2, flags=ACK if number % 50 else SYN) for number in range(200)]
    flood = [segment(src=20_000 + number, seq=number, flags=SYN) for number in range(2000)]
    frames = [frame for pair in zip(flood, (steady * 10), strict=True) for frame in pair]
    times = [START + 2_000_000 * number for number in range(len(frames))]
    tables = folded(kernel, frames, times, limit=64)
    total = only(tables["totals"])
    assert len(tables["legs"]) <= 64
    assert total["folded_legs"] == total["folded_frames"] == 2001 - len(tables["legs"])
    assert total["folded_bytes"] == 54 * total["folded_legs"]
    kept = [leg for leg in tables["legs"] if leg["src_port"] == 9]
    assert only(kept)["frames"] == 2000
    place = tables["legs"].index(kept[0])
    mine = [row for row in tables["restarts"] if row["leg"] == place]
    assert len(mine) == kept[0]["isn_changes"]
    assert tables["restarts"][kept[0]["restart"] - 1] == mine[-1]


def test_frames_outside_their_data_are_refused(kernel: ModuleType) -> None:
    """A batch that points outside its bytes is a mistake of its maker, not a way to read memory."""
    wrong = batch([segment()])
    wrong.captured[0] += 1
    with pytest.raises(ValueError, match="outside its 54 bytes"):
        kernel.Fold().fold(wrong, [1])


def test_unknown_interfaces_are_not_decoded(kernel: ModuleType) -> None:
    """A frame of an interface that nobody described has no link type."""
    fold = kernel.Fold()
    fold.fold(batch([segment()], interfaces=[3]), [1])
    assert fold.buffers()["totals"].tolist()[columns.TOTAL_UNDECODED] == 1


MOST_FRAMES = 2000
"""Frames of a capture that the interpreter folds as well."""


def tables_of(module: ModuleType, path: Path) -> dict[str, bytes]:
    """Every cell of every table of the first frames of a capture; nothing where it cannot be read at all."""
    fold = module.Fold()
    try:
        with open_capture(path) as capture:
            for frames in capture.batches():
                fold.fold(frames.part(0, MOST_FRAMES), [interface.link_type for interface in capture.interfaces])
                if capture.frames >= MOST_FRAMES:
                    break
    except CaptureError:
        return {}
    return {name: bytes(buffer) for name, buffer in fold.buffers().items()}


@pytest.mark.corpus
def test_compiled_and_interpreted_give_the_same_bytes(corpus: Path) -> None:
    """Every cell of every table, on every capture there is."""
    captures = [path for path in sorted(corpus.rglob("*")) if path.is_file()]
    read = 0
    for path in captures:
        one, *others = (tables_of(module, path) for module in versions("fold").values())
        assert all(tables == one for tables in others), path
        read += bool(one.get("legs"))
    assert read > len(captures) / 2
