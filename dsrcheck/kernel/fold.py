# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, annotation_typing=False
# ruff: noqa: F405  (the columns, by a star import that only the interpreter sees)
"""Frames folded into legs and the small tables beside them: memory grows with legs, never with frames.

Plain Python that Cython also compiles (types in fold.pxd). Cells are 64 bits wide and wrap; interpreted, sums that may
wrap are masked. The rows of a table are `cells[at + COLUMN]`, where `at` is the position of the row's first cell and
COLUMN one of the constants of columns.py.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsrcheck.capture.batch import FRAME_LIMIT
from dsrcheck.kernel import columns
from dsrcheck.kernel.decode import Frame
from dsrcheck.kernel.legs import LegRows
from dsrcheck.kernel.rows import Index, Rows
from dsrcheck.kernel.twins import TWIN_FRAMES, Twins

try:
    import cython
except ImportError:
    from dsrcheck.kernel import cython_shim as cython

if not cython.compiled:
    from dsrcheck.kernel.columns import *  # noqa: F403  (compiled: layout.pxd)

    TCP, ICMP, ICMPV6, UDP, SCTP = 6, 1, 58, 17, 132
    SYN, SYN_ACK = 0x02, 0x12
    OFFLOAD = 1522  # longest Ethernet frame with a VLAN tag
    SECOND = 1_000_000_000  # in nanoseconds
    RECENT = 256  # places in a cache of rows, by the low bits of a hash

if TYPE_CHECKING:
    from dsrcheck.capture import Batch
    from dsrcheck.kernel.decode import Buffer

LEG_LIMIT = 4_000_000
PATH_LIMIT = 1_000_000
CLAIM_LIMIT = ICMP_LIMIT = FRAGMENT_LIMIT = 200_000
SECONDS_LIMIT = 1_000_000

MASK = 0xFFFF_FFFF_FFFF_FFFF
MASK_32 = 0xFFFF_FFFF
FACTOR = 0x9E37_79B9_7F4A_7C15
NOWHERE = MASK


class Fold:
    """Folds batches of frames into tables.

    `leg_limit`: when there are so many legs, the smallest (of a frame each, mostly) are folded into the totals.
    `seam`: the frames continue an earlier piece of the same capture; the first TWIN_FRAMES are held back unread
    (`head`), for whether they are twins depends on the piece before.

    Sequence progress: `seq_advance` is how far the highest end of a segment has moved on from the first segment's
    sequence number, through wrap-around (by signed 32-bit difference to the highest end so far); SYN and FIN count one.
    A SYN whose number is not that of the SYN before (or that is the first SYN after other segments) starts another
    connection on the same ports: the gap to it does not count, the progress of both connections does, and a row in the
    table `restarts` tells. `ack_advance` likewise. Frames with RST have no part in either: their numbers may be
    anything.
    """

    def __init__(self, leg_limit: int = LEG_LIMIT, seam: bool = False) -> None:
        self.frame = Frame()
        self.twins = Twins()
        self.holding = TWIN_FRAMES if seam else 0
        self.head: list[tuple[bytes, int, int, int]] | None = [] if seam else None
        self.first_number = 0
        self.number = 0
        self.paths = Rows(len(columns.PATHS), PATH_LIMIT)
        self.legs = LegRows(leg_limit)
        self.claims = Rows(len(columns.CLAIMS), CLAIM_LIMIT)
        self.icmp = Rows(len(columns.MESSAGES), ICMP_LIMIT)
        self.fragments = Rows(len(columns.FRAGMENTS), FRAGMENT_LIMIT)
        self.syn_rate = Rows(len(columns.SYN_RATE), SECONDS_LIMIT)
        self.throughput = Rows(len(columns.THROUGHPUT), SECONDS_LIMIT)
        self.totals = Rows(len(columns.TOTALS), 1)
        self.totals.add()
        self.path_index = Index()
        # Positions (plus one) of paths seen lately, for the index is slower.
        self.recent_paths = array("Q", bytes(8 * RECENT))
        # Rows (plus one) of the two histograms used last; a row that has lost its place here is begun again.
        self.recent_syns = array("Q", bytes(8 * RECENT))
        self.recent_bytes = array("Q", bytes(8 * RECENT))
        # Nobody may know beforehand which keys meet in one slot; the order of rows does not depend on it.
        self.seed = int.from_bytes(os.urandom(8), "little")

    def fold(self, batch: Batch, link_types: Sequence[int]) -> None:
        """Fold a batch. `link_types`: the LINKTYPE number of each interface so far.

        Frames have the numbers that the batch gives them. Raises ValueError when the batch points outside its data, or
        counts its frames beyond FRAME_LIMIT.
        """
        size = len(batch.data)
        data = batch.data if size else b"\0"  # an address is taken of its first byte
        offsets, captured, originals, times, interfaces = (
            batch.offset, batch.captured, batch.original, batch.time, batch.interface,
        )  # fmt: skip
        if cython.compiled:
            first = cython.address(data[0])
        else:
            first = data
        known = -1
        link_type = -1
        count = batch.count
        if batch.first_number + count - 1 > FRAME_LIMIT:
            raise ValueError(f"a frame has a number above {FRAME_LIMIT}")
        self.number = batch.first_number - 1
        if self.first_number == 0:
            self.first_number = batch.first_number
        i = 0
        while i < count:
            self.number += 1
            offset, length, interface, time = offsets[i], captured[i], interfaces[i], times[i]
            if offset < 0 or length < 0 or offset > size - length:
                raise ValueError(f"frame {i} of the batch lies outside its {size} bytes of data")
            if interface != known:
                known = interface
                link_type = link_types[interface] if 0 <= interface < len(link_types) else -1
            if time < 0:
                time = 0
            if self.holding:
                self.hold(bytes(data[offset : offset + length]), originals[i], time, interface)
            else:
                self.add(first, offset, length, originals[i], time, interface, link_type)
            i += 1

    def hold(self, content: bytes, original: int, time: int, interface: int) -> None:
        """Keep a frame of the piece's head for later, and only remember that it was there."""
        if cython.compiled:
            view = content if content else b"\0"
            self.twins.seen(cython.address(view[0]), 0, len(content), original, interface, time)
        else:
            self.twins.seen(content, 0, len(content), original, interface, time)
        if self.head is not None:
            self.head.append((content, original, time, interface))
        self.holding -= 1

    def add(
        self, data: Buffer, offset: int, captured: int, original: int, time: int, interface: int, link_type: int
    ) -> None:
        """Fold one frame, whose number is `self.number`."""
        total = self.totals.cells
        if total[TOTAL_FRAMES] == 0:
            total[TOTAL_OPENING_TIME] = total[TOTAL_FIRST_TIME] = total[TOTAL_LAST_TIME] = time
        elif time >= total[TOTAL_CLOSING_TIME]:
            if time > total[TOTAL_LAST_TIME]:
                total[TOTAL_LAST_TIME] = time
        else:
            self.back(time)
        total[TOTAL_CLOSING_TIME] = time
        total[TOTAL_FRAMES] += 1
        total[TOTAL_BYTES] += original
        if original > OFFLOAD:
            total[TOTAL_OFFLOAD] += 1
        if self.twins.seen(data, offset, captured, original, interface, time):
            total[TOTAL_TWINS] += 1
        else:
            reach = self.frame.decode_at(data, offset, captured, original, link_type)
            if reach:
                self.add_decoded(data, reach, original, time, interface)
            else:
                total[TOTAL_UNDECODED] += 1

    def add_decoded(self, data: Buffer, reach: int, original: int, time: int, interface: int) -> None:
        """Fold the frame that has just been decoded."""
        frame = self.frame
        at = self.find_path(frame, interface)
        total = self.totals.cells
        if at == NOWHERE:
            total[TOTAL_FOLDED_FRAMES] += 1
            total[TOTAL_FOLDED_BYTES] += original
        else:
            cells = self.paths.cells
            if cells[at + PATH_FRAMES] == 0:
                cells[at + PATH_FIRST_TIME] = cells[at + PATH_LAST_TIME] = time
            elif time > cells[at + PATH_LAST_TIME]:
                cells[at + PATH_LAST_TIME] = time
            elif time < cells[at + PATH_FIRST_TIME]:
                cells[at + PATH_FIRST_TIME] = time
            cells[at + PATH_FRAMES] += 1
            cells[at + PATH_BYTES] += original
            path = at // self.paths.width
            second = time // SECOND
            self.count_bytes(path, second, original)
            if frame.claim:
                self.add_claim(frame, interface, time)
            if reach < 3:
                total[TOTAL_NOT_IP] += 1
            else:
                cells[at + PATH_IP_FRAMES] += 1
                if reach == 3 or frame.more_fragments or frame.protocol != TCP:
                    self.add_note(frame, reach, path, interface, time)
                elif frame.tcp_flags & SYN_ACK == SYN:
                    self.count_syn(frame, second)
                self.legs.add(frame, data, reach, path, original, time, self.number)

    def back(self, time: int) -> None:
        """Note that time ran backwards."""
        total = self.totals.cells
        step = total[TOTAL_CLOSING_TIME] - time
        total[TOTAL_TIME_BACKWARDS] += 1
        if step > total[TOTAL_TIME_BACKWARDS_MAX]:
            total[TOTAL_TIME_BACKWARDS_MAX] = step
        if time < total[TOTAL_FIRST_TIME]:
            total[TOTAL_FIRST_TIME] = time

    def find_path(self, frame: Frame, interface: int) -> int:
        """The position of the path a frame came by; NOWHERE for a new one beyond PATH_LIMIT."""
        cells = self.paths.cells
        src_mac, dst_mac, vlan, macs, tunnel = frame.src_mac, frame.dst_mac, frame.vlan, frame.macs, frame.tunnel
        spot = (src_mac ^ dst_mac << 1) & (RECENT - 1)
        recent: int = self.recent_paths[spot]
        at: int = recent - 1
        if (
            recent
            and tunnel == 0
            and cells[at + PATH_DST_MAC] == dst_mac
            and cells[at + PATH_SRC_MAC] == src_mac
            and cells[at + PATH_VLAN] == vlan
            and cells[at + PATH_INTERFACE] == interface
            and cells[at + PATH_TUNNEL] == 0
            and cells[at + PATH_MACS] == macs
        ):
            return at
        h = ((self.seed ^ src_mac ^ interface << 48) * FACTOR) & MASK
        h ^= h >> 32
        h = ((h ^ dst_mac ^ vlan << 48 ^ tunnel << 60) * FACTOR) & MASK
        h ^= h >> 32
        if tunnel:
            h = ((h ^ frame.outer_src_high ^ frame.outer_dst_low) * FACTOR) & MASK
            h ^= h >> 32
            h = ((h ^ frame.outer_src_low ^ frame.outer_dst_high) * FACTOR) & MASK
            h ^= h >> 32
        h = (h * FACTOR) & MASK
        tag = h >> 32
        slots = self.path_index.slots
        mask = self.path_index.mask
        place = tag & mask
        width = self.paths.width
        while slots[place]:
            if slots[place] >> 32 == tag:
                at = ((slots[place] & MASK_32) - 1) * width
                if (
                    cells[at + PATH_DST_MAC] == dst_mac
                    and cells[at + PATH_SRC_MAC] == src_mac
                    and cells[at + PATH_VLAN] == vlan
                    and cells[at + PATH_INTERFACE] == interface
                    and cells[at + PATH_TUNNEL] == tunnel
                    and cells[at + PATH_MACS] == macs
                    and (
                        tunnel == 0
                        or (
                            cells[at + PATH_OUTER_DST_LOW] == frame.outer_dst_low
                            and cells[at + PATH_OUTER_SRC_LOW] == frame.outer_src_low
                            and cells[at + PATH_OUTER_DST_HIGH] == frame.outer_dst_high
                            and cells[at + PATH_OUTER_SRC_HIGH] == frame.outer_src_high
                        )
                    )
                ):
                    self.recent_paths[spot] = at + 1
                    return at
            place = (place + 1) & mask
        if self.paths.count >= self.paths.limit:
            return NOWHERE
        self.path_index.insert(h, self.paths.count)
        at = self.paths.add()
        cells = self.paths.cells
        cells[at + PATH_INTERFACE] = interface
        cells[at + PATH_VLAN] = vlan
        cells[at + PATH_SRC_MAC] = src_mac
        cells[at + PATH_DST_MAC] = dst_mac
        cells[at + PATH_MACS] = macs
        cells[at + PATH_TUNNEL] = tunnel
        if tunnel:
            cells[at + PATH_OUTER_SRC_HIGH] = frame.outer_src_high
            cells[at + PATH_OUTER_SRC_LOW] = frame.outer_src_low
            cells[at + PATH_OUTER_DST_HIGH] = frame.outer_dst_high
            cells[at + PATH_OUTER_DST_LOW] = frame.outer_dst_low
        self.recent_paths[spot] = at + 1
        return at

    def add_note(self, frame: Frame, reach: int, path: int, interface: int, time: int) -> None:
        """Note what is told by packets that are no whole TCP segments: cut headers, first fragments, ICMP messages."""
        protocol = frame.protocol
        if reach == 3:
            if frame.fragment_offset == 0:
                self.totals.cells[TOTAL_CUT] += 1
            return
        if frame.more_fragments:
            self.add_fragment(frame, path, time)
        if protocol == ICMP:
            if frame.icmp_type != 0 and frame.icmp_type != 8:
                self.add_icmp(frame, interface, time)
        elif protocol == ICMPV6 and not (128 <= frame.icmp_type <= 136 or frame.icmp_type == 143):
            self.add_icmp(frame, interface, time)

    def add_fragment(self, frame: Frame, path: int, time: int) -> None:
        """Note a first fragment, up to FRAGMENT_LIMIT."""
        self.totals.cells[TOTAL_FRAGMENTS] += 1
        if self.fragments.count >= self.fragments.limit:
            return
        at = self.fragments.add()
        cells = self.fragments.cells
        cells[at + FRAGMENT_PATH] = path
        cells[at + FRAGMENT_SRC_HIGH] = frame.src_high
        cells[at + FRAGMENT_SRC_LOW] = frame.src_low
        cells[at + FRAGMENT_DST_HIGH] = frame.dst_high
        cells[at + FRAGMENT_DST_LOW] = frame.dst_low
        cells[at + FRAGMENT_PROTOCOL] = frame.protocol
        cells[at + FRAGMENT_ID] = frame.ip_id
        cells[at + FRAGMENT_SRC_PORT] = frame.src_port
        cells[at + FRAGMENT_DST_PORT] = frame.dst_port
        cells[at + FRAGMENT_FRAME] = self.number
        cells[at + FRAGMENT_TIME] = time

    def add_claim(self, frame: Frame, interface: int, time: int) -> None:
        """Note an ARP or NDP statement, up to CLAIM_LIMIT."""
        self.totals.cells[TOTAL_CLAIMS] += 1
        if self.claims.count >= self.claims.limit:
            return
        at = self.claims.add()
        cells = self.claims.cells
        cells[at + CLAIM_INTERFACE] = interface
        cells[at + CLAIM_VLAN] = frame.vlan
        cells[at + CLAIM_SRC_MAC] = frame.src_mac
        cells[at + CLAIM_DST_MAC] = frame.dst_mac
        cells[at + CLAIM_KIND] = frame.claim
        cells[at + CLAIM_MAC] = frame.claim_mac
        cells[at + CLAIM_HIGH] = frame.claim_high
        cells[at + CLAIM_LOW] = frame.claim_low
        cells[at + CLAIM_TARGET_HIGH] = frame.target_high
        cells[at + CLAIM_TARGET_LOW] = frame.target_low
        cells[at + CLAIM_TARGET_MAC] = frame.target_mac
        cells[at + CLAIM_FRAME] = self.number
        cells[at + CLAIM_TIME] = time

    def add_icmp(self, frame: Frame, interface: int, time: int) -> None:
        """Note an ICMP message, up to ICMP_LIMIT."""
        self.totals.cells[TOTAL_ICMP] += 1
        if self.icmp.count >= self.icmp.limit:
            return
        at = self.icmp.add()
        cells = self.icmp.cells
        cells[at + ICMP_INTERFACE] = interface
        cells[at + ICMP_VLAN] = frame.vlan
        cells[at + ICMP_SRC_MAC] = frame.src_mac
        cells[at + ICMP_DST_MAC] = frame.dst_mac
        cells[at + ICMP_SRC_HIGH] = frame.src_high
        cells[at + ICMP_SRC_LOW] = frame.src_low
        cells[at + ICMP_DST_HIGH] = frame.dst_high
        cells[at + ICMP_DST_LOW] = frame.dst_low
        cells[at + ICMP_VERSION] = frame.ip_version
        cells[at + ICMP_TYPE] = frame.icmp_type
        cells[at + ICMP_CODE] = frame.icmp_code
        cells[at + ICMP_VALUE] = frame.icmp_value
        cells[at + ICMP_TARGET_HIGH] = frame.target_high
        cells[at + ICMP_TARGET_LOW] = frame.target_low
        cells[at + ICMP_QUOTED_SRC_HIGH] = frame.quoted_src_high
        cells[at + ICMP_QUOTED_SRC_LOW] = frame.quoted_src_low
        cells[at + ICMP_QUOTED_DST_HIGH] = frame.quoted_dst_high
        cells[at + ICMP_QUOTED_DST_LOW] = frame.quoted_dst_low
        cells[at + ICMP_QUOTED_PROTOCOL] = frame.quoted_protocol
        cells[at + ICMP_QUOTED_SRC_PORT] = frame.quoted_src_port
        cells[at + ICMP_QUOTED_DST_PORT] = frame.quoted_dst_port
        cells[at + ICMP_TTL] = frame.ttl
        cells[at + ICMP_FRAME] = self.number
        cells[at + ICMP_TIME] = time

    def count_bytes(self, path: int, second: int, original: int) -> None:
        """Add a frame to the bytes of its path in its second."""
        place = path & (RECENT - 1)
        cells = self.throughput.cells
        at = self.recent_bytes[place]
        if at and cells[at - 1 + RATE_SECOND] == second and cells[at - 1 + RATE_PATH] == path:
            cells[at - 1 + RATE_BYTES] += original
        elif self.throughput.count >= self.throughput.limit:
            self.totals.cells[TOTAL_UNLISTED] += 1
        else:
            at = self.throughput.add()
            self.recent_bytes[place] = at + 1
            cells = self.throughput.cells
            cells[at + RATE_SECOND] = second
            cells[at + RATE_PATH] = path
            cells[at + RATE_BYTES] = original

    def count_syn(self, frame: Frame, second: int) -> None:
        """Add a SYN to those of its destination in its second."""
        place = (frame.dst_low ^ frame.dst_low >> 8) & (RECENT - 1)
        cells = self.syn_rate.cells
        at = self.recent_syns[place]
        if (
            at
            and cells[at - 1 + SYNS_SECOND] == second
            and cells[at - 1 + SYNS_DST_LOW] == frame.dst_low
            and cells[at - 1 + SYNS_DST_HIGH] == frame.dst_high
        ):
            cells[at - 1 + SYNS_SYNS] += 1
        elif self.syn_rate.count >= self.syn_rate.limit:
            self.totals.cells[TOTAL_UNLISTED] += 1
        else:
            at = self.syn_rate.add()
            self.recent_syns[place] = at + 1
            cells = self.syn_rate.cells
            cells[at + SYNS_SECOND] = second
            cells[at + SYNS_DST_HIGH] = frame.dst_high
            cells[at + SYNS_DST_LOW] = frame.dst_low
            cells[at + SYNS_SYNS] = 1

    def buffers(self) -> dict[str, memoryview]:
        """The cells of every table by name: 64-bit unsigned integers, row by row.

        The buffers are the fold's own: a fold that goes on folding goes on writing into them, or leaves them behind.
        """
        total = self.totals.cells
        total[TOTAL_FOLDED_LEGS] += self.legs.folded_legs
        total[TOTAL_FOLDED_FRAMES] += self.legs.folded_frames
        total[TOTAL_FOLDED_BYTES] += self.legs.folded_bytes
        total[TOTAL_UNLISTED] += self.legs.unlisted
        self.legs.folded_legs = self.legs.folded_frames = self.legs.folded_bytes = self.legs.unlisted = 0
        tables = {
            "paths": self.paths, "legs": self.legs.rows, "restarts": self.legs.restarts, "claims": self.claims,
            "icmp": self.icmp, "fragments": self.fragments, "syn_rate": self.syn_rate, "throughput": self.throughput,
            "totals": self.totals,
        }  # fmt: skip
        return {name: rows.buffer() for name, rows in tables.items()}

    def tail(self) -> array[int]:
        """What the next piece of the capture must know of the frames before it: see `resume`."""
        return self.twins.tail()

    def resume(self, tail: array[int]) -> None:
        """Look for twins of the frames at the end of another fold, too; to be called before any frame is folded."""
        self.twins.resume(tail)
