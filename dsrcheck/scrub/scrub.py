"""A capture file scrubbed: frame by frame, in one pass and in bounded memory."""

from __future__ import annotations

import os
from typing import BinaryIO, Literal

from dsrcheck.capture import CaptureWriter, Interface, open_capture
from dsrcheck.scrub.frame import Payload, scrub_frame
from dsrcheck.scrub.names import Pseudonyms


def scrub(
    path: str | os.PathLike[str],
    target: BinaryIO,
    names: Pseudonyms,
    payload: Payload = "blank",
    format: Literal["pcap", "pcapng"] = "pcapng",
) -> int:
    """Write a capture to a stream with other MACs and addresses and without payloads; return how many frames.

    Frames keep their order, times, lengths and interfaces; interfaces keep their names, and nothing else of theirs, nor
    comments. What tells that frames are missing is kept: drops, and an end in the middle of a record.
    Raises CaptureError when the capture cannot be read, MapError for names that clash, ValueError when it has several
    interfaces and `format` is pcap, OSError on writing.
    """
    writer: CaptureWriter | None = None
    with open_capture(path) as capture:
        for batch in capture.batches():
            if writer is None:
                writer = CaptureWriter(target, [_bare(capture.interfaces[0])], format)
            for interface in capture.interfaces[len(writer.interfaces) :]:
                writer.add_interface(_bare(interface))
            for row in range(batch.count):
                start, number = batch.offset[row], batch.interface[row]
                data = bytes(batch.data[start : start + batch.captured[row]])
                scrubbed = scrub_frame(names, data, capture.interfaces[number].link_type, payload)
                writer.write(batch.time[row], scrubbed, number, batch.original[row])
        if writer is None:
            writer = CaptureWriter(target, [_bare(one) for one in capture.interfaces] or [Interface()], format)
        if capture.dropped is not None and format == "pcapng":
            writer.write_drops(capture.dropped)
        if capture.truncated is not None:
            writer.break_off()
        writer.close()
        return writer.frames


def _bare(interface: Interface) -> Interface:
    """An interface without its description, in which people and products write what they like."""
    return Interface(interface.index, interface.link_type, interface.name, None, interface.snap_length)
