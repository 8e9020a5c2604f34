"""dumpcap, played by a script that a test puts on PATH: what it writes is read, what it complains of is passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsrcheck.capture.dumpcap import Dumpcap, DumpcapError
from tests.fake_dumpcap import REFUSAL, Play, play

Plays = Callable[[Play], Path]


@pytest.fixture
def plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plays:
    """Puts a dumpcap on PATH that does as it is told; returns the file with its arguments."""
    return lambda what: play(what, tmp_path, monkeypatch)


def test_its_frames_and_its_arguments(plays: Plays) -> None:
    """All frames come; the filter stands before the interfaces, and so is for all of them."""
    told = plays(Play(frames=3))
    dumpcap = Dumpcap(["eth0", "eth1"], "tcp port 80")
    with dumpcap.open() as capture:
        assert sum(batch.count for batch in capture.batches()) == 3
        assert (capture.path, capture.truncated, capture.interrupted) == ("eth0, eth1", None, False)
    assert dumpcap.trouble is None
    arguments = told.read_text().split("\n")
    assert arguments[:-1] == ["-q", "-n", "-B", "16", "-f", "tcp port 80", "-i", "eth0", "-i", "eth1", "-w", "-"]


def test_it_is_stopped(plays: Plays) -> None:
    """SIGINT ends it, after it has written what it still had; that is no trouble."""
    plays(Play(frames=2, wait=True, last_frames=1, drops=7))
    dumpcap = Dumpcap(["eth0"])
    with dumpcap.open() as capture:
        batches = capture.batches()
        first = next(batches).count
        dumpcap.stop()
        assert first + sum(batch.count for batch in batches) == 3
        assert (capture.interrupted, capture.truncated, capture.dropped) == (True, None, 7)
    assert dumpcap.trouble is None


@pytest.mark.parametrize(
    ("what", "trouble"),
    [
        (
            Play(frames=2, says='dumpcap: The network adapter "eth0" is no longer attached; the capture has stopped.'),
            'dumpcap: The network adapter "eth0" is no longer attached; the capture has stopped.',
        ),
        (Play(frames=2, status=3), "dumpcap ended with status 3, and said nothing"),
        (Play(frames=2, dies_by=signal.SIGKILL), "dumpcap was ended by SIGKILL"),
        (Play(frames=2, says="dumpcap: \x1b[31mred\x9b", status=1), "dumpcap: \\x1b[31mred\\x9b"),
    ],
)
def test_it_dies(plays: Plays, what: Play, trouble: str) -> None:
    """What it wrote before is read; why it ended is told in its own words, made safe."""
    plays(what)
    dumpcap = Dumpcap(["eth0"])
    with dumpcap.open() as capture:
        assert sum(batch.count for batch in capture.batches()) == 2
    assert dumpcap.trouble == trouble


def test_it_may_not_capture(plays: Plays) -> None:
    """Its own text is kept, and the commands that mend it are in the message."""
    plays(Play(says=REFUSAL, status=1))
    with pytest.raises(DumpcapError) as caught:
        Dumpcap(["eth0"]).open()
    assert caught.value.said[0] == 'dumpcap: You do not have permission to capture on device "eth0".'
    assert len(caught.value.said) > 5
    message = str(caught.value)
    assert message.startswith(
        'eth0: You do not have permission to capture on device "eth0" (socket: Operation not permitted). '
    )
    assert "sudo usermod -aG wireshark $USER" in message
    assert "sudo dpkg-reconfigure wireshark-common" in message
    assert "sudo setcap cap_net_raw,cap_net_admin=ep " in message


def test_its_other_complaints_are_not_dressed_up(plays: Plays) -> None:
    """A name that no interface has is no question of rights."""
    plays(Play(says='dumpcap: There is no device named "nix0".\n(No such device exists)', status=1))
    with pytest.raises(DumpcapError) as caught:
        Dumpcap(["nix0"]).open()
    assert str(caught.value) == 'nix0: There is no device named "nix0". (No such device exists)'


def test_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DumpcapError, match="sudo apt install wireshark-common"):
        Dumpcap(["eth0"])


def test_it_is_there_but_not_for_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian installs it: only the group wireshark may run it. The remedy is the same as without the right."""
    (tmp_path / "dumpcap").touch(mode=0o600)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DumpcapError, match=r"cannot be started \(Permission denied\).*sudo usermod -aG wireshark"):
        Dumpcap(["eth0"])


@pytest.mark.namespaces
def test_the_real_one(tmp_path: Path) -> None:
    """In a namespace of its own: it captures on lo; an interface that is deleted ends it, in its words."""
    program = """
import socket, subprocess
from dsrcheck.capture.dumpcap import Dumpcap, DumpcapError
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for command in ("ip link add one type veth peer name two", "ip link set one up", "ip link set two up"):
    subprocess.run(command.split(), check=True)
dumpcap = Dumpcap(["lo"], "udp port 9")
with dumpcap.open() as capture:
    batches = capture.batches()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b"one", ("127.0.0.1", 9))
    sender.sendto(b"not this", ("127.0.0.1", 10))
    assert next(batches).count == 1
    sender.sendto(b"two", ("127.0.0.1", 9))
    assert next(batches).count == 1
    dumpcap.stop()
    assert list(batches) == []
    assert (capture.dropped, capture.interrupted, capture.interfaces[0].name) == (0, True, "lo"), vars(capture)
assert dumpcap.trouble is None
dumpcap = Dumpcap(["two"])
with dumpcap.open() as capture:
    subprocess.run(["ip", "link", "del", "one"], check=True)
    list(capture.batches())
assert "no longer" in dumpcap.trouble, dumpcap.trouble
for interfaces, capture_filter in ((["nix0"], None), (["lo"], "tcp prot")):
    try:
        Dumpcap(interfaces, capture_filter).open()
    except DumpcapError as error:
        print(error)
"""
    done = subprocess.run(
        ["unshare", "-Urn", sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    no_device, no_filter = done.stdout.splitlines()
    assert no_device.startswith('nix0: There is no device named "nix0".')
    assert no_filter.startswith('lo: Invalid capture filter "tcp prot" for interface')
