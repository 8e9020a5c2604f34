"""The tables that `dsrcheck.analyze` gives to notebooks and tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dsrcheck.exchange import build_tables
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding, FrameRef, Subject
from dsrcheck.frames import claims_frame, findings_frame, flows_frame, legs_frame
from dsrcheck.legs import read_legs
from dsrcheck.report.model import Report
from dsrcheck.topology.infer import infer
from dsrcheck.topology.scene import Scene, read_scene
from tests.flows.packets import ACK, SYN, forward, reply, request, write
from tests.kernel.packets import (
    BALANCER,
    BALANCER_MAC,
    BROADCAST,
    CLIENT,
    CLIENT_MAC,
    SERVER_MAC,
    VIP,
    arp,
    ether,
    ip4,
    tag,
    tcp,
    udp,
)

MASTER = Path(__file__).resolve().parent.parent / "pcaps"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A question and an answer by ARP, a handshake by way of a balancer, a tagged packet and a tunnelled one."""
    question = ether(arp(1, CLIENT_MAC, CLIENT, VIP), 0x0806, dst=BROADCAST)
    answer = ether(arp(2, BALANCER_MAC, VIP, CLIENT, CLIENT_MAC), 0x0806, src=BALANCER_MAC, dst=CLIENT_MAC)
    tagged = ether(tag(7, ip4(17, udp())), 0x8100)
    tunnelled = ether(ip4(4, ip4(17, udp()), BALANCER, "10.0.0.100"), src=BALANCER_MAC, dst=SERVER_MAC)
    later = ether(ip4(17, bytes(16), identity=4, fragment=2))
    frames = [question, answer, request(SYN, 99), forward(SYN, 99), reply(SYN | ACK, 499, 100), request(ACK, 100, 500)]
    return read_scene(read_legs(write(tmp_path / "x.pcapng", [*frames, tagged, tunnelled, later])))


def sides(scene: Scene) -> Sides:
    """The exchanges of a scene."""
    return build_tables(scene, infer(scene))[1]


def test_legs_read_like_packets(scene: Scene) -> None:
    """Places, addresses and ports as people write them; what a leg does not have is missing, not 0."""
    legs = legs_frame(scene)
    assert legs["src_mac"].tolist()[:3] == [CLIENT_MAC, BALANCER_MAC, SERVER_MAC]
    assert legs["dst_mac"].tolist()[:3] == [BALANCER_MAC, SERVER_MAC, CLIENT_MAC]
    assert legs["src"].tolist() == [CLIENT, CLIENT, VIP, CLIENT, CLIENT, CLIENT]
    assert legs["dst_port"].tolist()[:5] == [80, 80, 40000, 53, 53]
    assert legs["dst_port"].isna().tolist() == [False] * 5 + [True]
    assert legs["vlan"].dropna().tolist() == [7]
    assert legs["tunnel"].dropna().tolist() == ["ipip"]
    assert legs["outer_dst"].dropna().tolist() == ["10.0.0.100"]
    assert legs["fragment"].tolist() == [False] * 5 + [True]
    assert legs["inbound"].tolist()[:3] == [True, True, False]
    assert legs["frames"].tolist() == [2, 1, 1, 1, 1, 1]
    assert legs["rst_frame"].isna().all()
    assert legs["flow"].tolist()[:3] == [1, 1, 1]


def test_columns_have_the_types_that_are_documented(scene: Scene) -> None:
    """Text, nullable integers, flags and UTC times in nanoseconds; no column of a type that wraps or guesses."""
    allowed = {"string", "Int64", "UInt64", "boolean", "datetime64[ns, UTC]"}
    for frame in (legs_frame(scene), flows_frame(sides(scene)), claims_frame(scene)):
        assert {str(kind) for kind in frame.dtypes} <= allowed
        assert {str(frame[name].dtype) for name in frame if str(name).endswith("time")} == {"datetime64[ns, UTC]"}
    assert str(legs_frame(scene)["hash"].dtype) == "UInt64"


def test_times_keep_their_nanoseconds(tmp_path: Path) -> None:
    """Whole nanoseconds since 1970, not a float of them."""
    path = write(tmp_path / "x.pcapng", [request(SYN, 1)] * 2, every=1_000_000_001)
    legs = legs_frame(read_scene(read_legs(path)))
    assert legs["last_time"][0] - legs["first_time"][0] == np.timedelta64(1_000_000_001, "ns")
    assert legs["first_time"][0] == pd.Timestamp("2020-09-13T12:26:40Z")


def test_claims_say_who_is_where(scene: Scene) -> None:
    """One row an ARP frame, in order."""
    claims = claims_frame(scene)
    assert claims["kind"].tolist() == ["request", "reply"]
    assert claims["mac"].tolist() == [CLIENT_MAC, BALANCER_MAC]
    assert claims["address"].tolist() == [CLIENT, VIP]
    assert claims["target"].tolist() == [VIP, CLIENT]
    assert claims["frame"].tolist() == [1, 2]
    assert claims["dst_mac"].tolist() == [BROADCAST, CLIENT_MAC]


def test_flows_are_numbered_as_the_command_does(scene: Scene) -> None:
    """From 1, in order of first frames, with what the list tells."""
    flows = flows_frame(sides(scene))
    assert flows["flow"].tolist() == list(range(1, len(flows) + 1))
    assert flows["first_frame"].is_monotonic_increasing
    told = ["protocol", "client", "client_port", "service", "service_port", "frames", "state"]
    assert [flows[name][0] for name in told] == ["tcp", CLIENT, 40000, VIP, 80, 4, "handshake"]


def test_balanced_flows_tell_their_steps() -> None:
    """Request, forward and reply of a real balancer, each with its MACs."""
    path = next(MASTER.glob("real-ipvs-healthy-routed-clients/*.pcap*"))
    scene = read_scene(read_legs(path))
    flows = flows_frame(sides(scene)).dropna(subset=["vip", "forward_dst_mac"])
    assert len(flows)
    assert (flows["request_dst_mac"] == flows["forward_src_mac"]).all()
    assert set(flows["mode"]) == {"dsr-mac"}
    assert (flows["request_frames"] > 0).all()


def test_findings_are_a_row_each() -> None:
    """With the frames that show them, and remedies by platform."""
    finding = Finding(
        "DSR301", "server-answers-no-arp", "error", "10.0.0.10", Subject("server", "00:01:aa:bb:cc:64", None), None, 2,
        "said", "because", (FrameRef(0, 4), FrameRef(0, 9)), ("frame.number in {4, 9}",), {"linux": "mend"},
    )  # fmt: skip
    findings = findings_frame(Report((), findings=(finding,)))
    row = findings.iloc[0]
    assert (row["rule"], row["mac"], row["count"]) == ("DSR301", "00:01:aa:bb:cc:64", 2)
    assert row["frames"] == [(0, 4), (0, 9)]
    assert row["remedy"] == {"linux": "mend"}
    assert findings["address"].isna().all()
    assert len(findings_frame(Report(()))) == 0


def test_nothing_captured_gives_tables_without_rows(tmp_path: Path) -> None:
    """The columns are there all the same."""
    scene = read_scene(read_legs(write(tmp_path / "x.pcapng", [])))
    full = read_scene(read_legs(write(tmp_path / "y.pcapng", [ether(ip4(6, tcp()))])))
    for build in (legs_frame, claims_frame):
        assert len(build(scene)) == 0
        assert list(build(scene).columns) == list(build(full).columns)
    assert len(flows_frame(sides(scene))) == 0


def test_pandas_is_imported_only_when_a_table_is_asked_for() -> None:
    """It takes longer to import than a small capture takes to judge."""
    command = [sys.executable, "-c", "import sys, dsrcheck.frames; print('pandas' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
