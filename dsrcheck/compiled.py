"""Whether the hot modules run compiled; told from the files alone, so that asking imports nothing."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

PACKAGE = Path(__file__).parent


def hot_modules(package: Path = PACKAGE) -> tuple[Path, ...]:
    """Sources of the modules that the package's build compiles: those with a .pxd beside them."""
    augmented = (pxd.with_suffix(".py") for room in ("capture", "kernel") for pxd in (package / room).glob("*.pxd"))
    return tuple(sorted(source for source in augmented if source.exists()))


def interpreted_modules(package: Path = PACKAGE) -> tuple[str, ...]:
    """Names of the hot modules that have no extension beside them here."""
    return tuple(
        source.stem
        for source in hot_modules(package)
        if not any(source.with_name(source.stem + suffix).exists() for suffix in EXTENSION_SUFFIXES)
    )


def kernel_state(package: Path = PACKAGE) -> str:
    """`compiled`, `interpreted`, or which modules of a partly compiled kernel are interpreted."""
    interpreted = interpreted_modules(package)
    if not interpreted:
        return "compiled"
    if len(interpreted) == len(hot_modules(package)):
        return "interpreted"
    return f"compiled but for {', '.join(interpreted)}"
