"""What every test stands on: which tests can run here, and that they test the sources in the tree.

DSRCHECK_CORPUS   folder with the captures for tests marked `corpus`
DSRCHECK_PACKAGE  set: tests marked `package` run (they install with pip, from the network)
DSRCHECK_NO_SKIP  set: a skipped test fails, so that continuous integration cannot pass by looking away
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
CIMPORT = re.compile(r"^from (\S+) cimport ", re.MULTILINE)

settings.register_profile("dsrcheck", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("dsrcheck")


if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def made_of(source: Path) -> set[Path]:
    """A compiled module's source, its declarations, and the declarations those draw on."""
    found = {source}
    waiting = [source.with_suffix(".pxd")]
    while waiting:
        declarations = waiting.pop()
        if declarations not in found and declarations.exists():
            found.add(declarations)
            named = CIMPORT.findall(declarations.read_text())
            waiting += [declarations.with_name(f"{name.rpartition('.')[2]}.pxd") for name in named]
    return found


SHARED = "views"
"""What Cython itself makes for all extensions to share."""


def stale_extensions(package: Path) -> list[Path]:
    """Extensions under a package that are older than what they were made of: they hide the edits since."""
    stale = []
    for extension in [*package.rglob("*.so"), *package.rglob("*.pyd")]:
        if extension.name.partition(".")[0] == SHARED:
            continue
        source = extension.with_name(extension.name.partition(".")[0] + ".py")
        built = extension.stat().st_mtime
        if not source.exists() or built < max(path.stat().st_mtime for path in made_of(source)):
            stale.append(extension)
    return sorted(stale)


def pytest_sessionstart() -> None:
    """Refuse to test extensions of older sources."""
    stale = stale_extensions(ROOT / "dsrcheck")
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        pytest.exit(f"compiled from older sources: {names}. Build again (pip install -e .) or remove them.", 4)


def _namespaces_work() -> bool:
    if not all(shutil.which(tool) for tool in ("unshare", "ip", "dumpcap")):
        return False
    return subprocess.run(["unshare", "-Urn", "true"], check=False, capture_output=True).returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, and say what it would take."""
    missing = {}
    if shutil.which("tshark") is None:
        missing["tshark"] = "tshark, the oracle, is not installed (Debian's package: tshark)"
    if not _namespaces_work():
        missing["namespaces"] = "no network namespaces here: needs unshare, ip and dumpcap, and user namespaces or root"
    if shutil.which("chromium") is None:
        missing["browser"] = "chromium is not installed (Debian's package: chromium)"
    if not os.environ.get("DSRCHECK_CORPUS"):
        missing["corpus"] = "DSRCHECK_CORPUS does not name the folder of captures"
    if not os.environ.get("DSRCHECK_PACKAGE"):
        missing["package"] = "DSRCHECK_PACKAGE is not set: installs with pip, from the network"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("DSRCHECK_NO_SKIP") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, and DSRCHECK_NO_SKIP allows none. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failure where none may be skipped."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module skipped as a whole into a failure where none may be skipped."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of foreign captures: holds ipvs/ and foreign/."""
    return Path(os.environ["DSRCHECK_CORPUS"]).resolve()
