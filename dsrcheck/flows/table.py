"""Joins one-way legs to two-way flows and tells which end is the client.

A flow is all legs of one two-way five-tuple (the inner one, if tunnelled). Everything here is columns: a `Flows` has
one row a flow, and for each leg the row of its flow and whether the leg runs towards the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt

from dsrcheck.addresses import AddressBook, UInt64, address_book, parse_ip
from dsrcheck.flows.coded import Coded, among, coded, halved, narrow
from dsrcheck.kernel.numbering import number_rows
from dsrcheck.legs import Legs
from dsrcheck.legs.bycolumn import Columns
from dsrcheck.legs.table import Unsigned
from dsrcheck.records import dataclass

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TCP, UDP, ICMP, ICMP6, SCTP = 6, 17, 1, 58, 132
PROTOCOL_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6", SCTP: "sctp"}
PROTOCOL_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
PORT_PROTOCOLS = (TCP, UDP, SCTP)


@dataclass(frozen=True)
class LegEnds:
    """What everything after the fold compares: one value a leg, int32, addresses as identities of `book`.

    What hangs on the path alone is kept a value a path: paths are few, and most captures have no tunnel.
    """

    book: AddressBook
    src: Int64
    dst: Int64
    src_port: Int64
    dst_port: Int64
    protocol: Int64
    whole: Flags
    """False for legs of later fragments, which have no ports."""
    path: Int64
    src_mac: Int64
    dst_mac: Int64
    link: Int64
    """Interface and VLAN as one number: legs of one link can be compared by MAC."""
    tunnel: Int64
    """The kind of tunnel, 0 for none."""
    outer_src: Int64
    """Where the tunnel begins."""
    outer_dst: Int64
    """Where the tunnel ends."""


@dataclass(frozen=True)
class Flows:
    """One row a flow, in order of first frame, capture after capture; int32 but frame and time.

    Addresses are identities of `ends.book`. `of_leg` maps a leg to its flow (-1: a fragment that found none), `inbound`
    tells whether it runs to the service.
    """

    ends: LegEnds
    of_leg: Int64
    inbound: Flags
    protocol: Int64
    client: Int64
    client_port: Int64
    service: Int64
    service_port: Int64
    first_frame: Int64
    first_time: Int64
    sure: Flags
    """Whether a SYN, a SYN-ACK or an echo told which end is the client; else the busier end counts as the service."""

    def __len__(self) -> int:
        return len(self.client)


def column(table: Mapping[str, Unsigned], name: str) -> Int64:
    """A column of the fold as int64 (all of them fit but hashes)."""
    return np.asarray(table[name]).astype(np.int64)


def leg_ends(legs: Legs, table: Columns, more: tuple[str, ...] = ()) -> LegEnds:
    """The columns of `LegEnds`, from a fold's legs and the paths they run on.

    table: the columns of the leg table; more: addresses that the book must hold, whether or not the capture does.
    Raises ValueError for what is no address.
    """
    paths = legs.paths
    halves = np.array([parse_ip(text) for text in more], np.uint64).reshape(-1, 2)
    path = cast(Int64, narrow(table["path"]))
    (src, *srcs), (dst, *dsts) = _numbered(table, "src"), _numbered(table, "dst")
    book = address_book(
        (srcs[0], srcs[1]), (dsts[0], dsts[1]),
        (paths["outer_src_high"], paths["outer_src_low"]), (paths["outer_dst_high"], paths["outer_dst_low"]),
        (legs.claims["high"], legs.claims["low"]), (legs.claims["target_high"], legs.claims["target_low"]),
        (legs.icmp["src_high"], legs.icmp["src_low"]), (legs.icmp["dst_high"], legs.icmp["dst_low"]),
        (legs.icmp["quoted_src_high"], legs.icmp["quoted_src_low"]),
        (legs.icmp["quoted_dst_high"], legs.icmp["quoted_dst_low"]),
        (legs.icmp["target_high"], legs.icmp["target_low"]),
        (legs.fragments["src_high"], legs.fragments["src_low"]),
        (legs.fragments["dst_high"], legs.fragments["dst_low"]),
        (halves[:, 0], halves[:, 1]),
    )  # fmt: skip
    link = column(paths, "interface") << 36 | column(paths, "vlan")
    outer_src = book.find(paths["outer_src_high"], paths["outer_src_low"])
    outer_dst = book.find(paths["outer_dst_high"], paths["outer_dst_low"])
    return LegEnds(
        book=book,
        src=halved(book.find(*srcs))[src],
        dst=halved(book.find(*dsts))[dst],
        src_port=halved(table["src_port"]),
        dst_port=halved(table["dst_port"]),
        protocol=halved(table["protocol"]),
        whole=table["fragment"] == 0,
        path=path,
        src_mac=coded(column(paths, "src_mac"), path),
        dst_mac=coded(column(paths, "dst_mac"), path),
        link=coded(link, path),
        tunnel=coded(column(paths, "tunnel"), path),
        outer_src=coded(outer_src, path),
        outer_dst=coded(outer_dst, path),
    )


def _numbered(table: Columns, side: str) -> tuple[Int64, UInt64, UInt64]:
    """(number of each leg's address at one side, upper and lower halves of the addresses by number)."""
    high, low = table[f"{side}_high"], table[f"{side}_low"]
    number, first = number_rows([high, low])
    return halved(number), high[first].astype(np.uint64), low[first].astype(np.uint64)


FEW = 32
"""Values that are sooner compared with each row than looked up."""


def are_among(rows: tuple[Int64, ...], others: tuple[Int64, ...]) -> Flags:
    """Which rows, given as columns, are equal in all columns to a row of others; bool, a value a row."""
    found = np.ones(len(rows[0]), bool)
    if len(others[0]) <= FEW:
        for values, wanted in zip(rows, others, strict=True):
            found &= among(values, wanted)
    places = np.flatnonzero(found)
    count = len(places)
    if not count or not len(others[0]):
        return np.zeros(len(found), bool)
    group, leader = group_rows(*(np.concatenate([row[places], more]) for row, more in zip(rows, others, strict=True)))
    known = np.zeros(len(leader), bool)
    known[group[count:]] = True
    found[places] = known[group[:count]]
    return found


def distinct_rows(*columns: Int64) -> tuple[Int64, ...]:
    """The columns with each row once, sorted by key."""
    _, leader = group_rows(*columns)
    once = [values[leader] for values in columns]
    order = np.lexsort(once[::-1])
    return tuple(values[order] for values in once)


DENSE = 8
"""Numbers below so many times their count are marked and not hashed."""


def distinct(values: Int64) -> Int64:
    """The distinct values, sorted (np.unique would import numpy.ma for that)."""
    if isinstance(values, Coded):
        return distinct(values.values[distinct(values.codes)])
    if len(values) and values.min() >= 0 and values.max() < DENSE * len(values):
        marks = np.zeros(int(values.max()) + 1, bool)
        marks[values] = True
        return np.flatnonzero(marks)
    (found,) = distinct_rows(values)
    return found


def distinct_at(values: Int64, rows: Int64 | Flags) -> Int64:
    """The distinct values at some rows, sorted; of a coded column its few codes are looked at, not the values."""
    if isinstance(values, Coded):
        return distinct(values.values[distinct(values.codes[rows])])
    return distinct(values[rows])


def rows_by_value(values: Int64) -> list[Int64]:
    """The positions of each distinct value, in order of the values."""
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.diff(values[order])) + 1
    return np.split(order, ends) if len(order) else []


def group_rows(*columns: npt.NDArray[np.integer]) -> tuple[Int64, Int64]:
    """(group of each row, first row of each group) of rows that are equal in all columns; groups by appearance."""
    return number_rows(columns)


def join_flows(legs: Legs, table: Columns, ends: LegEnds) -> Flows:
    """Two-way flows of a fold's legs, which come in order of their first frame; so do flows, then, by themselves."""
    src_port, dst_port = _fragment_ports(legs, ends)
    # The lower end first, so that both directions have one key.
    swap = (ends.src > ends.dst) | ((ends.src == ends.dst) & (src_port > dst_port))
    low, high = np.where(swap, ends.dst, ends.src), np.where(swap, ends.src, ends.dst)
    low_port, high_port = np.where(swap, dst_port, src_port), np.where(swap, src_port, dst_port)
    # Identities have fewer than 32 bits, ports and halves of a fragment's id 16.
    ports = _joined(low_port, high_port, 16)
    group, leader = group_rows(_joined(low, high, 32), _joined(ends.protocol, ports, 32))
    group, flows, first_frame = halved(group), len(leader), column(table, "first_frame")

    client_is_low, sure = _client_is_low(
        table, ends, group, flows, swap, first_frame, low, low_port, high, high_port, leader
    )
    inbound = np.where(client_is_low[group], ~swap, swap) if len(group) else np.zeros(0, bool)

    time = np.full(flows, np.iinfo(np.int64).max)
    np.minimum.at(time, group, column(table, "first_time"))

    def by_end(low_values: Int64, high_values: Int64, want_low: Flags) -> Int64:
        return np.where(want_low, low_values[leader], high_values[leader])

    return Flows(
        ends=ends,
        of_leg=group,
        inbound=inbound,
        protocol=ends.protocol[leader],
        client=by_end(low, high, client_is_low),
        client_port=by_end(low_port, high_port, client_is_low),
        service=by_end(low, high, ~client_is_low),
        service_port=by_end(low_port, high_port, ~client_is_low),
        first_frame=first_frame[leader],
        first_time=time,
        sure=sure,
    )


def _joined(upper: Int64, lower: Int64, bits: int) -> Int64:
    """Two columns as one, the lower of which has so many bits."""
    return upper.astype(np.int64) << bits | lower


def _client_is_low(
    table: Columns, ends: LegEnds, group: Int64, flows: int, swap: Flags, first_frame: Int64,
    low: Int64, low_port: Int64, high: Int64, high_port: Int64, leader: Int64,
) -> tuple[Flags, Flags]:  # fmt: skip
    """(whether the lower end is the client, whether that is sure), a row a flow.

    A SYN comes from the client, a SYN-ACK from the service, an echo request from the client. Else the end that takes
    part in more flows is the service; else whoever spoke first is the client.
    """
    from_low = ~swap
    opens = np.where(ends.protocol == TCP, table["syn"] > 0, table["echo_requests"] > 0)
    answers = np.where(ends.protocol == TCP, table["syn_ack"] > 0, table["echo_replies"] > 0)
    # As wide as the sums: adding by place is many times slower where it has to widen.
    votes = (opens.astype(np.int64) - answers) * np.where(from_low, 1, -1)
    low_votes = np.zeros(flows, np.int64)
    np.add.at(low_votes, group, votes)

    sure = low_votes != 0
    if sure.all():
        return low_votes > 0, sure

    low_end, _ = group_rows(
        np.concatenate([low[leader], high[leader]]), np.concatenate([low_port[leader], high_port[leader]]),
        np.concatenate([ends.protocol[leader]] * 2),
    )  # fmt: skip
    busy = np.bincount(low_end) if len(low_end) else np.zeros(0, np.int64)
    low_busy, high_busy = busy[low_end[:flows]], busy[low_end[flows:]]

    first_from_low = np.full(flows, np.iinfo(np.int64).max)
    first_from_high = first_from_low.copy()
    np.minimum.at(first_from_low, group[from_low], first_frame[from_low])
    np.minimum.at(first_from_high, group[~from_low], first_frame[~from_low])

    by_busy = np.where(low_busy != high_busy, low_busy < high_busy, first_from_low <= first_from_high)
    return np.where(sure, low_votes > 0, by_busy), sure


def _fragment_ports(legs: Legs, ends: LegEnds) -> tuple[Int64, Int64]:
    """The ports of every leg, those of later fragments taken from the first fragment with the same addresses and id."""
    src_port, dst_port = ends.src_port.copy(), ends.dst_port.copy()
    later = np.flatnonzero(~ends.whole)
    heads = legs.fragments
    if not len(later) or not len(heads):
        return src_port, dst_port
    head_src = ends.book.find(heads["src_high"], heads["src_low"])
    head_dst = ends.book.find(heads["dst_high"], heads["dst_low"])
    identification = ends.dst_port[later].astype(np.int64) << 16 | ends.src_port[later]
    group, _ = group_rows(
        np.concatenate([head_src, ends.src[later]]), np.concatenate([head_dst, ends.dst[later]]),
        np.concatenate([column(heads, "protocol"), ends.protocol[later]]),
        np.concatenate([column(heads, "id"), identification]),
    )  # fmt: skip
    head_of = np.full(int(group.max()) + 1, -1, np.int64)
    head_of[group[: len(heads)]] = np.arange(len(heads))
    head = head_of[group[len(heads) :]]
    found = head >= 0
    src_port[later[found]] = column(heads, "src_port")[head[found]]
    dst_port[later[found]] = column(heads, "dst_port")[head[found]]
    return src_port, dst_port
