"""Where lifelines, arrows and words of a ladder stand."""

from __future__ import annotations

from collections.abc import Iterator

from dsrcheck.flows.ladder import Skipped
from dsrcheck.flows.marks import Kind
from dsrcheck.records import dataclass
from dsrcheck.report.illustrations import EvidenceLadder, MarkedRung

LEFT, HEAD, ROW, TEXT_WIDTH = 200, 58, 36, 400
GAPS = {1: 164, 2: 164, 3: 164}
LEAST_GAP = 132
"""Between lifelines, by their number: a MAC address has room under the least."""
TEXT_LIMIT = 55
"""Characters of one line beside an arrow."""
ADDRESS_LIMIT = 17
KINDS = {Kind.HOP: "hop", Kind.TWIN: "twin", Kind.AGAIN: "again"}


@dataclass(frozen=True)
class Lifeline:
    """A host's column: its role, its address where that is known, and its MAC (or whatever frames name it by)."""

    x: float
    role: str
    address: str
    name: str


@dataclass(frozen=True)
class Row:
    """A frame at height `y`: an arrow from `x1` to `x2`, what it is, and from whom to whom. `left_out`: no frame, but
    so many that are not shown."""

    y: float
    number: str = ""
    time: str = ""
    x1: float = 0
    x2: float = 0
    kind: str = ""
    text: str = ""
    ends: str = ""
    breaks: str = ""
    evidence: bool = False
    left_out: int = 0


@dataclass(frozen=True)
class Drawing:
    """Lifelines and rows in a box; `text_x`: where words begin."""

    width: float
    height: float
    text_x: float
    lifelines: tuple[Lifeline, ...]
    rows: tuple[Row, ...]


def drawing(ladder: EvidenceLadder) -> Drawing:
    """Lay a ladder out."""
    gap = GAPS.get(len(ladder.hosts), LEAST_GAP)
    lifelines = tuple(Lifeline(LEFT + gap * n, *_two(host.role), host.name) for n, host in enumerate(ladder.hosts))
    text_x = LEFT + gap * (len(ladder.hosts) - 1) + 76
    height = HEAD + ROW * len(ladder.rungs) + 8
    return Drawing(text_x + TEXT_WIDTH, height, text_x, lifelines, tuple(_rows(ladder, gap)))


def _two(role: str) -> tuple[str, str]:
    """`balancer 192.168.10.11, 192.168.10.12` in two lines that fit over a lifeline."""
    word, _, rest = role.partition(" ")
    first = rest.partition(",")[0]
    return word, first if len(first) <= ADDRESS_LIMIT else first[: ADDRESS_LIMIT - 1] + "…"


def _rows(ladder: EvidenceLadder, gap: int) -> Iterator[Row]:
    for place, rung in enumerate(ladder.rungs):
        y = HEAD + ROW * place + ROW / 2
        yield Row(y, left_out=rung.frames) if isinstance(rung, Skipped) else _row(rung, y, gap)


def _row(marked: MarkedRung, y: float, gap: int) -> Row:
    rung = marked.rung
    kind = "broken" if marked.breaks else "reset" if rung.reset else KINDS.get(rung.kind, "new")
    return Row(
        y=y,
        number=str(rung.number),
        time=f"{rung.time / 1e9:.6f}",
        x1=LEFT + gap * rung.source,
        x2=LEFT + gap * rung.target,
        kind=kind,
        text=rung.text if len(rung.text) <= TEXT_LIMIT else rung.text[: TEXT_LIMIT - 1] + "…",
        ends=f"{rung.addresses[0]} > {rung.addresses[1]}",
        breaks=", ".join(marked.breaks),
        evidence=marked.evidence,
    )
