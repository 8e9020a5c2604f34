"""The kernel's modules as they stand, and interpreted from their sources even where compiled ones are installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

import dsrcheck.kernel

PREFIX = "dsrcheck.kernel."
ROOM = Path(dsrcheck.kernel.__file__).parent
_interpreted: dict[str, ModuleType] = {}


class _SourcesOnly(MetaPathFinder):
    """Finds the kernel's modules by their sources, never an extension."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        return FileFinder(str(ROOM), (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(fullname)


def _kernel_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.startswith(PREFIX)}


def _put(modules: dict[str, ModuleType]) -> None:
    for name in _kernel_modules():
        del sys.modules[name]
    sys.modules.update(modules)
    for name, module in modules.items():
        setattr(dsrcheck.kernel, name.removeprefix(PREFIX), module)


def interpreted(name: str) -> ModuleType:
    """Return `dsrcheck.kernel.<name>` run by the interpreter, as are the kernel modules that it imports."""
    installed = _kernel_modules()
    finder = _SourcesOnly()
    _put(_interpreted)
    sys.meta_path.insert(0, finder)
    try:
        module = importlib.import_module(PREFIX + name)
        _interpreted.update(_kernel_modules())
    finally:
        sys.meta_path.remove(finder)
        _put(installed)
    return module


def versions(name: str) -> dict[str, ModuleType]:
    """Return the versions of `dsrcheck.kernel.<name>` that exist here: `interpreted`, and `compiled` if it is built."""
    module = importlib.import_module(PREFIX + name)
    found = {"interpreted": interpreted(name)}
    if not str(module.__file__).endswith(".py"):
        found["compiled"] = module
    return found
