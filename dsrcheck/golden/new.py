"""Making a case of a capture: the folder, a first case.toml from the present report, and that report as accepted."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from dsrcheck.analysis import analyze
from dsrcheck.findings import FAIL, PASS
from dsrcheck.golden import CASE_FILE, MARKER, CaseError
from dsrcheck.golden.case import UNFILLED, read_case
from dsrcheck.golden.check import Judged, judge_case
from dsrcheck.report.model import Report
from dsrcheck.topology.declared import TopologyError

SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz", ".pcap.zst", ".pcapng.zst", ".cap.zst")
LARGE = 1 << 20
"""Bytes from which a capture is large for a repository."""

_HEAD = f'''# A golden capture of dsrcheck: what it is, where it comes from, and what is known to be true of it.
# docs/ci.md of dsrcheck tells all keys.
dsrcheck = "{MARKER}"
about = "{UNFILLED}: what happens in this capture"
'''
_PROVENANCE = f'''
[provenance]
source = "{UNFILLED}: who captured it, when, and with what leave it is here"
software = "{UNFILLED}: balancer and servers, with their versions"
'''
_ASSERTIONS = """
# What follows is what the present report says. Keep what you know to be true, and remove the rest.
"""


def new_case(
    capture: Path, into: Path, name: str | None = None, topology: Path | None = None, scrubbed: str | None = None
) -> Judged:
    """Make a case of a capture file; `scrubbed`: what took other people's data out of it, for the provenance.

    Raises CaseError, CaptureError, OSError; then nothing is left behind.
    """
    name = name or _plain_name(capture)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise CaseError(f"{name!r} is no name for a case: letters, digits, hyphens and dots")
    if not capture.is_file():
        raise CaseError(f"{capture}: there is no such capture file")
    folder = into / name
    if folder.exists():
        raise CaseError(f"{folder} is there already; give another name: --name NAME")
    try:
        report = analyze(capture, topology=topology).report  # before anything is made, so that errors name this file
    except TopologyError as error:
        raise CaseError(str(error)) from None
    folder.mkdir(parents=True)
    try:
        shutil.copyfile(capture, folder / f"capture{_suffix(capture)}")
        if topology is not None:
            shutil.copyfile(topology, folder / "topology.toml")
        declared = 'topology = "topology.toml"\n' if topology is not None else ""
        by = f"scrubbed = {json.dumps(scrubbed)}\n" if scrubbed else ""
        text = f"{_HEAD}{declared}{_PROVENANCE}{by}{_ASSERTIONS}{''.join(_suggested(report))}"
        (folder / CASE_FILE).write_text(text, "utf-8")
        judged = judge_case(read_case(folder))
        judged.accept()
    except BaseException:
        shutil.rmtree(folder)
        raise
    return judged


def _plain_name(capture: Path) -> str:
    """A name of the file's own, without what a folder's name should not have."""
    stem = capture.name.removesuffix(_suffix(capture))
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-").lower()[:100] or "case"


def _suffix(capture: Path) -> str:
    fitting = [suffix for suffix in SUFFIXES if capture.name.lower().endswith(suffix)]
    return max(fitting, key=len, default=".pcap")


def _suggested(report: Report) -> Iterator[str]:
    """Assertions that hold of the present report, the telling ones: somebody has to judge which of them are true."""
    yield _assertion(report=report.verdict)
    for vip in report.vips:
        servers = [mac for server in vip.servers for mac in server.macs]
        yield _assertion(vip=vip.address, mode=vip.mode, servers=servers)
        mine = [verdict for verdict in report.verdicts if verdict.vip == vip.address]
        for rule in (verdict.rule for verdict in mine if verdict.verdict == FAIL):
            found = [
                finding.subject for finding in report.findings if (finding.rule, finding.vip) == (rule, vip.address)
            ]
            culprits = [subject.mac or subject.address for subject in found]
            known = culprits if all(culprits) else []
            yield _assertion(vip=vip.address, rule=rule, verdict=FAIL, culprit=known)
        passing = [verdict.rule for verdict in mine if verdict.verdict == PASS]
        if passing:
            yield _assertion(vip=vip.address, rule=passing, verdict=PASS)
    errors = sorted({finding.rule for finding in report.findings if finding.severity == "error"})
    yield _assertion(severity="error", besides=errors, count=0)


def _assertion(**keys: object) -> str:
    """An assertion as TOML, which writes texts, numbers and lists of them as JSON does; empty lists are left out."""
    return "\n[[assert]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items() if value != [])
