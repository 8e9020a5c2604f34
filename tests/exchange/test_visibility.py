"""The vantage of a capture, and whose frames it shows."""

from __future__ import annotations

import numpy as np
import pytest

from tests.exchange.judged import judged
from tests.ladder import BALANCER, CLIENT, COOKED, WEB1, WEB2, Host, healthy


@pytest.mark.parametrize(
    ("at", "word"), [(None, "mirror"), (BALANCER, "balancer"), (WEB1, "server"), (CLIENT, "client")]
)
def test_vantage(at: Host | None, word: str) -> None:
    """The word for the place where the capture was taken."""
    _, sides = judged(healthy(), at)
    assert sides.visible.vantage() == word


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (None, [True, True, True, True]),
        (BALANCER, [False, True, False, False]),
        (WEB1, [False, False, True, False]),
        (CLIENT, [True, False, False, False]),
    ],
)
def test_sent(at: Host | None, shown: list[bool]) -> None:
    """A mirror shows what everybody sent, a host's capture what that host sent."""
    _, sides = judged(healthy(), at)
    macs = np.array([host.number for host in (CLIENT, BALANCER, WEB1, WEB2)])
    assert sides.visible.sent(macs).tolist() == shown


def test_cooked() -> None:
    """Without destination MACs nobody's frames are known to be all there."""
    _, sides = judged(healthy(), link_type=COOKED)
    assert not sides.visible.has_macs
    assert not sides.visible.sent(np.array([CLIENT.number, BALANCER.number])).any()
