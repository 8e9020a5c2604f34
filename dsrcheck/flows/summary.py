"""Sums of a flow's legs, and the state they show: handshake, reset, one-way."""

from __future__ import annotations

import numpy as np

from dsrcheck.flows.table import TCP, Flags, Flows, Int64, column
from dsrcheck.legs.bycolumn import Columns
from dsrcheck.records import dataclass


@dataclass(frozen=True)
class FlowTotals:
    """One row a flow; int64 and bool columns, summed over all its legs: each hop of a packet counts.

    `bytes`: of whole frames. `sent`, `answered`: whether frames to the service, from the service were captured.
    `acknowledged`: the client acknowledges something of the service, seen or not; `progressed`: ever more of it.
    """

    protocol: Int64
    frames: Int64
    bytes: Int64
    first_time: Int64
    last_time: Int64
    syn: Int64
    syn_ack: Int64
    fin: Int64
    rst: Int64
    sent: Flags
    answered: Flags
    acknowledged: Flags
    progressed: Flags

    def state(self, row: int) -> str:
        """A few words: of TCP, how far the connection came; and whether only one of its ways was captured.

        SYN only; half-open (a SYN-ACK, which the client did not acknowledge); handshake; closed (a FIN); reset (an
        RST); no handshake: its beginning is not in the capture.
        """
        both = bool(self.sent[row] and self.answered[row])
        if self.protocol[row] != TCP:
            return "both ways" if both else "one-way"
        if self.rst[row]:
            state = "reset"
        elif self.fin[row]:
            state = "closed"
        elif self.syn[row] and not self.acknowledged[row]:
            state = "half-open" if self.syn_ack[row] else "SYN only"
        else:
            state = "handshake" if self.syn[row] or self.syn_ack[row] else "no handshake"
        return state if both else f"{state}, one-way"


def flow_totals(table: Columns, flows: Flows) -> FlowTotals:
    """The sums of every flow; table: the columns of the leg table."""
    rows = np.flatnonzero(flows.of_leg >= 0)
    of, inbound = flows.of_leg[rows], flows.inbound[rows]

    def added(name: str, where: Flags | None = None) -> Int64:
        values = column(table, name)[rows]
        sums = np.zeros(len(flows), np.int64)
        np.add.at(sums, of, values if where is None else np.where(where, values, 0))
        return sums

    first, last = np.full(len(flows), np.iinfo(np.int64).max), np.zeros(len(flows), np.int64)
    np.minimum.at(first, of, column(table, "first_time")[rows])
    np.maximum.at(last, of, column(table, "last_time")[rows])
    # The third packet of a handshake and all after it acknowledge; an RST may do so without having been answered.
    acks = added("ack_frames", inbound)
    return FlowTotals(
        protocol=flows.protocol, frames=added("frames"), bytes=added("bytes"), first_time=first, last_time=last,
        syn=added("syn"), syn_ack=added("syn_ack"), fin=added("fin"), rst=added("rst"),
        sent=added("frames", inbound) > 0, answered=added("frames", ~inbound) > 0,
        acknowledged=acks > 0, progressed=added("ack_advance", inbound) > 0,
    )  # fmt: skip
