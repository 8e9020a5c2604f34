"""Second by second: how much came, how much of it requests and replies, how many flows began."""

from __future__ import annotations

import numpy as np

from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.table import Int64, column
from dsrcheck.live.model import Rates
from dsrcheck.live.pieces import HISTORY, SECOND, Piece

_COLUMNS = ("frames", "bytes", "request_bytes", "reply_bytes", "flows")


def add_piece(rates: Rates, piece: Piece, sides: Sides) -> Rates:
    """The rates with a piece that has just been merged into what `sides` was made of; the last HISTORY seconds."""
    if not piece.frames:
        return rates
    end = max([*piece.frames, *rates.second.tolist()[-1:]]) + 1
    start = max(end - HISTORY, min([*piece.frames, *rates.second.tolist()[:1]]))
    values = np.zeros((len(_COLUMNS), end - start), np.int64)
    inside = rates.second >= start
    old = np.stack([getattr(rates, name) for name in _COLUMNS])
    values[:, rates.second[inside] - start] = old[:, inside]
    for row, counts in enumerate((piece.frames, piece.bytes)):
        for second, count in counts.items():
            if second >= start:
                values[row, second - start] += count
    since = max(min(piece.frames) - start, 0)  # earlier seconds have got all that they get
    role = sides.roles
    replies = role.reply | (role.from_balancer & ~role.relayed)
    for row, legs in ((2, sides.client_side.legs), (3, np.flatnonzero(replies & (role.row >= 0)))):
        values[row, since:] = _bytes_by_second(sides, legs, start, end)[since:]
    new = sides.scene.flows.first_frame >= piece.first_frame
    begun = sides.scene.flows.first_time[new] // SECOND - start
    values[4] += np.bincount(begun[(begun >= 0) & (begun < end - start)], minlength=end - start)
    return Rates(np.arange(start, end), *values)


def _bytes_by_second(sides: Sides, legs: Int64, start: int, end: int) -> Int64:
    """Bytes of some legs in each second: of what came on their paths, the share that is theirs."""
    path, carried, paths = sides.scene.leg("path"), sides.scene.leg("bytes"), len(sides.scene.legs.paths)
    theirs = np.bincount(path[legs], carried[legs], paths)
    share = theirs / np.maximum(np.bincount(path, carried, paths), 1)
    table = sides.scene.legs.throughput
    second = column(table, "second") - start
    inside = (second >= 0) & (second < end - start)
    weights = column(table, "bytes")[inside] * share[column(table, "path")[inside]]
    return np.bincount(second[inside], weights, end - start).astype(np.int64)
