"""The flows of a capture as columns for the table: integers to sort by, and how to put them into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dsrcheck.addresses import AddressBook, mac_text
from dsrcheck.exchange.connection import reply_bytes
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.summary import FlowTotals, flow_totals
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES, Int64, distinct, group_rows
from dsrcheck.report.words import octets
from dsrcheck.text import printable
from dsrcheck.tui.table import Column

WIDTH_SAMPLE = 2000
"""Addresses that are looked at to tell how wide their column must be."""
REQUEST_SEEN, FORWARD_SEEN, REPLY_SEEN, REPLY_PROVED, BALANCED = 1, 2, 4, 8, 16


def flow_columns(s: Sides) -> tuple[Column, ...]:
    """One row a flow, numbered as `dsrcheck flow` does; what tells most comes first, so that 80 columns hold it."""
    flows, book = s.scene.flows, s.scene.book
    totals = flow_totals(s.scene.columns, flows)
    ports = np.isin(flows.protocol, PORT_PROTOCOLS)
    states, state_names = flow_states(totals)
    steps, server = _steps_seen(s), _servers(s)
    start = int(totals.first_time.min()) if len(flows) else 0
    numbers = np.arange(1, len(flows) + 1)
    return (
        Column("#", numbers, _count, max(len(f"{len(flows):,}"), 3), right=True),
        _addresses("client", flows.client, book),
        Column("port", np.where(ports, flows.client_port, -1), _port, 5, right=True),
        _addresses("service", flows.service, book),
        Column("port", np.where(ports, flows.service_port, -1), _port, 5, right=True),
        Column("proto", flows.protocol, _protocol, 5),
        Column("steps", steps, _steps_text, 7, tone=_steps_tone, find=False),
        Column("state", states, state_names.__getitem__, 22, tone=_state_tone(state_names)),
        Column("server", server, _host_namer(s), 17),
        Column("frames", totals.frames, _count, 9, right=True, find=False),
        Column("bytes", totals.bytes, octets, 8, right=True, find=False),
        Column("start", totals.first_time - start, _seconds, 12, right=True, find=False),
        Column("seconds", totals.last_time - totals.first_time, _seconds, 11, right=True, find=False),
    )  # fmt: skip


def flow_states(totals: FlowTotals) -> tuple[Int64, list[str]]:
    """(number of the state of each flow, states in words): what `FlowTotals.state` says, asked once for each kind."""
    facts = [totals.protocol == 6, totals.sent, totals.answered, totals.acknowledged]
    facts += [count > 0 for count in (totals.syn, totals.syn_ack, totals.fin, totals.rst)]
    group, leader = group_rows(*(fact.astype(np.int64) for fact in facts))
    words = [totals.state(row) for row in leader.tolist()]
    names = sorted(set(words))
    number = np.array([names.index(word) for word in words], np.int64)
    return (number[group] if len(group) else group), names


def _steps_seen(s: Sides) -> Int64:
    """Which steps of the way are seen, as bits; 0 for flows of no balanced service."""
    seen = np.zeros(len(s.scene.flows), np.int64)
    _, by_acks = reply_bytes(s)
    replies = s.reply.seen | s.balancer_reply.seen | (s.wrong >= 0)
    bits = s.request.seen * REQUEST_SEEN + s.forward.seen * FORWARD_SEEN + replies * REPLY_SEEN
    seen[s.roles.flow] = BALANCED + bits + (by_acks & ~replies) * REPLY_PROVED
    return seen


def _steps_text(bits: int) -> str:
    if not bits & BALANCED:
        return ""
    reply = "3" if bits & REPLY_SEEN else "(3)" if bits & REPLY_PROVED else "·"
    return f"{'1' if bits & REQUEST_SEEN else '·'} {'2' if bits & FORWARD_SEEN else '·'} {reply}"


def _steps_tone(bits: int) -> str:
    return "good" if bits & (REPLY_SEEN | REPLY_PROVED) else "odd" if bits & BALANCED else ""


def _servers(s: Sides) -> Int64:
    """MAC of the server that a flow's packets were sent to, or else that answered; 0 where none is seen."""
    ends, found = s.scene.ends, np.zeros(len(s.scene.flows), np.int64)
    forwarded = np.where(s.forward.seen, s.forward.of_first(ends.dst_mac), 0)
    answered = np.where(s.reply.seen, s.reply.of_first(ends.src_mac), 0)
    found[s.roles.flow] = np.where(forwarded > 0, forwarded, answered)
    return found


def _host_namer(s: Sides) -> Callable[[int], str]:
    """MAC -> the server's name, else its address, else the MAC."""
    names = {
        mac: printable(host.name or (host.addresses[0] if host.addresses else mac_text(mac)))
        for vip in s.topology.vips
        for host in (*vip.servers, *vip.balancers)
        for mac in host.macs
    }
    return lambda mac: names.get(mac) or (mac_text(mac) if mac else "")


def _addresses(title: str, values: Int64, book: AddressBook) -> Column:
    longest = max((len(book.text(value)) for value in distinct(values)[:WIDTH_SAMPLE].tolist()), default=0)
    return Column(title, values, book.text, max(longest, len(title)))


def _count(number: int) -> str:
    return f"{number:,}"


def _port(number: int) -> str:
    return str(number) if number >= 0 else ""


def _protocol(number: int) -> str:
    return PROTOCOL_NAMES.get(number, str(number))


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:,.6f}"


def _state_tone(names: Sequence[str]) -> Callable[[int], str]:
    def tone(number: int) -> str:
        word = names[number]
        return "bad" if word.startswith("reset") else "odd" if word.startswith(("SYN only", "half-open")) else ""

    return tone
