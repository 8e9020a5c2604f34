"""Builds the hot modules as C extensions, where that is possible; the rest stands in pyproject.toml.

Every module of the capture and kernel packages that has a .pxd beside it is compiled with Cython from the very source
that also runs interpreted. Without a compiler, or without Python's headers, the package installs all the same and runs
interpreted. The environment variable DSRCHECK_BUILD changes that:

    optional  (default) compile what compiles
    require   a module that does not compile is an error
    checked   as require, with gcc's or clang's address sanitizer (for tests and fuzzing): a read or write outside a
              buffer ends the program. Run it with LD_PRELOAD="$(cc -print-file-name=libasan.so)" PYTHONMALLOC=malloc
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
SHARED = "dsrcheck.kernel.views"
STRICT = MODE in ("require", "checked")
SANITIZE = ["-fsanitize=address", "-fno-omit-frame-pointer", "-O1"]


def extensions() -> list[Extension]:
    """The extensions to build; none when Cython cannot translate them and that may be."""
    if MODE == "never":
        return []
    augmented = [pxd for room in ("capture", "kernel") for pxd in sorted((ROOT / "dsrcheck" / room).glob("*.pxd"))]
    sources = [pxd.with_suffix(".py").relative_to(ROOT) for pxd in augmented if pxd.with_suffix(".py").exists()]
    modules = [Extension(".".join(s.with_suffix("").parts), [s.as_posix()]) for s in sources]
    try:
        from Cython.Build import cythonize

        # force: what another mode left behind is not up to date, however young it is.
        # shared: what Cython needs for views of memory is compiled once, not in every module.
        built: list[Extension] = cythonize(
            [*modules, Extension(SHARED, [])],
            build_dir="build/cython",
            language_level=3,
            force=True,
            shared_utility_qualified_name=SHARED,
        )
    except Exception as error:
        _give_up(error)
        return []
    for extension in built:
        if MODE == "checked":
            extension.extra_compile_args = extension.extra_link_args = SANITIZE
        elif os.name == "posix":
            # -g0: a third of the time goes into what a debugger of C would read. -O3: Python's own flags have it, but
            # whoever sets CFLAGS replaces those, and without it the kernel takes four times as long.
            extension.extra_compile_args = ["-g0", "-O3"]
    return built


def _give_up(error: Exception) -> None:
    if STRICT:
        raise error
    print(f"dsrcheck: the kernel will run interpreted, for it does not compile here: {error}")


class BuildAllOrNone(build_ext):
    """Builds the extensions, or none of them: they know each other's C types and cannot run without one another.

    Not `Extension.optional`: that lets one fail by itself, and not for every reason.
    """

    def run(self) -> None:
        """Build, whatever goes wrong."""
        try:
            super().run()
        except Exception as error:
            _give_up(error)
            for extension in self.extensions:
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.extensions = []


setup(
    packages=[*find_namespace_packages(include=["dsrcheck", "dsrcheck.*"]), "dsrcheck.rulefiles"],
    package_dir={"dsrcheck.rulefiles": "rules"},
    package_data={"": ["*.toml", "*.json", "*.pxd", "*.jinja", "*.css", "*.tcss", "py.typed"]},
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildAllOrNone},
    options={"build_ext": {"parallel": os.cpu_count()}},
)
