"""Telling from the files which modules run compiled, and which extensions are older than their sources."""

from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from dsrcheck.compiled import hot_modules, interpreted_modules, kernel_state
from tests.conftest import stale_extensions


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with two hot modules and a .pxd that belongs to none."""
    for name in ("capture/framing.py", "capture/framing.pxd", "kernel/fold.py", "kernel/fold.pxd", "kernel/layout.pxd"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def extension(package: Path, module: str, age: float = 0.0) -> Path:
    """Put an extension beside a module, younger than it by `age` seconds."""
    path = package / (module + EXTENSION_SUFFIXES[0])
    path.touch()
    time = (package / f"{module}.py").stat().st_mtime + age
    os.utime(path, (time, time))
    return path


def test_the_package_has_hot_modules() -> None:
    """Framing, decoding and folding are what is compiled."""
    assert {"framing", "decode", "fold"} <= {path.stem for path in hot_modules()}


def test_state(package: Path) -> None:
    """Interpreted, then partly, then wholly compiled."""
    assert kernel_state(package) == "interpreted"
    extension(package, "kernel/fold")
    assert kernel_state(package) == "compiled but for framing"
    assert interpreted_modules(package) == ("framing",)
    extension(package, "capture/framing")
    assert kernel_state(package) == "compiled"


@pytest.mark.parametrize("edited", ["kernel/fold.py", "kernel/fold.pxd", "kernel/layout.pxd"])
def test_stale_extension_is_noticed(package: Path, edited: str) -> None:
    """An extension is stale when its source, or declarations that it draws on, were edited after it was built."""
    (package / "kernel/fold.pxd").write_text("from dsrcheck.kernel.layout cimport CELLS\n")
    fold = extension(package, "kernel/fold", age=10)
    framing = extension(package, "capture/framing", age=10)
    assert stale_extensions(package) == []
    later = fold.stat().st_mtime + 1
    os.utime(package / edited, (later, later))
    assert stale_extensions(package) == [fold]
    (package / "capture/framing.py").unlink()
    assert stale_extensions(package) == [framing, fold]
