"""A dumpcap for tests: a script on PATH that writes what it was given, complains, waits or dies as it was told."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

REFUSAL = """dumpcap: You do not have permission to capture on device "eth0".
(socket: Operation not permitted)
Please check to make sure you have sufficient permissions.

On Debian and Debian derivatives such as Ubuntu, if you have installed Wireshark from a package, try running

    sudo dpkg-reconfigure wireshark-common

selecting "<Yes>" in response to the question

    Should non-superusers be able to capture packets?

adding yourself to the "wireshark" group by running

    sudo usermod -a -G wireshark {your username}
"""
"""What dumpcap 4.0 of Debian writes."""

SCRIPT = """#!{python} -S
import json, os, signal, struct, sys
told = json.load(open({told!r}))
open({arguments!r}, "w").write("\\n".join(sys.argv[1:]) + "\\n")
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
sys.stderr.write("Capturing on 'eth0'\\nFile: -\\n")
out = sys.stdout.buffer
def block(kind, body):
    body += bytes(-len(body) % 4)
    out.write(struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body)))
def frame(number):
    block(6, struct.pack("<IIIII", 0, 0, number, 60, 60) + bytes(59) + bytes([number]))
if told["stream"]:
    out.write(open(told["stream"], "rb").read())
elif told["frames"]:
    block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    block(1, struct.pack("<HHI", 1, 0, 262144) + struct.pack("<HH4s", 2, 4, b"eth0") + bytes(4))
    for number in range(told["frames"]):
        frame(number)
out.flush()
if told["wait"]:
    signal.sigwait([signal.SIGINT])
for number in range(told["last_frames"]):
    frame(100 + number)
if told["drops"] is not None:
    block(5, struct.pack("<III", 0, 0, 0) + struct.pack("<HHQ", 5, 8, told["drops"]) + bytes(4))
out.flush()
if told["says"]:
    sys.stderr.write(told["says"] + "\\n")
sys.stderr.write("Packets captured: 3\\nPackets received/dropped on interface 'eth0': 3/0 (pcap:0/dumpcap:0)\\n")
sys.stderr.flush()
if told["dies_by"]:
    os.kill(os.getpid(), told["dies_by"])
sys.exit(told["status"])
"""


@dataclass(frozen=True)
class Play:
    """What it does, in this order.

    `frames`: writes a header and so many of 60 bytes; or `stream`: a file. `wait`: for SIGINT. `last_frames`, `drops`:
    written then. `says`: on standard error. `dies_by`: a signal; or `status`.
    """

    frames: int = 0
    stream: str | None = None
    wait: bool = False
    last_frames: int = 0
    drops: int | None = None
    says: str | None = None
    dies_by: int | None = None
    status: int = 0


def play(what: Play, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put it on PATH; return the file in which it leaves its arguments, a line each."""
    told, arguments, script = folder / "told.json", folder / "arguments", folder / "bin" / "dumpcap"
    told.write_text(json.dumps(asdict(what)))
    script.parent.mkdir()
    script.write_text(SCRIPT.format(python=sys.executable, told=str(told), arguments=str(arguments)))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return arguments
