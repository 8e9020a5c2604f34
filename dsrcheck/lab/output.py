"""Files: one pcapng with an interface per vantage, or one capture of one vantage; and what can be wrong with a file."""

from __future__ import annotations

import heapq
import io
import struct
from collections.abc import Sequence
from os import PathLike
from typing import BinaryIO

from dsrcheck.capture import CaptureWriter
from dsrcheck.lab.scenario import LabError, names
from dsrcheck.lab.vantage import Recording

INTERFACE_STATISTICS = 5
ISB_IFRECV, ISB_IFDROP = 4, 5


def write(target: str | PathLike[str] | BinaryIO, recordings: Sequence[Recording], format: str = "pcapng") -> int:
    """Write vantages to a file or stream; returns the number of frames. Raises OSError, LabError, ValueError."""
    if format not in ("pcapng", "pcap"):
        raise ValueError(f"capture format {format!r} is neither pcapng nor pcap")
    if format == "pcap" and len(recordings) > 1:
        raise LabError(f"a pcap holds one vantage, of {names(r.name for r in recordings)}; a pcapng holds them all")
    buffer = io.BytesIO()
    interfaces = [recording.interface for recording in recordings]
    with CaptureWriter(buffer, interfaces, "pcap" if format == "pcap" else "pcapng") as writer:
        if len(recordings) == 1:  # as captured, even where its clock ran back
            for time, frame in recordings[0].frames:
                writer.write(time, frame)
        else:
            streams = [
                [(time, place, number) for number, (time, _) in enumerate(recording.frames)]
                for place, recording in enumerate(recordings)
            ]
            for time, place, number in heapq.merge(*streams):
                writer.write(time, recordings[place].frames[number][1], place)
        count = writer.frames
    content = buffer.getvalue()
    if format == "pcapng":
        content += b"".join(_statistics(n, r) for n, r in enumerate(recordings) if r.dropped is not None)
    cut = max(recording.cut for recording in recordings)
    if cut:
        content = content[:-cut]
    if isinstance(target, (str, PathLike)):
        with open(target, "wb") as stream:
            stream.write(content)
    else:
        target.write(content)
    return count


def _statistics(interface: int, recording: Recording) -> bytes:
    """An interface statistics block (draft-ietf-opsawg-pcapng, 4.6): frames received, frames dropped."""
    time = recording.frames[-1][0]
    options = b"".join(
        struct.pack("<HHQ", code, 8, value)
        for code, value in (
            (ISB_IFRECV, len(recording.frames) + (recording.dropped or 0)),
            (ISB_IFDROP, recording.dropped or 0),
        )
    )
    body = struct.pack("<III", interface, time >> 32, time & 0xFFFF_FFFF) + options + bytes(4)
    length = 12 + len(body)
    return struct.pack("<II", INTERFACE_STATISTICS, length) + body + struct.pack("<I", length)
