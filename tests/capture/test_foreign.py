"""Files that are no capture are named, with what to do about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.capture import CaptureError
from dsrcheck.capture.foreign import describe
from tests.capture.blocks import read

# First bytes of files, after the structures in Wireshark's wiretap/netscaler.c: record header, byte order, signature.
NSTRACES = {
    "1.0": b"\x01\x01\x24\x00\x01\x00\x00\x00NetScaler Performance Data\0",
    "2.0": b"\x01\x2a\x01NetScaler V20 Performance Data\0",
    "3.0": b"\x01\x2a\x00\x01Netscaler V30 Performance Data\0",
    "3.5": b"\x01\x2a\x00\x01Netscaler V35 Performance Data\0",
}
OTHERS = {
    b"snoop\0\0\0\0\0\0\x02": "Solaris snoop",
    b"btsnoop\0\0\0\0\x01": "btsnoop",
    b"GMBU\x00\x02": "Network Monitor",
    b"RTSS\x00\x02": "Network Monitor",
    b"BZh91AY": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "ZIP",
    b"<!DOCTYPE html><html>": "HTML",
    b"\n  <html>": "HTML",
    b"12:00:01.000000 IP 10.0.0.1.80 > 10.0.0.2.1234: Flags [S]\n": "text",
    "Prüfung".encode(): "text",
    b"\x00\x01\x02\x03\x04\x05": "begins with 00 01 02 03",
    b"\xa1": "begins with a1",
}


@pytest.mark.parametrize("version", NSTRACES)
def test_nstrace(tmp_path: Path, version: str) -> None:
    """A NetScaler trace is told by its signature, and the message says how to capture again."""
    with pytest.raises(CaptureError) as caught:
        read(tmp_path / "nstrace.cap", NSTRACES[version] + bytes(8192))
    text = str(caught.value)
    assert f"nstrace {version}" in text
    assert "start nstrace -size 0 -traceformat PCAP" in text
    assert "nstrace.sh -sz 0 -tcpdump 1" in text
    assert "\n" not in text


@pytest.mark.parametrize("head", OTHERS)
def test_others(tmp_path: Path, head: bytes) -> None:
    """Other formats are named; what has no name is shown by its first bytes, with what is accepted."""
    with pytest.raises(CaptureError) as caught:
        read(tmp_path / "x", head)
    assert OTHERS[head] in str(caught.value)


def test_empty(tmp_path: Path) -> None:
    """An empty file says so."""
    with pytest.raises(CaptureError, match="the file is empty; accepted are pcap and pcapng"):
        read(tmp_path / "x", b"")


@given(st.binary(max_size=600))
def test_every_message_is_one_line(head: bytes) -> None:
    """Whatever a file begins with, the message is one printable line."""
    assert describe(head).isprintable()
