"""A network namespace, held by a thread that lives in it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from dsrcheck.lab.real.needs import tool
from dsrcheck.lab.scenario import LabError

CLONE_NEWNET = 0x4000_0000  # linux/sched.h; os.unshare came with Python 3.12
P = ParamSpec("P")
T = TypeVar("T")


def host_pid() -> int:
    """This process's number as the world outside the process namespace counts: /proc is still the outer one."""
    return int(os.readlink("/proc/self"))


class Namespace:
    """A fresh network namespace. It ends with this process, and with the last socket made in it.

    What `call` calls runs in it: sockets that are made there stay in it, threads and processes that begin there too.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = ThreadPoolExecutor(1, name, _leave)
        self.fd = self.call(os.open, "/proc/thread-self/ns/net", os.O_RDONLY)

    @property
    def path(self) -> str:
        """A path to it that other processes can open while this one lives."""
        return f"/proc/{host_pid()}/fd/{self.fd}"

    def call(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Call a function in the namespace, and wait for what it returns."""
        return self._thread.submit(function, *arguments, **named).result()

    def close(self) -> None:
        """Let it go, as far as this process holds it."""
        os.close(self.fd)
        self._thread.shutdown(wait=False)

    def ip(self, commands: Sequence[str]) -> None:
        """Have iproute2 do commands, written without the leading `ip`. Raises LabError with what it says."""
        if commands:
            self.call(_ip, self.name, commands)

    def sysctl(self, name: str, value: int) -> None:
        """Set a sysctl under /proc/sys/net. Raises LabError."""
        self.call(_sysctl, self.name, name, value)


def _leave() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


def _ip(name: str, commands: Sequence[str]) -> None:
    done = subprocess.run(
        [tool("ip"), "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=False, capture_output=True
    )
    if done.returncode:
        raise LabError(f"{name}: ip: {' '.join(done.stderr.split())}")


def _sysctl(name: str, key: str, value: int) -> None:
    try:
        Path("/proc/sys/net", key).write_text(f"{value}\n")
    except OSError as error:
        raise LabError(f"{name}: sysctl net/{key} = {value}: {error.strerror}") from None
