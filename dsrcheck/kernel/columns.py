"""The columns of the tables that the fold fills: row-major rows of 64-bit cells, one row a thing, all unsigned.

Each constant is a column's place in its row, named by table and column; the tuples at the end (`PATHS`, `LEGS`, ...)
are the names in order, as `Legs` hands them out. `layout.pxd` says the same to Cython; a test holds the two together.
A frame number of 0 means "none"; frames count from 1.
"""

from __future__ import annotations

# fmt: off
# What lies below IP; few rows. `frames`, `bytes` and times count every frame of the path, IP or not.
(
    PATH_INTERFACE, PATH_VLAN, PATH_SRC_MAC, PATH_DST_MAC, PATH_MACS, PATH_TUNNEL,
    PATH_OUTER_SRC_HIGH, PATH_OUTER_SRC_LOW, PATH_OUTER_DST_HIGH, PATH_OUTER_DST_LOW,
    PATH_FRAMES, PATH_IP_FRAMES, PATH_BYTES, PATH_FIRST_TIME, PATH_LAST_TIME,
) = range(15)

# A one-way stream of frames: 256 bytes, four lines of a processor's cache, each of what is touched together. A column
# is 64, 32 or 8 bits wide, and its place counts in its own width: in cells, halves or octets of the row.
# `fragment` 1: later fragments, which have no ports; src_port and dst_port hold the fragment id's low and high half.
# ICMP echo: both ports hold the identifier; other ICMP: src_port the type, dst_port the code.
# hash_cut: 1 when a packet was captured too short for its hash.
(LEG_SRC_HIGH, LEG_SRC_LOW, LEG_DST_HIGH, LEG_DST_LOW) = range(4)
(LEG_SRC_PORT, LEG_DST_PORT, LEG_PATH, LEG_FRAMES, LEG_LAST_FRAME, LEG_LONGEST) = range(8, 14)
(
    LEG_PROTOCOL, LEG_FRAGMENT, LEG_TTL_MIN, LEG_TTL_MAX, LEG_OUTER_TTL_MAX, LEG_DSCP, LEG_RST_ACK, LEG_HASH_CUT,
) = range(56, 64)
# sample_hash_*: the four smallest distinct packet hashes, in ascending order (unused: all ones).
(
    LEG_BYTES, LEG_PAYLOAD, LEG_LAST_TIME, LEG_HASH,
    LEG_SAMPLE_HASH_0, LEG_SAMPLE_HASH_1, LEG_SAMPLE_HASH_2, LEG_SAMPLE_HASH_3,
    # Progress in sequence and acknowledgement numbers, see Fold; seq_frame is the first frame that counts, 0 for none.
    LEG_FIRST_TIME, LEG_SEQ_ADVANCE, LEG_ACK_ADVANCE,
) = range(8, 19)
(
    LEG_SEQ_FRAME, LEG_SEQ_FIRST, LEG_SEQ_TOP, LEG_ACK_FRAMES, LEG_ACK_FIRST, LEG_ACK_TOP, LEG_RESTART,
    LEG_FIRST_FRAME, LEG_SYN, LEG_SYN_ACK,
) = range(38, 48)
# isn: that of the first SYN or SYN-ACK; the isn_ columns after it: the SYNs that had it, before any other came.
# isn_changes: SYNs whose number is not that of the SYN before; isn_other: the last such.
(LEG_ISN_FIRST_TIME, LEG_ISN_LAST_TIME) = range(24, 26)
(
    LEG_ISN, LEG_ISN_FRAMES, LEG_ISN_FIRST_FRAME, LEG_ISN_LAST_FRAME, LEG_ISN_CHANGES, LEG_ISN_OTHER,
    LEG_FIN, LEG_RST, LEG_RST_FRAME, LEG_MSS, LEG_ECHO_REQUESTS, LEG_ECHO_REPLIES,
) = range(52, 64)

# A row for each time that a SYN with a new number restarted the sequence space of a leg (a port used again), in order.
# The columns before `ack_first` are the leg's progress up to there, `ack_first` belongs to the new connection.
(
    RESTART_LEG, RESTART_ISN, RESTART_FRAME, RESTART_TIME, RESTART_SEQ_TOP, RESTART_SEQ_ADVANCE,
    RESTART_ACK_FRAMES, RESTART_ACK_TOP, RESTART_ACK_ADVANCE, RESTART_ACKED, RESTART_ACK_FIRST,
) = range(11)

# Statements by ARP or NDP of who has an address, in order.
(
    CLAIM_INTERFACE, CLAIM_VLAN, CLAIM_SRC_MAC, CLAIM_DST_MAC, CLAIM_KIND, CLAIM_MAC, CLAIM_HIGH, CLAIM_LOW,
    CLAIM_TARGET_HIGH, CLAIM_TARGET_LOW, CLAIM_TARGET_MAC, CLAIM_FRAME, CLAIM_TIME,
) = range(13)

# ICMP messages but echo, neighbour discovery and multicast listener reports; redirects are here.
(
    ICMP_INTERFACE, ICMP_VLAN, ICMP_SRC_MAC, ICMP_DST_MAC, ICMP_SRC_HIGH, ICMP_SRC_LOW, ICMP_DST_HIGH, ICMP_DST_LOW,
    ICMP_VERSION, ICMP_TYPE, ICMP_CODE, ICMP_VALUE, ICMP_TARGET_HIGH, ICMP_TARGET_LOW,
    ICMP_QUOTED_SRC_HIGH, ICMP_QUOTED_SRC_LOW, ICMP_QUOTED_DST_HIGH, ICMP_QUOTED_DST_LOW,
    ICMP_QUOTED_PROTOCOL, ICMP_QUOTED_SRC_PORT, ICMP_QUOTED_DST_PORT, ICMP_TTL, ICMP_FRAME, ICMP_TIME,
) = range(24)

# First fragments, which know the ports of the later ones.
(
    FRAGMENT_PATH, FRAGMENT_SRC_HIGH, FRAGMENT_SRC_LOW, FRAGMENT_DST_HIGH, FRAGMENT_DST_LOW, FRAGMENT_PROTOCOL,
    FRAGMENT_ID, FRAGMENT_SRC_PORT, FRAGMENT_DST_PORT, FRAGMENT_FRAME, FRAGMENT_TIME,
) = range(11)

# Histograms by second since 1970: SYNs without ACK to an address, bytes on a path.
(SYNS_SECOND, SYNS_DST_HIGH, SYNS_DST_LOW, SYNS_SYNS) = range(4)
(RATE_SECOND, RATE_PATH, RATE_BYTES) = range(3)

# One row for the whole: sums, and the times that tell whether time ran back.
(
    TOTAL_FRAMES, TOTAL_BYTES, TOTAL_TWINS, TOTAL_UNDECODED, TOTAL_NOT_IP, TOTAL_CUT, TOTAL_OFFLOAD,
    TOTAL_TIME_BACKWARDS, TOTAL_TIME_BACKWARDS_MAX, TOTAL_FIRST_TIME, TOTAL_LAST_TIME,
    TOTAL_OPENING_TIME, TOTAL_CLOSING_TIME,
    TOTAL_CLAIMS, TOTAL_ICMP, TOTAL_FRAGMENTS,
    TOTAL_FOLDED_LEGS, TOTAL_FOLDED_FRAMES, TOTAL_FOLDED_BYTES, TOTAL_UNLISTED,
) = range(20)
# fmt: on


def _names(prefix: str) -> tuple[str, ...]:
    """The columns of one table in order: the constants above whose names begin with `prefix`."""
    places = {name: place for name, place in globals().items() if name.startswith(prefix) and isinstance(place, int)}
    return tuple(name.removeprefix(prefix).lower() for name in sorted(places, key=places.__getitem__))


LEG_HALVES = frozenset((
    "src_port", "dst_port", "path", "frames", "last_frame", "longest", "seq_frame", "seq_first", "seq_top",
    "ack_frames", "ack_first", "ack_top", "restart", "first_frame", "syn", "syn_ack", "isn", "isn_frames",
    "isn_first_frame", "isn_last_frame", "isn_changes", "isn_other", "fin", "rst", "rst_frame", "mss",
    "echo_requests", "echo_replies",
))  # fmt: skip
LEG_OCTETS = frozenset((
    "protocol", "fragment", "ttl_min", "ttl_max", "outer_ttl_max", "dscp", "rst_ack", "hash_cut",
))  # fmt: skip


def _leg_offsets() -> dict[str, tuple[int, int]]:
    """(offset in the row, width) in bytes of each column of a leg, by offset."""
    found = {}
    for name in _names("LEG_"):
        width = 4 if name in LEG_HALVES else 1 if name in LEG_OCTETS else 8
        found[name] = width * globals()[f"LEG_{name.upper()}"], width
    return dict(sorted(found.items(), key=lambda column: column[1]))


PATHS = _names("PATH_")
LEG_OFFSETS = _leg_offsets()
LEGS = tuple(LEG_OFFSETS)
LEG_WIDTH = 32  # in cells
RESTARTS = _names("RESTART_")
CLAIMS = _names("CLAIM_")
MESSAGES = _names("ICMP_")
FRAGMENTS = _names("FRAGMENT_")
SYN_RATE = _names("SYNS_")
THROUGHPUT = _names("RATE_")
TOTALS = _names("TOTAL_")
