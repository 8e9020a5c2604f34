"""How values of the tables are written for people."""

from __future__ import annotations

import pytest

from dsrcheck.addresses import mac_text
from dsrcheck.rules.wording import Message, host_text, mac_with_role, time_text, value_text
from dsrcheck.tables import HostName
from tests.rules.hand_made import BALANCER, WEB1, WEB2, column, sets, subjects, tables


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mac.known", "00:01:aa:bb:cc:64 (server web1)"),
        ("mac.strange", "00:01:aa:bb:cc:65"),
        ("mac.all", "ff:ff:ff:ff:ff:ff (broadcast)"),
        ("mac.unknown", "an unseen MAC"),
        ("address.known", "10.0.0.1"),
        ("address.none", "an unseen address"),
        ("flag.yes", "yes"),
        ("number.big", "9223372036854775807"),
        ("time.start", "1970-01-01T00:00:01.000000002Z"),
        ("text.evil", "a\\x1bb"),
        ("missing", "unknown"),
        ("set.macs", "00:01:aa:bb:cc:0a (balancer 10.0.0.11), 00:01:aa:bb:cc:64 (server web1)"),
        ("set.empty", "none"),
        ("set.unknown", "unknown"),
        ("set.many", ", ".join(mac_text(number) for number in range(1, 9)) + " and 12 more"),
    ],
)
def test_values(name: str, expected: str) -> None:
    """Each kind has its form, and whatever is unknown says so."""
    part = subjects(
        "exchange",
        {
            "mac.known": column("mac", [WEB1]),
            "mac.strange": column("mac", [WEB2]),
            "mac.all": column("mac", [0xFFFFFFFFFFFF]),
            "mac.unknown": column("mac", [None]),
            "address.known": column("address", [0]),
            "address.none": column("address", [-1]),
            "flag.yes": column("flag", [True]),
            "number.big": column("number", [2**63 - 1]),
            "time.start": column("time", [1_000_000_002]),
            "text.evil": column("text", ["a\x1bb"]),
            "set.macs": sets([frozenset({WEB1, BALANCER})]),
            "set.empty": sets([frozenset()]),
            "set.unknown": sets([None]),
            "set.many": sets([frozenset(range(1, 21))]),
        },
        [0],
    )
    assert value_text(tables(part, addresses=["10.0.0.1"]), part, name, 0) == expected


def test_hosts() -> None:
    """A host is told with its role, name, address and MAC, as far as they are known."""
    assert host_text(WEB1, None) == "the host 00:01:aa:bb:cc:64"
    assert host_text(WEB1, None, "server") == "the server 00:01:aa:bb:cc:64"
    assert host_text(WEB1, HostName("gateway", WEB1)) == "gateway 00:01:aa:bb:cc:64"
    assert host_text(WEB1, HostName("host", WEB1, "10.0.0.9"), "server") == "server 10.0.0.9 (00:01:aa:bb:cc:64)"
    assert mac_with_role(WEB1, HostName("gateway", WEB1)) == "00:01:aa:bb:cc:64 (gateway)"


def test_times_beyond_the_calendar() -> None:
    """Any 64-bit time can be written."""
    assert time_text(2**63 - 1).startswith("2262-04-11T")
    assert time_text(-1) == "1969-12-31T23:59:59.999999999Z"
    assert time_text(10**30) == f"{10**30} ns"


def test_placeholders_are_names_in_braces() -> None:
    """Only the braced form counts, and a value is never read as a template."""
    assert Message("${a.b} costs $$5").fill({"a.b": "${x} $y"}) == "${x} $y costs $5"
    assert not Message("$a").is_valid()
    assert not Message("${A}").is_valid()
    assert not Message("${a.}").is_valid()
