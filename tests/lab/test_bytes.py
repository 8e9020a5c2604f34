"""The same seed gives the same bytes: here, on any other machine, and under any seed of Python's own hashes."""

from __future__ import annotations

import hashlib

import pytest

from dsrcheck.lab import run

# SHA-256 over time (eight octets, big-endian) and frame of every frame, vantage after vantage by name. They change when
# the lab is changed on purpose: then these lines are written anew, on one machine, and hold on the others.
DIGESTS = {
    ("dsr-healthy", None, 0): "d8e2034999945551bea9bf0c408d6b637f2cefff495b98e6e6512b2ba4067289",
    ("dsr-ipv6", None, 3): "669cf6bfbcfccf1b5f2b5bc961d738e0de03e022ee20d0a16d0b4897930e0a3b",
    ("dsr-failover", None, 7): "69527fed58b5f7095511c9451da0c0a5a0ed704d83bb3ad09618e35c63b67372",
    ("dsr-lossy", None, 1): "8459378901f28147728a722d820ed832d9148a6efab413474d5ca49a8fd57bee",
    ("ipip-mtu", "lost-for-size", 2): "8999356c5e9750c06b7597155b76dc4f8230a152b34c75dc17def937a810981d",
    ("proxy", None, 5): "c77539449320b4c4cf8017b43c56d2e8215898fcf4fea1dee86938157a191e58",
    ("dsr-udp", "wildcard-udp", 4): "58dc55e38e21aa8767ebe31c2cbb572092e56f50a8ede472f8391bf0981dda82",
}  # fmt: skip


@pytest.mark.parametrize(("scenario", "fault", "seed"), DIGESTS)
def test_same_bytes(scenario: str, fault: str | None, seed: int) -> None:
    """As they were where the digests were taken."""
    made = run(scenario, fault, seed)
    digest = hashlib.sha256()
    for vantage in sorted(made.vantages):
        for time, frame in made.frames(vantage):
            digest.update(time.to_bytes(8, "big") + frame)
    assert digest.hexdigest() == DIGESTS[scenario, fault, seed]
