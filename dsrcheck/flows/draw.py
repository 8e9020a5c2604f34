"""A ladder as text: signs and words only, so that it reads the same without colours, and in 80 columns."""

from __future__ import annotations

import textwrap
from string import ascii_uppercase

from dsrcheck.flows.dump import amount
from dsrcheck.flows.ladder import Ladder, Rung, Skipped
from dsrcheck.flows.marks import Kind
from dsrcheck.text import printable

SPACING = {1: 12, 2: 12, 3: 12, 4: 9, 5: 8, 6: 7}
"""Characters from one lifeline to the next, by the number of hosts."""
LEAST_TEXT = 16
SHAFTS = {Kind.HOP: "=", Kind.TWIN: ".", Kind.AGAIN: "~"}
LEGEND = "--> sent   ==> passed on   ~~> sent again   ..> mirror's copy   xx> reset"


def draw(ladder: Ladder, width: int = 80) -> list[str]:
    """Lines of at most `width` characters."""
    hosts = ladder.hosts
    lines = [_shorten(f"{ascii_uppercase[place]}  {host.name}  {printable(host.role)}".rstrip(), width)
             for place, host in enumerate(hosts)]  # fmt: skip
    shown = [rung for rung in ladder.rungs if isinstance(rung, Rung)]
    if not shown:
        return [*lines, "no frames"]
    numbers = max(5, max(len(str(rung.number)) for rung in shown))
    times = max(9, max(len(_seconds(rung.time)) for rung in shown))
    spacing = SPACING[min(len(hosts), max(SPACING))]
    area = spacing * (len(hosts) - 1) + 2
    indent = numbers + times + 4
    room = max(width - indent - area - 2, LEAST_TEXT)
    heads = "".join(ascii_uppercase[place].ljust(spacing) for place in range(len(hosts)))
    lines += [LEGEND, "", f"{'frame':>{numbers}}  {'seconds':>{times}}  {heads}".rstrip()]
    for rung in ladder.rungs:
        if isinstance(rung, Skipped):
            lines.append(
                f"{'':{indent}}{_lifelines(len(hosts), spacing, ':'):{area}} ... {amount(rung.frames, 'frame')} ..."
            )
            continue
        texts = textwrap.wrap(rung.text, room, break_on_hyphens=False)
        left = f"{rung.number:>{numbers}}  {_seconds(rung.time):>{times}}  {_arrow(rung, len(hosts), spacing):{area}}"
        lines.append(f"{left}  {texts[0]}")
        rest = f"{'':{indent}}{_lifelines(len(hosts), spacing):{area}}"
        lines += [f"{rest}  {text}" for text in texts[1:]]
    return lines


def _seconds(time: int) -> str:
    sign = "-" if time < 0 else ""
    return f"{sign}{abs(time) // 1_000_000_000}.{abs(time) % 1_000_000_000 // 1000:06d}"


def _lifelines(hosts: int, spacing: int, sign: str = "|") -> str:
    return (sign + " " * (spacing - 1)) * (hosts - 1) + sign


def _arrow(rung: Rung, hosts: int, spacing: int) -> str:
    row = list(_lifelines(hosts, spacing))
    start, stop = rung.source * spacing, rung.target * spacing
    if start == stop:
        row[start] = "o"
        return "".join(row)
    shaft = "x" if rung.reset else SHAFTS.get(rung.kind, "-")
    for at in range(min(start, stop) + 1, max(start, stop)):
        row[at] = shaft
    row[stop - 1 if start < stop else stop + 1] = ">" if start < stop else "<"
    return "".join(row)


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
