"""The display filters of findings, by Wireshark's own reading."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from dsrcheck.rules import evaluate
from tests.rules.hand_made import WEB1, column, rule, subjects, tables


@pytest.mark.tshark
def test_filter_is_wiresharks(tmp_path: Path) -> None:
    """tshark shows just the frames of a finding."""
    columns = {
        "request.ttl_min": column("number", [1, 1]),
        "request.src_mac": column("mac", [WEB1, WEB1]),
        "request.first_frame": column("frame", [4, 2]),
    }
    finding = evaluate([rule(tmp_path)], tables(subjects("exchange", columns, [0, 0])))[1][0]
    capture = tmp_path / "five.pcap"
    frame = bytes(12) + b"\x88\xb5" + bytes(46)
    record = struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    capture.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + record * 5)
    command = ["tshark", "-r", str(capture), "-Y", finding.wireshark_filters[0], "-T", "fields", "-e", "frame.number"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert shown == ["2", "4"]
