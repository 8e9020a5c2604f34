"""The columns of the tables that the fold fills: row-major rows of 64-bit unsigned integers, one row a thing.

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

# A one-way stream of frames. The first nine columns are its key.
# `fragment` 1: later fragments, which have no ports; src_port and dst_port hold the fragment id's low and high half.
# ICMP echo: both ports hold the identifier; other ICMP: src_port the type, dst_port the code.
(
    LEG_PATH, LEG_PROTOCOL, LEG_SRC_HIGH, LEG_SRC_LOW, LEG_DST_HIGH, LEG_DST_LOW, LEG_SRC_PORT, LEG_DST_PORT,
    LEG_FRAGMENT,
    LEG_FRAMES, LEG_BYTES, LEG_PAYLOAD, LEG_FIRST_FRAME, LEG_LAST_FRAME, LEG_FIRST_TIME, LEG_LAST_TIME,
    LEG_TTL_MIN, LEG_TTL_MAX, LEG_OUTER_TTL_MIN, LEG_OUTER_TTL_MAX, LEG_LONGEST, LEG_HASH, LEG_HASH_CUT,
    # The four smallest distinct packet hashes (unused: all ones), the frame that first had each, and how many had it.
    LEG_SAMPLE_HASH_0, LEG_SAMPLE_HASH_1, LEG_SAMPLE_HASH_2, LEG_SAMPLE_HASH_3,
    LEG_SAMPLE_FRAME_0, LEG_SAMPLE_FRAME_1, LEG_SAMPLE_FRAME_2, LEG_SAMPLE_FRAME_3,
    LEG_SAMPLE_COUNT_0, LEG_SAMPLE_COUNT_1, LEG_SAMPLE_COUNT_2, LEG_SAMPLE_COUNT_3,
    LEG_FIRST_ID, LEG_DSCP, LEG_ECHO_REQUESTS, LEG_ECHO_REPLIES,
    LEG_DATA_FRAMES, LEG_DATA_FRAME, LEG_DATA_TIME, LEG_LAST_DATA_TIME,
    # Progress in sequence and acknowledgement numbers, see Fold; seq_frame is the first frame that counts, 0 for none.
    LEG_SEQ_FRAME, LEG_SEQ_FIRST, LEG_SEQ_TOP, LEG_SEQ_ADVANCE,
    LEG_ACK_FRAMES, LEG_ACK_FIRST, LEG_ACK_TOP, LEG_ACK_ADVANCE,
    LEG_RESTART,
    LEG_SYN, LEG_SYN_ACK, LEG_FIN, LEG_RST, LEG_MSS,
    # isn: that of the first SYN or SYN-ACK; the isn_ columns after it: the SYNs that had it, before any other came.
    # isn_changes: SYNs whose number is not that of the SYN before; isn_other and its frame: the last such.
    LEG_ISN, LEG_ISN_FRAMES, LEG_ISN_FIRST_TIME, LEG_ISN_LAST_TIME, LEG_ISN_FIRST_FRAME, LEG_ISN_LAST_FRAME,
    LEG_ISN_CHANGES, LEG_ISN_OTHER, LEG_ISN_OTHER_FRAME,
    LEG_RST_FRAME, LEG_RST_TIME, LEG_RST_ACK, LEG_FIN_FRAME, LEG_FIN_TIME,
) = range(71)

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
    places = {name: place for name, place in globals().items() if name.startswith(prefix)}
    return tuple(name.removeprefix(prefix).lower() for name in sorted(places, key=places.__getitem__))


PATHS = _names("PATH_")
LEGS = _names("LEG_")
RESTARTS = _names("RESTART_")
CLAIMS = _names("CLAIM_")
MESSAGES = _names("ICMP_")
FRAGMENTS = _names("FRAGMENT_")
SYN_RATE = _names("SYNS_")
THROUGHPUT = _names("RATE_")
TOTALS = _names("TOTAL_")
