"""Every screen as text, on a small terminal and a large one: read, checked against the captures, and accepted."""

from __future__ import annotations

import shutil

import pytest
from textual.pilot import Pilot

from dsrcheck.tui.app import DsrcheckApp
from tests.tui.pilot import LARGE, ROOT, SMALL, assert_is_screen, drive, press, screen_text, watch_files

TOURS = {
    "real-ipvs-arp-problem": [
        ("", "overview-fail"), ("2", "findings"), ("enter enter", "frame-arp"), ("escape 4", "claims"),
        ("3", "flows-tcp"), ("question_mark", "help"), ("escape enter", "ladder-arp-problem"),
        ("down down down enter", "frame-tcp"),
    ],
    "real-ipvs-udp-from-real-address": [
        ("3", "flows"), ("s s s s s s s s s r", "flows-sorted"), ("r s s s s home down enter down down", "ladder-udp"),
        ("t", "ladder-steps"),
    ],
    "real-ipvs-return-through-balancer": [("2 enter down", "findings-frames"), ("l", "ladder-return-through-balancer")],
    "real-ipvs-nat": [("3 enter", "ladder-nat")],
    "real-ipvs-healthy-routed-clients": [("", "overview-pass"), ("3 enter", "ladder-pass")],
}  # fmt: skip
"""Golden capture -> keys one after the other, and the screen that they lead to."""


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])
@pytest.mark.parametrize("capture", TOURS)
def test_screens_of_a_capture(capture: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The screens that keys lead to are those that were accepted."""
    monkeypatch.chdir(ROOT)  # captures are named from the root of the project
    monkeypatch.setattr(shutil, "which", lambda name: None)  # dpkt dissects, which is the same wherever it runs

    async def script(pilot: Pilot[None], app: DsrcheckApp) -> None:
        for keys, name in TOURS[capture]:
            await press(pilot, *keys.split())
            assert_is_screen(screen_text(app), f"{name}-{size[0]}x{size[1]}")

    drive(watch_files([f"pcaps/{capture}/capture.pcap"]), script, size)
