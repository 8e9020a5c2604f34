"""The page in a browser: it shows, it complains of nothing, it loads nothing, and it runs nothing."""

from __future__ import annotations

import json
import struct
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from dsrcheck.report.html import render
from tests.report.reports import HOSTILE
from tests.report.snapshots import SHARED
from tests.report.test_html import illustrated

pytestmark = pytest.mark.browser

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--hide-scrollbars", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser looks for its maker by itself
)  # fmt: skip


def browse(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in headless Chromium, with its console on standard error."""
    page = folder / "page.html"
    page.write_text(text, encoding="utf-8")
    command = [
        "chromium", *QUIET, f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", *options, page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def shades(image: bytes) -> int:
    """How many different rows of pixels a PNG has: 1 when the page is blank."""
    data, at, width = b"", 8, struct.unpack(">I", image[16:20])[0]
    while at < len(image):
        size, kind = struct.unpack(">I4s", image[at : at + 8])
        data += image[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    pixels = zlib.decompress(data)
    stride = len(pixels) // struct.unpack(">I", image[20:24])[0]
    assert stride >= width
    return len({pixels[row : row + stride] for row in range(0, len(pixels), stride)})


def requested(log: Path) -> set[str]:
    """Addresses that the browser asked for, by its own log of the network."""
    events = json.loads(log.read_text())["events"]
    return {event["params"]["url"] for event in events if "url" in event.get("params", {})}


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (380, 800)])
def test_shows(tmp_path: Path, width: int, height: int) -> None:
    """A failing capture, wide and narrow: something is to be seen, and the console is silent."""
    picture = tmp_path / "page.png"
    text = illustrated("real-ipvs-return-through-balancer")
    end = browse(tmp_path, text, f"--window-size={width},{height}", f"--screenshot={picture}")
    assert "CONSOLE" not in end.stderr
    assert shades(picture.read_bytes()) > height // 10


def test_loads_nothing(tmp_path: Path) -> None:
    """Not even what a name in the report asks for; a page that has it as markup, without our policy, is the control."""
    bait = "<img src='http://page.invalid/a.png'><style>@import 'http://page.invalid/a.css'</style>"
    log = tmp_path / "net.json"
    note = replace(HOSTILE, notes=(bait,))
    for text, loads in ((render(note), False), (f"<!DOCTYPE html><p>{bait}", True)):
        browse(tmp_path, text, f"--log-net-log={log}", "--dump-dom")
        assert any("page.invalid" in address for address in requested(log)) == loads


@pytest.mark.parametrize("name", ["failing", "hostile", "empty"])
def test_runs_nothing(tmp_path: Path, name: str) -> None:
    """No script got in: the document that the browser made has none, and says what the report says."""
    end = browse(tmp_path, render(SHARED[name]), "--dump-dom")
    assert "CONSOLE" not in end.stderr
    assert "<script" not in end.stdout
    assert 'class="word"' in end.stdout


def test_prints_what_is_folded(tmp_path: Path) -> None:
    """Paper has no folds: the PDF of a report has pages enough for all of it."""
    paper = tmp_path / "page.pdf"
    browse(tmp_path, illustrated("real-ipvs-arp-problem"), f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") >= 5
