"""The layers of one frame in full: as tshark dissects it where it is installed, else as far as dpkt knows.

Nothing of a packet is safe for a terminal: every text goes through `printable`. Runs in a worker.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsrcheck.capture import CaptureWriter, Interface
from dsrcheck.records import dataclass
from dsrcheck.text import printable
from dsrcheck.tui.reading import FrameBytes

TEXT_LIMIT = 400
FIELD_LIMIT = 2000
GENERIC = {"eth.addr", "eth.src.oui", "eth.dst.oui"}
"""Fields that say once more what the field of the same bytes says."""
BITS = re.compile(r"^[.01 ]{4,} = ")
"""How tshark begins the line of a field that is some bits of the one before."""


@dataclass(frozen=True)
class Field:
    """A line of a layer. `start`, `length`: its bytes in the frame; length 0: it stands for none. `depth`: from 0."""

    text: str
    start: int = 0
    length: int = 0
    depth: int = 0


@dataclass(frozen=True)
class Layer:
    """One protocol of the frame, its bytes as for fields."""

    title: str
    fields: tuple[Field, ...]
    start: int = 0
    length: int = 0


@dataclass(frozen=True)
class Dissection:
    """The layers from the outermost in. `source`: who dissected it, and why not tshark, if it did not."""

    layers: tuple[Layer, ...]
    source: str


def dissect(frame: FrameBytes) -> Dissection:
    """Dissect a frame with what there is."""
    if shutil.which("tshark") is None:
        return Dissection(by_dpkt(frame), "dpkt, for want of tshark")
    try:
        return Dissection(by_tshark(frame), "tshark")
    except Exception as error:  # a dissector that fails must not take the view with it, whatever it raises
        why = printable(" ".join(str(error).split()) or type(error).__name__, 60)
        return Dissection(by_dpkt(frame), f"dpkt (tshark failed: {why})")


def by_tshark(frame: FrameBytes) -> tuple[Layer, ...]:
    """tshark's layers, through pyshark, of a capture that holds this frame only."""
    import pyshark

    with tempfile.TemporaryDirectory(prefix="dsrcheck-") as folder:
        path = Path(folder) / "frame.pcapng"
        with CaptureWriter(path, [Interface(link_type=frame.link_type)]) as writer:
            writer.write(frame.time, frame.data, original=frame.original)
        # pyshark runs tshark in an event loop, and cannot use the one that the interface runs in.
        loop = asyncio.new_event_loop()
        try:
            capture = pyshark.FileCapture(str(path), eventloop=loop, custom_parameters=["-n"])
            try:
                packet = capture.next()
            finally:
                capture.close()
        finally:
            loop.close()
    return tuple(_tshark_layer(layer) for layer in packet.layers)


def _tshark_layer(layer: Any) -> Layer:
    found: list[Field] = []
    for container in list(layer._all_fields.values())[:FIELD_LIMIT]:
        for field in container.fields:
            if field.showname and not field.hide and field.name not in GENERIC:
                found.append(Field(printable(field.showname, TEXT_LIMIT), int(field.pos or 0), int(field.size or 0)))
    found.sort(key=lambda field: field.start)  # fields of one name come together; those of one place are in order
    fields = tuple(replace(field, depth=int(bool(BITS.match(field.text)))) for field in found)
    start = min((field.start for field in found if field.length), default=0)
    end = max((field.start + field.length for field in found), default=start)
    return Layer(printable(str(layer.layer_name).upper()), fields, start, end - start)


def by_dpkt(frame: FrameBytes) -> tuple[Layer, ...]:
    """The layers that dpkt knows, with the fields of their headers."""
    import dpkt

    kinds = {
        1: dpkt.ethernet.Ethernet,
        101: dpkt.ip.IP,
        113: dpkt.sll.SLL,
        228: dpkt.ip.IP,
        229: dpkt.ip6.IP6,
        276: dpkt.sll2.SLL2,
    }
    kind = kinds.get(frame.link_type)
    if kind is None:
        return (Layer(f"link type {frame.link_type}", (Field("dpkt does not know it"),), 0, len(frame.data)),)
    try:
        packet = kind(frame.data)
    except (dpkt.UnpackError, ValueError, IndexError) as error:
        return (Layer(kind.__name__, (Field(printable(f"cannot be read: {error}", TEXT_LIMIT)),), 0, len(frame.data)),)
    return tuple(_dpkt_layers(packet, 0))


def _dpkt_layers(packet: Any, start: int) -> Iterator[Layer]:
    import dpkt

    while isinstance(packet, dpkt.Packet):
        fields, at = [], start
        for name, form, *_ in packet.__hdr__:
            size = struct.calcsize(f">{form}")
            fields.append(Field(f"{name.strip('_')}: {_value(getattr(packet, name))}", at, size))
            at += size
        yield Layer(type(packet).__name__, tuple(fields), start, at - start)
        inner = packet.data
        start += len(packet) - len(inner)
        packet = inner
    if packet:
        text = printable(bytes(packet)[:TEXT_LIMIT].decode("ascii", "backslashreplace"), TEXT_LIMIT)
        yield Layer(f"{len(packet):,} bytes of payload", (Field(text, start, len(packet)),), start, len(packet))


def _value(value: Any) -> str:
    if not isinstance(value, bytes):
        return printable(f"{value:,} ({value:#x})" if isinstance(value, int) else str(value), TEXT_LIMIT)
    if len(value) == 6:
        return value.hex(":")
    if len(value) == 4:
        return ".".join(map(str, value))
    return value.hex(":", 2) if len(value) == 16 else value.hex(" ")
