"""Progress is shown on terminals only, and Ctrl-C on a file does what was asked for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.traffic import make, write
from dsrcheck.cli.progress import Progress, amount


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some traffic."""
    path = tmp_path_factory.mktemp("capture") / "some.pcap"
    write(path, make(20_000, 3000))
    return path


RUN = """
import sys
from dsrcheck.cli import main, progress
progress.PATIENCE = progress.TICK = 0.0
main()
"""


def on_terminal(*arguments: str) -> tuple[int, str]:
    """Run the program with a terminal for standard error, and no patience; its status and what was shown."""
    ours, theirs = os.openpty()
    with (
        os.fdopen(ours, "rb", buffering=0) as shown,
        subprocess.Popen([sys.executable, "-c", RUN, *arguments], stdout=subprocess.DEVNULL, stderr=theirs) as process,
    ):
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # a terminal that nobody writes to any more is an error
            while piece := shown.read(4096):
                text += piece
    return process.returncode, text.decode()


def test_a_bar_on_a_terminal(capture: Path) -> None:
    """Bytes read of all, and the rate; no line is longer than a terminal is wide."""
    status, shown = on_terminal("analyze", "--jobs", "1", str(capture))
    assert status == 0
    lines = shown.replace("\\x1b[?25l", "").replace("\\x1b[?25h", "").splitlines()
    last = [line for line in lines if "frames/s" in line][-1]
    size = amount(capture.stat().st_size)
    assert f"{size} of {size}" in last
    assert "100%" in last
    assert max(map(len, lines)) < 80


def test_no_bar_elsewhere(capture: Path) -> None:
    """Standard error that is no terminal stays empty."""
    done = subprocess.run([sys.executable, "-c", RUN, "analyze", str(capture)], capture_output=True, check=True)
    assert done.stderr == b""


def test_no_bar_for_what_is_soon_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is shown before it is known to take long."""
    (tmp_path / "x").write_bytes(bytes(1000))
    now = 100.0
    monkeypatch.setattr("dsrcheck.cli.progress.time.monotonic", lambda: now)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    shown: list[int] = []
    with Progress([str(tmp_path / "x")]) as told:
        assert told._bar is not None
        monkeypatch.setattr(told._bar, "update", shown.append)
        monkeypatch.setattr(told._bar, "render_finish", lambda: None)
        told(1, 1)
        now = 100.4
        told(10, 1)  # would take 40 seconds, but who knows after so short a time
        assert shown == []
        now = 101.0
        told(489, 1)  # half of it in a second: two in all
        assert shown == []
        now = 101.2
        told(1, 1)
        assert shown == [501]


def test_ctrl_c() -> None:
    """Asks for an end if a part is wanted, and only once; else it is a KeyboardInterrupt as ever."""
    with pytest.raises(KeyboardInterrupt), Progress([]):
        os.kill(os.getpid(), signal.SIGINT)
    with Progress([], partial=True) as told:
        assert not told(1, 1)
        os.kill(os.getpid(), signal.SIGINT)
        assert told(1, 1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


INTERRUPTED = """
import os, signal, sys
from dsrcheck.cli import main, progress
count = progress.Progress.__call__
def interrupting(self, read, frames):
    if not self.frames:
        os.kill(os.getpid(), signal.SIGINT)
    return count(self, read, frames)
progress.Progress.__call__ = interrupting
main()
"""


@pytest.mark.parametrize("partial", [True, False])
def test_interrupted(capture: Path, tmp_path: Path, partial: bool) -> None:
    """The report of a part, which says so, or status 130; never half a file."""
    target = tmp_path / "report.txt"
    command = [sys.executable, "-c", INTERRUPTED, "analyze", "--jobs", "1", "-o", str(target), str(capture)]
    done = subprocess.run(command + ["--partial"] * partial, capture_output=True, text=True, check=False)
    if partial:
        assert "cut: reading was interrupted (after frame " in target.read_text()
        assert done.returncode == 0
    else:
        assert (done.returncode, done.stderr) == (130, "")
        assert os.listdir(tmp_path) == []


def test_amounts() -> None:
    """Three digits, and a unit."""
    assert [amount(count) for count in (0, 999, 1000, 123_456_789, 5e15)] == [
        "0 B",
        "999 B",
        "1 kB",
        "123 MB",
        "5e+03 TB",
    ]
