"""MAC and IP addresses: from numbers to the text people know, and small integer identities for columns.

A MAC address is an unsigned 48-bit integer, an IP address two unsigned 64-bit integers (high, low); an IPv4 address is
the IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), so one key serves both families.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from dsrcheck.records import dataclass

UInt64 = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]

MAPPED_PREFIX = 0xFFFF
BROADCAST_MAC = 0xFFFF_FFFF_FFFF
GROUP_BIT = 1 << 40
"""Set in multicast and broadcast MAC addresses (IEEE 802, the individual/group bit)."""


@functools.lru_cache(maxsize=65536)
def mac_text(mac: int) -> str:
    """Six octets in lower case with colons."""
    return ":".join(f"{mac >> shift & 0xFF:02x}" for shift in (40, 32, 24, 16, 8, 0))


def parse_mac(text: str) -> int:
    """The number of a MAC address written as six octets with colons or hyphens.

    Raises ValueError, saying what is wrong.
    """
    octets = text.replace("-", ":").split(":")
    if len(octets) != 6:
        raise ValueError(f"a MAC address has six octets, {text!r} has {len(octets)}")
    if not all(1 <= len(octet) <= 2 and all(digit in "0123456789abcdefABCDEF" for digit in octet) for octet in octets):
        raise ValueError(f"{text!r} is not a MAC address: each octet is one or two hexadecimal digits")
    return int("".join(octet.zfill(2) for octet in octets), 16)


@functools.lru_cache(maxsize=65536)
def ip_text(high: int, low: int) -> str:
    """The usual text of an address: dotted quad for an IPv4-mapped one, compressed IPv6 else."""
    if high == 0 and low >> 32 == MAPPED_PREFIX:
        return f"{low >> 24 & 0xFF}.{low >> 16 & 0xFF}.{low >> 8 & 0xFF}.{low & 0xFF}"
    return str(ipaddress.IPv6Address(high << 64 | low))


def parse_ip(text: str) -> tuple[int, int]:
    """(high, low) of an address in text. Raises ValueError."""
    address = ipaddress.ip_address(text)
    number = int(address) | (MAPPED_PREFIX << 32 if address.version == 4 else 0)
    return number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF


def is_virtual_router_mac(mac: int) -> bool:
    """VRRP (RFC 5798, 7.3: 00:00:5e:00:01:xx, IPv6 00:00:5e:00:02:xx) and HSRP v1/v2 virtual MACs."""
    return mac >> 8 in (0x00005E0001, 0x00005E0002, 0x00000C07AC) or mac >> 12 == 0x00000C9FF


@dataclass(frozen=True)
class AddressBook:
    """The addresses of a capture, sorted, so that columns can carry a small integer for each.

    `high` and `low` are uint64 arrays of one length; an address's identity is its position.
    """

    high: UInt64
    low: UInt64

    def __len__(self) -> int:
        return len(self.low)

    def text(self, identity: int) -> str:
        return ip_text(int(self.high[identity]), int(self.low[identity]))

    def is_ipv4(self, identity: int) -> bool:
        return bool(self.high[identity] == 0 and int(self.low[identity]) >> 32 == MAPPED_PREFIX)

    def find(self, high: UInt64, low: UInt64) -> Int64:
        """Identities (int64) of addresses given as two uint64 columns; -1 for those that are not in the book."""
        found = np.full(len(low), -1, np.int64)
        short = high == 0
        shorts = self._shorts
        place = np.searchsorted(self.low[:shorts], low[short])
        known = np.append(self.low[:shorts], np.uint64(0))[place] == low[short]
        found[short] = np.where(known & (place < shorts), place, -1)
        if not short.all():
            found[~short] = self._find_long(high[~short], low[~short])
        return found

    @cached_property
    def _shorts(self) -> int:
        """How many addresses have nothing in their upper half, as IPv4 ones do: they come first, sorted by `low`."""
        return int(np.searchsorted(self.high, np.uint64(0), "right"))

    def _find_long(self, high: UInt64, low: UInt64) -> Int64:
        """`find` for addresses with an upper half: book and wanted ones sorted together, each run led by the book's."""
        book_high, book_low = self.high[self._shorts :], self.low[self._shorts :]
        all_high, all_low = np.concatenate([book_high, high]), np.concatenate([book_low, low])
        order = np.lexsort((all_low, all_high))  # stable: the book's own entry comes first among equals
        new = _new_rows(all_high[order], all_low[order])
        place = np.empty(len(order), np.int64)
        place[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
        place = place[len(book_low) :]
        return np.where(place < len(book_low), place + self._shorts, -1)

    def find_text(self, text: str) -> int:
        """Identity of an address in text, -1 when the capture does not hold it.

        Raises ValueError for what is no address.
        """
        high, low = parse_ip(text)
        return int(self.find(np.array([high], np.uint64), np.array([low], np.uint64))[0])


class AddressTexts(Sequence[str]):
    """The text of each address of a book, made when asked for: a flood has millions of addresses."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book

    def __len__(self) -> int:
        return len(self._book)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self._book.text(identity) for identity in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._book.text(place)


def address_book(*columns: tuple[UInt64, UInt64]) -> AddressBook:
    """The book of all addresses in the given (high, low) pairs of columns."""
    high = np.concatenate([pair[0] for pair in columns]).astype(np.uint64)
    low = np.concatenate([pair[1] for pair in columns]).astype(np.uint64)
    short = np.sort(low[high == 0])
    short = short[_new_rows(np.zeros(len(short), np.uint64), short)]
    high, low = high[high != 0], low[high != 0]
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    new = _new_rows(high, low)
    return AddressBook(
        np.concatenate([np.zeros(len(short), np.uint64), high[new]]), np.concatenate([short, low[new]])
    )  # fmt: skip


def _new_rows(high: UInt64, low: UInt64) -> npt.NDArray[np.bool_]:
    """Where a sorted run of equal addresses begins."""
    new = np.ones(len(low), bool)
    new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return new
