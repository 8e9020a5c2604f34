"""Who has the VIP, by what is answered to whom."""

from __future__ import annotations

import pytest

from tests.exchange.judged import judged, last
from tests.ladder import BACKUP, BALANCER, CLIENT, OTHER_CLIENT, VIP, Host, Ladder, healthy

VPN_BOX = Host("02:00:00:00:00:77")


def two_ask(late: float) -> Ladder:
    """Two clients ask at once, the balancer answers both, and then a box that does proxy ARP, `late` seconds later."""
    net = healthy()
    for asker in (CLIENT, OTHER_CLIENT):
        net.resolve(asker, BALANCER, VIP)
    for asker in (CLIENT, OTHER_CLIENT):
        net.wait(late)
        net.is_at(VPN_BOX, VIP, asker)
    return net


def test_answers_to_several_askers_do_not_hide_a_second_owner() -> None:
    """Seen on a real kernel, which waits for up to a second before it answers by proxy."""
    net = two_ask(0.3)
    assert last(net, "vip.owners_at_once") == 2
    assert last(net, "vip.stranger") is True


def test_who_contests_it_before_the_balancer_alone_may_be_another_balancer() -> None:
    """Two have the VIP, that is seen; but not whether the other one passes packets on."""
    net = healthy()
    for _ in range(2):
        net.announce(BALANCER, VIP)
        net.is_at(BACKUP, VIP, BALANCER)
        net.wait(1.0)
    assert last(net, "vip.owners_at_once", BALANCER) == 2
    assert last(net, "vip.stranger", BALANCER) is None


@pytest.mark.parametrize("late", [1.5, 60])
def test_one_change_later_on_is_none(late: float) -> None:
    """Whoever answers long after may have taken the address over."""
    assert last(two_ask(late), "vip.owners_at_once") == 1


def test_a_host_is_not_called_by_the_vip_that_it_claims() -> None:
    """`host 10.0.0.10 claims 10.0.0.10` would tell nobody whom to look for."""
    tables, _ = judged(two_ask(0.3))
    assert [host.address for (_, mac), host in tables.hosts.items() if mac == VPN_BOX.number] == [None]
