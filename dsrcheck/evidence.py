"""The frames that findings stand on, as a capture of their own with a comment on each, for Wireshark."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from dsrcheck.analysis import Analysis
from dsrcheck.capture import CaptureWriter, open_capture
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding
from dsrcheck.flows.reread import check_rereadable
from dsrcheck.kernel.decode import CLAIMS, Frame
from dsrcheck.records import dataclass
from dsrcheck.topology.model import NAT, PROXY

CLAIM_NAMES = {
    "request": "ARP request", "reply": "ARP reply", "gratuitous": "gratuitous ARP", "probe": "ARP probe",
    "announcement": "ARP announcement", "advertisement": "neighbour advertisement",
    "solicitation": "neighbour solicitation", "dad": "duplicate address detection",
}  # fmt: skip
"""What a person calls each kind of claim."""


@dataclass(frozen=True)
class Exhibit:
    """A frame as it was captured. `time`: nanoseconds since 1970 UTC; `original`: length on the wire."""

    number: int
    time: int
    interface: int
    data: bytes
    original: int
    comment: str


def write_evidence(
    path: str | os.PathLike[str], analysis: Analysis, target: BinaryIO, rules: Sequence[str] = ()
) -> int:
    """Write the frames of an analysis's findings to a pcapng stream and return how many; 0 leaves it untouched.

    `path`: the one capture that was analysed; it is read again. `rules`: ids of the findings wanted, all if empty.
    Interfaces, times and lengths stay as they are; the comment says rule, severity, role, and what is wrong.
    Raises FlowError when the capture can be read only once, CaptureError when it cannot be read, OSError on writing.
    """
    check_rereadable(path)
    exhibits = list(_exhibits(path, analysis, rules))
    if exhibits:
        interfaces = [interface.facts for interface in analysis.sides.scene.legs.interfaces]
        with CaptureWriter(target, interfaces) as writer:
            for exhibit in exhibits:
                writer.write(exhibit.time, exhibit.data, exhibit.interface, exhibit.original, exhibit.comment)
    return len(exhibits)


def _exhibits(path: str | os.PathLike[str], analysis: Analysis, rules: Sequence[str]) -> Iterator[Exhibit]:
    findings = _findings_by_frame(analysis, rules)
    if not findings:
        return
    frame, last = Frame(), max(findings)
    with open_capture(path) as capture:
        for batch in capture.batches():
            for number in sorted(findings.keys() & range(batch.first_number, batch.first_number + batch.count)):
                row = number - batch.first_number
                start, captured, original = batch.offset[row], batch.captured[row], batch.original[row]
                link_type = capture.interfaces[batch.interface[row]].link_type
                frame.decode(batch.data, start, captured, original, link_type)
                role = role_of_frame(analysis.sides, frame, batch.interface[row])
                comment = "\n".join(_comment(finding, role) for finding in findings[number])
                data = bytes(batch.data[start : start + captured])
                yield Exhibit(number, batch.time[row], batch.interface[row], data, original, comment)
            if batch.first_number + batch.count > last:
                return


def _findings_by_frame(analysis: Analysis, rules: Sequence[str]) -> dict[int, list[Finding]]:
    found: dict[int, list[Finding]] = defaultdict(list)
    for finding in analysis.report.findings:
        if not rules or finding.rule in rules:
            for frame in finding.frames:
                found[frame.number].append(finding)
    return found


def _comment(finding: Finding, role: str | None) -> str:
    cause = f" (follows from {finding.because_of})" if finding.because_of else ""
    shown = f", {role}" if role else ""
    return f"{finding.rule} {finding.name}, {finding.severity}{shown}: {finding.message}{cause}"


def role_of_frame(sides: Sides, frame: Frame, interface: int) -> str | None:
    """What a decoded frame of `interface` is in the story: a step, or its kind of ARP, NDP or ICMP; None: neither."""
    if frame.claim:
        return CLAIM_NAMES[CLAIMS[frame.claim]]
    if frame.quoted:
        return "ICMP about a packet"
    roles, legs = sides.roles, _legs_of_frame(sides, frame, interface)
    masks = {
        "request": roles.request, "forward": roles.forward, "forwarded packet, sent on": roles.sent_on,
        "reply": roles.reply, "answer": roles.answer, "reply, relayed by the balancer": roles.relayed,
        _by_balancer(sides, legs): roles.from_balancer,
    }  # fmt: skip
    found = next((name for name, mask in masks.items() if mask[legs].any()), None)
    return found or ("reply from another address" if np.isin(legs, sides.wrong).any() else None)


def _by_balancer(sides: Sides, legs: np.ndarray) -> str:
    """What the balancer's own packets to the client are: step 4 of normal mode, or none of its business."""
    rows = sides.roles.row[legs]
    modes = {sides.topology.vips[vip].mode for vip in sides.roles.vip[rows[rows >= 0]].tolist()}
    return "return" if modes & {NAT, PROXY} else "reply by the balancer itself"


def _legs_of_frame(sides: Sides, frame: Frame, interface: int) -> np.ndarray:
    """Legs that a frame is one of: none for what is in no leg, such as a dropped copy of ARP."""
    ends, book = sides.scene.ends, sides.scene.book
    src, dst = book.find(
        np.array([frame.src_high, frame.dst_high], np.uint64), np.array([frame.src_low, frame.dst_low], np.uint64)
    ).tolist()
    same = (ends.src == src) & (ends.dst == dst) & (ends.protocol == frame.protocol)
    same &= (ends.src_mac == frame.src_mac) & (ends.dst_mac == frame.dst_mac)
    same &= (ends.link == interface << 36 | frame.vlan) & (ends.tunnel == frame.tunnel)
    if ends.whole[same].all():
        same &= (ends.src_port == frame.src_port) & (ends.dst_port == frame.dst_port)
    return np.flatnonzero(same)
