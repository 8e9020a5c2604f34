"""Addresses of the lab's hosts: MACs, IPv4 and IPv6, in the numbering of the worked example.

The balancer is :0a with the VIP .10 and the SNIP .11, servers are :64 onwards with .100 onwards, clients :01 onwards
with .1 onwards, the gateway is :fe with .254. The world outside is 203.0.113.0/24 (RFC 5737) or 2001:db8:ff::/64
(RFC 3849).
"""

from __future__ import annotations

from dsrcheck.lab import packets
from dsrcheck.lab.scenario import Scenario
from dsrcheck.records import dataclass


@dataclass(frozen=True)
class Numbering:
    """How hosts are numbered. `prefix`, `outside`, `arm`: what stands before a host's number, of each network."""

    prefix: str
    outside: str
    arm: str
    bits: int
    server_prefix: str
    article: bool = False

    def _ip(self, prefix: str, number: int) -> bytes:
        return packets.ip(f"{prefix}{number}")

    @property
    def vip(self) -> bytes:
        return self._ip(self.prefix, 10)

    @property
    def subnet(self) -> str:
        """The VIP's subnet."""
        return f"{self.prefix}0/{self.bits}"

    @property
    def server_subnet(self) -> str:
        """The servers' subnet."""
        return f"{self.server_prefix}0/{self.bits}"

    def neighbour(self, number: int) -> bytes:
        """The address with a number in the VIP's subnet."""
        return self._ip(self.prefix, number)

    @property
    def gateway(self) -> bytes:
        return self._ip(self.prefix, 254)

    @property
    def outside_gateway(self) -> bytes:
        return self._ip(self.outside, 1)

    @property
    def arm_gateway(self) -> bytes:
        return self._ip(self.arm, 254)

    gateway_mac = packets.mac("00:01:aa:bb:cc:fe")
    outside_mac = packets.mac("00:01:aa:bb:dd:fe")
    arm_mac = packets.mac("00:01:aa:bb:cc:fd")

    def client(self, place: int) -> tuple[bytes, bytes]:
        """MAC and address of a client on the segment."""
        return packets.mac(f"00:01:aa:bb:cc:{place:02x}"), self._ip(self.prefix, place)

    def routed(self, place: int) -> tuple[bytes, bytes]:
        """MAC and address of a client outside."""
        return packets.mac(f"00:01:aa:bb:dd:{place:02x}"), self._ip(self.outside, 9 + place)

    def server(self, place: int) -> tuple[bytes, bytes]:
        """MAC and real address of a server."""
        return packets.mac(f"00:01:aa:bb:cc:{0x63 + place:02x}"), self._ip(self.server_prefix, 99 + place)

    def balancer(self, place: int) -> tuple[bytes, bytes]:
        """MAC (of the VIP) and SNIP of a balancer."""
        return packets.mac(f"00:01:aa:bb:cc:{(0x0A, 0x0C)[place - 1]:02x}"), self._ip(self.prefix, 10 + place)

    def back(self, place: int) -> tuple[bytes, bytes]:
        """MAC and address of a balancer's second card."""
        mac = packets.mac(f"00:01:aa:bb:cc:{(0x0B, 0x0D)[place - 1]:02x}")
        return mac, self._ip(self.prefix if self.article else self.arm, 10 + place)


def numbering(scenario: Scenario) -> Numbering:
    """The numbering of a scenario."""
    if scenario.ip == 6:
        return Numbering("2001:db8:10::", "2001:db8:ff::", "2001:db8:11::", 64, "2001:db8:10::")
    arm = "10.0.1."
    wrong = "wrong-subnet" in scenario.tags
    servers = "192.168.0." if wrong else arm if scenario.two_arms else "10.0.0."
    return Numbering("10.0.0.", "203.0.113.", arm, 24, servers, scenario.numbering == "article")
