"""Draws docs/real-result.svg, the README's picture: the head of a real report as a terminal shows it.

    python docs/make_picture.py

Needs `rich` (in the extra `dev`). The text is what the program prints; nothing is added or changed.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
CAPTURE = "pcaps/real-ipvs-arp-problem/capture.pcap"
LINES = 33
"""How much of the report the picture shows: the verdict, who is who, and the first finding with its frames."""


def main() -> None:
    """Run the program on a golden capture and save what it prints."""
    command = [sys.executable, "-m", "dsrcheck", "analyze", "--color", "always", CAPTURE]
    printed = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False).stdout
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ dsrcheck analyze capture.pcap", style="bold"))
    console.print(Text.from_ansi("\n".join(printed.replace(CAPTURE, "capture.pcap").splitlines()[:LINES])))
    console.save_svg(str(HERE / "real-result.svg"), title="dsrcheck", unique_id="dsrcheck")


if __name__ == "__main__":
    main()
