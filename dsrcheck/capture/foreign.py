"""What a file is that is no capture we read: named by its first bytes, with what to do about it."""

from __future__ import annotations

import re

HEAD = 512
"""Bytes of a file that it takes to name it."""

ACCEPTED = "accepted are pcap and pcapng, as they are or compressed with gzip or zstd"

# The signature is in the first record of every file (Wireshark, wiretap/netscaler.c: nstrace 1.0, 2.0, 3.0 and 3.5).
_NSTRACE = re.compile(rb"netscaler (?:v(\d)(\d) )?performance data", re.IGNORECASE)
_NSTRACE_MESSAGE = (
    "this is a NetScaler trace (nstrace {version}), not pcap; capture again with"
    " `start nstrace -size 0 -traceformat PCAP` (or `nstrace.sh -sz 0 -tcpdump 1` in the shell),"
    " or open it in Wireshark and save it as pcapng"
)
_CONVERT = "convert it with `editcap -F pcapng IN OUT`"
_UNPACK = "unpack it first"

_MAGICS = (
    (b"snoop\0\0\0", "a Solaris snoop capture", _CONVERT),
    (b"btsnoop\0", "a Bluetooth capture (btsnoop)", "there is no IP to judge in it"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", _CONVERT),
    (b"GMBU", "a Microsoft Network Monitor 2 capture", _CONVERT),
    (b"TRSNIFF data", "a Sniffer capture", _CONVERT),
    (b"XCP\0", "a NetXRay capture", _CONVERT),
    (b"\x7fver", "an OmniPeek capture", _CONVERT),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"\x04\x22\x4d\x18", "compressed with lz4", _UNPACK),
    (b"\x1f\x9d", "compressed with compress", _UNPACK),
    (b"\x1f\x8b", "compressed twice with gzip", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed twice with zstd", _UNPACK),
    (b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"%PDF-", "a PDF document", ACCEPTED),
    (b"\x7fELF", "a program", ACCEPTED),
    (b"MZ", "a Windows program or event trace", ACCEPTED),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--|pdml|psml)", re.IGNORECASE)
_TAR = 257


def describe(head: bytes) -> str:
    """Return the message for a file that begins with `head` and is not a capture that we read."""
    if not head:
        return f"the file is empty; {ACCEPTED}"
    trace = _NSTRACE.search(head)
    if trace:
        version = ".".join(number.decode() for number in trace.groups() if number) or "1.0"
        return _NSTRACE_MESSAGE.format(version=version)
    for magic, name, advice in _MAGICS:
        if head.startswith(magic):
            return f"this is {name}, not a capture; {advice}" if advice == ACCEPTED else f"this is {name}; {advice}"
    if head[_TAR : _TAR + 5] == b"ustar":
        return f"this is a tar archive; {_UNPACK}"
    if _MARKUP.match(head):
        return f"this is HTML or XML, not a capture; {ACCEPTED}"
    if _is_text(head):
        return f"this is text, not a capture (what tcpdump prints? save frames with `tcpdump -w FILE`); {ACCEPTED}"
    return f"this is no capture that is known here (it begins with {head[:4].hex(' ')}); {ACCEPTED}"


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(head) < error.start + 4 and len(head) > 4  # a character cut at the end of the head
    return True
