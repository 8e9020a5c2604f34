"""Who is called what: kinds are kept, names are not, and a mapping file says it again."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.addresses import is_virtual_router_mac, parse_mac
from dsrcheck.scrub.names import MAP_LIMIT, MapError, Pseudonyms, map_text, read_map

MACS = st.integers(0, 2**48 - 1)
FOUR = st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big"))
SIX = st.integers(0, 2**128 - 1).map(lambda number: number.to_bytes(16, "big"))


def mac(text: str) -> bytes:
    """Six bytes."""
    return parse_mac(text).to_bytes(6, "big")


def ip(text: str) -> bytes:
    """Four bytes, or sixteen."""
    return ipaddress.ip_address(text).packed


@pytest.mark.parametrize(
    "text",
    ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:12", "33:33:00:00:00:01", "01:80:c2:00:00:0e"],
)
def test_macs_that_are_nobodys_stay(text: str) -> None:
    """None, all, and the groups of protocols."""
    assert Pseudonyms("s").mac(mac(text)) == mac(text)


@given(st.lists(MACS, min_size=2, max_size=40, unique=True), st.text(max_size=5))
def test_macs_keep_their_kind_and_stay_apart(macs: list[int], seed: str) -> None:
    """Group and local bit, being a virtual router's, and being another's."""
    names = Pseudonyms(seed)
    new = [int.from_bytes(names.mac(one.to_bytes(6, "big")), "big") for one in macs]
    assert len(set(new)) == len(macs)
    for before, after in zip(macs, new, strict=True):
        assert (before ^ after) & (3 << 40) == 0
        assert is_virtual_router_mac(before) == is_virtual_router_mac(after)


def test_virtual_macs_keep_their_protocol() -> None:
    """VRRP for IPv4 and for IPv6, HSRP; the number of the group is another."""
    names = Pseudonyms("s")
    for first, bits in (("00:00:5e:00:01", 40), ("00:00:5e:00:02", 40), ("00:00:0c:07:ac", 40), ("00:00:0c:9f:f1", 36)):
        new = {int.from_bytes(names.mac(mac(f"{first}:{last:02x}")), "big") for last in range(256)}
        assert len(new) == 256
        assert {one >> (48 - bits) for one in new} == {parse_mac(f"{first}:00") >> (48 - bits)}


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "127.0.0.1", "224.0.0.18", "255.255.255.255", "::", "::1", "ff02::1", "ff02::12"]
)
def test_addresses_that_are_nobodys_stay(text: str) -> None:
    """Unspecified, loopback, multicast, broadcast."""
    assert Pseudonyms("s").address(ip(text)) == ip(text)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("10.1.2.3", "10.0.0.0/8"), ("172.20.1.1", "172.16.0.0/12"), ("192.168.7.7", "192.168.0.0/16"),
        ("169.254.3.4", "169.254.0.0/16"), ("fe80::1234:5678", "fe80::/64"), ("fd00:1::5", "fc00::/7"),
        ("2001:db8:10::100", "2001:db8::/32"),
    ],
)  # fmt: skip
def test_private_stays_private(text: str, block: str) -> None:
    """An address of a special block has another name, of the same block."""
    new = ipaddress.ip_address(Pseudonyms("s").address(ip(text)))
    assert new in ipaddress.ip_network(block)
    assert str(new) != text


@given(st.lists(FOUR, min_size=2, max_size=20, unique=True), st.text(max_size=5))
def test_ipv4_keeps_prefixes(addresses: list[bytes], seed: str) -> None:
    """Hosts of one subnet stay in one subnet, whatever its mask; hosts of two do not meet."""
    names = Pseudonyms(seed)
    new = [int.from_bytes(names.address(address), "big") for address in addresses]
    old = [int.from_bytes(address, "big") for address in addresses]
    for place in range(1, len(new)):
        assert (new[0] ^ new[place]).bit_length() == (old[0] ^ old[place]).bit_length()


@given(SIX, SIX, st.text(max_size=5))
def test_ipv6_keeps_prefixes_and_stays_apart(one: bytes, other: bytes, seed: str) -> None:
    """Down to the last 24 bits, and those are permuted."""
    names = Pseudonyms(seed)
    before = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    after = int.from_bytes(names.address(one), "big") ^ int.from_bytes(names.address(other), "big")
    assert max(after.bit_length(), 24) == max(before.bit_length(), 24)
    assert (after == 0) == (before == 0)


@given(st.integers(0, 2**24 - 1))
def test_solicited_node_groups_follow_their_address(last: int) -> None:
    """RFC 4291, 2.7.1 and RFC 2464, 7: the group and its MAC end as the address does, also after renaming."""
    names = Pseudonyms("s")
    address = names.address(ip("2001:db8::")[:13] + last.to_bytes(3, "big"))
    group = names.address(ip("ff02::1:ff00:0")[:13] + last.to_bytes(3, "big"))
    group_mac = names.mac(b"\x33\x33\xff" + last.to_bytes(3, "big"))
    assert group == ip("ff02::1:ff00:0")[:13] + address[13:]
    assert group_mac == b"\x33\x33\xff" + address[13:]


@given(st.binary(min_size=1, max_size=100))
def test_payloads_are_told_apart_and_not_shown(data: bytes) -> None:
    """The same for the same, another for another, and under another seed another."""
    names = Pseudonyms("s")
    filler = names.filler(data)
    assert len(filler) == len(data)
    assert names.filler(data) == filler
    if len(data) >= 8 and any(data):
        assert filler not in (data, names.filler(data[:-1] + bytes([data[-1] ^ 1])), Pseudonyms("t").filler(data))


def test_a_map_makes_the_same_names(tmp_path: Path) -> None:
    """Also of hosts that it does not list, and whatever is in the seed."""
    names = Pseudonyms('se"cr\\et')
    hosts = [mac("02:00:00:00:00:01"), mac("00:00:5e:00:01:09")]
    addresses = [ip("192.168.1.1"), ip("2001:db8::5")]
    told = [*map(names.mac, hosts), *map(names.address, addresses)]
    path = tmp_path / "map.toml"
    path.write_text(map_text(names))
    again = read_map(path)
    assert [*map(again.mac, hosts), *map(again.address, addresses)] == told
    assert again.address(ip("192.168.1.77")) == names.address(ip("192.168.1.77"))


def test_a_map_of_ones_own_holds(tmp_path: Path) -> None:
    """What a person wrote goes before what the seed gives."""
    path = tmp_path / "map.toml"
    path.write_text(
        'seed = "s"\n[macs]\n"02:00:00:00:00:01" = "00:01:aa:bb:cc:0a"\n[addresses]\n"192.0.2.1" = "10.0.0.10"\n'
    )
    names = read_map(path)
    assert names.mac(mac("02:00:00:00:00:01")) == mac("00:01:aa:bb:cc:0a")
    assert names.address(ip("192.0.2.1")) == ip("10.0.0.10")


def test_two_hosts_never_get_one_name(tmp_path: Path) -> None:
    """Not by a map, nor by a map and the seed."""
    path = tmp_path / "map.toml"
    path.write_text('seed = "s"\n[addresses]\n"192.0.2.1" = "10.0.0.10"\n"192.0.2.2" = "10.0.0.10"\n')
    with pytest.raises(MapError, match=r"two are to be called 10\.0\.0\.10: 192\.0\.2\.2 and 192\.0\.2\.1"):
        read_map(path)
    taken = Pseudonyms("s").address(ip("10.9.9.9"))
    names = Pseudonyms("s", addresses={ip("10.1.1.1"): taken})
    with pytest.raises(MapError, match="two are to be called"):
        names.address(ip("10.9.9.9"))


@pytest.mark.parametrize(
    "text",
    [
        "", "seed = 5", 'seed = "s"\nmore = 1', 'seed = "s"\nmacs = 3', 'seed = "s"\n[macs]\n"x" = "00:00:00:00:00:01"',
        'seed = "s"\n[macs]\n"02:00:00:00:00:01:02" = "00:00:00:00:00:01"',
        'seed = "s"\n[addresses]\n"10.0.0.1" = "::1"',
        'seed = "s"\n[addresses]\n"10.0.0.1" = 7', "\x00", 'seed = "\x1b[2J"',
    ],
)  # fmt: skip
def test_a_bad_map_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    """With the file's name, and nothing that a terminal would obey."""
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(MapError) as error:
        read_map(path)
    assert str(path) in str(error.value)
    assert str(error.value).isprintable()


def test_a_huge_map_is_refused(tmp_path: Path) -> None:
    """Before it is parsed."""
    path = tmp_path / "map.toml"
    with path.open("wb") as stream:
        stream.truncate(MAP_LIMIT + 1)
    with pytest.raises(MapError, match="at most"):
        read_map(path)
