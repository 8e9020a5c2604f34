"""The one row of sums: how those of two pieces make those of the whole."""

from __future__ import annotations

EARLIEST = ("first_time",)
LATEST = ("last_time", "time_backwards_max")
OPENING, CLOSING = "opening_time", "closing_time"


def merge_totals(earlier: dict[str, int], later: dict[str, int], one_clock: bool = True) -> dict[str, int]:
    """The totals of two pieces, one after the other. `one_clock`: whether time may run back between them."""
    if not later["frames"]:
        return {
            name: earlier[name] + later[name] * (name not in EARLIEST + LATEST + (OPENING, CLOSING)) for name in earlier
        }
    if not earlier["frames"]:
        return merge_totals(later, earlier)
    totals = {name: earlier[name] + later[name] for name in earlier}
    totals |= {name: min(earlier[name], later[name]) for name in EARLIEST}
    totals |= {name: max(earlier[name], later[name]) for name in LATEST}
    totals |= {OPENING: earlier[OPENING], CLOSING: later[CLOSING]}
    back = earlier[CLOSING] - later[OPENING]
    if one_clock and back > 0:
        totals["time_backwards"] += 1
        totals["time_backwards_max"] = max(totals["time_backwards_max"], back)
    return totals
