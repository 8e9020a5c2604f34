"""Writing captures: pcapng with interfaces, comments and nanoseconds, or classic pcap.

Formats: draft-ietf-opsawg-pcapng and draft-ietf-opsawg-pcap. Everything is little-endian, and the same calls give the
same bytes: no clock and no host name gets into a file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from os import PathLike
from types import TracebackType
from typing import BinaryIO, Literal, Self

from dsrcheck.capture.batch import LONGEST_FRAME, Interface

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION = 1
INTERFACE_STATISTICS = 5
ENHANCED_PACKET = 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
OPT_COMMENT = 1
IF_NAME = 2
IF_DESCRIPTION = 3
IF_TSRESOL = 9
ISB_IFDROP = 5


class CaptureWriter:
    """Writes frames to a file or a binary stream; a context manager.

    `interfaces`: in order of their index; the number given to `write` is the place in this list. Classic pcap has room
    for one interface only and for no names and no comments. `nanoseconds=False` writes microseconds (rounded down).
    A stream that was passed in is flushed, not closed. Raises ValueError on what the format cannot say, OSError on
    writing.
    """

    def __init__(
        self,
        target: str | PathLike[str] | BinaryIO,
        interfaces: Sequence[Interface] = (Interface(),),
        format: Literal["pcapng", "pcap"] = "pcapng",
        nanoseconds: bool = True,
    ) -> None:
        if format not in ("pcapng", "pcap"):
            raise ValueError(f"capture format {format!r} is neither pcapng nor pcap")
        if not interfaces:
            raise ValueError("a capture needs at least one interface")
        if format == "pcap" and len(interfaces) != 1:
            raise ValueError("classic pcap has one interface only; write pcapng")
        self.interfaces = list(interfaces)
        self.format = format
        self.frames = 0
        self._unit = 1 if nanoseconds else 1000
        self._owned = isinstance(target, (str, PathLike))
        # The writer itself is the context manager of the file it opens.
        self._stream: BinaryIO = open(target, "wb") if isinstance(target, (str, PathLike)) else target  # noqa: SIM115
        self._write_header()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Flush, and close the file if this writer opened it."""
        if self._owned:
            self._stream.close()
        else:
            self._stream.flush()

    def write(
        self,
        time_ns: int,
        data: bytes | bytearray | memoryview,
        interface: int = 0,
        original: int | None = None,
        comment: str | None = None,
    ) -> None:
        """Add one frame.

        `time_ns`: nanoseconds since 1970 UTC, not negative. `original`: length on the wire, if `data` is cut.
        `comment`: shown by Wireshark beside the frame; classic pcap leaves it out.
        """
        captured = len(data)
        original = captured if original is None else original
        if not 0 <= interface < len(self.interfaces):
            raise ValueError(f"interface {interface} of {len(self.interfaces)}")
        if captured > LONGEST_FRAME:
            raise ValueError(
                f"a frame of {captured} bytes is longer than {LONGEST_FRAME}, which readers take for damage"
            )
        if not captured <= original < 1 << 32:
            raise ValueError(f"original length {original} of a frame with {captured} captured bytes")
        if self.format == "pcap":
            record = self._pcap_record(time_ns, captured, original)
            self._stream.write(record + bytes(data))
        else:
            self._stream.write(self._enhanced_packet(time_ns, bytes(data), interface, original, comment))
        self.frames += 1

    def add_interface(self, interface: Interface) -> None:
        """Describe a further interface; pcapng only."""
        if self.format == "pcap":
            raise ValueError("classic pcap has one interface only; write pcapng")
        self.interfaces.append(interface)
        self._stream.write(self._interface_description(interface))

    def write_drops(self, dropped: int) -> None:
        """Say how many frames were lost while capturing; pcapng only."""
        if self.format == "pcap":
            raise ValueError("classic pcap cannot say how many frames were lost; write pcapng")
        fixed = struct.pack("<III", 0, 0, 0)  # of the first interface, at no time
        self._stream.write(_block(INTERFACE_STATISTICS, fixed + _options([(ISB_IFDROP, struct.pack("<Q", dropped))])))

    def break_off(self) -> None:
        """End in the middle of a record, as a capture does whose writer was killed; nothing can be written after it."""
        self._stream.write(struct.pack("<I", ENHANCED_PACKET))

    def _write_header(self) -> None:
        if self.format == "pcap":
            only = self.interfaces[0]
            magic = 0xA1B23C4D if self._unit == 1 else 0xA1B2C3D4
            self._stream.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, only.snap_length, only.link_type))
            return
        # Length -1: not known in advance, the section runs to the end of the file.
        self._stream.write(_block(SECTION_HEADER, struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1)))
        for interface in self.interfaces:
            self._stream.write(self._interface_description(interface))

    def _interface_description(self, interface: Interface) -> bytes:
        options = [(IF_TSRESOL, bytes([9 if self._unit == 1 else 6]))]
        if interface.name is not None:
            options.append((IF_NAME, interface.name.encode("utf-8", "replace")))
        if interface.description is not None:
            options.append((IF_DESCRIPTION, interface.description.encode("utf-8", "replace")))
        fixed = struct.pack("<HHI", interface.link_type, 0, interface.snap_length)
        return _block(INTERFACE_DESCRIPTION, fixed + _options(sorted(options)))

    def _pcap_record(self, time_ns: int, captured: int, original: int) -> bytes:
        seconds, rest = divmod(time_ns, 1_000_000_000)
        if not 0 <= seconds < 1 << 32:
            raise ValueError(f"classic pcap cannot say the time {time_ns} ns: only 1970 to 2106")
        return struct.pack("<IIII", seconds, rest // self._unit, captured, original)

    def _enhanced_packet(self, time_ns: int, data: bytes, interface: int, original: int, comment: str | None) -> bytes:
        if not 0 <= time_ns < 1 << 63:
            raise ValueError(f"the time {time_ns} ns is before 1970 or past the year 2262")
        stamp = time_ns // self._unit
        fixed = struct.pack("<IIIII", interface, stamp >> 32, stamp & 0xFFFFFFFF, len(data), original)
        options = _options([(OPT_COMMENT, comment.encode("utf-8", "replace"))]) if comment is not None else b""
        return _block(ENHANCED_PACKET, fixed + _padded(data) + options)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(options: list[tuple[int, bytes]]) -> bytes:
    """Encode options with the end mark; a value longer than its 16-bit length can say is cut."""
    parts = [struct.pack("<HH", code, len(value[:0xFFFF])) + _padded(value[:0xFFFF]) for code, value in options]
    return b"".join(parts) + bytes(4)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
