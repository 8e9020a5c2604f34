# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
# ruff: noqa: F405  (the columns, by a star import that only the interpreter sees)
"""The leg table while frames come in: finds a packet's leg and adds the packet to it.

Plain Python that Cython also compiles (types in legs.pxd). Cells are 64 bits wide and wrap; interpreted, sums that may
wrap are masked. The columns of a leg are `cells[at + COLUMN]`, `halves[2 * at + COLUMN]` or `octets[8 * at + COLUMN]`,
by their width, where `at` is the position of its first cell and COLUMN one of the constants of columns.py.
"""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING

from dsrcheck.kernel import columns
from dsrcheck.kernel.rows import Index, Rows

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if not cython.compiled:
    from dsrcheck.kernel.columns import *  # noqa: F403  (compiled: layout.pxd)
    from dsrcheck.kernel.hashing import packet_hash

    TCP, ICMP, ICMPV6 = 6, 1, 58
    FIN, SYN, RST, ACK = 1, 2, 4, 16
    HALF = 0x8000_0000  # of the sequence space
    PREFIX = 16  # bytes of payload in a packet's hash
    RECENT = 1 << 15  # legs to be found without the index

if TYPE_CHECKING:
    from dsrcheck.kernel.decode import Buffer, Frame

RESTART_LIMIT = 200_000

MASK = 0xFFFF_FFFF_FFFF_FFFF
MASK_32 = 0xFFFF_FFFF
FACTOR = 0x9E37_79B9_7F4A_7C15


class LegRows:
    """The legs of a fold, and the restarts of their sequence spaces.

    `limit`: when there are so many legs, those of the fewest frames are given up: `folded_legs`, `folded_frames` and
    `folded_bytes` count them. `unlisted`: restarts beyond RESTART_LIMIT, whose sequence progress may be wrong.
    """

    def __init__(self, limit: int) -> None:
        self.limit = max(limit, 16)
        self.rows = Rows(columns.LEG_WIDTH, self.limit)
        self.restarts = Rows(len(columns.RESTARTS), RESTART_LIMIT)
        self.index = Index()
        self.forget()
        self.folded_legs = self.folded_frames = self.folded_bytes = self.unlisted = 0
        # Nobody may know beforehand which keys meet in one slot; the order of rows does not depend on it.
        self.seed = int.from_bytes(os.urandom(8), "little")

    def add(self, frame: Frame, data: Buffer, reach: int, path: int, original: int, time: int, number: int) -> None:
        """Fold an IP packet (`reach` 3 or 4) into its leg."""
        protocol, later = frame.protocol, frame.fragment_offset
        src_port, dst_port = frame.src_port, frame.dst_port
        echo = 0
        if later:
            src_port, dst_port = frame.ip_id & 0xFFFF, frame.ip_id >> 16
        elif reach == 4 and protocol in (ICMP, ICMPV6):
            src_port, dst_port = frame.icmp_type, frame.icmp_code
            if protocol == ICMP:
                echo = 1 if src_port == 8 else 2 if src_port == 0 else 0
            else:
                echo = 1 if src_port == 128 else 2 if src_port == 129 else 0
            if echo:
                src_port = dst_port = frame.icmp_id

        at = self.find(frame, path, src_port, dst_port, 1 if later else 0)
        leg, half, octet = self.rows.cells, self.rows.halves, self.rows.octets
        if half[2 * at + LEG_FRAMES] == 0:
            self.begin(frame, at, time, number)
        half[2 * at + LEG_FRAMES] += 1
        leg[at + LEG_BYTES] += original
        half[2 * at + LEG_LAST_FRAME] = number
        if time > leg[at + LEG_LAST_TIME]:
            leg[at + LEG_LAST_TIME] = time
        elif time < leg[at + LEG_FIRST_TIME]:
            leg[at + LEG_FIRST_TIME] = time
        ttl = frame.ttl
        if ttl > octet[8 * at + LEG_TTL_MAX]:
            octet[8 * at + LEG_TTL_MAX] = ttl
        elif ttl < octet[8 * at + LEG_TTL_MIN]:
            octet[8 * at + LEG_TTL_MIN] = ttl
        if frame.tunnel and frame.outer_ttl > octet[8 * at + LEG_OUTER_TTL_MAX]:
            octet[8 * at + LEG_OUTER_TTL_MAX] = frame.outer_ttl
        length = frame.ip_length
        if length > half[2 * at + LEG_LONGEST]:
            half[2 * at + LEG_LONGEST] = length

        h = packet_hash(frame, data, reach)
        leg[at + LEG_HASH] = (leg[at + LEG_HASH] + h) & MASK
        if h < leg[at + LEG_SAMPLE_HASH_3]:
            self.sample(at, h)
        payload = frame.payload_length
        if payload > 0 and (reach == 4 or later):
            if frame.payload_captured < PREFIX and frame.payload_captured < payload:
                octet[8 * at + LEG_HASH_CUT] = 1
            leg[at + LEG_PAYLOAD] += payload
        if reach == 4:
            if protocol == TCP:
                self.add_segment(frame, at, time, number)
            elif echo == 1:
                half[2 * at + LEG_ECHO_REQUESTS] += 1
            elif echo == 2:
                half[2 * at + LEG_ECHO_REPLIES] += 1

    def forget(self) -> None:
        """Forget which legs spoke last."""
        self.recent = array("Q", bytes(8 * RECENT))

    def is_leg(self, at: int, frame: Frame, path: int, src_port: int, dst_port: int, later: int) -> bool:
        """Whether the leg at this position has this key."""
        leg, half, octet = self.rows.cells, self.rows.halves, self.rows.octets
        same: bool = (
            half[2 * at + LEG_SRC_PORT] == src_port
            and half[2 * at + LEG_DST_PORT] == dst_port
            and leg[at + LEG_SRC_LOW] == frame.src_low
            and leg[at + LEG_DST_LOW] == frame.dst_low
            and half[2 * at + LEG_PATH] == path
            and octet[8 * at + LEG_PROTOCOL] == frame.protocol
            and octet[8 * at + LEG_FRAGMENT] == later
            and leg[at + LEG_SRC_HIGH] == frame.src_high
            and leg[at + LEG_DST_HIGH] == frame.dst_high
        )
        return same

    def find(self, frame: Frame, path: int, src_port: int, dst_port: int, later: int) -> int:
        """The position of the leg with this key; a new one has `frames` 0."""
        # Most frames are of legs that spoke a moment ago: what finds these is one product, and fits into a processor's
        # cache. Whoever makes many keys meet there only makes the index find them.
        tag = ((frame.src_low ^ frame.dst_low << 13 ^ src_port << 20 ^ dst_port << 36 ^ path << 7) * FACTOR) & MASK
        spot = tag >> 49
        tag = tag >> 16 & MASK_32
        entry = self.recent[spot]
        if entry >> 32 == tag and entry:
            at = ((entry & MASK_32) - 1) * self.rows.width
            if self.is_leg(at, frame, path, src_port, dst_port, later):
                return at
        row = self.find_row(frame, path, src_port, dst_port, later)
        self.recent[spot] = tag << 32 | (row + 1)
        return row * self.rows.width

    def find_row(self, frame: Frame, path: int, src_port: int, dst_port: int, later: int) -> int:
        """The row of the leg with this key, by the index; a new one if there is none."""
        h = ((self.seed ^ frame.src_low ^ path << 50) * FACTOR) & MASK
        h ^= h >> 32
        h = ((h ^ frame.dst_low ^ frame.protocol << 54 ^ later << 63) * FACTOR) & MASK
        h ^= h >> 32
        if frame.src_high | frame.dst_high:
            h = ((h ^ frame.src_high) * FACTOR) & MASK
            h ^= h >> 32
            h = ((h ^ frame.dst_high) * FACTOR) & MASK
            h ^= h >> 32
        h = ((h ^ src_port ^ dst_port << 16) * FACTOR) & MASK
        h ^= h >> 32
        h = (h * FACTOR) & MASK
        tag = h >> 32
        slots = self.index.slots
        mask = self.index.mask
        place = tag & mask
        while slots[place]:
            if slots[place] >> 32 == tag:
                row: int = (slots[place] & MASK_32) - 1
                if self.is_leg(row * self.rows.width, frame, path, src_port, dst_port, later):
                    return row
            place = (place + 1) & mask
        if self.rows.count >= self.limit:
            self.shed()
        row = self.rows.count
        self.index.insert(h, row)
        self.begin_key(self.rows.add(), frame, path, src_port, dst_port, later)
        return row

    def begin_key(self, at: int, frame: Frame, path: int, src_port: int, dst_port: int, later: int) -> None:
        """Set the key of a new leg."""
        leg, half, octet = self.rows.cells, self.rows.halves, self.rows.octets
        leg[at + LEG_SRC_HIGH] = frame.src_high
        leg[at + LEG_SRC_LOW] = frame.src_low
        leg[at + LEG_DST_HIGH] = frame.dst_high
        leg[at + LEG_DST_LOW] = frame.dst_low
        half[2 * at + LEG_SRC_PORT] = src_port
        half[2 * at + LEG_DST_PORT] = dst_port
        half[2 * at + LEG_PATH] = path
        octet[8 * at + LEG_PROTOCOL] = frame.protocol
        octet[8 * at + LEG_FRAGMENT] = later

    def begin(self, frame: Frame, at: int, time: int, number: int) -> None:
        """Set what the first packet of a leg decides."""
        leg, half, octet = self.rows.cells, self.rows.halves, self.rows.octets
        half[2 * at + LEG_FIRST_FRAME] = number
        leg[at + LEG_FIRST_TIME] = leg[at + LEG_LAST_TIME] = time
        octet[8 * at + LEG_TTL_MIN] = octet[8 * at + LEG_TTL_MAX] = frame.ttl
        octet[8 * at + LEG_DSCP] = frame.dscp
        place = 0
        while place < 4:
            leg[at + LEG_SAMPLE_HASH_0 + place] = MASK
            place += 1

    def sample(self, at: int, h: int) -> None:
        """Note a packet hash in the bottom sketch of a leg: the four smallest, in ascending order."""
        leg = self.rows.cells
        place = at + LEG_SAMPLE_HASH_0
        last = at + LEG_SAMPLE_HASH_3
        while leg[place] < h:
            place += 1
        if leg[place] != h:
            while last > place:
                leg[last] = leg[last - 1]
                last -= 1
            leg[place] = h

    def add_segment(self, frame: Frame, at: int, time: int, number: int) -> None:
        """Note what a TCP segment says: flags, MSS, first sequence number, progress."""
        leg, half, octet = self.rows.cells, self.rows.halves, self.rows.octets
        flags, seq, length = frame.tcp_flags, frame.seq, frame.payload_length
        mss = frame.mss
        if mss and (half[2 * at + LEG_MSS] == 0 or mss < half[2 * at + LEG_MSS]):
            half[2 * at + LEG_MSS] = mss
        if flags & (SYN | FIN | RST):
            if flags & FIN:
                length += 1
                half[2 * at + LEG_FIN] += 1
            if flags & SYN:
                length += 1
                half[2 * at + (LEG_SYN_ACK if flags & ACK else LEG_SYN)] += 1
                if not flags & RST:
                    self.add_syn(at, seq, time, number)
            if flags & RST:
                half[2 * at + LEG_RST] += 1
                if half[2 * at + LEG_RST_FRAME] == 0:
                    half[2 * at + LEG_RST_FRAME] = number
                    octet[8 * at + LEG_RST_ACK] = 1 if flags & ACK else 0
        if not flags & RST:
            if half[2 * at + LEG_SEQ_FRAME] == 0:
                half[2 * at + LEG_SEQ_FRAME] = number
                half[2 * at + LEG_SEQ_FIRST] = half[2 * at + LEG_SEQ_TOP] = seq
            end = (seq + length) & MASK_32
            ahead = (end - half[2 * at + LEG_SEQ_TOP]) & MASK_32
            if ahead < HALF:
                half[2 * at + LEG_SEQ_TOP] = end
                leg[at + LEG_SEQ_ADVANCE] += ahead
            if flags & ACK:
                self.add_acknowledgement(at, frame.ack)

    def add_syn(self, at: int, isn: int, time: int, number: int) -> None:
        """Note a SYN or SYN-ACK, and whether it starts another connection."""
        leg, half = self.rows.cells, self.rows.halves
        if half[2 * at + LEG_ISN_FRAMES] == 0:
            if half[2 * at + LEG_SEQ_FRAME]:
                self.restart(at, isn, time, number)
            half[2 * at + LEG_ISN] = isn
            half[2 * at + LEG_ISN_FIRST_FRAME] = number
            leg[at + LEG_ISN_FIRST_TIME] = time
        elif isn != half[2 * at + (LEG_ISN_OTHER if half[2 * at + LEG_ISN_CHANGES] else LEG_ISN)]:
            self.restart(at, isn, time, number)
            half[2 * at + LEG_ISN_CHANGES] += 1
            half[2 * at + LEG_ISN_OTHER] = isn
        if half[2 * at + LEG_ISN_CHANGES] == 0:
            half[2 * at + LEG_ISN_FRAMES] += 1
            half[2 * at + LEG_ISN_LAST_FRAME] = number
            leg[at + LEG_ISN_LAST_TIME] = time

    def restart(self, at: int, isn: int, time: int, number: int) -> None:
        """Begin another connection in a leg: its sequence numbers have nothing to do with those before."""
        leg, half = self.rows.cells, self.rows.halves
        if self.restarts.count >= self.restarts.limit:
            self.unlisted += 1
            return
        row = self.restarts.add()
        cells = self.restarts.cells
        cells[row + RESTART_LEG] = at // self.rows.width
        cells[row + RESTART_ISN] = isn
        cells[row + RESTART_FRAME] = number
        cells[row + RESTART_TIME] = time
        cells[row + RESTART_SEQ_TOP] = half[2 * at + LEG_SEQ_TOP]
        cells[row + RESTART_SEQ_ADVANCE] = leg[at + LEG_SEQ_ADVANCE]
        cells[row + RESTART_ACK_FRAMES] = half[2 * at + LEG_ACK_FRAMES]
        cells[row + RESTART_ACK_TOP] = half[2 * at + LEG_ACK_TOP]
        cells[row + RESTART_ACK_ADVANCE] = leg[at + LEG_ACK_ADVANCE]
        half[2 * at + LEG_SEQ_TOP] = isn
        half[2 * at + LEG_ACK_TOP] = 0
        half[2 * at + LEG_RESTART] = self.restarts.count

    def add_acknowledgement(self, at: int, ack: int) -> None:
        """Note an acknowledgement number."""
        leg, half = self.rows.cells, self.rows.halves
        if half[2 * at + LEG_ACK_FRAMES] == 0:
            half[2 * at + LEG_ACK_FIRST] = half[2 * at + LEG_ACK_TOP] = ack
        half[2 * at + LEG_ACK_FRAMES] += 1
        if half[2 * at + LEG_RESTART]:
            cells = self.restarts.cells
            row = (half[2 * at + LEG_RESTART] - 1) * self.restarts.width
            if cells[row + RESTART_ACKED] == 0:
                cells[row + RESTART_ACKED] = 1
                cells[row + RESTART_ACK_FIRST] = half[2 * at + LEG_ACK_TOP] = ack
        ahead = (ack - half[2 * at + LEG_ACK_TOP]) & MASK_32
        if ahead < HALF:
            half[2 * at + LEG_ACK_TOP] = ack
            leg[at + LEG_ACK_ADVANCE] += ahead

    def shed(self) -> None:
        """Give up the legs of the fewest frames, at least a quarter of all, but for those that spoke last."""
        rows, width = self.rows, self.rows.width
        leg, half = rows.cells, rows.halves
        lately = 0
        row = 0
        while row < rows.count:
            at = 2 * row * width
            if half[at + LEG_LAST_FRAME] > lately:
                lately = half[at + LEG_LAST_FRAME]
            row += 1
        lately -= rows.count // 8  # each leg has a frame of its own, so this stays above 0
        moved = array("Q", bytes(8 * rows.count))
        bound = 1
        kept = rows.count
        while kept > rows.count - rows.count // 4:
            kept = 0
            row = 0
            while row < rows.count:
                at = row * width
                if half[2 * at + LEG_FRAMES] > bound or half[2 * at + LEG_LAST_FRAME] > lately:
                    kept += 1
                    moved[row] = kept
                else:
                    moved[row] = 0
                row += 1
            bound *= 2
        row = 0
        while row < rows.count:
            at = row * width
            if moved[row] == 0:
                self.folded_legs += 1
                self.folded_frames += half[2 * at + LEG_FRAMES]
                self.folded_bytes += leg[at + LEG_BYTES]
            elif moved[row] != row + 1:
                to = (moved[row] - 1) * width
                column = 0
                while column < width:
                    leg[to + column] = leg[at + column]
                    column += 1
            row += 1
        rows.truncate(kept)
        self.index.renumber(moved)
        self.shed_restarts(moved)
        self.forget()

    def shed_restarts(self, moved: array[int]) -> None:
        """Keep the restarts of legs that were kept, and point legs and restarts at each other again."""
        cells, width = self.restarts.cells, self.restarts.width
        kept = 0
        row = 0
        while row < self.restarts.count:
            at = row * width
            leg = moved[cells[at + RESTART_LEG]]
            if leg:
                to = kept * width
                column = 0
                while column < width:
                    cells[to + column] = cells[at + column]
                    column += 1
                cells[to + RESTART_LEG] = leg - 1
                kept += 1
                self.rows.halves[2 * (leg - 1) * self.rows.width + LEG_RESTART] = kept
            row += 1
        self.restarts.truncate(kept)
