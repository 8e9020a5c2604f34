"""Files, compressed files and standard input give the same bytes; what cannot be opened says why in one line."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
import zlib
from pathlib import Path

import pytest
import zstandard

from dsrcheck.capture import CaptureError, open_capture
from tests.capture.blocks import Stdin, frames_of, pcap_header, pcap_record, read

CONTENT = pcap_header() + b"".join(pcap_record(bytes([number]) * 60) for number in range(200))


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def _skippable() -> bytes:
    return b"\x53\x2a\x4d\x18\x05\x00\x00\x00hello"


HALF = len(CONTENT) // 2
PACKED = {
    "gzip": gzip.compress(CONTENT),
    "gzip in two members": gzip.compress(CONTENT[:HALF]) + gzip.compress(CONTENT[HALF:]),
    "gzip padded with zeros": gzip.compress(CONTENT) + bytes(1000),
    "gzip with an empty member": gzip.compress(b"") + gzip.compress(CONTENT),
    "zstd": _zstd(CONTENT),
    "zstd in two frames": _zstd(CONTENT[:HALF]) + _zstd(CONTENT[HALF:]),
    "zstd with skippable frames": _skippable() + _zstd(CONTENT) + _skippable(),
}


@pytest.mark.parametrize("name", PACKED)
def test_compressed(tmp_path: Path, name: str) -> None:
    """What a file is compressed with is told by its magic, not by its name."""
    capture, frames = read(tmp_path / "capture.pcap", PACKED[name])
    assert [frame.data[0] for frame in frames] == list(range(200))
    assert capture.truncated is None
    assert capture.bytes_read == len(PACKED[name])


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (gzip.compress(os.urandom(0) + CONTENT)[:-20], "the gzip data are cut"),
        (gzip.compress(CONTENT) + b"more", "what follows the gzip data is not gzip"),
        (gzip.compress(CONTENT)[:-8] + bytes(8), "the gzip data are damaged"),
        (_zstd(CONTENT) + _zstd(CONTENT)[:-5], "the zstd data are cut"),
        (_zstd(CONTENT) + b"more", "what follows the zstd data is not zstd"),
        (_zstd(CONTENT) + b"\x28\xb5\x2f\xfd" + b"\xff" * 20, "the zstd data are damaged"),
    ],
)
def test_damaged_compression(tmp_path: Path, packed: bytes, reason: str) -> None:
    """Frames before the damage are kept, and the damage is told."""
    capture, frames = read(tmp_path / "x", packed)
    assert frames
    assert capture.truncated is not None
    assert reason in capture.truncated


def test_nothing_but_damage(tmp_path: Path) -> None:
    """Compressed data of which nothing can be had are an error that says so."""
    with pytest.raises(CaptureError, match="the gzip data are damaged"):
        read(tmp_path / "x", b"\x1f\x8b" + b"\xff" * 100)
    with pytest.raises(CaptureError, match="the gzip data are cut"):
        read(tmp_path / "x", b"\x1f\x8b")
    with pytest.raises(CaptureError, match="the file is empty"):
        read(tmp_path / "x", gzip.compress(b""))
    window = zstandard.ZstdCompressionParameters(window_log=29, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=window).compressobj()
    with pytest.raises(CaptureError, match="need more than 128 MiB of memory"):
        read(tmp_path / "x", packer.compress(CONTENT) + packer.flush())


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_bombs_take_little_memory(tmp_path: Path, packing: str) -> None:
    """A hundred megabytes out of next to nothing pass through in bounded memory."""
    content = pcap_header() + pcap_record(bytes(200_000)) * 500
    packed = gzip.compress(content) if packing == "gzip" else zstandard.ZstdCompressor(level=19).compress(content)
    path = tmp_path / "bomb"
    path.write_bytes(packed)
    assert len(packed) * 500 < len(content)
    del content
    tracemalloc.start()
    try:
        with open_capture(path) as capture:
            assert sum(batch.count for batch in capture.batches()) == 500
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 48 << 20


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    """A missing file, a directory, a name with NUL and a socket-like failure are one line each."""
    cases = {
        str(tmp_path / "missing"): "no such file",
        str(tmp_path): "this is a directory; give a capture file",
        "a\0b": "a name cannot hold a NUL",
    }
    for path, reason in cases.items():
        with pytest.raises(CaptureError, match=reason):
            open_capture(path)


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read says so (the kernel lets root read everything, so it is told by a double)."""

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(CaptureError, match="x: permission denied"):
        open_capture("x")


class Interrupted(io.BytesIO):
    """Bytes after which Ctrl-C comes instead of the end."""

    def readinto1(self, room: object) -> int:
        count = super().readinto1(room)  # type: ignore[arg-type]
        if not count:
            raise KeyboardInterrupt
        return count


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input, compressed or not."""
    for content in (CONTENT, PACKED["gzip"]):
        monkeypatch.setattr("sys.stdin", Stdin(io.BytesIO(content)))
        with open_capture("-") as capture:
            assert len(frames_of(capture)) == 200
            assert (capture.path, capture.truncated, capture.interrupted) == ("-", None, False)


@pytest.mark.parametrize("content", [CONTENT[:-30], zlib.compress(CONTENT[:-30], wbits=31)[:-9]])
def test_interrupted_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Ctrl-C ends the capture: what came is delivered, and a record cut by it is no damage."""
    monkeypatch.setattr("sys.stdin", Stdin(Interrupted(content)))
    with open_capture("-") as capture:
        assert len(frames_of(capture)) >= 199
        assert (capture.truncated, capture.interrupted) == (None, True)


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal, or nothing at all, is no capture."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CaptureError, match="standard input is closed"):
        open_capture("-")
    terminal = Stdin(io.BytesIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    with pytest.raises(CaptureError, match="standard input is a terminal"):
        open_capture("-")


def test_read_error_keeps_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle ends the capture there."""

    class Failing(io.BytesIO):
        def readinto1(self, room: object) -> int:
            count = super().readinto1(room)  # type: ignore[arg-type]
            if not count:
                raise OSError(5, "Input/output error")
            return count

    monkeypatch.setattr("sys.stdin", Stdin(Failing(CONTENT)))
    with open_capture("-") as capture:
        assert len(frames_of(capture)) == 200
        assert "reading failed: Input/output error" in str(capture.truncated)


def test_other_storage() -> None:
    """A name with a scheme is read by fsspec, compressed or not; what is not there, or nobody knows, is one line."""
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe("/plain.pcap", CONTENT)
    store.pipe("/packed.pcap.gz", gzip.compress(CONTENT))
    for name in ("memory://plain.pcap", "memory://packed.pcap.gz"):
        with open_capture(name) as capture:
            assert (capture.path, len(frames_of(capture))) == (name, 200)
            assert capture.splits == name.endswith(".pcap")
    for name, told in (("memory://none.pcap", "no such file"), ("nonsense://x", "cannot be opened: ")):
        with pytest.raises(CaptureError, match=told):
            open_capture(name)
