"""Link types: the numbers that name what a frame begins with.

Source: https://www.tcpdump.org/linktypes.html. The numbers 12 and 14 are raw IP where old systems wrote their own
DLT_RAW into the file instead of LINKTYPE_RAW.
"""

from __future__ import annotations

LINKTYPE_NULL = 0
LINKTYPE_ETHERNET = 1
LINKTYPE_RAW = 101
LINKTYPE_RAW_BSD = 12
LINKTYPE_RAW_OPENBSD = 14
LINKTYPE_LOOP = 108
LINKTYPE_LINUX_SLL = 113
LINKTYPE_IPV4 = 228
LINKTYPE_IPV6 = 229
LINKTYPE_LINUX_SLL2 = 276

SUPPORTED = {
    LINKTYPE_ETHERNET: "Ethernet",
    LINKTYPE_LINUX_SLL: "Linux cooked v1",
    LINKTYPE_LINUX_SLL2: "Linux cooked v2",
    LINKTYPE_RAW: "raw IP",
    LINKTYPE_RAW_BSD: "raw IP",
    LINKTYPE_RAW_OPENBSD: "raw IP",
    LINKTYPE_IPV4: "raw IPv4",
    LINKTYPE_IPV6: "raw IPv6",
    LINKTYPE_NULL: "BSD loopback",
    LINKTYPE_LOOP: "OpenBSD loopback",
}

_OTHERS = {
    6: "Token Ring",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    50: "PPP over HDLC",
    51: "PPPoE session",
    100: "RFC 1483 ATM",
    104: "Cisco HDLC",
    105: "IEEE 802.11",
    107: "frame relay",
    117: "OpenBSD pflog",
    119: "IEEE 802.11 with a Prism header",
    122: "IP over Fibre Channel",
    127: "IEEE 802.11 with a radiotap header",
    143: "DOCSIS",
    147: "user-defined 0",
    163: "IEEE 802.11 with an AVS header",
    187: "Bluetooth HCI H4",
    189: "Linux USB",
    195: "IEEE 802.15.4",
    197: "Endace ERF",
    201: "Bluetooth HCI H4 with a pseudo-header",
    220: "Linux USB with padding",
    224: "Fibre Channel FC-2",
    227: "SocketCAN",
    239: "Linux nflog",
    247: "InfiniBand",
    249: "USBPcap",
    251: "Bluetooth Low Energy",
    252: "Wireshark upper-layer export",
    253: "Linux netlink",
    258: "macOS packet tap",
}


def link_type_name(link_type: int) -> str:
    """Return the usual name of a link type in words, or `link type N` for one that is not known here."""
    return SUPPORTED.get(link_type) or _OTHERS.get(link_type) or f"link type {link_type}"


def unsupported(link_type: int) -> str:
    """Return the message for a link type that cannot be decoded: what it is and what would do."""
    name = _OTHERS.get(link_type)
    named = f"{name} (link type {link_type})" if name else f"of link type {link_type}"
    accepted = ", ".join(dict.fromkeys(SUPPORTED.values()))
    return f"the frames are {named}; accepted are {accepted}"
