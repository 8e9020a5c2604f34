"""`dsrcheck view`: what it refuses before a screen is drawn, and what other commands never load."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dsrcheck import cli
from dsrcheck.cli import screens
from dsrcheck.cli.common import Failure

ROOT = Path(__file__).resolve().parent.parent
CAPTURE = "pcaps/article-dsr/capture.pcap"


def refused(*arguments: str) -> str:
    """Runs the command, which must end with the status of wrong usage, and returns what it says."""
    result = CliRunner().invoke(cli.cli, arguments, standalone_mode=False)
    assert isinstance(result.exception, Failure)
    assert result.exception.status == 2
    assert "\n" not in result.exception.message
    return result.exception.message


def test_without_textual_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both commands that have screens."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert screens.MISSING in refused("view", CAPTURE)
    assert "pip install 'dsrcheck[tui]'" in refused("live", CAPTURE)


def test_screens_need_a_terminal() -> None:
    """In a pipe there is none."""
    assert "need a terminal" in refused("view", CAPTURE)
    assert "keyboard" in refused("view", "-")


@pytest.mark.parametrize("arguments", [["analyze", CAPTURE], ["flow", CAPTURE, "1"], ["rules"]])
def test_other_commands_load_no_screens(arguments: list[str]) -> None:
    """Neither Textual nor pyshark, while they do their work."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(sorted(set(sys.modules) & {'textual', 'pyshark', 'rich'}), file=sys.stderr))\n"
        f"sys.argv = ['dsrcheck', *{arguments!r}]\n"
        "from dsrcheck.cli import main\n"
        "main()\n"
    )
    end = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert end.stdout
    assert end.stderr.splitlines()[-1] == "[]"
