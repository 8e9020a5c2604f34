"""Frames on disk: each file stands alone, together they are what came, and a full disk is told."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsrcheck.capture import Capture, CaptureWriter, Interface, open_capture
from dsrcheck.live import Spool, TemporarySpool
from tests.capture.blocks import Seen, frames_of

INTERFACES = [Interface(0, 1, "eth0"), Interface(1, 101, "tun\x1b[31m0", "a tunnel", 200)]


@pytest.fixture(params=["pcapng", "pcap"])
def stream(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Twenty thousand frames, of two interfaces where the format knows such."""
    path: Path = tmp_path / f"stream.{request.param}"
    interfaces = INTERFACES if request.param == "pcapng" else INTERFACES[:1]
    with CaptureWriter(path, interfaces, request.param) as writer:
        for number in range(20_000):
            content = number.to_bytes(4, "big") + bytes(60)
            writer.write(number * 1_000_000, content, interface=number % len(interfaces))
    return path


def _copy(stream: Path, spool: Spool) -> Iterator[Capture]:
    """Read a stream into a spool, batch by batch."""
    with open_capture(stream) as capture:
        spool.follow(capture)
        for _ in capture.batches():
            yield capture
    spool.close()


def _contents(path: str | Path) -> list[Seen]:
    with open_capture(path) as capture:
        return frames_of(capture)


def test_one_file(stream: Path, tmp_path: Path) -> None:
    """Without a size it is the stream, byte for byte."""
    for _ in _copy(stream, Spool(tmp_path / "copy")):
        pass
    assert (tmp_path / "copy").read_bytes() == stream.read_bytes()


@pytest.mark.tshark
def test_a_ring(stream: Path, tmp_path: Path) -> None:
    """Every file can be read by itself, by us and by Wireshark; numbers tell where each begins; old ones are gone."""
    spool = Spool(tmp_path / "ring.pcapng", 300_000, 3)
    for _ in _copy(stream, spool):
        pass
    files = spool.files
    assert sorted(path.name for path in tmp_path.glob("ring*")) == [Path(file.path).name for file in files]
    assert len(files) == 3
    assert Path(files[0].path).name != "ring_00001.pcapng"
    whole = _contents(stream)
    for file, following in zip(files, [*files[1:], None], strict=True):
        here = _contents(file.path)
        there = whole[file.first_frame - 1 :][: len(here)]
        assert [seen[1:] for seen in here] == [seen[1:] for seen in there]  # all but the number
        end = len(whole) + 1 if following is None else following.first_frame
        assert file.first_frame + len(here) == end
        assert file.frames == (None if following is None else len(here))
        told = subprocess.run(["capinfos", "-c", "-M", file.path], check=True, capture_output=True, text=True).stdout
        assert f"{len(here)}" in told.split()[-1]


def test_saving_while_it_goes_on(stream: Path, tmp_path: Path) -> None:
    """What is kept is written to one file, from several of a ring; nothing stays behind."""
    spool = Spool(tmp_path / "ring.pcapng", 200_000)
    for number, capture in enumerate(_copy(stream, spool)):
        if number == 3:
            spool.save(tmp_path / "saved.pcapng")
            frames = capture.frames
    assert len(spool.files) > 3
    saved = _contents(tmp_path / "saved.pcapng")  # each file's interfaces are counted anew in it
    assert [seen.data for seen in saved] == [seen.data for seen in _contents(stream)[:frames]]
    assert not list(tmp_path.glob(".saved*"))


def test_the_disk_is_full(tmp_path: Path, stream: Path) -> None:
    """Reading goes on; what is missing is told."""
    spool = Spool("/dev/full")
    frames = 0
    for capture in _copy(stream, spool):
        frames = capture.frames
    assert frames == 20_000
    assert spool.trouble is not None
    assert spool.trouble.startswith("/dev/full: No space left on device; frames after ")


def test_it_cannot_be_written_at_all(tmp_path: Path) -> None:
    """That is told at once, before anything is captured."""
    with pytest.raises(FileNotFoundError):
        Spool(tmp_path / "nowhere" / "x.pcapng")


def test_a_temporary_one_goes_with_its_owner(stream: Path) -> None:
    """Its folder is gone when nobody has it any more."""
    spool = TemporarySpool()
    for capture in _copy(stream, spool):  # noqa: B007 - it knows the spool, and is to be forgotten
        pass
    (file,) = spool.files
    assert _contents(file.path) == _contents(stream)
    del spool, capture
    gc.collect()
    assert not Path(file.path).parent.exists()
