"""Each rule's examples show it from every vantage that the catalogue lists for it, and unseen from the others."""

from __future__ import annotations

import pytest

from dsrcheck.rules import load_rules

# Where a rule can be proved: C client on the VIP's segment, R client or gateway behind a router, B balancer's own card,
# S server's card, M mirror of the segment. Rules of any vantage, of declared settings and of the capture are not here.
WHERE = {
    "DSR101": "CMS", "DSR102": "BM", "DSR103": "BSM", "DSR104": "BSM", "DSR105": "BM", "DSR106": "BM", "DSR107": "BM",
    "DSR108": "BM", "DSR109": "BSM", "DSR110": "BSM",
    "DSR201": "CRSM", "DSR202": "BSM", "DSR203": "BSM", "DSR204": "CSM", "DSR205": "SM", "DSR206": "BCRSM",
    "DSR207": "CSM", "DSR209": "BM",
    "DSR301": "CSM", "DSR302": "BCSM", "DSR303": "BCSM", "DSR304": "CRM", "DSR305": "CRM", "DSR306": "BCRM",
    "DSR307": "CSM", "DSR308": "BM",
    "DSR401": "BM", "DSR402": "BM", "DSR404": "SM", "DSR405": "SM",
    "DSR501": "BSM", "DSR502": "SM", "DSR503": "BCM", "DSR506": "CRSM",
    "DSR601": "BSM", "DSR602": "BCSM", "DSR603": "BM", "DSR604": "CSM",
    "DSR701": "BCSM",
}  # fmt: skip
EVERYWHERE = {"DSR406", "DSR605", "DSR702", "DSR703", "DSR705", "DSR706"}

IMPOSSIBLE = {
    # A server sees the requests that stray to itself; those that stray to another one it does not.
    ("DSR101", "S", "pass"),
    # A server that passes packets on sends some to a router: the balancer gets those only that come back to it.
    ("DSR110", "B", "pass"),
    # A server that gets packets of a connection it does not know, and resets it, may have been restarted: whether
    # another one has the connection is not seen there.
    ("DSR207", "S", "fail"),
    # A message about the service is evidence wherever it is seen, and without one there is nothing to judge.
    ("DSR602", "R", "not-observed"),
}


def letter(vantage: str) -> str:
    """The catalogue's letter for a vantage of the lab."""
    if vantage.startswith("mirror"):
        return "B" if vantage == "mirror-balancer" else "M"
    places = {"balancer": "B", "server": "S", "client": "C", "flooder": "C"}
    return next((place for name, place in places.items() if vantage.startswith(name)), "R")


def cases() -> list[tuple[str, str, str]]:
    """(rule, letter, verdict) of every example that there must be."""
    there = {rule.id for rule in load_rules()}
    found = []
    for rule, letters in WHERE.items():
        for place in "CRBSM" if rule in there else "":
            verdicts = ("pass", "fail") if place in letters else ("not-observed",)
            found += [(rule, place, verdict) for verdict in verdicts]
    return found


@pytest.mark.parametrize(("rule", "place", "verdict"), cases())
def test_is_shown(rule: str, place: str, verdict: str) -> None:
    """There is an example, or a reason why there is none; test_examples.py runs them."""
    (examples,) = [entry.examples for entry in load_rules() if entry.id == rule]
    shown = any(letter(example.vantage) == place and example.verdict == verdict for example in examples)
    assert shown != ((rule, place, verdict) in IMPOSSIBLE)


def test_every_rule_has_its_place() -> None:
    """A rule about traffic is in one of the two tables above."""
    rules = {rule.id for rule in load_rules() if rule.subject != "capture"}
    assert rules <= WHERE.keys() | EVERYWHERE


def test_what_is_impossible_is_asked() -> None:
    """No reason is left over from what has become possible."""
    assert set(cases()) >= IMPOSSIBLE
