"""What is measured is the whole process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.measure import Program, alternate, machine

BURN = "import time\nwhile time.process_time() < {}: pass\nx = bytearray({})\n"


def burner(seconds: float, memory: int = 1) -> Program:
    """A program that takes processor time and memory."""
    return Program("burner", [sys.executable, "-c", BURN.format(seconds, memory)])


def test_cost() -> None:
    """Processor seconds and the most memory, of a process that has ended as it should."""
    cost = burner(0.3, 300_000_000).run()
    assert 0.3 <= cost.cpu < 3
    assert 300_000_000 < cost.memory < 500_000_000
    with pytest.raises(RuntimeError, match="status 7"):
        Program("wrong", [sys.executable, "-c", "raise SystemExit(7)"]).run()


def test_fed_by_a_pipe(tmp_path: Path) -> None:
    """Standard input is a pipe with the file's bytes."""
    (tmp_path / "x").write_bytes(bytes(1000))
    check = (
        "import os, stat, sys\nassert stat.S_ISFIFO(os.fstat(0).st_mode)\nassert len(sys.stdin.buffer.read()) == 1000\n"
    )
    Program("fed", [sys.executable, "-c", check], tmp_path / "x").run()


def test_by_turns() -> None:
    """The ratio is ours to theirs."""
    assert alternate(burner(0.6), burner(0.05), 1).ratio > 1.2


def test_machine_has_no_name() -> None:
    """A day, a processor, cores, memory; no host."""
    import platform

    assert "cores" in machine()
    assert platform.node() not in machine()
