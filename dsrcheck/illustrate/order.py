"""The columns of a ladder from left to right: clients, gateways, balancers, servers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dsrcheck.flows.ladder import LadderHost, Rung

PLACES = {"client": 0, "host": 0, "gateway": 1, "balancer": 2, "server": 3, "everybody": 4, "others": 4}
"""By the first word of a role; who has none stands with the gateways."""


def in_order_of_the_path(
    hosts: Sequence[LadderHost], rungs: Iterable[Rung]
) -> tuple[tuple[LadderHost, ...], list[Rung]]:
    """Put the hosts in order, and let the rungs follow; hosts of one kind stay as they stand."""
    order = sorted(range(len(hosts)), key=lambda place: PLACES.get(hosts[place].role.partition(" ")[0], 1))
    place_of = {old: new for new, old in enumerate(order)}
    moved = [replace(rung, source=place_of[rung.source], target=place_of[rung.target]) for rung in rungs]
    return tuple(hosts[place] for place in order), moved
