"""What is idle leaves the tables: whole flows, counted; who is where is remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsrcheck.addresses import mac_text
from dsrcheck.legs import Legs, Table, read_legs
from dsrcheck.legs.merge import LEG_KEYS
from dsrcheck.live import Pace, aging, watch_stream
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


def keys_of(legs: Legs) -> list[tuple[int, ...]]:
    """What tells each leg from all others."""
    return list(zip(*(legs.legs[name].tolist() for name in LEG_KEYS), strict=True))


@pytest.mark.parametrize("scenario", ["dsr-routed-client", "nat-source", "proxy"])
def test_a_flow_leaves_whole(tmp_path: Path, scenario: str) -> None:
    """Requests, forwards and replies of an exchange stay together, also where addresses are translated on the way."""
    legs = read_legs(write(tmp_path / "x.pcapng", lab_frames(scenario)))
    sides = judged(legs).sides
    keys = keys_of(legs)
    last, flow = legs.legs["last_time"], sides.scene.flows.of_leg
    assert len(sides.roles) > 5
    for exchange in range(len(sides.roles)):
        mine = np.flatnonzero(sides.roles.row == exchange)
        # The moment when the first of its flows (two, where addresses are translated) has just become old.
        ends = [int(last[mine[flow[mine] == one]].max()) for one in np.unique(flow[mine])]
        kept, aged = age(sides, Keeping(min(ends) + 1, 100_000))
        stayed = set(keys_of(kept))
        assert len({keys[leg] in stayed for leg in mine}) == 1
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


def test_what_belongs_to_a_leg_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that point at others (a leg at its path, a restart at its leg, and back) point at the same things after."""
    monkeypatch.setattr(aging, "PATHS_KEPT", 0)
    again = [(time + 60 * SECOND, _renumbered(content)) for time, content in lab_frames("dsr-noise")]
    frames = sorted([*lab_frames("dsr-healthy"), *lab_frames("dsr-noise"), *again])
    legs = read_legs(write(tmp_path / "x.pcapng", frames))
    kept, aged = age(judged(legs).sides, Keeping(legs.totals["last_time"] - 20 * SECOND, 100_000))

    def described(whole: Legs) -> dict[tuple[int, ...], tuple[tuple[int, ...], list[int]]]:
        """Each leg by what it is, whatever its place: the path it runs on, and the frames of its restarts."""
        paths = list(zip(*(whole.paths[name].tolist() for name in ("src_mac", "dst_mac", "vlan")), strict=True))
        restarts: dict[int, list[int]] = {}
        for leg, frame in zip(whole.restarts["leg"].tolist(), whole.restarts["frame"].tolist(), strict=True):
            restarts.setdefault(leg, []).append(frame)
        found = {}
        for place, key in enumerate(keys_of(whole)):
            last = int(whole.legs["restart"][place])
            assert (last - 1 in np.flatnonzero(whole.restarts["leg"] == place)) if last else place not in restarts
            found[paths[key[0]] + key[1:]] = (paths[key[0]], restarts.get(place, []))
        return found

    before, after = described(legs), described(kept)
    assert 0 < len(after) < len(before)
    assert {key: before[key] for key in after} == after
    assert any(frames for _, frames in after.values())
    assert 0 < len(kept.paths) < len(legs.paths)
    assert aged.legs == len(legs.legs) - len(kept.legs)


def _renumbered(content: bytes) -> bytes:
    """The same frame; if it is TCP over IPv4, of a connection with other sequence numbers on the same ports."""
    if content[12:14] != b"\x08\x00" or content[23] != 6:
        return content
    number = int.from_bytes(content[38:42], "big") + 1_000_000
    return content[:38] + (number & 0xFFFF_FFFF).to_bytes(4, "big") + content[42:]
