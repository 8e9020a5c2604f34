"""tshark's reading is the oracle: of the foreign corpus, and of damaged files made here."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
from pathlib import Path

import pytest

from dsrcheck.capture import CaptureError, open_capture
from tests.capture.blocks import (
    block,
    enhanced,
    frames_of,
    interface,
    options,
    pcap_header,
    pcap_record,
    section,
    simple,
)
from tests.capture.test_pcapng import DAMAGES, GOOD

LAST_TIME = (1 << 63) - 1
Row = tuple[int, int | None, int, int]
FIELDS = ["frame.number", "frame.time_epoch", "frame.len", "frame.cap_len"]


def _rows(text: str) -> list[Row]:
    """Number, time in nanoseconds (None where there is none), length on the wire and captured length."""
    rows: list[Row] = []
    for line in text.splitlines():
        number, time, wire, captured = line.split("\t")[:4]
        nanoseconds = int(time.replace(".", "")) if time else None
        rows.append((int(number), nanoseconds, int(wire), int(captured)))
    return rows


def _differences(path: Path, oracle: list[Row]) -> list[object]:
    """What our reading says otherwise. The oracle counts custom blocks, without a time, which are no frames here."""
    with open_capture(path) as capture:
        ours = {frame.number: frame for frame in frames_of(capture)}
        counted = capture.frames
    differences: list[object] = [] if counted == len(oracle) else [(counted, len(oracle))]
    for number, time, wire, captured in oracle:
        frame = ours.pop(number, None)
        if frame is None:
            differences += [] if time is None else [(number, "is missing")]
            continue
        if (frame.original, len(frame.data)) != (wire, captured):
            differences.append((frame, wire, captured))
        if time is not None and frame.time != max(0, min(time, LAST_TIME)):
            differences.append((frame, time))
    return differences + list(ours)


@pytest.mark.corpus
@pytest.mark.parametrize("group", ["robustness", "not-dsr", "balancer-vectors"])
def test_foreign_corpus(corpus: Path, group: str) -> None:
    """Every foreign file has the frames, times and lengths that tshark sees in it."""
    folder = corpus / "foreign" / group
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["oracle_fields"][:4] == FIELDS
    differences = {}
    for entry in manifest["files"]:
        if "oracle" not in entry:
            continue
        oracle = _rows(gzip.decompress((folder / entry["oracle"]).read_bytes()).decode().partition("\n")[2])
        try:
            found = _differences(folder / entry["file"], oracle)
        except CaptureError as error:
            found = [] if not oracle and "unsupported" in entry["tshark"]["stderr"] else [str(error)]
        if found:
            differences[entry["file"]] = found[:3]
    assert differences == {}


ODD = {
    **{f"damage: {name}": GOOD + damage + enhanced() for name, (damage, _) in DAMAGES.items()},
    "length without padding": section() + interface() + enhanced(bytes(61), length=32 + 61) + enhanced(),
    "captured beyond original": section() + interface() + enhanced(original=40) + enhanced(),
    "captured beyond snap length": section() + interface(snap_length=50) + enhanced() + enhanced(),
    "simple, cut by snap length": section() + interface(snap_length=50) + simple(bytes(50), 70) + enhanced(),
    "coarse clock": section() + interface(tail=options((9, b"\x00"))) + enhanced(stamp=1_700_000_000),
    "clock of ten digits": section()
    + interface(tail=options((9, b"\x0a")))
    + enhanced(stamp=17_000_000_001_234_567_890),
    "binary clock": section() + interface(tail=options((9, b"\x94"))) + enhanced(stamp=(1_700_000_000 << 20) + 12345),
    "shifted clock": section() + interface(tail=options((14, struct.pack("<q", -1000)))) + enhanced(),
    "custom and journal": section()
    + interface()
    + block(9, b"__REALTIME_TIMESTAMP=1700000000000000\n")
    + block(0xBAD, struct.pack("<I", 99) + bytes(8))
    + block(0x99, b"abcd")
    + enhanced(),
    "pcap, captured beyond original": pcap_header() + pcap_record(bytes(60), original=40) + pcap_record(bytes(60)),
    "pcap, captured beyond snap length": pcap_header(snap_length=40) + pcap_record(bytes(60)) * 2,
    "pcap, nanoseconds": pcap_header(">", 0xA1B23C4D) + pcap_record(bytes(60), fraction=999_999_999, order=">") * 2,
    # Zeros would pass for record headers of the modified format, which Wireshark looks for whatever the magic says.
    "pcap, cut": pcap_header() + pcap_record(b"\xff" * 60) * 2 + pcap_record(b"\xff" * 60)[:40],
}


@pytest.mark.tshark
def test_odd_files(tmp_path: Path) -> None:
    """Of odd and damaged files tshark keeps the same frames."""
    differences = {}
    for name, content in ODD.items():
        path = tmp_path / "odd"
        path.write_bytes(content)
        command = [
            "tshark",
            "-n",
            "-r",
            str(path),
            "-T",
            "fields",
            *(word for field in FIELDS for word in ("-e", field)),
        ]
        oracle = _rows(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
        # tshark shows no time of a journal entry as a frame's own; it is no frame here.
        if "journal" in name:
            oracle[0] = (1, None, *oracle[0][2:])
        found = _differences(path, oracle)
        if found:
            differences[name] = found
    assert differences == {}
