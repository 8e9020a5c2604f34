"""What is idle leaves the tables: whole flows, counted; who is where is remembered."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsrcheck.addresses import mac_text
from dsrcheck.legs import Table, read_legs
from dsrcheck.live import Pace, watch_stream
from dsrcheck.live.aging import Keeping, age
from dsrcheck.topology.claims import OWNING
from tests.live.streams import SECOND, judged, lab_frames, write


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ARP, pings and connections to other services beside what is balanced."""
    return write(tmp_path_factory.mktemp("aging") / "x.pcapng", lab_frames("dsr-noise"))


@settings(max_examples=6)  # each judges a capture again and again
@given(idle=st.floats(0.05, 8), every=st.sampled_from([1.0, 3.0]), most=st.integers(1, 200))
def test_nothing_is_lost_from_the_counts(capture: Path, idle: float, every: float, most: int) -> None:
    """At any moment: frames of the legs that are kept and of those that have aged are all that came."""
    frames = octets = 0
    watch = watch_stream(capture, judged, pace=Pace(every=every, idle=idle, most_legs=most))
    for snapshot in watch.snapshots():
        legs = snapshot.analysis.sides.scene.legs
        in_no_leg = sum(legs.totals[name] for name in ("twins", "undecoded", "not_ip", "folded_frames"))
        assert int(legs.legs["frames"].sum()) + snapshot.aged.frames + in_no_leg == snapshot.frames
        frames, octets = snapshot.frames, snapshot.bytes
    assert frames == len(lab_frames("dsr-noise"))
    assert octets == sum(len(content) for _, content in lab_frames("dsr-noise"))


def test_bytes_of_what_has_aged(tmp_path: Path) -> None:
    """Without ARP and twins: bytes of kept and aged legs are those of all frames."""
    frames = [(time, content) for time, content in lab_frames("dsr-healthy") if content[12:14] == b"\x08\x00"]
    *_, last = watch_stream(write(tmp_path / "x.pcapng", frames), judged, pace=Pace(idle=2)).snapshots()
    legs = last.analysis.sides.scene.legs
    assert last.aged.legs > 10
    assert last.aged.bytes + int(legs.legs["bytes"].sum()) == sum(len(content) for _, content in frames)
    assert f"{last.aged.legs:,} legs" in last.analysis.report.notes[-1]


@pytest.mark.parametrize("scenario", ["dsr-routed-client", "nat-source", "proxy"])
def test_a_flow_leaves_whole(tmp_path: Path, scenario: str) -> None:
    """Requests, forwards and replies of an exchange stay together, also where addresses are translated on the way."""
    legs = read_legs(write(tmp_path / "x.pcapng", lab_frames(scenario)))
    sides = judged(legs).sides
    inside = sides.roles.row >= 0
    kept, aged = age(sides, Keeping(legs.totals["last_time"] - 3 * SECOND, 100_000))
    stayed = {row.tobytes() for row in kept.legs.matrix[:, :9]}
    by_exchange = defaultdict(set)
    for row, leg in zip(sides.roles.row[inside], legs.legs.matrix[inside][:, :9], strict=True):
        by_exchange[int(row)].add(leg.tobytes() in stayed)
    assert all(len(kinds) == 1 for kinds in by_exchange.values())
    assert aged.legs > 0
    assert len(kept.legs) + aged.legs == len(legs.legs)


def test_claims(tmp_path: Path) -> None:
    """Everything old: the balancer's claim of the VIP is remembered, that of a server which broke in is not."""
    legs = read_legs(write(tmp_path / "x.pcapng", lab_frames("dsr-routed-client", "server-answers-arp")))
    sides = judged(legs).sides
    (vip,) = sides.topology.vips
    assert any(finding.rule == "DSR301" for finding in judged(legs).report.findings)
    kept, _ = age(sides, Keeping(legs.totals["last_time"] + 1, 100_000))

    def claimants(claims: Table) -> set[str]:
        ours = sides.scene.book.find(claims["high"], claims["low"]) == vip.identity
        owning = np.isin(claims["kind"], OWNING)
        return {mac_text(mac) for mac in claims["mac"][ours & owning].tolist()}

    assert claimants(legs.claims) == {"00:01:aa:bb:cc:0a", "00:01:aa:bb:cc:65"}
    assert claimants(kept.claims) == {"00:01:aa:bb:cc:0a"}
    assert 0 < len(kept.claims) < len(legs.claims)


def test_the_oldest_flows_leave_when_there_are_too_many(tmp_path: Path) -> None:
    """No more legs than allowed are kept, and those are of the flows that had a frame last."""
    legs = read_legs(write(tmp_path / "x.pcapng", lab_frames("dsr-healthy")))
    kept, aged = age(judged(legs).sides, Keeping(0, 20))
    assert 15 <= len(kept.legs) <= 20
    assert aged.legs == len(legs.legs) - len(kept.legs)
    assert int(kept.legs["last_time"].max()) == int(legs.legs["last_time"].max())
