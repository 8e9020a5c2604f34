"""The VIP table: a row a VIP, with who owns it when, where forwards come from, and what it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from dsrcheck.exchange.arrays import flags, ints, texts
from dsrcheck.exchange.ownership import move_of, ownership_of
from dsrcheck.exchange.senders import forward_source, snip_of
from dsrcheck.exchange.sides import Sides, flag
from dsrcheck.exchange.telling import telling_columns
from dsrcheck.exchange.throughput import bit_rate, byte_count, licence, licences, loads
from dsrcheck.tables import Column, Subjects


def vip_table(s: Sides, reasons: Mapping[str, str]) -> Subjects:
    """A row a VIP, in the order of the topology."""
    count = len(s.topology.vips)
    columns = _owner_columns(s) | _move_columns(s) | _sender_columns(s) | _load_columns(s) | telling_columns(s)
    return Subjects("vip", count, columns, np.arange(count), np.zeros(count, np.int64), reasons)


def _owner_columns(s: Sides) -> dict[str, Column]:
    owners = [ownership_of(s, vip) for vip in s.topology.vips]
    contested = flags(owner.rival > 0 for owner in owners)
    return {
        "vip.stranger": flag(
            flags(owner.stranger > 0 for owner in owners), flags(owner.stranger_known for owner in owners)
        ),
        "vip.stranger_mac": _macs(owner.stranger for owner in owners),
        "vip.stranger_frame": _frames(owner.stranger_frame for owner in owners),
        "vip.owners_at_once": Column(ints(o.at_once for o in owners), flags(o.known for o in owners), "number"),
        "vip.rival_mac": Column(ints(owner.rival for owner in owners), contested, "mac"),
        "vip.rival_frame": Column(ints(owner.rival_frame for owner in owners), contested, "frame"),
        "vip.owner_frame": Column(ints(owner.owner_frame for owner in owners), contested, "frame"),
    }


def _move_columns(s: Sides) -> dict[str, Column]:
    moves = [move_of(s, vip, number) for number, vip in enumerate(s.topology.vips)]
    moved = flags(move.moved for move in moves)
    return {
        "vip.moved": Column(moved, None, "flag"),
        "vip.followed": flag(flags(move.followed for move in moves), flags(move.known for move in moves)),
        "vip.new_mac": Column(ints(move.new_mac for move in moves), moved, "mac"),
        "vip.old_mac": Column(ints(move.old_mac for move in moves), moved, "mac"),
        "vip.stale_frame": _frames(move.frame for move in moves),
        "vip.move_frame": _frames(move.claim_frame for move in moves),
    }


def _sender_columns(s: Sides) -> dict[str, Column]:
    sources = [forward_source(s, number) for number in range(len(s.topology.vips))]
    snips = [snip_of(s, vip, number) for number, vip in enumerate(s.topology.vips)]
    kinds = texts(source.kind for source in sources)
    return {
        "vip.forward_source": Column(kinds, flags(source.kind != "" for source in sources), "text"),
        "vip.forward_source_mac": _macs(source.mac for source in sources),
        "vip.forward_source_frame": _frames(source.frame for source in sources),
        "vip.snip_in_subnet": flag(flags(snip.in_subnet for snip in snips), flags(snip.known for snip in snips)),
        "vip.balancer_mac": _macs(snip.mac for snip in snips),
        "vip.snip_frame": _frames(snip.frame for snip in snips),
    }


def _load_columns(s: Sides) -> dict[str, Column]:
    carried = loads(s)
    known = flags(load.known for load in carried)
    asked, answered = ints(load.request_bytes for load in carried), ints(load.reply_bytes for load in carried)
    words = {
        "rate_with_dsr": [bit_rate(load.rate_with_dsr) for load in carried],
        "rate_without_dsr": [bit_rate(load.rate_without_dsr) for load in carried],
        "bytes_saved": [byte_count(load.reply_bytes) for load in carried],
        "licence_with_dsr": [licence(load.rate_with_dsr) for load in carried],
        "licence_without_dsr": [licence(load.rate_without_dsr) for load in carried],
        "licences": [licences(load) for load in carried],
    }
    return {
        "vip.request_bytes": Column(asked, asked + answered > 0, "number"),
        "vip.reply_bytes": Column(answered, flags(load.replies_known for load in carried), "number"),
        "vip.throughput_known": Column(known, None, "flag"),
        **{f"vip.{name}": Column(texts(values), known, "text") for name, values in words.items()},
    }


def _macs(values: Iterable[int]) -> Column:
    """A column of MACs, unknown where there is none (0)."""
    macs = ints(values)
    return Column(macs, macs > 0, "mac")


def _frames(values: Iterable[int]) -> Column:
    """A column of frame numbers, unknown where there is none (0)."""
    frames = ints(values)
    return Column(frames, frames > 0, "frame")
