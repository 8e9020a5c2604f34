"""Several processes give what one gives; they can be stopped, and leave nothing behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from benchmarks.traffic import make, write
from dsrcheck.capture import CaptureError
from dsrcheck.legs.errors import WorkerError
from dsrcheck.legs.read import read_legs
from dsrcheck.legs.workers import Parcel, read_legs_by, workers
from tests.legs.test_law import assert_same

PIECE = 1 << 18


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A capture for several pieces, and two small ones."""
    folder = tmp_path_factory.mktemp("captures")
    paths = [folder / name for name in ("big.pcapng", "small.pcap", "other.pcap")]
    write(paths[0], make(12_000, 1800), pcapng=True)
    for path, seed in zip(paths[1:], (2, 3), strict=True):
        write(path, make(500, 60, seed))
    return [str(path) for path in paths]


def left_behind() -> set[str]:
    """Folders of workers."""
    return (
        {name for name in os.listdir("/dev/shm") if name.startswith("dsrcheck-")}
        if os.path.isdir("/dev/shm")
        else set()
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_same_as_one(captures: list[str], method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and facts are the same; all bytes and frames are told of; nothing is left behind."""
    monkeypatch.setattr("dsrcheck.legs.workers._start_method", lambda: method)
    before = left_behind()
    told = np.zeros(2, int)

    def watch(read: int, frames: int) -> bool:
        told[:] += read, frames
        return False

    legs, whole = read_legs_by(captures, 2, watch=watch, least=PIECE), read_legs(captures)
    assert_same(legs, whole)
    assert legs.captures == whole.captures
    assert legs.interfaces == whole.interfaces
    assert told.tolist() == [sum(map(os.path.getsize, captures)), 13_000]
    assert left_behind() <= before


def test_stopped(captures: list[str]) -> None:
    """What was read without a gap is there, and says that it is not all."""
    legs = read_legs_by(captures, 2, watch=lambda read, frames: True, least=PIECE)
    facts = legs.captures[-1]
    assert facts.interrupted or facts.frames in (12_000, 500)
    if facts.interrupted:
        assert facts.truncated == f"reading was interrupted (after frame {facts.frames})"
    assert legs.totals["frames"] == sum(capture.frames for capture in legs.captures)


def test_what_cannot_be_read(captures: list[str], tmp_path: Path) -> None:
    """The error is that of one process, for the first capture that has one."""
    (tmp_path / "none.pcap").write_bytes(b"no capture at all, but long enough for a head of any kind")
    with pytest.raises(CaptureError, match=r"none\.pcap: "):
        read_legs_by([*captures, str(tmp_path / "none.pcap")], 2, least=PIECE)


def test_a_worker_that_is_killed(captures: list[str]) -> None:
    """It is told in one line."""
    with workers(1, None) as pool, pytest.raises(WorkerError, match="--jobs 1"):
        pool.wait(pool._executor.submit(_die))


def _die() -> Parcel:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still here")


def test_parcels(tmp_path: Path) -> None:
    """Arrays arrive as they were sent, can be written to, and their file is gone."""
    sent = {"big": np.arange(1000, dtype=np.uint64), "none": np.zeros(0, np.uint64), "text": "x"}
    got = Parcel.pack(sent, str(tmp_path)).unpack()
    np.testing.assert_array_equal(got["big"], sent["big"])
    got["big"][0] = 7
    assert (len(got["none"]), got["text"], os.listdir(tmp_path)) == (0, "x", [])
    assert Parcel.pack("nothing big", str(tmp_path)).unpack() == "nothing big"
