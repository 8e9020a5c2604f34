"""Bytes to frames: pcap, pcapng, compressed files and standard input; and writing captures."""

from __future__ import annotations

from dsrcheck.capture.batch import Batch, Interface
from dsrcheck.capture.errors import CaptureError
from dsrcheck.capture.reader import Capture, open_capture
from dsrcheck.capture.write import CaptureWriter

__all__ = ["Batch", "Capture", "CaptureError", "CaptureWriter", "Interface", "open_capture"]
