"""MAC and IP addresses; the oracle of texts is the standard library, of lookups a Python dictionary."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.addresses import address_book, ip_text, is_virtual_router_mac, mac_text, parse_ip, parse_mac

IPV4 = st.integers(0, 2**32 - 1).map(lambda number: (0, 0xFFFF << 32 | number))
ANY = st.one_of(
    IPV4, st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), st.tuples(st.just(0), IPV4.map(max))
)


def columns(addresses: list[tuple[int, int]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], ...]:
    """Addresses as (high, low) columns."""
    return tuple(np.array([pair[side] for pair in addresses], np.uint64) for side in (0, 1))


@given(st.lists(ANY, max_size=40), st.lists(ANY, max_size=40))
def test_finds_what_is_there_and_nothing_else(inside: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    """Every address of the book has its place in sorted order, every other one -1, with both families mixed."""
    high, low = columns(inside)
    book = address_book((high, low))
    place = {address: position for position, address in enumerate(sorted(set(inside)))}
    wanted = inside + others
    found = book.find(*columns(wanted)).tolist()
    assert found == [place.get(address, -1) for address in wanted]
    assert len(book) == len(place)


@given(st.integers(0, 2**32 - 1))
def test_ipv4_text(number: int) -> None:
    """An IPv4 address is a dotted quad, and back."""
    text = str(ipaddress.IPv4Address(number))
    assert ip_text(0, 0xFFFF << 32 | number) == text
    assert parse_ip(text) == (0, 0xFFFF << 32 | number)


@given(st.integers(0, 2**128 - 1).filter(lambda number: number >> 32 != 0xFFFF))
def test_ipv6_text(number: int) -> None:
    """An IPv6 address is compressed, and back."""
    text = str(ipaddress.IPv6Address(number))
    assert ip_text(number >> 64, number & (1 << 64) - 1) == text
    assert parse_ip(text) == (number >> 64, number & (1 << 64) - 1)


def test_find_text() -> None:
    """A text is looked up like a number; what is no address is an error."""
    book = address_book(columns([parse_ip("192.0.2.1"), parse_ip("2001:db8::1")]))  # type: ignore[arg-type]
    assert [book.find_text(text) for text in ("192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2")] == [0, 1, -1, -1]
    assert [book.is_ipv4(place) for place in (0, 1)] == [True, False]
    with pytest.raises(ValueError, match="300"):
        book.find_text("192.0.2.300")


@pytest.mark.parametrize("text", ["00:01:aa:bb:cc:0a", "00-01-AA-BB-CC-0A", "0:1:aa:bb:cc:a"])
def test_mac(text: str) -> None:
    """Octets with colons or hyphens, leading zeros or not."""
    assert parse_mac(text) == 0x0001AABBCC0A
    assert mac_text(parse_mac(text)) == "00:01:aa:bb:cc:0a"


@pytest.mark.parametrize("text", ["", "00:01:aa:bb:cc", "00:01:aa:bb:cc:0a:0b", "00:01:aa:bb:cc:gg", "0001.aabb.cc0a"])
def test_no_mac(text: str) -> None:
    """Anything else is an error that says what is expected."""
    with pytest.raises(ValueError, match="octet"):
        parse_mac(text)


def test_virtual_router_macs() -> None:
    """VRRP and HSRP use ranges of their own."""
    assert is_virtual_router_mac(parse_mac("00:00:5e:00:01:07"))
    assert is_virtual_router_mac(parse_mac("00:00:0c:07:ac:01"))
    assert not is_virtual_router_mac(parse_mac("02:00:00:00:00:01"))
