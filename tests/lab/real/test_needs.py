"""Where the real lab cannot run it says so in one line, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dsrcheck.lab import LabError, faults, real, scenarios
from dsrcheck.lab.real import needs


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the place of PATH, with nothing in it."""
    monkeypatch.setattr(needs, "PATH", str(tmp_path))
    needs.cannot_run.cache_clear()
    needs.entrance.cache_clear()
    yield tmp_path
    needs.cannot_run.cache_clear()
    needs.entrance.cache_clear()


def _tool(folder: Path, name: str, status: int) -> None:
    made = folder / name
    made.write_text(f"#!/bin/sh\nexit {status}\n")
    made.chmod(0o755)


def test_a_missing_tool_is_named_with_its_package(tools: Path) -> None:
    """What to install, in one line."""
    for name in ("unshare", "nsenter", "ip"):
        _tool(tools, name, 0)
    assert real.cannot_run() == "the real lab needs dumpcap: apt install wireshark-common"


def test_a_dumpcap_for_others_is_told(tools: Path) -> None:
    """Debian lets only the group wireshark start it, if asked to: then it is there, and of no use."""
    for name in needs.TOOLS:
        _tool(tools, name, 0)
    (tools / "dumpcap").chmod(0o644)
    told = real.cannot_run()
    assert told is not None
    assert "usermod -aG wireshark" in told


def test_a_system_without_user_namespaces_is_told(tools: Path) -> None:
    """`unshare` is there, and may not."""
    for name in needs.TOOLS:
        _tool(tools, name, int(name == "unshare"))
    told = real.cannot_run()
    assert told is not None
    assert told.startswith("this system does not let you make network namespaces: ")
    assert "\n" not in told


def test_the_sysctl_that_forbids_it_is_named(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a sysctl is what forbids it, the remedy is to set that."""
    for name in needs.TOOLS:
        _tool(tools, name, int(name == "unshare"))
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel/unprivileged_userns_clone").write_text("0\n")
    monkeypatch.setattr(needs, "SYSCTLS", tmp_path)
    told = real.cannot_run()
    assert told is not None
    assert told.endswith(": sysctl -w kernel.unprivileged_userns_clone=1, or run it as root")


@pytest.mark.parametrize(
    ("scenario", "fault", "told"),
    [
        ("dsr-vlan", None, "a VLAN device"),
        ("ipip-healthy", None, "an IP-in-IP device"),
        ("dsr-offload", None, "cards that offload"),
        ("dsr-lossy", None, "losing frames on the cable of a kernel (server1)"),
        ("dsr-round-robin", "syn-flood", "a kernel that answers nothing to what it has asked (flooder)"),
        ("dsr-round-robin", "foreign-reset", "resetting the connections of another kernel (server2)"),
    ],
)
def test_what_kernels_cannot_play_is_refused(scenario: str, fault: str | None, told: str) -> None:
    """Before anything is begun."""
    refused = real.refusal(scenarios()[scenario], faults()[fault] if fault else None)
    assert refused is not None
    assert told in refused
    with pytest.raises(LabError, match="does not run with --real"):
        real.run(scenario, fault)


def test_the_others_are_not() -> None:
    """Of the healthy scenarios all but those that need more than veth pairs and bridges."""
    refused = {name for name, scenario in scenarios().items() if real.refusal(scenario)}
    assert refused == {"dsr-vlan", "dsr-lossy", "dsr-offload", "ipip-healthy", "ipip-mtu"}
