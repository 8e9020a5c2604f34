"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsrcheck.output import write_whole


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be encoded is not half written."""
    target = tmp_path / "report.txt"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(target, "new\udcff")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file behind a symbolic link is replaced, not the link."""
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_to() -> None:
    """/dev/null is not replaced by a file."""
    write_whole(Path(os.devnull), "text")
    assert not Path(os.devnull).is_file()
