"""The tables behind a report as pandas frames, for notebooks and tests.

Addresses and MACs are text (`string`; <NA>: none), numbers `Int64` (<NA>: unknown or none), times
`datetime64[ns, UTC]`, flags `boolean`. pandas is imported when the first table is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dsrcheck.addresses import AddressBook, mac_text
from dsrcheck.exchange.sides import Sides
from dsrcheck.flows.summary import flow_totals
from dsrcheck.flows.table import PORT_PROTOCOLS, PROTOCOL_NAMES, Flags, Int64, column
from dsrcheck.kernel.decode import TUNNELS
from dsrcheck.report.model import Report
from dsrcheck.topology.claims import KIND_NAMES
from dsrcheck.topology.scene import Scene

if TYPE_CHECKING:
    import pandas as pd

KEY = (
    "path", "protocol", "src_high", "src_low", "dst_high", "dst_low", "src_port", "dst_port", "fragment", "restart",
)  # fmt: skip
"""Columns of the fold that stand in the table as text, or are of the fold's own business."""


def legs_frame(scene: Scene) -> pd.DataFrame:
    """One row a leg, in the fold's order.

    `flow`: number as `dsrcheck flow` counts; `inbound`: towards the service; `capture`: position of its file;
    `interface`: name, or number in its capture; `vlan`: outermost id; `src_mac`, `dst_mac`; `tunnel`, `outer_src`,
    `outer_dst`; `protocol`; `src`, `src_port`, `dst`, `dst_port` (ports of TCP, UDP and SCTP; else <NA>); `fragment`:
    of later fragments only. Then every counter of the fold by its name (dsrcheck.kernel.columns.LEGS); frames that are
    named are numbers from 1, <NA> for none; `hash` and `sample_hash_*` are UInt64.
    """
    import pandas as pd

    ends, flows, paths = scene.ends, scene.flows, scene.legs.paths
    path = scene.leg("path")
    ports = np.isin(ends.protocol, PORT_PROTOCOLS) & ends.whole
    columns: dict[str, Any] = {
        "flow": _numbers(flows.of_leg + 1, flows.of_leg >= 0),
        "inbound": pd.array(flows.inbound, dtype="boolean"),
        **_places(scene, column(paths, "interface")[path], column(paths, "vlan")[path]),
        "src_mac": _macs(ends.src_mac, column(paths, "macs")[path] & 1 > 0),
        "dst_mac": _macs(ends.dst_mac, column(paths, "macs")[path] & 2 > 0),
        "tunnel": _texts(ends.tunnel, TUNNELS.__getitem__, ends.tunnel > 0),
        "outer_src": _addresses(scene.book, ends.outer_src, ends.tunnel > 0),
        "outer_dst": _addresses(scene.book, ends.outer_dst, ends.tunnel > 0),
        "protocol": _protocols(ends.protocol),
        "src": _addresses(scene.book, ends.src),
        "src_port": _numbers(ends.src_port, ports),
        "dst": _addresses(scene.book, ends.dst),
        "dst_port": _numbers(ends.dst_port, ports),
        "fragment": pd.array(~ends.whole, dtype="boolean"),
    }
    table = scene.rows
    for name in table.columns:
        if name not in KEY:
            columns[name] = _counter(name, np.asarray(table[name]))
    return pd.DataFrame(columns)


def flows_frame(sides: Sides) -> pd.DataFrame:
    """One row a two-way flow; `flow` is its number in `dsrcheck flow`, from 1.

    `protocol`, `client`, `client_port`, `service`, `service_port`; `client_sure`: a handshake or an echo told which end
    is the client; `frames`, `bytes`: over all hops; `first_frame`, `first_time`, `last_time`; `syn`, `syn_ack`, `fin`,
    `rst`: frames with the flag; `state`: in words; `vip`, `mode`: of balanced flows. Of those also, for `request`,
    `forward` and `reply`: `*_src_mac`, `*_dst_mac` (of the first leg, <NA>: not seen) and `*_frames`.
    """
    import pandas as pd

    scene, flows = sides.scene, sides.scene.flows
    totals = flow_totals(scene.columns, flows)
    ports = np.isin(flows.protocol, PORT_PROTOCOLS)
    columns: dict[str, Any] = {
        "flow": _numbers(np.arange(1, len(flows) + 1)),
        "protocol": _protocols(flows.protocol),
        "client": _addresses(scene.book, flows.client),
        "client_port": _numbers(flows.client_port, ports),
        "service": _addresses(scene.book, flows.service),
        "service_port": _numbers(flows.service_port, ports),
        "client_sure": pd.array(flows.sure, dtype="boolean"),
        "frames": _numbers(totals.frames),
        "bytes": _numbers(totals.bytes),
        "first_frame": _numbers(flows.first_frame),
        "first_time": _times(totals.first_time),
        "last_time": _times(totals.last_time),
        "syn": _numbers(totals.syn),
        "syn_ack": _numbers(totals.syn_ack),
        "fin": _numbers(totals.fin),
        "rst": _numbers(totals.rst),
        "state": pd.array([totals.state(row) for row in range(len(flows))], dtype="string"),
    }
    return pd.DataFrame(columns | _exchange(sides, len(flows)))


def claims_frame(scene: Scene) -> pd.DataFrame:
    """One row an ARP or NDP frame, in order of capture.

    `capture`, `interface`, `vlan`, `frame`, `time`; `src_mac`, `dst_mac`: of the frame; `kind`: request, reply,
    gratuitous, probe, announcement, advertisement, solicitation or dad; `mac` and `address`: who is stated to be where;
    `target`: the address that is asked for, or told of.
    """
    import pandas as pd

    claims = scene.claims
    return pd.DataFrame({
        **_places(scene, claims.interface, claims.link & (1 << 36) - 1),
        "frame": _numbers(claims.frame),
        "time": _times(claims.time),
        "src_mac": _macs(claims.src_mac),
        "dst_mac": _macs(claims.dst_mac),
        "kind": _texts(claims.kind, KIND_NAMES.__getitem__),
        "mac": _macs(claims.mac),
        "address": _addresses(scene.book, claims.address),
        "target": _addresses(scene.book, claims.target),
    })  # fmt: skip


def findings_frame(report: Report) -> pd.DataFrame:
    """One row a finding, in the report's order.

    `rule`, `name`, `severity`, `vip`, `role`, `mac`, `address` (of the culprit), `because_of`, `count`, `message`,
    `why`; `frames`: list of (capture, number); `wireshark_filters`: list; `remedy`: dict by platform.
    """
    import pandas as pd

    found = report.findings

    def texts(values: Iterable[str | None]) -> Any:
        return pd.array(list(values), dtype="string")

    return pd.DataFrame({
        "rule": texts(finding.rule for finding in found),
        "name": texts(finding.name for finding in found),
        "severity": texts(finding.severity for finding in found),
        "vip": texts(finding.vip for finding in found),
        "role": texts(finding.subject.role for finding in found),
        "mac": texts(finding.subject.mac for finding in found),
        "address": texts(finding.subject.address for finding in found),
        "because_of": texts(finding.because_of for finding in found),
        "count": pd.array([finding.count for finding in found], dtype="Int64"),
        "message": texts(finding.message for finding in found),
        "why": texts(finding.why for finding in found),
        "frames": _objects([(frame.capture, frame.number) for frame in finding.frames] for finding in found),
        "wireshark_filters": _objects(list(finding.wireshark_filters) for finding in found),
        "remedy": _objects(dict(finding.remedy) for finding in found),
    })  # fmt: skip


def _exchange(sides: Sides, flows: int) -> dict[str, Any]:
    """What is known of balanced flows, a row a flow."""
    vips, of = sides.topology.vips, sides.roles.flow
    vip = _spread(sides.roles.vip, of, flows, -1)
    columns: dict[str, Any] = {
        "vip": _texts(vip, lambda number: vips[number].address, vip >= 0),
        "mode": _texts(vip, lambda number: vips[number].mode, vip >= 0),
    }
    ends = sides.scene.ends
    for role, legs in (("request", sides.request), ("forward", sides.forward), ("reply", sides.reply)):
        for name, values in (("src_mac", ends.src_mac), ("dst_mac", ends.dst_mac)):
            macs = _spread(np.where(legs.seen, legs.of_first(values), 0), of, flows, 0)
            columns[f"{role}_{name}"] = _macs(macs, macs != 0)
        columns[f"{role}_frames"] = _numbers(_spread(legs.total("frames"), of, flows, 0), vip >= 0)
    return columns


def _spread(values: Int64, of: Int64, rows: int, missing: int) -> Int64:
    """Values of some rows as a column of all."""
    spread = np.full(rows, missing, np.int64)
    spread[of] = values
    return spread


def _places(scene: Scene, interface: Int64, vlan: Int64) -> dict[str, Any]:
    known = scene.legs.interfaces
    capture = np.array([where.capture for where in known] or [0], np.int64)[interface]

    def name(number: int) -> str:
        return known[number].facts.name or str(known[number].facts.index)

    return {
        "capture": _numbers(capture),
        "interface": _texts(interface, name),
        "vlan": _numbers(vlan & 0xFFF, vlan > 0),
    }


def _counter(name: str, values: npt.NDArray[np.uint64]) -> Any:
    import pandas as pd

    if name == "hash" or name.startswith("sample_hash"):
        unused = values == np.uint64(0xFFFF_FFFF_FFFF_FFFF)
        return pd.arrays.IntegerArray(values.copy(), unused if name != "hash" else np.zeros(len(values), bool))
    numbers = values.astype(np.int64)
    if name.endswith("_time"):
        return _times(numbers, numbers > 0)
    return _numbers(numbers, numbers > 0) if name.endswith("_frame") or "_frame_" in name else _numbers(numbers)


def _numbers(values: npt.NDArray[Any], known: Flags | None = None) -> Any:
    import pandas as pd

    unknown = np.zeros(len(values), bool) if known is None else ~known
    return pd.arrays.IntegerArray(np.asarray(values, np.int64).copy(), unknown)


def _times(values: Int64, known: Flags | None = None) -> Any:
    import pandas as pd

    times = values.astype("datetime64[ns]")
    return pd.DatetimeIndex(times if known is None else np.where(known, times, np.datetime64("NaT"))).tz_localize("UTC")


def _macs(values: Int64, known: Flags | None = None) -> Any:
    return _texts(values, mac_text, known)


def _addresses(book: AddressBook, values: Int64, known: Flags | None = None) -> Any:
    return _texts(values, book.text, values >= 0 if known is None else known & (values >= 0))


def _protocols(values: Int64) -> Any:
    return _texts(values, lambda number: PROTOCOL_NAMES.get(number, str(number)))


def _texts(values: Int64, text: Callable[[int], str], known: Flags | None = None) -> Any:
    """Numbers as text; each distinct one is put into words once."""
    import pandas as pd

    known = np.ones(len(values), bool) if known is None else known
    distinct, place = np.unique(values[known], return_inverse=True)
    found = np.full(len(values), None, object)
    found[known] = np.array([text(number) for number in distinct.tolist()], object)[place]
    return pd.array(found, dtype="string")


def _objects(values: Iterable[Any]) -> npt.NDArray[Any]:
    """A column of lists or dicts."""
    listed = list(values)
    column = np.empty(len(listed), object)
    for place, value in enumerate(listed):
        column[place] = value
    return column
