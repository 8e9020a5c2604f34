"""The worked example, in both modes and with the server in the wrong subnet: golden captures that the lab made."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsrcheck.analysis import analyze

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CLIENT, VIP, SNIP, SERVER = "10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.0.100"
CLIENT_MAC, VIP_MAC, SNIP_MAC, SERVER_MAC = (f"00:01:aa:bb:cc:{octet}" for octet in ("01", "0a", "0b", "64"))

# Role, source IP, source MAC, destination IP, destination MAC: the article's two tables, typed in by hand.
STEPS = {
    "article-dsr": {
        ("request", CLIENT, CLIENT_MAC, VIP, VIP_MAC),
        ("forward", CLIENT, CLIENT_MAC, VIP, SERVER_MAC),
        ("reply", VIP, SERVER_MAC, CLIENT, CLIENT_MAC),
    },
    "article-normal-mode": {
        ("request", CLIENT, CLIENT_MAC, VIP, VIP_MAC),
        ("forward", SNIP, SNIP_MAC, SERVER, SERVER_MAC),
        ("answer", SERVER, SERVER_MAC, SNIP, SNIP_MAC),
        ("return", VIP, VIP_MAC, CLIENT, CLIENT_MAC),
    },
    "article-wrong-subnet": {
        ("request", CLIENT, CLIENT_MAC, VIP, VIP_MAC),
        ("forward", CLIENT, CLIENT_MAC, VIP, SERVER_MAC),
    },
}


@pytest.mark.parametrize("case", STEPS)
def test_steps_are_the_tables_of_the_article(case: str) -> None:
    """What `--steps` prints are the article's steps, to the octet."""
    (table,) = analyze(PCAPS / case / "capture.pcap").report.steps
    assert [step.step for step in table.steps] == list(range(1, len(STEPS[case]) + 1))
    steps = [(step.role, step.src_ip, step.src_mac, step.dst_ip, step.dst_mac) for step in table.steps]
    assert set(steps) == STEPS[case]
