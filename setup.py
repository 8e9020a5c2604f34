"""Builds the hot modules as C extensions, where that is possible; the rest stands in pyproject.toml.

Every module of the capture and kernel packages that has a .pxd beside it is compiled with Cython from the very source
that also runs interpreted. Without a compiler, or without Python's headers, the package installs all the same and runs
interpreted. The environment variable DSRCHECK_BUILD changes that:

    optional  (default) compile what compiles
    require   a module that does not compile is an error
    checked   as require, with every index checked (for tests and fuzzing)
    never     compile nothing
"""

import os
from pathlib import Path

from setuptools import Extension, find_namespace_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
MODES = ("optional", "require", "checked", "never")
MODE = os.environ.get("DSRCHECK_BUILD", "optional")
if MODE not in MODES:
    raise SystemExit(f"DSRCHECK_BUILD is {MODE!r}; it can be {', '.join(MODES)}")
STRICT = MODE in ("require", "checked")


def extensions() -> list[Extension]:
    """The extensions to build; none when Cython cannot translate them and that may be."""
    if MODE == "never":
        return []
    augmented = [pxd for room in ("capture", "kernel") for pxd in sorted((ROOT / "dsrcheck" / room).glob("*.pxd"))]
    sources = [pxd.with_suffix(".py").relative_to(ROOT) for pxd in augmented if pxd.with_suffix(".py").exists()]
    modules = [Extension(".".join(s.with_suffix("").parts), [s.as_posix()]) for s in sources]
    try:
        from Cython.Build import cythonize

        built: list[Extension] = cythonize(
            modules,
            build_dir="build/cython",
            language_level=3,
            # What is given here wins over a directive at the head of a module.
            force=True,  # what another mode left behind is not up to date, however young it is
            compiler_directives={"boundscheck": True} if MODE == "checked" else {},
        )
    except Exception as error:
        if STRICT:
            raise
        print(f"dsrcheck: the kernel will run interpreted: {error}")
        return []
    for extension in built:
        extension.optional = not STRICT  # cythonize forgets what the Extension said
    return built


class BuildWhatBuilds(build_ext):
    """Builds extensions; one that fails is left out, whatever the reason, unless the build is strict."""

    def build_extension(self, ext: Extension) -> None:
        """Build one extension."""
        try:
            super().build_extension(ext)
        except Exception as error:
            if STRICT:
                raise
            print(f"dsrcheck: {ext.name} will run interpreted: {error}")


setup(
    packages=[*find_namespace_packages(include=["dsrcheck", "dsrcheck.*"]), "dsrcheck.rulefiles"],
    package_dir={"dsrcheck.rulefiles": "rules"},
    package_data={"": ["*.toml", "*.json", "*.pxd", "py.typed"]},
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildWhatBuilds},
)
