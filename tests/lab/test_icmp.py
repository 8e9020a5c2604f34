"""What hosts say by ICMP, to the octet."""

from __future__ import annotations

from dsrcheck.lab import packets, run
from dsrcheck.lab.packets import Packet


def test_an_ipv6_redirect_names_both_routers_by_their_link_local_addresses() -> None:
    """RFC 4861, 4.5, as Linux sends it: the target's MAC is told only once it is known."""
    made = run("dsr-ipv6", "redirects")
    seen = [Packet(frame) for _, frame in made.frames("balancer")]
    redirects = [p for p in seen if p.protocol == packets.ICMP6 and p.frame[p.transport] == 137]
    first, last = redirects[0], redirects[-1]
    assert {(p.src, p.ttl) for p in redirects} == {(packets.ip("fe80::201:aaff:febb:ff02"), 255)}
    assert first.frame[first.transport + 8 : first.transport + 24] == packets.ip("fe80::201:aaff:febb:ccfe")
    options = first.frame[first.transport + 40 : first.end]
    assert (options[0], 8 * options[1]) == (4, len(options)), "the redirected packet alone"
    assert options[16:32] == packets.ip("2001:db8:10::10"), "which comes from the VIP"
    assert options[32:48] == first.frame[first.transport + 24 : first.transport + 40], "and goes to what is told of"
    mac = last.frame[last.transport + 40 : last.transport + 48]
    assert mac == b"\x02\x01" + packets.mac("00:01:aa:bb:cc:fe")
