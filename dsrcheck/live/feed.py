"""Where a watch gets its capture from: a file, one that grows, a pipe, or interfaces."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Protocol

from dsrcheck.capture import Capture
from dsrcheck.capture.dumpcap import Dumpcap
from dsrcheck.capture.reader import capture_from
from dsrcheck.capture.source import STANDARD_INPUT, open_source
from dsrcheck.capture.tap import Tap
from dsrcheck.text import printable

_SIOCGIFFLAGS, _IFF_UP = 0x8913, 0x1  # linux/sockios.h, linux/if.h
_IFREQ = "16sH14x"


class Feed(Protocol):
    """A capture to come. `patient`: its writer can wait for us, so that nothing is lost by reading when it suits."""

    name: str
    patient: bool

    def open(self) -> Capture:
        """Wait for the beginning of the capture, in the thread that will read it. Raises CaptureError."""

    def stop(self) -> None:
        """End it, from any thread, before or after it was opened."""

    def trouble(self, ended: bool) -> str | None:
        """What is wrong with it now, or why it ended, in one line; None if nothing is."""


class FileFeed:
    """A file, a named pipe, or standard input (`-`). `follow`: go on reading as the file grows, until stopped."""

    def __init__(self, path: str | PathLike[str], follow: bool = False) -> None:
        self.name = os.fsdecode(path)
        self.is_file = self.name != STANDARD_INPUT and _is_file(self.name)
        self.patient = not follow and _is_file(self.name)
        self._follow = follow
        self._stopped = False
        self._tap: Tap | None = None

    def open(self) -> Capture:
        return capture_from(self.name, open_source(self.name, self._wait))

    def stop(self) -> None:
        self._stopped = True
        if self._tap is not None:
            self._tap.stop()

    def trouble(self, ended: bool) -> str | None:
        return None  # what is wrong with a file, its capture says

    def _wait(self, descriptor: int) -> Tap:
        self._tap = Tap(descriptor, self._follow)
        if self._stopped:
            self._tap.stop()
        return self._tap


class InterfaceFeed:
    """Interfaces, by dumpcap."""

    patient = False

    def __init__(self, interfaces: Sequence[str], capture_filter: str | None = None) -> None:
        self.name = ", ".join(interfaces)
        self._interfaces = tuple(interfaces)
        self._start = partial(Dumpcap, interfaces, capture_filter)
        self._stopped = False
        self._dumpcap: Dumpcap | None = None

    def open(self) -> Capture:
        self._dumpcap = dumpcap = self._start()
        if self._stopped:
            dumpcap.stop()
        return dumpcap.open()

    def stop(self) -> None:
        self._stopped = True
        if self._dumpcap is not None:
            self._dumpcap.stop()

    def trouble(self, ended: bool) -> str | None:
        if ended:
            return self._dumpcap.trouble if self._dumpcap is not None else None
        # libpcap waits in silence for an interface that is down, and goes on when it comes back.
        down = [printable(name) for name in self._interfaces if is_down(name)]
        return f"{', '.join(down)} {'is' if len(down) == 1 else 'are'} down" if down else None


def is_down(interface: str) -> bool:
    """Whether there is an interface of this name, and it is down; False where that cannot be told."""
    name = os.fsencode(interface)
    if len(name) > 15:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack(_IFREQ, name, 0))
        except OSError:  # a name that dumpcap knows and the kernel does not (`any`, a number), or it is gone
            return False
    flags: int = struct.unpack(_IFREQ, answer)[1]
    return not flags & _IFF_UP


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG((os.fstat(0) if path == STANDARD_INPUT else os.stat(path)).st_mode)
    except (OSError, ValueError):  # opening it will say so
        return False
