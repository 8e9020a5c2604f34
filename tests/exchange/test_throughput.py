"""What a balancer carries, in words."""

from __future__ import annotations

import pytest

from dsrcheck.exchange.throughput import Load, licences


@pytest.mark.parametrize(
    ("there", "without", "words"),
    [
        (1e6, 5e6, "VPX Express, with it or without"),
        (1e6, 5.1e6, "VPX Express with it, VPX-10 without"),
        (11e6, 2e9, "VPX-200 with it, more than VPX-1000 without"),
    ],
)
def test_licences_are_told_once_if_they_are_the_same(there: float, without: float, words: str) -> None:
    """By steps of 5, 10, 200 and 1000 Mbit/s."""
    assert licences(Load(1, 1, True, 1.0, there, without)) == words
