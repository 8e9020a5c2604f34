"""What `dsrcheck flow` prints: the list of flows, and one flow with its ladder and its bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np

from dsrcheck.addresses import ip_text
from dsrcheck.flows.conversation import Conversation
from dsrcheck.flows.draw import draw
from dsrcheck.flows.dump import amount, dump
from dsrcheck.flows.ladder import LadderBuilder
from dsrcheck.flows.marks import Marker
from dsrcheck.flows.reread import Address, FlowError, FlowKey, check_rereadable, flow_frames
from dsrcheck.flows.summary import FlowTotals, flow_totals
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES, Flows
from dsrcheck.legs import Legs, read_legs
from dsrcheck.text import printable
from dsrcheck.topology.infer import Topology, infer
from dsrcheck.topology.scene import Scene, read_scene

__all__ = ["FlowError", "flow_detail", "flow_key", "flow_list", "flow_span", "host_roles"]

LIST_LIMIT = 1000
"""Flows that the list shows."""
RELATED_LIMIT = 8
WIDTH = 80

Path = str | os.PathLike[str]


def flow_list(path: Path, *, everything: bool = False) -> str:
    """The flows of a capture, numbered from 1 in order of their first frames.

    everything: all of them, not only the first `LIST_LIMIT`.
    Raises CaptureError.
    """
    legs = read_legs(path)
    scene = read_scene(legs)
    flows, totals = scene.flows, flow_totals(scene.columns, scene.flows)
    shown = len(flows) if everything else min(len(flows), LIST_LIMIT)
    rows: list[tuple[str, ...]] = [("N", "client", "service", "proto", "frames", "bytes", "seconds", "state")]
    rows += [_list_row(flows, totals, row) for row in range(shown)]
    lines = _columns(rows, right=(0, 4, 5, 6))
    if len(flows) > shown:
        lines.append(f"... {amount(len(flows) - shown, 'more flow')} (--all shows them)")
    lines += [f"note: {note}" for note in _notes(legs)]
    return "\n".join(lines if len(flows) else ["no IP flows in this capture", *lines[1:]]) + "\n"


def flow_detail(path: Path, number: int, *, as_hex: bool = False, everything: bool = False) -> str:
    """One flow, by its number in the list: facts, ladder, and what both ends said, as text or as hexadecimal.

    everything: all frames and bytes (up to the limits of the ladder and the streams), not the telling ones only.
    Raises FlowError for a number that is not in the list or a capture that cannot be read twice, CaptureError.
    """
    check_rereadable(path)
    scene = read_scene(read_legs(path))
    flows = scene.flows
    if not 1 <= number <= len(flows):
        known = f"it has flows 1 to {len(flows):,}" if len(flows) else "it has no IP flows"
        raise FlowError(f"{printable(os.fsdecode(path))}: no flow {number}: {known}")
    row = number - 1
    key = flow_key(flows, row)
    marker, conversation = Marker(), Conversation(key.protocol)
    topology = infer(scene)
    ladder = LadderBuilder(host_roles(scene, topology, row), everything)
    for frame in flow_frames(path, key, *flow_span(scene, row, key)):
        mark = marker.mark(frame)
        ladder.add(frame, mark)
        conversation.add(frame, mark)
    lines = [*_facts(scene, topology, row), "", *draw(ladder.ladder(), WIDTH)]
    for inbound, who in ((True, "client to service"), (False, "service to client")):
        lines += ["", *dump(conversation.said(inbound), who, as_hex, everything)]
    return "\n".join(lines) + "\n"


def flow_key(flows: Flows, row: int) -> FlowKey:
    """The five-tuple of a flow, to find its frames by."""
    client, service = (_address(flows, int(side[row])) for side in (flows.client, flows.service))
    ports = int(flows.client_port[row]), int(flows.service_port[row])
    return FlowKey(int(flows.protocol[row]), client, ports[0], service, ports[1])


def _address(flows: Flows, identity: int) -> Address:
    book = flows.ends.book
    return int(book.high[identity]), int(book.low[identity])


def flow_span(scene: Scene, row: int, key: FlowKey) -> tuple[int, int]:
    """First and last frame that can be of the flow: those of its legs, and ICMP messages that may be about it."""
    legs = np.flatnonzero(scene.flows.of_leg == row)
    icmp = scene.legs.icmp
    ends = np.stack([icmp["quoted_src_low"], icmp["quoted_dst_low"]])
    about = np.isin(ends, np.array([key.client[1], key.service[1]], np.uint64)).all(axis=0)
    first, last = scene.leg_at("first_frame", legs), scene.leg_at("last_frame", legs)
    told = np.asarray(icmp["frame"])[about].astype(np.int64)
    # Fragments captured before their first one, and mirrors' copies, which the fold leaves out, lie close by.
    near = 1000
    return int(min([*first.tolist(), *told.tolist()])) - near, int(max([*last.tolist(), *told.tolist()])) + near


# ---- the list ----


def _list_row(flows: Flows, totals: FlowTotals, row: int) -> tuple[str, ...]:
    client, service = flow_ends(flows, row)
    return (
        str(row + 1), client, service, protocol_name(flows, row), f"{totals.frames[row]:,}", f"{totals.bytes[row]:,}",
        f"{(totals.last_time[row] - totals.first_time[row]) / 1e9:.3f}", totals.state(row),
    )  # fmt: skip


def protocol_name(flows: Flows, row: int) -> str:
    number = int(flows.protocol[row])
    return PROTOCOL_NAMES.get(number, str(number))


def flow_ends(flows: Flows, row: int) -> tuple[str, str]:
    """Client and service as text, with ports where the protocol has them."""
    key = flow_key(flows, row)
    client, service = ip_text(*key.client), ip_text(*key.service)
    if key.protocol not in PORT_PROTOCOLS:
        return client, service
    return _socket(client, key.client_port), _socket(service, key.service_port)


def _socket(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _columns(rows: list[tuple[str, ...]], right: Iterable[int]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = [">" if place in right else "<" for place in range(len(widths))]
    return [
        "  ".join(f"{cell:{side}{size}}" for cell, side, size in zip(row, aligned, widths, strict=True)).rstrip()
        for row in rows
    ]


def _notes(legs: Legs) -> list[str]:
    notes = [f"the capture is read in part: {facts.truncated}" for facts in legs.captures if facts.truncated]
    folded = legs.totals.get("folded_legs", 0)
    if folded:
        notes.append(f"{folded:,} one-way streams of few frames were folded into totals to bound memory; not listed")
    return [printable(note) for note in notes]


# ---- one flow ----


def _facts(scene: Scene, topology: Topology, row: int) -> list[str]:
    flows = scene.flows
    totals = flow_totals(scene.columns, flows)
    client, service = flow_ends(flows, row)
    told = "" if flows.sure[row] else " (which end is the client is guessed)"
    lines = [
        f"Flow {row + 1}: {protocol_name(flows, row)} {client} to {service}{told}",
        f"{amount(int(totals.frames[row]), 'frame')}, {amount(int(totals.bytes[row]), 'byte')}, {totals.state(row)}",
        f"{_time(int(totals.first_time[row]))}, for {(totals.last_time[row] - totals.first_time[row]) / 1e9:.6f} s",
    ]
    if totals.progressed[row] and not totals.answered[row]:
        lines.append("The service's frames are not in this capture; the client acknowledges what they brought.")
    lines += _related(flows, topology, row)
    lines += [f"note: {note}" for note in _notes(scene.legs)]
    return lines


def _related(flows: Flows, topology: Topology, row: int) -> list[str]:
    """Other flows that may be this one under other addresses: passed on by NAT or a proxy, or an answer."""
    if int(flows.protocol[row]) not in PORT_PROTOCOLS:
        return []
    same_client = (flows.client == flows.client[row]) & (flows.client_port == flows.client_port[row])
    as_service = (flows.service == flows.client[row]) & (flows.service_port == flows.client_port[row])
    others = np.flatnonzero((same_client | as_service) & (flows.protocol == flows.protocol[row]))
    found = {other: "of the same client and port" for other in others.tolist() if other != row}
    for vip in topology.vips:
        found |= {there: "the server's side of this one" for here, there in vip.flow_pairs.items() if here == row}
        found |= {here: "the client's side of this one" for here, there in vip.flow_pairs.items() if there == row}
    lines = [
        "See also flow {}: {} to {}, {}".format(other + 1, *flow_ends(flows, other), why)
        for other, why in sorted(found.items())[:RELATED_LIMIT]
    ]
    if len(found) > RELATED_LIMIT:
        lines.append(f"... and {len(found) - RELATED_LIMIT:,} more")
    return lines


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def host_roles(scene: Scene, topology: Topology, row: int) -> Mapping[int, str]:
    """MAC -> what to call it in the ladder of this flow."""
    client = int(scene.flows.client[row])
    roles = {mac: "host " + ", ".join(map(scene.book.text, sorted(stated)[:2])) for mac, stated in scene.stated.items()}
    roles |= dict.fromkeys(topology.routers, "gateway")
    roles |= {mac: "client" for mac, stated in scene.stated.items() if client in stated}
    service = int(scene.flows.service[row])
    for vip in sorted(topology.vips, key=lambda vip: vip.identity == service):  # the flow's own VIP has the last word
        for host in (*vip.servers, *vip.balancers):
            name = host.name or ", ".join(host.addresses[:2])
            roles |= {mac: f"{host.role} {name}".strip() for mac in host.macs}
    return roles
