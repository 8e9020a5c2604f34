"""Puts the report together: captures, who is who, steps and notes, beside the verdicts and findings of the rules."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from dsrcheck.addresses import mac_text
from dsrcheck.capture.linktypes import link_type_name
from dsrcheck.exchange.connection import reply_bytes
from dsrcheck.exchange.others import NO_DESTINATION_MAC
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import Finding, Verdict
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import PROTOCOL_NAMES, column, distinct, group_rows
from dsrcheck.report.model import CaptureInfo, Host, Report, Service, VipReport
from dsrcheck.report.steps import step_tables
from dsrcheck.topology import model
from dsrcheck.topology.model import Vip

CAPTURE_BETTER = (
    "capture better: on a named interface, without a filter, 256 bytes a frame: tcpdump -i eth0 -s 256 -w x.pcap "
    "(a filter on the VIP hides ARP, tunnels, tagged frames, health checks and replies from the wrong address)"
)


def build_report(s: Sides, verdicts: tuple[Verdict, ...], findings: tuple[Finding, ...], steps: bool = True) -> Report:
    """The report of a judged capture."""
    return Report(
        captures=_captures(s),
        vips=tuple(_vip(s, vip, number) for number, vip in enumerate(s.topology.vips)),
        verdicts=verdicts,
        findings=findings,
        steps=step_tables(s, findings) if steps else (),
        notes=_notes(s),
    )


def time_text(nanoseconds: int) -> str:
    """ISO 8601 UTC with nanoseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _captures(s: Sides) -> tuple[CaptureInfo, ...]:
    legs = s.scene.legs
    of_interface = np.array([interface.capture for interface in legs.interfaces], np.int64)
    found = []
    for number, facts in enumerate(legs.captures):
        mine = frozenset(np.flatnonzero(of_interface == number).tolist())
        kinds = sorted({interface.link_type for interface in facts.interfaces})
        first, last = _times(s, mine)
        found.append(CaptureInfo(
            path=facts.path,
            frames=facts.frames,
            bytes=facts.bytes,
            link_type=", ".join(link_type_name(kind).lower() for kind in kinds) or "none",
            vantage=s.visible.vantage(mine),
            first_time=first,
            last_time=last,
            truncated=facts.truncated,
            dropped=facts.dropped,
        ))  # fmt: skip
    return tuple(found)


def _times(s: Sides, interfaces: frozenset[int]) -> tuple[str | None, str | None]:
    """First and last time of the frames of some interfaces; None when there is no frame."""
    paths = s.scene.legs.paths
    mine = among(column(paths, "interface"), list(interfaces))
    if not mine.any():
        return None, None
    return time_text(int(column(paths, "first_time")[mine].min())), time_text(
        int(column(paths, "last_time")[mine].max())
    )


def _vip(s: Sides, vip: Vip, number: int) -> VipReport:
    rows = s.roles.vip == number
    flows = s.scene.flows
    flow = s.roles.flow[rows]
    back, by_acks = reply_bytes(s)
    mine = rows & (s.client_side.seen | s.reply.seen)
    server_flows = _flows_of_servers(s, rows)
    services = tuple(
        Service(
            PROTOCOL_NAMES.get(service.protocol, str(service.protocol)), service.port, service.mode,
            int(((flows.protocol[flow] == service.protocol) & (flows.service_port[flow] == service.port)).sum()),
        )
        for service in vip.services
    )  # fmt: skip
    return VipReport(
        address=vip.address,
        mode=vip.mode,
        provenance=vip.provenance,
        services=services,
        balancers=tuple(_host(host) for host in vip.balancers),
        servers=tuple(_host(host, sum(server_flows.get(mac, 0) for mac in host.macs)) for host in vip.servers),
        gateways=tuple(_gateway(s, mac) for mac in vip.gateways),
        clients=len(distinct(flows.client[flow])),
        flows=int(rows.sum()),
        request_bytes=int(s.client_side.total("payload")[mine].sum()),
        reply_bytes=int(back[mine].sum()),
        reply_bytes_from="acks" if bool((by_acks & rows).any()) else "legs",
        evidence=vip.evidence,
    )


def _host(host: model.Host, flows: int | None = None) -> Host:
    macs = tuple(mac_text(mac) for mac in host.macs)
    return Host(host.role, macs, host.addresses, host.name, host.provenance, host.evidence, flows)


def _gateway(s: Sides, mac: int) -> Host:
    addresses = tuple(s.scene.book.text(address) for address in sorted(s.scene.stated.get(mac, ())))
    declared = s.topology.declared is not None and mac in s.topology.declared.gateway_macs
    why = "declared" if declared else "brings in packets of hosts that are elsewhere"
    return Host("gateway", (mac_text(mac),), addresses, None, model.DECLARED if declared else model.INFERRED, (why,))


def _flows_of_servers(s: Sides, rows: np.ndarray) -> dict[int, int]:
    """Server MAC -> exchanges that it answered or was handed."""
    ends = s.scene.ends
    server = np.where(s.reply.seen, s.reply.of_first(ends.src_mac), s.forward.of_first(ends.dst_mac))
    macs, counts = np.unique(server[rows], return_counts=True)
    return dict(zip(macs.tolist(), counts.tolist(), strict=True))


def _notes(s: Sides) -> tuple[str, ...]:
    notes = []
    legs = s.scene.legs
    interfaces = [interface for facts in legs.captures for interface in facts.interfaces]
    if any(interface.link_type in NO_DESTINATION_MAC for interface in interfaces):
        notes.append(f"This capture holds no destination MACs, so rules on them are not observed; {CAPTURE_BETTER}.")
    if not s.topology.vips:
        notes.append(seen_instead(s))
    if legs.totals.get("cut"):
        cut = _counted(legs.totals["cut"], "frame")
        notes.append(f"Of {cut} the transport header is not all captured, so none of it is judged; {CAPTURE_BETTER}.")
    if legs.totals.get("folded_legs"):
        notes.append(f"{legs.totals['folded_legs']:,} one-packet legs were folded into totals to bound memory.")
    return tuple(notes)


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"


def seen_instead(s: Sides) -> str:
    """What the capture holds when nothing in it is balanced."""
    flows, claims = s.scene.flows, s.scene.claims
    ports = among(flows.protocol, (6, 17, 132))
    parts = []
    if ports.any():
        services = len(group_rows(flows.service[ports], flows.service_port[ports])[1])
        parts.append(f"{_counted(int(ports.sum()), 'TCP or UDP flow')} to {_counted(services, 'service')}")
    if len(claims):
        parts.append(_counted(len(claims), "ARP or NDP frame"))
    other = int(s.scene.leg("frames").sum()) if not ports.any() else 0
    if other:
        parts.append(_counted(other, "other IP packet"))
    what = ", ".join(parts) or "no IP traffic"
    return f"No balanced traffic: no box passes packets for one address on to servers. Seen instead: {what}."
