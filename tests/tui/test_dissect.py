"""The layers of a frame: tshark's, through pyshark, or dpkt's; whatever is in the frame, nothing of it is obeyed."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import dpkt
import pytest

from dsrcheck.capture import CaptureWriter
from dsrcheck.findings import FrameRef
from dsrcheck.tui.dissect import Dissection, by_dpkt, dissect
from dsrcheck.tui.frame import hex_lines
from dsrcheck.tui.reading import FrameBytes, read_frame
from tests.tui.pilot import ROOT, snapshot_of

CAPTURE = str(ROOT / "pcaps/real-ipvs-arp-problem/capture.pcap")
HOSTILE = b"GET /\x1b[2J\x1b]0;owned\x07\xc2\x9b31m \xe2\x80\xae HTTP/1.1\r\nHost: [red]x[/red]\r\n\r\n"


def frame_of(payload: bytes) -> FrameBytes:
    """An HTTP request with these bytes."""
    tcp = dpkt.tcp.TCP(sport=40000, dport=80, seq=1, ack=1, flags=24, data=payload)
    ip = dpkt.ip.IP(src=b"\x0a\0\0\1", dst=b"\x0a\0\0\x0a", p=6, data=tcp)
    data = bytes(dpkt.ethernet.Ethernet(src=b"\0\1\xaa\xbb\xcc\1", dst=b"\0\1\xaa\xbb\xcc\x0a", data=ip))
    return FrameBytes(0, 1, 0, data, len(data), 1, "0")


def texts(dissection: Dissection) -> list[str]:
    """Every line."""
    return [text for layer in dissection.layers for text in (layer.title, *(field.text for field in layer.fields))]


@pytest.mark.tshark
def test_tshark_dissects_in_a_thread() -> None:
    """Its protocols and fields are those that tshark itself prints; it runs beside another event loop."""
    frame = read_frame(snapshot_of(CAPTURE), FrameRef(0, 7))
    found: list[Dissection] = []
    thread = threading.Thread(target=lambda: found.append(dissect(frame)))
    thread.start()
    thread.join()
    command = ["tshark", "-r", CAPTURE, "-Y", "frame.number == 7", "-T", "fields", "-e", "frame.protocols"]
    protocols = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().split(":")
    assert found[0].source == "tshark"
    assert [layer.title.lower() for layer in found[0].layers] == [name for name in protocols if name != "ethertype"]
    assert "Destination Port: 80" in texts(found[0])
    port = next(field for layer in found[0].layers for field in layer.fields if field.text == "Destination Port: 80")
    assert frame.data[port.start : port.start + port.length] == (80).to_bytes(2, "big")


def test_without_tshark_dpkt_dissects(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fields of its headers, each at its bytes."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    frame = read_frame(snapshot_of(CAPTURE), FrameRef(0, 7))
    dissection = dissect(frame)
    assert dissection.source.startswith("dpkt")
    assert [layer.title for layer in dissection.layers] == ["Ethernet", "IP", "TCP", "82 bytes of payload"]
    port = next(field for field in dissection.layers[2].fields if field.text.startswith("dport: 80 "))
    assert frame.data[port.start : port.start + port.length] == (80).to_bytes(2, "big")


@pytest.mark.parametrize("size", [0, 1, 13, 14, 20, 33, 40, 60])
def test_a_frame_cut_anywhere_is_dissected_as_far_as_it_goes(size: int) -> None:
    """Nothing is raised, and something is told."""
    whole = frame_of(b"x" * 100)
    cut = FrameBytes(0, 1, 0, whole.data[:size], whole.original, 1, "0")
    assert by_dpkt(cut)


@pytest.mark.tshark
def test_nothing_of_a_packet_is_obeyed_by_the_terminal() -> None:
    """Neither by tshark's layers nor by dpkt's nor in the bytes: escapes, overrides and markup are text."""
    frame = frame_of(HOSTILE)
    shown = [*texts(dissect(frame)), *texts(Dissection(by_dpkt(frame), "dpkt")), hex_lines(frame.data).plain]
    assert not [text for text in shown for sign in ("\x1b", "\x07", "\x9b", "\u202e") if sign in text]
    assert any("[red]x[/red]" in text for text in shown)


def test_frames_are_found_by_their_numbers_in_every_capture(tmp_path: Path) -> None:
    """The first, one in the midst of a large file, the last; one past the end is in none."""
    path = tmp_path / "many.pcapng"
    with CaptureWriter(path) as writer:
        for number in range(1, 10_001):
            writer.write(number, b"\xff" * 12 + b"\x88\xb5" + number.to_bytes(4, "big"))
    snapshot = snapshot_of(str(path))
    for number in (1, 4096, 4097, 10_000):
        assert read_frame(snapshot, FrameRef(0, number)).data[-4:] == number.to_bytes(4, "big")
    with pytest.raises(Exception, match="10,001 is in none of the files"):
        read_frame(snapshot, FrameRef(0, 10_001))
