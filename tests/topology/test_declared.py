"""Topology files: what they may say, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsrcheck.topology.declared import SIZE_LIMIT, Declaration, TopologyError, read_topology
from dsrcheck.topology.infer import Topology, infer
from dsrcheck.topology.scene import read_scene
from tests.ladder import BALANCER, GATEWAY, VIP, WEB1, Ladder, healthy

WHOLE = """
[[vip]]
address = "192.0.2.10"
mode = "dsr-mac"
subnet = "192.0.2.0/24"
services = ["tcp/80"]
[[vip.balancer]]
name = "lb1"
macs = ["02:00:00:00:00:0a"]
snips = ["192.0.2.11"]
[[vip.server]]
name = "web1"
mac = "02:00:00:00:00:64"
address = "192.0.2.101"
[gateway]
macs = ["02:00:00:00:00:fe"]
"""


def write(folder: Path, text: str | bytes) -> Path:
    """A topology file."""
    path = folder / "lab.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def understood(net: Ladder, declared: Declaration) -> Topology:
    """The topology of a mirror's capture with a declared one."""
    return infer(read_scene(net.legs(), declared), declared)


def test_whole_file(tmp_path: Path) -> None:
    """All that a file may say is read."""
    declared = read_topology(write(tmp_path, WHOLE))
    (vip,) = declared.vips
    assert (vip.address, vip.mode, vip.subnet, vip.services) == (VIP, "dsr-mac", "192.0.2.0/24", (("tcp", 80),))
    assert [(host.name, host.macs, host.addresses) for host in (*vip.balancers, *vip.servers)] == [
        ("lb1", (BALANCER.number,), (BALANCER.ip,)),
        ("web1", (WEB1.number,), (WEB1.ip,)),
    ]
    assert declared.gateway_macs == (GATEWAY.number,)


def test_declared_facts_are_taken(tmp_path: Path) -> None:
    """A declared VIP keeps its names and provenance; servers that are seen and not declared are added."""
    topology = understood(healthy(), read_topology(write(tmp_path, WHOLE)))
    (vip,) = topology.vips
    assert (vip.provenance, vip.mode, vip.subnet) == ("declared", "dsr-mac", "192.0.2.0/24")
    assert [host.name for host in (*vip.balancers, *vip.servers)] == ["lb1", "web1", None]
    assert GATEWAY.number in topology.routers


def test_declared_elsewhere(tmp_path: Path) -> None:
    """A declared VIP that the capture does not hold is told of as such."""
    topology = understood(healthy(), read_topology(write(tmp_path, '[[vip]]\naddress = "203.0.113.9"')))
    assert [(vip.address, vip.evidence) for vip in topology.vips if vip.provenance == "declared"] == [
        ("203.0.113.9", ("not in this capture",))
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[vip]]\nadress = "192.0.2.10"', 2, ("adress", "did you mean 'address'?")),
        ("[[vip]]\nmode = 'dsr-mac'", 1, ("needs an address",)),
        ('[[vip]]\naddress = "192.0.2.300"', 2, ("192.0.2.300", "no IP address")),
        ('[[vip]]\naddress = 7', 2, ("no IP address",)),
        ('[[vip]]\naddress = "192.0.2.10"\nmode = "dsr-mack"', 3, ("dsr-mack", "did you mean 'dsr-mac'?")),
        ('[[vip]]\naddress = "192.0.2.10"\nsubnet = "192.0.2/24"', 3, ("no subnet",)),
        ('[[vip]]\naddress = "192.0.2.10"\nsubnet = "198.51.100.0/24"', 3, ("not in its subnet",)),
        ('[[vip]]\naddress = "192.0.2.10"\nservices = ["tcp/99999"]', 3, ("tcp/99999", "tcp/80")),
        ('[[vip]]\naddress = "192.0.2.10"\n[[vip]]\naddress = "192.0.2.10"', 2, ("declared twice",)),
        ('[[vip]]\naddress = "192.0.2.10"\n[[vip.server]]\nmac = "02:00:00"', 4, ("six octets",)),
        ('[[vip]]\naddress = "192.0.2.10"\n[[vip.server]]\nmacs = "02:00:00:00:00:64"', 4, ("must be a list",)),
        ('[[vip]]\naddress = "192.0.2.10"\n[[vip.server]]\nname = 3', 4, ("must be text",)),
        ('[[vip]]\naddress = "192.0.2.10"\n[[vip.sever]]', 3, ("sever", "did you mean 'server'?")),
        ('vip = ["192.0.2.10"]', 1, ("[[vip]]",)),
        ("gateway = 3", 1, ("[gateway]",)),
        ("[[vip]\n", 1, ("is not TOML",)),
    ],
)  # fmt: skip
def test_tells_where_and_what_to_do(tmp_path: Path, text: str, line: int, words: tuple[str, ...]) -> None:
    """An error is one line: the file, the line, the key and a suggestion."""
    path = write(tmp_path, text)
    with pytest.raises(TopologyError) as error:
        read_topology(path)
    message = str(error.value)
    assert message.startswith(f"{path}:{line}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe", b"\0", b"[" * 100_000, b"a" * (SIZE_LIMIT + 1), b"x = " + b"[" * 5000, b'vip = "\x1b[2J"',
        b'"\\u001b[31m" = 1', b"[[vip]]\naddress = [[[]]]", b"[[vip]]\naddress = 1979-05-27",
        b'[[vip]]\naddress = "192.0.2.10"\nsubnet = 5', b'[[vip]]\naddress = "192.0.2.10"\nmode = []',
        b'[[vip]]\naddress = "192.0.2.10"\n[[vip.server]]\nmac = []',
        b'[[vip]]\naddress = "192.0.2.10"\nservices = [[]]',
    ],
)  # fmt: skip
def test_hostile_files(tmp_path: Path, data: bytes) -> None:
    """Whatever a file holds, there is one printable line about it and nothing else."""
    with pytest.raises(TopologyError) as error:
        read_topology(write(tmp_path, data))
    assert str(error.value).isprintable()


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is no traceback either."""
    with pytest.raises(TopologyError, match="cannot be read"):
        read_topology(tmp_path / "none.toml")
