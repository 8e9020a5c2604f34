"""Which MAC and which address stands for which: from a secret seed, or as a mapping file says.

Kept as they are, because they say what a frame is and not whose: group MACs of protocols, the kind of a virtual
router's MAC (VRRP, HSRP) and the bits "group" and "locally administered"; the unspecified, loopback, multicast and
broadcast addresses; and whether an address is private, shared, link-local or documentation. What two addresses have in
common they keep in common. The last 24 bits of IPv6 addresses are changed by themselves, for a solicited-node group
(RFC 4291, 2.7.1) and its MAC (RFC 2464, 7) are made of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import tomli

from dsrcheck.addresses import is_virtual_router_mac, mac_text, parse_mac
from dsrcheck.scrub.permute import Bits, permute, prefix_permute
from dsrcheck.text import printable

GROUP, LOCAL = 1 << 40, 1 << 41
PROTOCOL_GROUPS = ((0x01005E, 24), (0x3333, 16), (0x0180C2, 24), (0x01000C, 24), (0x011B19, 24))
"""IPv4 and IPv6 multicast, IEEE 802.1, Cisco, PTP: (first bits, how many)."""
SOLICITED_MAC, SOLICITED = 0x3333FF, 0xFF02_0000_0000_0000_0000_0001_FF00_0000
LAST = 24
"""Bits of an IPv6 address that are in its solicited-node group."""

SPECIAL_4 = (
    "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "255.255.255.255/32",
)  # fmt: skip
SPECIAL_6 = ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "2001:db8::/32", "fc00::/7", "fe80::/64", "ff00::/8")
"""Blocks that addresses neither leave nor enter (RFC 6890)."""
WHOLE_4 = tuple(ipaddress.ip_network(block) for block in ("127.0.0.0/8", "224.0.0.0/4"))
WHOLE_6 = tuple(ipaddress.ip_network(block) for block in ("::/96", "ff00::/8"))
"""Blocks whose addresses stay."""

Name = int | bytes
"""A MAC address as a number, or an IP address as it is on the wire."""
MAP_LIMIT = 16 << 20
"""Bytes of a mapping file."""


class MapError(Exception):
    """A mapping file that cannot be used; one line, safe for a terminal."""


def _inner_prefixes(blocks: tuple[str, ...]) -> frozenset[Bits]:
    """Every prefix on the way to a block: to change the bit after one would move addresses in or out of the block."""
    found = set()
    for block in map(ipaddress.ip_network, blocks):
        number, bits = int(block.network_address), block.max_prefixlen
        found |= {(number >> (bits - length), length) for length in range(block.prefixlen)}
    return frozenset(found)


KEPT_4, KEPT_6 = _inner_prefixes(SPECIAL_4), _inner_prefixes(SPECIAL_6)


class Pseudonyms:
    """The names used so far; `macs` and `addresses` map what was in the capture to what is written.

    `seed`: the secret that decides everything; whoever knows it can find out who is who. `macs`, `addresses`: pairs
    that hold whatever the seed says. Raises MapError when such a pair gives two hosts one name.
    """

    def __init__(
        self, seed: str, macs: Mapping[int, int] | None = None, addresses: Mapping[bytes, bytes] | None = None
    ) -> None:
        self.seed = seed
        self.macs = dict(macs or {})
        self.addresses = dict(addresses or {})
        # Hashed, so that a seed may be of any length.
        self._key = blake2b(seed.encode("utf-8", "surrogateescape"), digest_size=32).digest()
        self._given: dict[Name, Name] = {}
        given: list[tuple[Name, Name]] = [*self.macs.items(), *self.addresses.items()]
        for known, shown in given:
            self._claim(known, shown)

    def mac(self, mac: bytes) -> bytes:
        """The name of a MAC address (six bytes)."""
        number = int.from_bytes(mac, "big")
        if number not in self.macs:
            self.macs[number] = self._new_mac(number)
            self._claim(number, self.macs[number])
        return self.macs[number].to_bytes(6, "big")

    def address(self, address: bytes) -> bytes:
        """The name of an IP address, of four bytes or of sixteen."""
        if address not in self.addresses:
            new = self._new_address_4(address) if len(address) == 4 else self._new_address_6(address)
            self._claim(address, new)
            self.addresses[address] = new
        return self.addresses[address]

    def filler(self, data: bytes) -> bytes:
        """As many bytes to stand for a payload: the same for the same, others for others, telling nothing else."""
        if not any(data):
            return bytes(len(data))
        digest = blake2b(data, key=self._key, person=b"payload", digest_size=16).digest()
        return digest[: len(data)].ljust(len(data), b"\0")

    def _claim(self, known: Name, shown: Name) -> None:
        if self._given.setdefault(shown, known) != known:
            raise MapError(f"two are to be called {_text(shown)}: {_text(known)} and {_text(self._given[shown])}")

    def _new_mac(self, mac: int) -> int:
        if mac in (0, 0xFFFF_FFFF_FFFF):
            return mac
        if mac >> LAST == SOLICITED_MAC:
            return SOLICITED_MAC << LAST | self._last(mac)
        if _is_protocol_group(mac):
            return mac
        if is_virtual_router_mac(mac):
            return mac & ~0xFF | permute(self._key, b"virtual", mac & 0xFF, 8)
        fixed, new = mac & (GROUP | LOCAL), mac
        while True:  # walk on where the permutation leads to what would mean something else
            free = permute(self._key, b"mac", _without_flags(new), 46)
            new = _with_flags(free, fixed)
            if not (new == 0 or new == 0xFFFF_FFFF_FFFF or _is_protocol_group(new) or is_virtual_router_mac(new)):
                return new

    def _new_address_4(self, address: bytes) -> bytes:
        if any(ipaddress.IPv4Address(address) in block for block in WHOLE_4):
            return address
        number = int.from_bytes(address, "big")
        return prefix_permute(self._key, b"ipv4", number, 32, KEPT_4.__contains__).to_bytes(4, "big")

    def _new_address_6(self, address: bytes) -> bytes:
        number = int.from_bytes(address, "big")
        if number >> LAST == SOLICITED >> LAST:
            return (SOLICITED | self._last(number)).to_bytes(16, "big")
        if any(ipaddress.IPv6Address(address) in block for block in WHOLE_6):
            return address
        prefix = prefix_permute(self._key, b"ipv6", number >> LAST, 128 - LAST, KEPT_6.__contains__)
        return (prefix << LAST | self._last(number)).to_bytes(16, "big")

    def _last(self, number: int) -> int:
        return permute(self._key, b"ipv6 last", number & (1 << LAST) - 1, LAST)


def _is_protocol_group(mac: int) -> bool:
    return any(mac >> (48 - bits) == prefix for prefix, bits in PROTOCOL_GROUPS)


def _without_flags(mac: int) -> int:
    """The 46 bits of a MAC address that are not "group" and "local"."""
    return mac >> 42 << 40 | mac & (1 << 40) - 1


def _with_flags(free: int, flags: int) -> int:
    return free >> 40 << 42 | flags | free & (1 << 40) - 1


def _text(name: Name) -> str:
    return str(ipaddress.ip_address(name)) if isinstance(name, bytes) else mac_text(name)


def map_text(names: Pseudonyms) -> str:
    """A mapping file (TOML) that makes the same names again, and tells its owner who is who."""
    lines = [
        "# Who is who in a scrubbed capture: keep it to yourself.",
        f'seed = "{_quoted(names.seed)}"',
        "",
        "[macs]",
    ]
    lines += [f'"{mac_text(known)}" = "{mac_text(shown)}"' for known, shown in sorted(names.macs.items())]
    lines += ["", "[addresses]"]
    known_first = sorted(names.addresses.items(), key=lambda pair: (len(pair[0]), pair))
    lines += [f'"{_text(known)}" = "{_text(shown)}"' for known, shown in known_first]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def read_map(path: Path) -> Pseudonyms:
    """The names that a mapping file holds. Raises MapError, OSError."""
    shown = printable(str(path))
    with path.open("rb") as stream:
        text = stream.read(MAP_LIMIT + 1)
    if len(text) > MAP_LIMIT:
        raise MapError(f"{shown}: a mapping file has at most {MAP_LIMIT >> 20} MiB")
    try:
        table = tomli.loads(text.decode("utf-8"))
        if set(table) - {"seed", "macs", "addresses"} or not isinstance(table.get("seed"), str):
            raise ValueError('a mapping has `seed = "..."` and the tables [macs] and [addresses], nothing else')
        macs = {parse_mac(known): parse_mac(name) for known, name in _pairs(table, "macs")}
        addresses = {_packed(known): _packed(name) for known, name in _pairs(table, "addresses")}
        if any(len(known) != len(name) for known, name in addresses.items()):
            raise ValueError("an IPv4 address stands for an IPv4 address, an IPv6 address for an IPv6 address")
        return Pseudonyms(table["seed"], macs, addresses)
    except (ValueError, RecursionError, MapError) as error:
        raise MapError(f"{shown}: {printable(str(error))}") from None


def _pairs(table: Mapping[str, object], name: str) -> list[tuple[str, str]]:
    pairs = table.get(name, {})
    if not isinstance(pairs, dict) or not all(isinstance(shown, str) for shown in pairs.values()):
        raise ValueError(f'[{name}] holds lines such as "known" = "shown"')
    return list(pairs.items())


def _packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed
