"""The layout of a ladder: lifelines, arrows, marks."""

from __future__ import annotations

from dsrcheck.flows.ladder import LadderHost, Rung, Skipped
from dsrcheck.flows.marks import Kind
from dsrcheck.report.illustrations import EvidenceLadder, MarkedRung
from dsrcheck.report.page.ladder import TEXT_LIMIT, drawing

HOSTS = (
    LadderHost("02:00:00:00:c0:01", "client"),
    LadderHost("02:00:00:00:1b:01", "balancer 192.168.10.11, 192.168.10.12"),
    LadderHost("02:00:00:00:5e:02", "server 2001:db8:ffff:ffff:ffff::1"),
)


def rung(number: int, kind: Kind = Kind.NEW, reset: bool = False, text: str = "SYN") -> Rung:
    """A frame from client to balancer."""
    macs = HOSTS[0].name, HOSTS[1].name
    return Rung(number, number * 1000, 0, 1, kind, reset, text, macs, ("192.0.2.1", "192.0.2.2"))


def test_layout() -> None:
    """Arrows run from lifeline to lifeline, one below the other; words stand to the right of all of them."""
    ladder = EvidenceLadder("DSR202", None, "Flow 1", HOSTS, (MarkedRung(rung(7)), MarkedRung(rung(8)), Skipped(3)))
    made = drawing(ladder)
    lines = [line.x for line in made.lifelines]
    assert lines == sorted(lines)
    assert [(row.x1, row.x2) for row in made.rows[:2]] == [(lines[0], lines[1])] * 2
    assert made.rows[0].y < made.rows[1].y < made.rows[2].y < made.height
    assert made.text_x > lines[-1]
    assert (made.rows[0].number, made.rows[0].time, made.rows[0].ends) == ("7", "0.000007", "192.0.2.1 > 192.0.2.2")
    assert made.rows[2].left_out == 3


def test_heads_fit_over_their_lifelines() -> None:
    """Role and one address, cut where they are too long."""
    made = drawing(EvidenceLadder(None, None, "", HOSTS, ()))
    assert [(line.role, line.address) for line in made.lifelines] == [
        ("client", ""), ("balancer", "192.168.10.11"), ("server", "2001:db8:ffff:ff…"),
    ]  # fmt: skip


def test_marks() -> None:
    """What breaks a rule is broken before it is anything else; then a reset; then what the frame is."""
    rungs = (
        MarkedRung(rung(1, Kind.HOP, reset=True), ("DSR202", "DSR204"), evidence=True),
        MarkedRung(rung(2, reset=True)),
        MarkedRung(rung(3, Kind.HOP)),
        MarkedRung(rung(4, Kind.AGAIN)),
        MarkedRung(rung(5, text="x" * 200)),
    )
    rows = drawing(EvidenceLadder("DSR202", None, "", HOSTS, rungs)).rows
    assert [row.kind for row in rows] == ["broken", "reset", "hop", "again", "new"]
    assert (rows[0].breaks, rows[0].evidence) == ("DSR202, DSR204", True)
    assert len(rows[4].text) == TEXT_LIMIT
