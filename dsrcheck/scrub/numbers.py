"""Numbers of the protocols that a frame is taken apart by (the compiled decoder keeps its own to itself)."""

from __future__ import annotations

LINK_NULL, LINK_ETHERNET, LINK_LOOP, LINK_COOKED, LINK_COOKED_2 = 0, 1, 108, 113, 276

TYPE_IPV4, TYPE_ARP, TYPE_BRIDGED, TYPE_IPV6, TYPE_PPPOE = 0x0800, 0x0806, 0x6558, 0x86DD, 0x8864
TAGS = frozenset({0x8100, 0x88A8, 0x9100})
LONGEST_802_3 = 1500
SNAP = b"\xaa\xaa\x03\x00\x00\x00"
PPPOE_SESSION = 0x1100
PPP_TYPES = {0x0021: TYPE_IPV4, 0x0057: TYPE_IPV6}
OF_IPV4_AND_SIX_OCTETS = b"\x08\x00\x06\x04"
"""The part of an ARP header that says what its addresses are."""

ICMP, IGMP, IPIP, TCP, UDP, IPV6_IN_IP, GRE, ICMPV6, VRRP, SCTP = 1, 2, 4, 6, 17, 41, 47, 58, 112, 132
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS = 0, 43, 44, 51, 60
EXTENSIONS = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS})
PORT_GUE, PORT_GENEVE, PORT_GLB = 6080, 6081, 19523

ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})
ICMP_REDIRECT = 5
ICMP6_ERRORS = frozenset({1, 2, 3, 4})
ICMP6_LISTENERS, ICMP6_REPORT, IGMP_REPORT = frozenset({130, 131, 132, 143}), 143, 0x22
ICMP6_NEIGHBOUR, ICMP6_REDIRECT = frozenset({135, 136}), 137
NDP_OPTIONS_AT = {133: 8, 134: 16, 135: 24, 136: 24, 137: 40}
"""Message (RFC 4861) -> where its options begin."""

PLAIN_IP_OPTIONS = frozenset({0, 1, 148})
"""End, padding, router alert: nothing in them is anybody's."""
PLAIN_IP6_OPTIONS = frozenset({0, 1, 5})
PLAIN_TCP_OPTIONS = frozenset({0, 1, 2, 3, 4, 5, 8})
"""MSS, window scale, SACK and time stamps too."""
CILIUM_4, CILIUM_6, CILIUM_GENEVE = 0x9A, 0x1B, (0x014B, 0x81)
"""Options in which Cilium hands on the VIP."""
