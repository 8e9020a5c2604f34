"""Captures to legs: against tshark's reading of real captures, and what is known of them."""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dsrcheck.addresses import ip_text, mac_text
from dsrcheck.capture import CaptureError, CaptureWriter, Interface
from dsrcheck.capture.batch import BATCH_FRAMES
from dsrcheck.legs import Legs, Table, read_legs
from dsrcheck.legs.table import from_matrix
from tests.kernel import packets
from tests.kernel.batches import START

ROOT = Path(__file__).resolve().parent.parent.parent
UNUSED = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
FIELDS = [
    *("eth.src", "eth.dst", "vlan.id", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.ttl", "ipv6.hlim", "icmp"),
    *("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "tcp.len", "frame.len", "tcp.flags.syn"),
]

Key = tuple[str, ...]


def leg_keys(legs: Legs) -> list[Key]:
    """The MACs, VLAN, addresses and ports of each leg, as text."""
    path = legs.legs.signed("path")
    paths, table = legs.paths.take(path), legs.legs
    sides = [[mac_text(mac) for mac in paths[name].tolist()] for name in ("src_mac", "dst_mac")]
    sides.append([str(vlan or "") for vlan in paths["vlan"].tolist()])
    for side in ("src", "dst"):
        halves = zip(table[f"{side}_high"].tolist(), table[f"{side}_low"].tolist(), strict=True)
        sides.append([ip_text(*address) for address in halves])
    sides += [[str(port) for port in table[name].tolist()] for name in ("src_port", "dst_port")]
    return list(zip(*sides, strict=True))


def tshark_legs(path: Path) -> dict[Key, Counter[str]]:
    """TCP and UDP legs as tshark counts them: frames, bytes, payload, SYNs; and the TTLs it saw."""
    command = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-T",
        "fields",
        "-E",
        "occurrence=l",
        "-o",
        "tcp.desegment_tcp_streams:FALSE",
    ]
    command += [part for field in FIELDS for part in ("-e", field)]
    legs: dict[Key, Counter[str]] = defaultdict(Counter)
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        row = dict(zip(FIELDS, line.split("\t"), strict=True))
        protocol = "tcp" if row["tcp.srcport"] else "udp"
        if row["icmp"] or not row[f"{protocol}.srcport"]:
            continue
        ends = [row["ip.src"] or row["ipv6.src"], row["ip.dst"] or row["ipv6.dst"]]
        ports = [row[f"{protocol}.{side}"] for side in ("srcport", "dstport")]
        key = (row["eth.src"], row["eth.dst"], row["vlan.id"], *ends, *ports)
        syn = row["tcp.flags.syn"] in ("1", "True")
        legs[key] += Counter(frames=1, bytes=int(row["frame.len"]), payload=int(row["tcp.len"] or 0), syns=int(syn))
        legs[key][f"ttl {row['ip.ttl'] or row['ipv6.hlim']}"] = 1
    return legs


@pytest.mark.tshark
@pytest.mark.corpus
@pytest.mark.parametrize(
    "name",
    [
        "s01_dr_sh_healthy.br0", "s02c_dr_rr_offload_on.lb1", "s07c_return_via_director_only_rs2.lb1",
        "s08_nat_onearm_healthy.rs1", "s14_udp_rs2_answers_with_rip.mirror", "s16_ipv6_dr_healthy.mirror",
        "s17_vlan_tagged_healthy.mirror", "s18_synflood_onehost.lb1",
    ],
)  # fmt: skip
def test_legs_are_those_tshark_counts(corpus: Path, name: str) -> None:
    """Frames, bytes, payload, SYNs and TTLs of every TCP and UDP leg."""
    path = corpus / "ipvs" / f"{name}.pcap"
    legs, expected = read_legs(path), tshark_legs(path)
    table, keys = legs.legs, leg_keys(legs)
    assert legs.totals["twins"] == 0
    rows = [row for row, protocol in enumerate(table["protocol"].tolist()) if protocol in (6, 17)]
    assert {keys[row] for row in rows} == set(expected)
    for row in rows:
        oracle = expected[keys[row]]
        assert table["frames"][row] == oracle["frames"]
        assert table["bytes"][row] == oracle["bytes"]
        ttls = [int(seen.split()[1]) for seen in oracle if seen.startswith("ttl")]
        assert (table["ttl_min"][row], table["ttl_max"][row]) == (min(ttls), max(ttls))
        if table["protocol"][row] == 6:
            assert table["payload"][row] == oracle["payload"]
            assert table["syn"][row] + table["syn_ack"][row] == oracle["syns"]


def hops(legs: Legs, same: tuple[str, ...]) -> list[tuple[int, int]]:
    """Pairs of TCP legs that agree in some columns: a request and its forward."""
    table = legs.legs
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row in np.flatnonzero((table["protocol"] == 6) & (table["dst_port"] == 80)).tolist():
        groups[tuple(int(table[name][row]) for name in same)].append(row)
    return [pair for rows in groups.values() for pair in pairwise(rows)]


def samples(table: Table, row: int) -> set[int]:
    """The packet hashes in a leg's sketch."""
    return {int(table[f"sample_hash_{place}"][row]) for place in range(4)} - {int(UNUSED)}


FIVE_TUPLE = ("src_high", "src_low", "dst_high", "dst_low", "src_port", "dst_port")


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "same", "least"),
    [
        ("s01_dr_sh_healthy.br0", FIVE_TUPLE, 20),
        ("s09_tun_healthy.mirror", FIVE_TUPLE, 20),
        ("s16_ipv6_dr_healthy.mirror", FIVE_TUPLE, 20),
        ("s17_vlan_tagged_healthy.mirror", FIVE_TUPLE, 20),
        ("s08_nat_onearm_healthy.mirror", ("src_high", "src_low", "src_port", "dst_port"), 20),
    ],
)
def test_request_and_forward_carry_the_same_packets(corpus: Path, name: str, same: tuple[str, ...], least: int) -> None:
    """Two hops of one path have equal hashes and samples: direct routing, tunnel, VLAN, and address translation too."""
    legs = read_legs(corpus / "ipvs" / f"{name}.pcap")
    table, pairs = legs.legs, hops(legs, same)
    assert len(pairs) >= least
    equal = [pair for pair in pairs if table["hash"][pair[0]] == table["hash"][pair[1]]]
    assert len(equal) >= 0.9 * len(pairs)
    for one, other in pairs:
        assert table["frames"][one] == 0 or samples(table, one) & samples(table, other)
    for one, other in equal:
        assert samples(table, one) == samples(table, other)
        assert table["frames"][one] == table["frames"][other]


@pytest.mark.corpus
def test_mirror_copies_are_twins(corpus: Path) -> None:
    """A mirror of both directions shows unicast twice; other pairs of copies come a fraction of a millisecond apart."""
    legs = read_legs(corpus / "ipvs" / "s02b_dr_rr_healthy_span_rxtx_dup.mirror.pcap")
    assert legs.totals["frames"] == 4424
    assert legs.totals["twins"] > 2200
    known = read_legs(corpus / "foreign" / "not-dsr" / "zeek__ctu-62604-80.pcap")
    assert (known.totals["frames"], known.totals["twins"]) == (20, 10)


def write(path: Path, frames: list[bytes], interfaces: int = 1) -> Path:
    """A capture of frames, spread over its interfaces in turn."""
    with CaptureWriter(path, [Interface(index) for index in range(interfaces)]) as writer:
        for number, frame in enumerate(frames):
            writer.write(START + 10**7 * number, frame, interface=number % interfaces)
    return path


def frame(port: int, seq: int = 1) -> bytes:
    """A SYN from a port."""
    return packets.ether(packets.ip4(6, packets.tcp(src=port, seq=seq)))


def test_facts_of_a_capture(tmp_path: Path) -> None:
    """What the capture says of itself stands beside the tables."""
    path = write(tmp_path / "one.pcapng", [frame(1), frame(2), frame(3)], interfaces=2)
    legs = read_legs(path)
    (facts,) = legs.captures
    assert (facts.path, facts.format, facts.frames, facts.bytes) == (str(path), "pcapng", 3, 3 * 54)
    assert (facts.first_time, facts.last_time) == (START, START + 2 * 10**7)
    assert (facts.truncated, facts.dropped, facts.interrupted) == (None, None, False)
    assert [interface.index for interface in facts.interfaces] == [0, 1]
    assert [known.capture for known in legs.interfaces] == [0, 0]
    assert legs.paths["interface"].tolist() == [0, 1]
    assert legs.stations["interface"].tolist() == [0, 0, 1, 1]
    assert legs.stations["sent"].tolist() == [2, 0, 1, 0]
    assert legs.stations["received"].tolist() == [0, 2, 0, 1]


def test_a_cut_capture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """The whole frames count, and the facts say where it ends."""
    path = write(tmp_path / "cut.pcapng", [frame(1), frame(2)])
    path.write_bytes(path.read_bytes()[:-20])
    legs = read_legs(path)
    assert legs.captures[0].truncated is not None
    assert legs.totals["frames"] == len(legs.legs) == 1


def test_an_empty_capture(tmp_path: Path) -> None:
    """No frames make empty tables, and no times."""
    legs = read_legs(write(tmp_path / "none.pcapng", []))
    assert not legs.legs
    assert not legs.stations
    assert (legs.captures[0].first_time, legs.captures[0].last_time) == (None, None)
    assert read_legs([]).captures == ()


def test_legs_come_in_order_of_their_first_frame() -> None:
    """Flows, hops and steps rest on it, and sort nothing again."""
    captures = sorted((ROOT / "pcaps").glob("*/*.pcap*"))
    assert len(captures) > 30
    for capture in captures:
        first = read_legs(capture).legs.signed("first_frame")
        assert (first[1:] > first[:-1]).all(), capture
    both = read_legs(captures[:2])
    alone = [read_legs(capture).legs["first_frame"].tolist() for capture in captures[:2]]
    assert both.legs["first_frame"].tolist() == [*alone[0], *alone[1]]


def test_what_is_no_capture(tmp_path: Path) -> None:
    """It is an error that names the file."""
    (tmp_path / "x").write_text("no capture at all, but long enough for its head")
    with pytest.raises(CaptureError, match="x"):
        read_legs(tmp_path / "x")


def test_captures_are_joined(tmp_path: Path) -> None:
    """Interfaces, paths and legs are renumbered, frames keep their numbers, a restart stays with its leg."""
    ports = [1, 2, 1, 2]
    first = write(tmp_path / "a.pcapng", [frame(port, number) for number, port in enumerate(ports)], interfaces=2)
    second = write(tmp_path / "b.pcapng", [frame(port, number) for number, port in enumerate([7, *ports])])
    legs = read_legs([first, second])
    assert [known.capture for known in legs.interfaces] == [0, 0, 1]
    assert legs.paths["interface"].tolist() == [0, 1, 2]
    assert legs.legs["path"].tolist() == [0, 1, 2, 2, 2]
    assert legs.legs["src_port"].tolist() == [1, 2, 7, 1, 2]
    assert legs.legs["first_frame"].tolist() == [1, 2, 1, 2, 3]
    assert legs.restarts["leg"].tolist() == [0, 1, 3, 4]
    assert legs.restarts["frame"].tolist() == [3, 4, 4, 5]
    assert legs.legs["restart"].tolist() == [1, 2, 0, 3, 4]
    assert legs.totals["frames"] == 9
    assert legs.totals["time_backwards"] == 0  # captures have clocks of their own
    assert [facts.path for facts in legs.captures] == [str(first), str(second)]


def test_memory_is_that_of_legs(tmp_path: Path) -> None:
    """Frames of one leg add no rows anywhere."""
    legs = read_legs(write(tmp_path / "long.pcapng", [frame(1)] * 3000))
    assert {name: len(table) for name, table in legs.tables.items() if table} == {
        "paths": 1, "legs": 1, "syn_rate": 30, "throughput": 30
    }  # fmt: skip


def test_tables_are_views() -> None:
    """A column is a view of the rows; an unknown name is a KeyError; a mask and positions take rows."""
    table = from_matrix(("a", "b"), np.arange(6, dtype=np.uint64).reshape(3, 2))
    assert table["b"].base is not None
    assert table["b"].tolist() == [1, 3, 5]
    assert list(table) == ["a", "b"]
    assert table.take(np.array([2, 0])).signed("a").tolist() == [4, 0]
    assert table.take(table["a"] > 1)["a"].tolist() == [2, 4]
    with pytest.raises(KeyError):
        table["c"]


def test_who_stops_reading(tmp_path: Path) -> None:
    """A watch ends it all, and the capture says that it is cut; it is told of every byte and frame."""
    paths = [write(tmp_path / f"{number}.pcapng", [frame(port) for port in range(9000)]) for number in range(2)]
    told = np.zeros(2, int)

    def watch(read: int, frames: int) -> bool:
        told[:] += read, frames
        return False

    assert len(read_legs(paths, watch=watch).captures) == 2
    assert told.tolist() == [sum(path.stat().st_size for path in paths), 18_000]
    (facts,) = read_legs(paths, watch=lambda read, frames: True).captures
    assert 0 < facts.frames <= BATCH_FRAMES  # after one batch
    assert facts.interrupted
    assert facts.truncated == f"reading was interrupted (after frame {facts.frames})"


def test_ctrl_c_on_a_pipe_leaves_other_captures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends that capture only, of which nothing is missing."""
    path = write(tmp_path / "one.pcapng", [frame(1)])
    first = read_legs(path)
    ended = replace(first, captures=(replace(first.captures[0], interrupted=True),))
    monkeypatch.setattr("dsrcheck.legs.read.read_capture", lambda *arguments: ended)
    assert len(read_legs([path, path]).captures) == 2
