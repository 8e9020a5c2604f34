"""The ladder of a flow as lines of text with tones: hosts as lifelines, frames as arrows with what they are on them.

Tones only repeat what signs say: a double shaft is a packet passed on, a broken one a packet sent again, a cross a
reset, and the first sign of a line tells what is wrong with it. Pure text over a `Picture`; the widget colours it.
"""

from __future__ import annotations

from dsrcheck.flows.dump import amount
from dsrcheck.flows.ladder import FLAG_NAMES, FlowRung, LadderHost, Skipped
from dsrcheck.flows.marks import Kind
from dsrcheck.flows.reread import ICMP, ICMPV6, TCP
from dsrcheck.flows.table import PROTOCOL_NAMES
from dsrcheck.records import dataclass
from dsrcheck.report.model import OK, Step
from dsrcheck.text import printable
from dsrcheck.tui.reading import Picture

SHAFTS = {Kind.HOP: "═", Kind.TWIN: "┄", Kind.AGAIN: "╌", Kind.LATE: "╌"}
LEGEND = "──▶ sent   ══▶ passed on   ╌╌▶ sent again   ┄┄▶ mirror's copy   ━✗▶ reset"
WIDEST_GAP = 36
"""Most characters from one lifeline to the next: longer arrows are harder to follow, not easier."""
NARROWEST_GAP = 6
TEXT_ROOM = 46
"""Characters beside the lifelines in which the frame is told in words, where there is so much room."""
NARROWEST_WITH_TEXT = 120

Part = tuple[str, str]
"""A piece of a line, and its tone."""


@dataclass(frozen=True)
class Line:
    """A line of the picture. `rung`: position in the ladder of the frame it shows, None for others."""

    parts: tuple[Part, ...]
    rung: int | None = None

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.parts)


@dataclass(frozen=True)
class Layout:
    """Where things stand: width of the numbers and times on the left, columns of the lifelines, room for words.

    signs: what each lifeline is drawn with, a broken line where no frame comes by.
    """

    width: int
    numbers: int
    times: int
    lifelines: tuple[int, ...]
    signs: tuple[str, ...]
    gap: int
    words: int

    @property
    def gutter(self) -> int:
        return 2 + self.numbers + 1 + self.times + 1

    @property
    def area(self) -> int:
        """Columns from the gutter to the words."""
        return self.width - self.gutter - (self.words + 2 if self.words else 0)


def lay_out(picture: Picture, width: int) -> Layout:
    """Spread the lifelines over a width; labels are centred on them, so half a label stands out at either side."""
    shown = [rung for rung in picture.ladder.rungs if isinstance(rung, FlowRung)]
    numbers = max([4, *(len(str(rung.number)) for rung in shown)])
    times = max([8, *(len(_seconds(rung.time)) for rung in shown)])
    words = TEXT_ROOM if width >= NARROWEST_WITH_TEXT else 0
    hosts = max(len(picture.ladder.hosts), 1)
    room = width - (2 + numbers + 1 + times + 1) - (words + 2 if words else 0)
    gap = max(min(room // hosts, WIDEST_GAP), NARROWEST_GAP)
    if words and hosts * gap < room:  # what the lifelines do not need the words may have
        words += room - hosts * gap
        room = hosts * gap
    first = max((room - gap * (hosts - 1)) // 2, 0)
    lifelines = tuple(first + gap * place for place in range(hosts))
    busy = {end for rung in shown for end in (rung.source, rung.target)}
    signs = tuple("│" if place in busy else "┊" for place in range(hosts))
    return Layout(width, numbers, times, lifelines, signs, gap, words)


def heading(picture: Picture, layout: Layout) -> list[Line]:
    """Who the lifelines are: role, name or address, MAC."""
    hosts = picture.ladder.hosts
    rows: list[list[Part]] = [[], [], []]
    for place, host in enumerate(hosts):
        role, name = _role_and_name(picture, host, place)
        if layout.signs[place] == "┊":
            name = "no frame here"
        shown = [_fit(role or "host", layout.gap), _fit(name, layout.gap), _fit_mac(host.name, layout.gap)]
        for row, (text, tone) in enumerate(zip(shown, ("role", "name", "faint"), strict=True)):
            rows[row].append((text, tone))
    lines = [Line(_centred(row, layout)) for row in rows]
    return [*lines, Line(_on_lifelines("┬", layout))]


def body(picture: Picture, layout: Layout) -> list[Line]:
    """A line a frame; more where frames are left out, or bytes are missing."""
    lines: list[Line] = []
    for place, rung in enumerate(picture.ladder.rungs):
        if isinstance(rung, Skipped):
            left_out = f"  {amount(rung.frames, 'frame')} left out (a draws all)", "faint"
            lines.append(Line((*_on_lifelines("┊", layout), left_out)))
        elif isinstance(rung, FlowRung):
            lines += [_missing(rung, layout)] * (rung.mark.gap > 0)
            lines.append(_rung(picture, place, rung, layout))
    if not picture.ladder.frames:
        lines.append(Line((("no frame of this flow is in the files any more", "odd"),)))
    else:
        lines.append(Line(_on_lifelines("┴", layout)))
    return lines


def step_title(step: Step) -> str:
    """A step in two words."""
    return f"{step.step} {step.role}"


def is_broken(step: Step | None) -> bool:
    """Whether a rule is broken by this very step."""
    return step is not None and step.verdict not in (None, OK)


def _rung(picture: Picture, place: int, rung: FlowRung, layout: Layout) -> Line:
    at = picture.step_of[place]
    step = picture.steps[at] if at is not None else None
    sign, tone = _sign(rung, step)
    left = f"{sign} {rung.number:>{layout.numbers}} {_seconds(rung.time):>{layout.times}} "
    parts: list[Part] = [(left, tone if sign != " " else "faint"), *_arrow(rung, layout, tone)]
    if layout.words:
        words = _words(picture, rung, step)
        parts.append((f"  {_fit(words, layout.words)}", tone if sign != " " else "words"))
    return Line(tuple(parts), place)


def _sign(rung: FlowRung, step: Step | None) -> Part:
    """The sign of what stands out, and the tone of the whole line."""
    if rung.reset:
        return "✗", "bad"
    if is_broken(step):
        return "✗", "bad"
    if rung.frame.about:
        return "!", "odd"
    if rung.kind is Kind.AGAIN:
        return "↻", "odd"
    if rung.kind is Kind.LATE:
        return "↻", "odd"
    if rung.mark.gap:
        return "▲", "odd"
    return " ", f"step{step.step}" if step else "plain"


def _words(picture: Picture, rung: FlowRung, step: Step | None) -> str:
    """What the frame is on its way, and what changed since it was seen before."""
    if rung.frame.about:
        return rung.text
    told = [step_title(step), *_other_ends(picture.steps[0], step)] if step else []
    if is_broken(step) and step:
        told.append(f"breaks {step.verdict}")
    if rung.text != rung.label:
        told.append(rung.text.removeprefix(f"{rung.label}, "))
    return " · ".join(told)


def _other_ends(first: Step, step: Step) -> list[str]:
    """Addresses that are not those of the first step."""
    known = {first.src_ip, first.dst_ip}
    ends = (("from", step.src_ip), ("to", step.dst_ip.partition(" ")[0]))
    return [f"{word} {address}" for word, address in ends if address not in known]


def _arrow(rung: FlowRung, layout: Layout, tone: str) -> list[Part]:
    """The lifelines with the arrow across them, its label on it."""
    start, stop = layout.lifelines[rung.source], layout.lifelines[rung.target]
    before = _lifelines(layout)
    if start == stop:
        loop = f"⟲ {_label(rung, max(layout.gap - 4, 6))}"
        return [
            (before[: start + 1], "line"),
            (f"{loop} ", tone),
            (before[start + 2 + len(loop) :], "line"),
            _pad(layout),
        ]
    low, high = min(start, stop), max(start, stop)
    inner = high - low - 1
    shaft = "━" if rung.reset else SHAFTS.get(rung.kind, "─")
    label = _label(rung, inner - 4)
    text = f" {label} " if label else ""
    side = (inner - 1 - len(text)) // 2
    head = "✗▶" if rung.reset and start < stop else "◀✗" if rung.reset else "▶" if start < stop else "◀"
    line = shaft * side + text
    line += shaft * (inner - len(head) - len(line))
    arrow = line + head if start < stop else head + line
    return [(before[: low + 1], "line"), (arrow, tone), (before[high:], "line"), _pad(layout)]


def _pad(layout: Layout) -> Part:
    """What fills the area behind the last lifeline, so that words begin in one column."""
    return " " * (layout.area - layout.lifelines[-1] - 1) if layout.words else "", ""


def _label(rung: FlowRung, room: int) -> str:
    """What the frame is, in as many words as fit on its arrow."""
    frame = rung.frame
    choices = [rung.label]
    if frame.protocol == TCP and not frame.about and not frame.fragment:
        flags = " ".join(name for bit, name in FLAG_NAMES if frame.flags & bit) or "no flags"
        length = f" len {frame.payload_length}" if frame.payload_length else ""
        choices += [flags + length, flags, flags.replace(" ", "+")]
    elif frame.protocol in PROTOCOL_NAMES and not frame.about and frame.protocol not in (ICMP, ICMPV6):
        choices = [f"{PROTOCOL_NAMES[frame.protocol].upper()} {rung.label}", rung.label]
    elif frame.about:
        choices += [rung.label.partition(" (")[0], "ICMP error", "ICMP"]
    for text in choices:
        if len(text) <= room:
            return text
    return _fit(choices[-1], room) if room > 2 else ""


def _missing(rung: FlowRung, layout: Layout) -> Line:
    text = f"▲ {amount(rung.mark.gap, 'byte')} missing"
    low = min(layout.lifelines[rung.source], layout.lifelines[rung.target])
    before = _lifelines(layout)
    return Line(
        (
            (f"{'':{layout.gutter}}", ""),
            (before[: low + 2], "line"),
            (text, "odd"),
            (before[low + 2 + len(text) :], "line"),
        )
    )


def _role_and_name(picture: Picture, host: LadderHost, place: int) -> tuple[str, str]:
    """`server`, `192.168.10.21`; for whoever brings the client's packets in, the client's address."""
    role, _, name = printable(host.role).partition(" ")
    if role == "others":
        return "", ""
    if place == 0 and not name and role in ("client", "gateway", ""):
        return role, picture.client if role != "gateway" else f"for {picture.client}"
    return role, name


def _centred(cells: list[Part], layout: Layout) -> tuple[Part, ...]:
    parts: list[Part] = [(" " * layout.gutter, "")]
    at = 0
    for (text, tone), column in zip(cells, layout.lifelines, strict=False):
        start = max(column - len(text) // 2, at)
        parts += [(" " * (start - at), ""), (text, tone)]
        at = start + len(text)
    return tuple(parts)


def _lifelines(layout: Layout, sign: str = "") -> str:
    row = [" "] * (layout.lifelines[-1] + 1)
    for column, own in zip(layout.lifelines, layout.signs, strict=True):
        row[column] = sign or own
    return "".join(row)


def _on_lifelines(sign: str, layout: Layout) -> tuple[Part, ...]:
    return ((" " * layout.gutter, ""), (_lifelines(layout, sign), "line"))


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _fit_mac(name: str, gap: int) -> str:
    """A MAC, or as many of its last octets as fit."""
    room = gap - 1
    if len(name) <= room:
        return name
    return f"…{name[-(room - 1) :].partition(':')[2]}" if ":" in name else _fit(name, room)


def _seconds(time: int) -> str:
    sign = "-" if time < 0 else ""
    return f"{sign}{abs(time) // 1_000_000_000}.{abs(time) % 1_000_000_000 // 1000:06d}"
