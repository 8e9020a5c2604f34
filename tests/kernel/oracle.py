"""tshark's reading of a capture beside the kernel's, field by field where the two speak of the same."""

from __future__ import annotations

import csv
import gzip
import ipaddress
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsrcheck.capture import CaptureError, open_capture

Row = dict[str, list[str]]
"""A frame as tshark reads it: the values of a field, outermost first; quoted headers follow those of the packet."""

OF_PROTOCOL = {
    "frame": "number len cap_len",
    "eth": "src dst",
    "vlan": "id",
    "arp": "opcode src.hw_mac src.proto_ipv4 dst.hw_mac dst.proto_ipv4",
    "ip": "src dst id ttl proto len dsfield.dscp flags.df flags.mf frag_offset",
    "ipv6": "src dst hlim plen",
    "tcp": "srcport dstport flags seq_raw ack_raw len window_size_value options.mss_val",
    "tcp.options.timestamp": "tsval tsecr",
    "udp": "srcport dstport length",
    "icmp": "type code ident mtu redir_gw",
    "icmpv6": "type code mtu echo.identifier nd.ns.target_address nd.na.target_address opt.linkaddr",
}
FIELDS = [f"{protocol}.{name}" for protocol, names in OF_PROTOCOL.items() for name in names.split()]

# Each frame by itself: what another frame teaches tshark is no oracle for a decoder.
ALONE = ("ip.defragment", "ipv6.defragment", "tcp.desegment_tcp_streams", "tcp.analyze_sequence_numbers")


def run_tshark(path: Path) -> Iterator[Row]:
    """Let tshark read a capture."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "header=y", "-E", "occurrence=a"]
    command += [part for preference in ALONE for part in ("-o", f"{preference}:FALSE")]
    command += [part for field in FIELDS for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    yield from _rows(done.stdout.splitlines())


def kept_reading(path: Path) -> Iterator[Row]:
    """Return what tshark read of a foreign capture, as it is kept beside it.

    tshark numbers custom blocks of pcapng too; rows of them, with neither time nor any protocol's field, are left out.
    """
    table = path.parent / "oracle" / f"{path.name}.tsv.gz"
    for row in _rows(gzip.decompress(table.read_bytes()).decode().splitlines()):
        if row.keys() - {"frame.number", "frame.len", "frame.cap_len"}:
            yield row


def _rows(lines: list[str]) -> Iterator[Row]:
    for row in csv.DictReader(lines, delimiter="\t"):
        yield {field: value.split(",") for field, value in row.items() if value}


def decode_capture(frame: Any, path: Path) -> Iterator[Any]:
    """Decode a capture with one frame object, as far as the file can be read; yield it once a frame."""
    try:
        with open_capture(path) as capture:
            for batch in capture.batches():
                for place in zip(batch.offset, batch.captured, batch.original, batch.interface, strict=True):
                    frame.decode(batch.data, *place[:3], capture.interfaces[place[3]].link_type)
                    yield frame
    except CaptureError:
        return


def address(high: int, low: int) -> str:
    """Return an address as tshark writes it."""
    found = ipaddress.IPv6Address(high << 64 | low)
    return str(found.ipv4_mapped or found)


def mac(number: int) -> str:
    """Return a MAC address as tshark writes it."""
    return number.to_bytes(6, "big").hex(":")


def told(frame: Any) -> Iterator[tuple[str, int, int | str]]:
    """Yield what the kernel tells as tshark's field, position among its values, and value."""
    if frame.macs == 3:
        yield "eth.src", 0, mac(frame.src_mac)
        yield "eth.dst", 0, mac(frame.dst_mac)
    if frame.vlan:
        yield "vlan.id", 0, frame.vlan & 0xFFF
    yield from _told_of_claims(frame)
    if frame.reach >= 3:
        yield from _told_of_addresses(frame)
    if frame.reach == 4 and frame.tunnel != 3:  # tshark knows no GUE
        yield from _told_of_transport(frame)


def _told_of_claims(frame: Any) -> Iterator[tuple[str, int, int | str]]:
    target = address(frame.target_high, frame.target_low)
    if 1 <= frame.claim <= 5:
        yield "arp.opcode", 0, 2 if frame.claim in (2, 3) else 1
        yield "arp.src.hw_mac", 0, mac(frame.claim_mac)
        yield "arp.src.proto_ipv4", 0, address(frame.claim_high, frame.claim_low)
        yield "arp.dst.hw_mac", 0, mac(frame.target_mac)
        yield "arp.dst.proto_ipv4", 0, target
    elif frame.claim == 6:
        yield "icmpv6.nd.na.target_address", 0, target
        yield "icmpv6.opt.linkaddr", 0, mac(frame.claim_mac)
    elif frame.claim:
        yield "icmpv6.nd.ns.target_address", 0, target
        yield "icmpv6.opt.linkaddr", 0, mac(frame.claim_mac)


def _told_of_addresses(frame: Any) -> Iterator[tuple[str, int, int | str]]:
    family = "ip" if frame.ip_version == 4 else "ipv6"
    place = 0
    if frame.tunnel:
        outer = address(frame.outer_src_high, frame.outer_src_low)
        outer_family = "ipv6" if ":" in outer else "ip"
        yield f"{outer_family}.src", 0, outer
        yield f"{outer_family}.dst", 0, address(frame.outer_dst_high, frame.outer_dst_low)
        yield "ipv6.hlim" if ":" in outer else "ip.ttl", 0, frame.outer_ttl
        if frame.tunnel == 3:
            return
        place = frame.depth if outer_family == family else frame.depth - 1
    yield f"{family}.src", place, address(frame.src_high, frame.src_low)
    yield f"{family}.dst", place, address(frame.dst_high, frame.dst_low)
    if family == "ip":
        yield "ip.ttl", place, frame.ttl
        yield "ip.id", place, frame.ip_id
        yield "ip.dsfield.dscp", place, frame.dscp
        yield "ip.flags.df", place, frame.dont_fragment
        yield "ip.flags.mf", place, frame.more_fragments
        yield "ip.frag_offset", place, frame.fragment_offset // 8  # tshark's unit
        yield "ip.len", place, frame.ip_length
    else:
        yield "ipv6.hlim", place, frame.ttl
        yield "ipv6.plen", place, frame.ip_length - 40
    if frame.quoted:
        yield f"{family}.src", place + 1, address(frame.quoted_src_high, frame.quoted_src_low)
        yield f"{family}.dst", place + 1, address(frame.quoted_dst_high, frame.quoted_dst_low)


def _told_of_transport(frame: Any) -> Iterator[tuple[str, int, int | str]]:
    if frame.protocol == 6:
        yield "tcp.srcport", 0, frame.src_port
        yield "tcp.dstport", 0, frame.dst_port
        yield "tcp.flags", 0, frame.tcp_flags
        yield "tcp.seq_raw", 0, frame.seq
        yield "tcp.ack_raw", 0, frame.ack
        yield "tcp.window_size_value", 0, frame.window
        yield "tcp.len", 0, frame.payload_length
        if frame.mss:
            yield "tcp.options.mss_val", 0, frame.mss
        if frame.has_ts:
            yield "tcp.options.timestamp.tsval", 0, frame.ts_val
            yield "tcp.options.timestamp.tsecr", 0, frame.ts_ecr
    elif frame.protocol == 17:
        yield "udp.srcport", 0, frame.src_port
        yield "udp.dstport", 0, frame.dst_port
        yield "udp.length", 0, frame.payload_length + 8
    elif frame.protocol in (1, 58):
        yield from _told_of_icmp(frame)


def _told_of_icmp(frame: Any) -> Iterator[tuple[str, int, int | str]]:
    family = "icmp" if frame.protocol == 1 else "icmpv6"
    yield f"{family}.type", 0, frame.icmp_type
    yield f"{family}.code", 0, frame.icmp_code
    if frame.icmp_id:
        yield "icmp.ident" if family == "icmp" else "icmpv6.echo.identifier", 0, frame.icmp_id
    if frame.icmp_value and frame.icmp_type == 5:
        yield "icmp.redir_gw", 0, address(0, 0xFFFF << 32 | frame.icmp_value)
    elif frame.icmp_value:
        yield f"{family}.mtu", 0, frame.icmp_value
    if frame.quoted_dst_port:
        transport = {6: "tcp", 17: "udp"}.get(frame.quoted_protocol, "sctp")
        yield f"{transport}.srcport", 0, frame.quoted_src_port
        yield f"{transport}.dstport", 0, frame.quoted_dst_port


NEVER_MISSED = {"eth.src", "vlan.id", "ip.src", "ipv6.src"}
NEVER_MISSED_OF_TRANSPORT = {"tcp.seq_raw", "tcp.options.mss_val", "tcp.options.timestamp.tsval", "udp.srcport"}


def differences(frame: Any, row: Row) -> list[str]:
    """Return where the kernel and tshark disagree, and what tshark tells that the kernel does not."""
    found = []
    missed = NEVER_MISSED & row.keys()
    if not (frame.quoted or frame.tunnel == 3 or frame.fragment_offset):
        missed |= NEVER_MISSED_OF_TRANSPORT & row.keys()
    for field, place, ours in told(frame):
        missed.discard(field)
        values = row.get(field, [])
        if place < len(values) and not same(field, ours, values[place]):
            found.append(f"{field}: {ours}, tshark {values[place]}")
    return found + [f"{field}: nothing, tshark {row[field]}" for field in sorted(missed)]


def same(field: str, ours: int | str, theirs: str) -> bool:
    """Tell whether the kernel's value is what tshark writes."""
    if isinstance(ours, str):
        return ours == theirs
    number = int(theirs, 0)
    return ours == (number & 0xFF if field == "tcp.flags" else number)  # the kernel leaves the reserved bits out
