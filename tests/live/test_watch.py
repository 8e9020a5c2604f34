"""Watches: files that are complete or grow, pipes; what they know at each moment, how they end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import dsrcheck
from dsrcheck.analysis import Analysis
from dsrcheck.capture import CaptureError
from dsrcheck.legs import Legs
from dsrcheck.live import (
    KeptFile,
    Pace,
    Snapshot,
    Spool,
    State,
    Watch,
    watch_files,
    watch_interfaces,
    watch_stream,
)
from dsrcheck.live.news import News, Seen, compare
from tests.fake_dumpcap import Play, play
from tests.live.streams import SECOND, judged, lab_frames, one_after_another, write

AT_ONCE = Pace(tick=0.001)
"""For what is still being written: look again soon."""


def _faults(snapshots: Iterable[Snapshot]) -> list[tuple[str, str]]:
    """The findings that came (+) and were over (-), errors and warnings."""
    seen, told = Seen(), []
    for snapshot in snapshots:
        seen, news = compare(seen, snapshot)
        told += [_sign(item) for item in news if item.finding.severity != "info"]
    return told


def _sign(news: News) -> tuple[str, str]:
    return "-" if news.over else "+", news.finding.rule


@pytest.mark.parametrize("idle", [1.0, 60.0])
@pytest.mark.parametrize("scenario", ["dsr-healthy", "dsr-routed-client", "dsr-noise", "dsr-failover", "dsr-ipv6"])
def test_no_alarm_at_any_moment(tmp_path: Path, scenario: str, idle: float) -> None:
    """Healthy traffic is healthy second by second too, and when most of it has aged."""
    path = write(tmp_path / "x.pcapng", lab_frames(scenario))
    assert _faults(watch_stream(path, judged, pace=Pace(idle=idle)).snapshots()) == []


@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        ("server-answers-arp", {"DSR301", "DSR304"}),
        ("return-through-balancer", {"DSR202"}),
        ("vip-missing", {"DSR203", "DSR206"}),
        ("service-down", {"DSR204"}),
    ],
)
def test_a_finding_comes_and_is_over(tmp_path: Path, fault: str, rules: set[str]) -> None:
    """Healthy, broken, and healthy again: each finding comes once, and is over when what shows it has aged."""
    path = write(tmp_path / "x.pcapng", one_after_another("dsr-routed-client", [None, fault, None]))
    told = _faults(watch_stream(path, judged, pace=Pace(idle=5)).snapshots())
    assert sorted(told[: len(rules)]) == [("+", rule) for rule in sorted(rules)]
    assert sorted(told[len(rules) :]) == [("-", rule) for rule in sorted(rules)]


def test_the_end_is_what_analyze_says(tmp_path: Path) -> None:
    """Captures that are complete give the report of `dsrcheck.analyze`, several of them as well."""
    paths = [
        write(tmp_path / "one.pcapng", lab_frames("dsr-healthy", "vip-missing")),
        write(tmp_path / "two.pcapng", lab_frames("dsr-healthy")),
    ]
    for chosen in (paths[:1], paths):
        *_, last = watch_files(chosen, judged).snapshots()
        assert last.analysis.report == dsrcheck.analyze(*chosen).report
        assert (last.state, last.trouble, last.aged.legs) == (State.ENDED, None, 0)
        assert last.files == tuple(KeptFile(str(path)) for path in chosen)
        assert last.frames == sum(
            len(lab_frames("dsr-healthy", fault)) for fault in ["vip-missing", None][: len(chosen)]
        )


def test_many_legs_are_all_there(tmp_path: Path) -> None:
    """A capture that is complete is seen whole, though a watch that goes on would keep fewer legs."""
    content = bytearray(lab_frames("dsr-healthy")[-1][1])
    assert content[12:14] == b"\x08\x00"
    legs = Pace().most_legs + 1

    def frames() -> Iterator[tuple[int, bytes]]:
        for number in range(legs):
            content[26:30] = number.to_bytes(4, "big")  # the source address
            yield number, bytes(content)

    found: list[int] = []

    def count(whole: Legs) -> Analysis:
        found.append(len(whole.legs))
        return judged(Legs.none())

    list(watch_files([write(tmp_path / "x.pcapng", frames())], count).snapshots())
    assert found == [legs]


def test_what_came_second_by_second(tmp_path: Path) -> None:
    """Frames, bytes, flows begun; requests and replies are bytes of their legs, divided by second."""
    frames = lab_frames("dsr-healthy")
    *_, last = watch_stream(write(tmp_path / "x.pcapng", frames), judged).snapshots()
    rates = last.seconds
    first = frames[0][0] // SECOND
    assert rates.second.tolist() == list(range(first, frames[-1][0] // SECOND + 1))
    for row, second in enumerate(rates.second.tolist()):
        here = [content for time, content in frames if time // SECOND == second]
        assert (rates.frames[row], rates.bytes[row]) == (len(here), sum(map(len, here)))
    sides = last.analysis.sides
    assert rates.flows.sum() == len(sides.scene.flows)
    for told, picked in ((rates.request_bytes, sides.request), (rates.reply_bytes, sides.reply)):
        exact = int(picked.total("bytes").sum())
        assert exact * 0.97 < told.sum() <= exact * 1.03


def test_a_file_that_grows(tmp_path: Path) -> None:
    """What is written later comes, also the other half of a record; it ends when it is stopped."""
    whole = write(tmp_path / "whole.pcapng", lab_frames("dsr-healthy")).read_bytes()
    frames = len(lab_frames("dsr-healthy"))
    half = len(whole) // 2
    path = tmp_path / "grows.pcapng"
    with path.open("wb", buffering=0) as out:
        out.write(whole[:half])
        watch: Watch = watch_stream(path, judged, follow=True, pace=AT_ONCE)
        states = []
        for snapshot in watch.snapshots():
            states.append(snapshot.state)
            if snapshot.frames < frames and half:
                out.write(whole[half:])
                half = 0
            elif snapshot.frames == frames:
                watch.stop()
    assert snapshot.frames == frames
    assert (states[-1], snapshot.trouble) == (State.INTERRUPTED, None)
    assert set(states[:-1]) == {State.CAPTURING}


def test_what_is_seen_is_saved(tmp_path: Path) -> None:
    """A pipe's frames are kept by the spool: to draw from, and to save."""
    source = write(tmp_path / "x.pcapng", lab_frames("dsr-healthy"))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with open(os.open(fifo, os.O_RDWR), "wb", buffering=0) as out:  # both ends: nobody waits for the other
        out.write(source.read_bytes()[:40_000])
        watch = watch_stream(fifo, judged, pace=AT_ONCE, spool=Spool(tmp_path / "kept.pcapng"))
        for snapshot in watch.snapshots():
            if snapshot.state == State.CAPTURING:
                watch.stop()
        watch.save(tmp_path / "saved.pcapng")
    assert (snapshot.state, snapshot.files) == (State.INTERRUPTED, (KeptFile(str(tmp_path / "kept.pcapng")),))
    saved = dsrcheck.analyze(tmp_path / "saved.pcapng").report.captures[0]
    assert saved.frames == snapshot.frames > 50


def test_a_capture_that_ends_midway(tmp_path: Path) -> None:
    """What is whole is judged; that it was cut, and where, is told."""
    whole = write(tmp_path / "x.pcapng", lab_frames("dsr-healthy")).read_bytes()
    (tmp_path / "cut.pcapng").write_bytes(whole[:-20])
    *_, last = watch_stream(tmp_path / "cut.pcapng", judged).snapshots()
    assert last.state == State.ENDED
    assert str(last.trouble).startswith(f"cut at byte {len(whole) - 20}, inside the record")
    assert last.frames == len(lab_frames("dsr-healthy")) - 1
    assert "DSR901" in {finding.rule for finding in last.analysis.report.findings}


def test_dumpcap_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that it wrote is judged, and the report says that the capture ended early."""
    source = write(tmp_path / "x.pcapng", lab_frames("dsr-healthy"))
    play(Play(stream=str(source), dies_by=signal.SIGKILL), tmp_path, monkeypatch)
    *_, last = watch_interfaces(["eth0"], judged).snapshots()
    assert (last.state, last.trouble) == (State.FAILED, "dumpcap was ended by SIGKILL")
    assert last.frames == len(lab_frames("dsr-healthy"))
    (finding,) = (finding for finding in last.analysis.report.findings if finding.rule == "DSR901")
    assert "dumpcap was ended by SIGKILL" in finding.message


def test_it_says_what_was_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dumpcap's counts are in the report."""
    play(Play(frames=3, wait=True, drops=5), tmp_path, monkeypatch)
    watch = watch_interfaces(["eth0"], judged, pace=AT_ONCE)
    for snapshot in watch.snapshots():  # noqa: B007 - the last one is looked at
        watch.stop()
    assert (snapshot.state, snapshot.dropped, snapshot.frames) == (State.INTERRUPTED, 5, 3)
    assert "DSR901" in {finding.rule for finding in snapshot.analysis.report.findings}


@pytest.mark.parametrize("writer", ["dumpcap", "pipe"])
def test_stopped_before_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str) -> None:
    """A signal may come before the first byte: it ends all the same, and there is nothing to tell."""
    play(Play(wait=True), tmp_path, monkeypatch)
    os.mkfifo(tmp_path / "fifo")
    silent = os.open(tmp_path / "fifo", os.O_RDWR)
    watch = watch_interfaces(["eth0"], judged) if writer == "dumpcap" else watch_stream(tmp_path / "fifo", judged)
    watch.stop()
    assert list(watch.snapshots()) == []
    os.close(silent)


def test_silence_makes_old(tmp_path: Path) -> None:
    """When nothing comes any more, what was there ages by the clock of the wall: findings are over then, too."""
    path = write(tmp_path / "x.pcapng", lab_frames("dsr-routed-client", "return-through-balancer"))
    watch = watch_stream(path, judged, follow=True, pace=Pace(idle=0.01, tick=0.001))
    seen, over = Seen(), set()
    for snapshot in watch.snapshots():
        seen, news = compare(seen, snapshot)
        over |= {item.finding.rule for item in news if item.over}
        if "DSR202" in over and not len(snapshot.analysis.sides.scene.legs.legs):
            watch.stop()
    assert snapshot.aged.frames > 100


def test_there_is_nothing_to_watch(tmp_path: Path) -> None:
    """No such file, or no capture: an error, not a snapshot."""
    for path in (tmp_path / "missing", write(tmp_path / "x.pcapng", []).with_name("text")):
        (tmp_path / "text").write_text("hello")
        with pytest.raises(CaptureError):
            list(watch_stream(path, judged).snapshots())
