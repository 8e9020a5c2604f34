"""A Dask cluster of separate processes gives what one process gives, also when one of them is killed in the middle."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from benchmarks.traffic import make, write
from dsrcheck.capture import Capture, CaptureError
from dsrcheck.capture.split import Piece, split
from dsrcheck.legs import chain, cluster
from dsrcheck.legs.cluster import read_legs_on
from dsrcheck.legs.errors import ClusterError, WorkerError
from dsrcheck.legs.model import Legs
from dsrcheck.legs.read import read_legs
from tests.legs.test_law import assert_same

PIECE = 1 << 18


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two processes that anyone on this machine can use."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as made:
        yield made.scheduler_address


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A capture for several pieces, and a small one, which is named as if it were on other storage."""
    folder = tmp_path_factory.mktemp("captures")
    write(folder / "big.pcap", make(12_000, 1800))
    write(folder / "small.pcapng", make(500, 60), pcapng=True)
    return [str(folder / "big.pcap"), f"file://{folder / 'small.pcapng'}"]


def assert_whole(legs: Legs, captures: list[str]) -> None:
    """Assert that nothing tells who read them."""
    whole = read_legs(captures)
    assert_same(legs, whole)
    assert legs.captures == whole.captures
    assert legs.interfaces == whole.interfaces


def test_the_same_as_one(address: str, captures: list[str]) -> None:
    """Pieces and whole captures, from files and by fsspec; frames are told of as pieces are done."""
    told = []

    def watch(read: int, frames: int) -> bool:
        told.append(frames)
        return False

    assert_whole(read_legs_on(address, captures, watch=watch, least=PIECE), captures)
    assert sum(told) == 12_000
    assert_whole(read_legs_on(address, [f"file://{captures[0]}"], least=PIECE), [f"file://{captures[0]}"])


@dataclass(frozen=True)
class Deadly(Piece):
    """A piece that kills the first process that is in the middle of it."""

    mark: str = ""

    def open(self) -> Capture:
        capture = super().open()
        next(capture.batches())
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().open()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still here")


def test_a_worker_killed_in_the_middle(
    address: str, captures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its piece is folded by another."""

    def deadly(path: str, count: int, least: int) -> list[Piece]:
        first, second, *rest = split(path, count, least)
        mark = str(tmp_path / "killed")
        return [first, Deadly(second.path, second.start, second.stop, second.reader, mark), *rest]

    monkeypatch.setattr(chain, "split", deadly)
    legs = read_legs_on(address, captures[:1], least=PIECE)
    assert os.listdir(tmp_path) == ["killed"]
    assert_whole(legs, captures[:1])


def test_stopped(address: str, captures: list[str]) -> None:
    """Who waits no more has what had arrived."""
    legs = read_legs_on(address, captures[:1], watch=lambda read, frames: True, least=PIECE)
    assert legs.captures[0].frames == legs.totals["frames"]
    assert legs.captures[0].interrupted or legs.totals["frames"] == 12_000


def test_what_cannot_be_read(address: str, captures: list[str], tmp_path: Path) -> None:
    """A name that nobody finds is an error of that capture."""
    with pytest.raises(CaptureError, match=r"none\.pcap: no such file"):
        read_legs_on(address, [captures[0], str(tmp_path / "none.pcap")], least=PIECE)


def test_other_versions_do_not_mix(address: str, captures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of another version, or of another kind of kernel, might not fit."""
    monkeypatch.setattr(cluster, "identity", lambda: "dsrcheck 0")
    with pytest.raises(WorkerError, match="here is dsrcheck 0; install the same on both"):
        read_legs_on(address, captures[:1], least=PIECE)


def test_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody answers is told in one line."""
    monkeypatch.setattr(cluster, "PATIENCE", 0.2)
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        read_legs_on("tcp://127.0.0.1:9", ["x"])


def test_the_cluster_outlives_us(address: str) -> None:
    """Whoever comes to an address leaves the cluster as it was."""
    with Client(address) as client:
        client.wait_for_workers(2, timeout=60)
