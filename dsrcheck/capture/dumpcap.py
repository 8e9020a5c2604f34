"""Capturing on interfaces: dumpcap, which alone needs the privilege, writes pcapng to a pipe that our reader reads.

What dumpcap has to say is passed on in its own words; they are on its standard error, among a few lines of progress.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence

from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.reader import Capture, capture_from
from dsrcheck.capture.source import PlainSource
from dsrcheck.capture.tap import GRACE, Tap
from dsrcheck.text import printable

NOT_INSTALLED = (
    "dumpcap, which captures, is not installed; install it with `sudo apt install wireshark-common` (Debian, Ubuntu),"
    " `sudo dnf install wireshark-cli` (Fedora, RHEL) or Wireshark itself, or pipe a capture in: tcpdump -w - | ..."
)
_PROGRESS = (
    "Capturing on ", "File: ", "Packets captured: ", "Packets received/dropped on interface ",
    "dumpcap: cap_set_proc() fail return",
)  # fmt: skip
_REFUSALS = ("permission", "not permitted")
BUFFER = 16
"""MiB that the kernel keeps for us while we are busy (dumpcap's own choice is 2)."""
_MOST_SAID = 1 << 16


class DumpcapError(CaptureError):
    """dumpcap did not begin to capture. `said`: its own text, line by line, safe for a terminal."""

    def __init__(self, path: str, message: str, said: tuple[str, ...] = ()) -> None:
        super().__init__(path, message)
        self.said = said


class Dumpcap:
    """A running dumpcap, and the capture that it writes.

    `interfaces`: as `dumpcap -D` names them. `capture_filter`: in libpcap's language, for all of them. Raises
    DumpcapError if it is not there.
    """

    def __init__(self, interfaces: Sequence[str], capture_filter: str | None = None) -> None:
        self.name = ", ".join(interfaces)
        self._said: tuple[str, ...] = ()
        # Debian lets only the group run it: then it is there, and not for us.
        self._program = shutil.which("dumpcap") or shutil.which("dumpcap", mode=os.F_OK)
        if self._program is None:
            raise DumpcapError(self.name, NOT_INSTALLED)
        command = [self._program, "-q", "-n", "-B", str(BUFFER)]
        command += ["-f", capture_filter] if capture_filter else []  # before -i it is for all interfaces
        for interface in interfaces:
            command += ["-i", interface]
        self._talk = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody empties could fill up, and stop it
        try:
            # A group of its own: Ctrl-C is for us, and we end dumpcap when what it has is read.
            self._process = subprocess.Popen(
                [*command, "-w", "-"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._talk,
                process_group=0,
            )  # fmt: skip
        except OSError as error:
            self._talk.close()
            raise DumpcapError(self.name, self._refused(f"dumpcap cannot be started ({error.strerror})")) from None
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self._tap = Tap(self._output.fileno())

    def open(self) -> Capture:
        """Wait for the first bytes, and return the capture. Raises DumpcapError if there are none."""
        source = PlainSource(self._tap.readinto, self.close, self._tap)
        try:
            return capture_from(self.name, source)
        except CaptureError as error:
            said = self.said()
            if not said:
                raise DumpcapError(self.name, self.trouble or error.message) from None
            first = " ".join(said).removeprefix("dumpcap: ")
            refused = any(word in first.lower() for word in _REFUSALS)
            raise DumpcapError(self.name, self._refused(_sentence(said)) if refused else first, said) from None

    def stop(self) -> None:
        """Let it write what it has, and end; from any thread, also in a signal handler."""
        self._process.send_signal(signal.SIGINT)
        self._tap.stop()

    def said(self) -> tuple[str, ...]:
        """What it complained of, line by line, safe for a terminal; to be asked when its output has ended."""
        self._wait()
        if self._talk.closed:
            return self._said
        self._talk.seek(0)
        lines = self._talk.read(_MOST_SAID).decode("utf-8", "replace").splitlines()
        return tuple(printable(line.strip()) for line in lines if line.strip() and not line.startswith(_PROGRESS))

    @property
    def trouble(self) -> str | None:
        """Why it ended, if that was not asked for: one line."""
        said = self.said()
        status = self._process.returncode
        if said:
            return " ".join(said)
        if self._tap.interrupted or status == 0:
            return None
        if status < 0:
            return f"dumpcap was ended by {signal.Signals(-status).name}"
        return f"dumpcap ended with status {status}, and said nothing"

    def close(self) -> None:
        """End it, if it still runs, and let go of its pipe."""
        self._said = self.said()
        self._tap.close()
        self._output.close()
        self._talk.close()

    def _wait(self) -> None:
        """Wait for its end; its output has ended, so what still runs after a while hangs."""
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _refused(self, reason: str) -> str:
        program = self._program or "dumpcap"
        return (
            f"{reason.rstrip('.')}. dumpcap alone needs the right to capture; give it by one of"
            " `sudo dpkg-reconfigure wireshark-common && sudo usermod -aG wireshark $USER` (Debian, Ubuntu; then log in"
            f" again) or `sudo setcap cap_net_raw,cap_net_admin=ep {program}`"
        )


def _sentence(said: Sequence[str]) -> str:
    """Its complaint without the advice that follows: its first line, and the system's word for it in parentheses."""
    words = [said[0].removeprefix("dumpcap: ").rstrip(".")]
    words += [line for line in said[1:2] if line.startswith("(")]
    return " ".join(words)
