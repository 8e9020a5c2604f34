"""What the real lab needs: of the machine (tools, the right to make namespaces), and of a scenario."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dsrcheck.lab.scenario import Fault, Scenario

TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "dumpcap": "wireshark-common"}
"""Programs, and the Debian packages that bring them."""
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
"""Where they are looked for: Debian keeps some from the path of ordinary users."""
SYSCTLS = Path("/proc/sys")
SWITCHES = {
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "user/max_user_namespaces": ("0", "10000"),
}
"""Sysctls that keep ordinary users from namespaces: the value that does, and one that does not."""
FOR_KERNELS = {
    "lose": "losing frames on the cable of a kernel",
    "foreign-reset": "resetting the connections of another kernel",
    "deaf-to-icmp": "a kernel that heeds no ICMP",
    "flood": "a kernel that answers nothing to what it has asked",
}
"""Deeds that only a stack of the lab's own can do."""


def tool(name: str) -> str:
    """The path of a tool that is there."""
    return shutil.which(name, path=PATH) or name


@cache
def entrance() -> tuple[str, ...] | None:
    """The command that starts a program in fresh namespaces, as root there; none if this system allows neither way.

    The process namespace is there so that everything ends with its first process, and that one with `unshare`.
    """
    ways = [("--user", "--map-root-user")] if os.geteuid() else [("--user", "--map-root-user"), ()]
    for way in ways:
        command = (tool("unshare"), *way, "--net", "--pid", "--fork", "--kill-child")
        probe = subprocess.run([*command, tool("ip"), "link", "set", "lo", "up"], check=False, capture_output=True)
        if probe.returncode == 0:
            return command
    return None


@cache
def cannot_run() -> str | None:
    """Why the real lab cannot run on this machine, with what to do, in one line; none if it can."""
    missing = [name for name in TOOLS if shutil.which(name, os.F_OK, PATH) is None]
    if missing:
        packages = " ".join(dict.fromkeys(TOOLS[name] for name in missing))
        return f"the real lab needs {' and '.join(missing)}: apt install {packages}"
    if shutil.which("dumpcap", path=PATH) is None:
        return "the real lab needs dumpcap, which you may not start: usermod -aG wireshark $USER, and log in again"
    if entrance() is None:
        return f"this system does not let you make network namespaces: {_remedy()}"
    return None


def _remedy() -> str:
    for name, (closed, opened) in SWITCHES.items():
        switch = SYSCTLS / name
        if switch.exists() and switch.read_text().strip() == closed:
            return f"sysctl -w {name.replace('/', '.')}={opened}, or run it as root"
    if os.geteuid():
        return "run it as root"
    return "in a container give it CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN, or --privileged)"


def refusal(scenario: Scenario, fault: Fault | None = None, host: str | None = None) -> str | None:
    """Why a scenario, or a fault in it, cannot be played by kernels, in one line; none if it can."""
    lacking = {
        "a VLAN device": scenario.vlan is not None,
        "an IP-in-IP device": scenario.mode == "dsr-ipip",
        "cards that offload": scenario.offload,
    }
    for what, wanted in lacking.items():
        if wanted:
            return f"{scenario.name} does not run with --real: it takes {what}, which namespaces do not have everywhere"
    changes = [*scenario.changes, *(fault.changes if fault is not None else ())]
    for change in changes:
        name = str(change.get("host") or host or (fault.host if fault is not None else ""))
        told = deed_refusal(scenario, change, name)
        if told:
            return (
                f"{fault.name if fault and change in fault.changes else scenario.name} does not run with --real: {told}"
            )
    return None


def deed_refusal(scenario: Scenario, change: Mapping[str, Any], host: str) -> str | None:
    """Why a change cannot be made to a host, if it is a kernel."""
    if change["do"] in FOR_KERNELS and not plays_itself(scenario, host):
        return f"{FOR_KERNELS[change['do']]} ({host}) is beyond it"
    return None


def plays_itself(scenario: Scenario, host: str) -> bool:
    """Whether a host is played by a stack of the lab's own on packet sockets, not by a kernel.

    Balancers are what the lab is about; for a router that translates addresses kernels need more than every one has;
    and a client that floods must not answer what comes back.
    """
    return host.startswith("balancer") or host == "natbox" or host in flooders(scenario)


def flooders(scenario: Scenario) -> Iterable[str]:
    """The clients of SYN floods."""
    return {name for traffic in scenario.traffic if traffic.kind == "syn-flood" for name in traffic.clients}
