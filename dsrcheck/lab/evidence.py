"""What a vantage must hold for a rule to be shown broken there: plain questions to the frames.

Each function returns the MACs of the culprits that the frames show, none if they do not show it. They know every role
from the simulation, and never guess: this is the oracle's side, apart from all that the analyzer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from dsrcheck.lab import packets
from dsrcheck.lab.clock import SECOND
from dsrcheck.lab.packets import ACK, RST, SYN, TCP, UDP, Packet
from dsrcheck.records import dataclass

Macs = frozenset[bytes]
NONE: Macs = frozenset()


@dataclass(frozen=True)
class View:
    """What one vantage captured, and who is who. `culprits`: the MACs of the host that the fault befell."""

    frames: list[tuple[int, bytes]]
    vip: bytes
    ports: frozenset[int]
    balancers: Macs
    servers: Macs
    gateways: Macs
    culprits: Macs
    real: dict[bytes, bytes]
    """Real address to MAC, of servers."""
    snips: frozenset[bytes]
    clients: dict[bytes, bytes]
    """Address to MAC, of clients on the segment."""

    @cached_property
    def packets(self) -> list[tuple[int, Packet]]:
        """All frames taken apart."""
        return [(time, Packet(frame)) for time, frame in self.frames]

    @cached_property
    def requests(self) -> list[tuple[int, Packet]]:
        """Packets to a balanced port of the VIP (inner ones of tunnels), except a balancer's own probes."""
        return [
            (t, p)
            for t, p in self._services()
            if p.dst == self.vip and p.ports[1] in self.ports and p.src not in self.snips
        ]

    @cached_property
    def replies(self) -> list[tuple[int, Packet]]:
        """Packets from a balanced port of the VIP, except answers to a balancer's probes."""
        return [
            (t, p)
            for t, p in self._services()
            if p.src == self.vip and p.ports[0] in self.ports and p.dst not in self.snips
        ]

    @property
    def answering(self) -> Macs:
        """Who sends packets from the VIP, whatever they are."""
        return frozenset(p.src_mac for _, p in self.packets if p.version and p.src == self.vip)

    def _services(self) -> Iterator[tuple[int, Packet]]:
        for time, packet in self.packets:
            inner = packet
            if packet.protocol in (packets.IPIP, packets.IP6_IN_IP) and packet.version:
                body = packet.frame[packet.transport : packet.end]
                inner = Packet(packets.ethernet(packet.dst_mac, packet.src_mac, body))
            if inner.version and inner.protocol in (TCP, UDP):
                yield time, inner

    @property
    def forwards(self) -> list[tuple[int, Packet]]:
        """Requests that a server is given: to a server's MAC, or from a balancer's."""
        return [(t, p) for t, p in self.requests if p.dst_mac in self.servers or p.src_mac in self.balancers]

    def arps(self) -> Iterator[tuple[int, Packet, tuple[int, bytes, bytes, bytes, bytes]]]:
        """ARP messages, taken apart."""
        for time, packet in self.packets:
            if packet.ethertype == packets.ETHERTYPE_ARP:
                yield time, packet, packet.arp


Evidence = Callable[[View], Macs]
EVIDENCE: dict[str, Evidence] = {}


def evidence(function: Evidence) -> Evidence:
    """Enter a question under its name, with hyphens."""
    EVIDENCE[function.__name__.replace("_", "-")] = function
    return function


@evidence
def server_arp_reply(view: View) -> Macs:
    """A server answers ARP for the VIP."""
    return frozenset(
        p.src_mac for _, p, (op, _, sender, _, target) in view.arps()
        if op == 2 and sender == view.vip and p.src_mac in view.servers and target not in (view.vip, b"\xff" * 4)
    )  # fmt: skip


@evidence
def server_asks_as_vip(view: View) -> Macs:
    """A server's ARP question states the VIP as the asker's address."""
    return frozenset(
        p.src_mac for _, p, (op, _, sender, _, target) in view.arps()
        if op == 1 and sender == view.vip != target and p.src_mac in view.servers
    )  # fmt: skip


@evidence
def server_announces(view: View) -> Macs:
    """A server announces the VIP, or probes for it."""
    found = set()
    for _, p, (op, _, sender, _, target) in view.arps():
        own = sender == target == view.vip or (op == 2 and sender == view.vip and target == b"\xff" * 4)
        if p.src_mac in view.servers and (own or (op == 1 and sender == packets.ANY4 and target == view.vip)):
            found.add(p.src_mac)
    return frozenset(found)


@evidence
def server_nd(view: View) -> Macs:
    """A server advertises the VIP by NDP, or looks for duplicates of it."""
    found = set()
    for _, p in view.packets:
        if p.protocol == packets.ICMP6 and p.src_mac in view.servers:
            kind, target = p.frame[p.transport], p.frame[p.transport + 8 : p.transport + 24]
            if (kind == 136 and target == view.vip) or (
                kind == 135 and (p.src == view.vip or (target == view.vip and not any(p.src)))
            ):
                found.add(p.src_mac)
    return frozenset(found)


@evidence
def two_owners(view: View) -> Macs:
    """A host that is no balancer claims the VIP beside one: both answers are there."""
    claims: set[bytes] = set()
    for _, _, (op, mac, sender, _, target) in view.arps():
        if sender == view.vip and (op == 2 or sender == target):
            claims.add(mac)
    others = frozenset(claims - view.balancers)
    return others if claims & view.balancers else NONE


@evidence
def two_answers(view: View) -> Macs:
    """One question for the VIP is answered twice, by different MACs."""
    last: dict[bytes, tuple[int, bytes]] = {}
    found: set[bytes] = set()
    for time, _, (op, mac, sender, target_mac, _) in view.arps():
        if op == 2 and sender == view.vip:
            before = last.get(target_mac)
            if before is not None and before[1] != mac and time < before[0] + SECOND:
                found |= {mac, before[1]}
            last[target_mac] = (time, mac)
    return frozenset(found - view.balancers or found)


@evidence
def request_to_server(view: View) -> Macs:
    """A client's request goes to a server's MAC, past the balancer; others are forwarded, so it shows."""
    past = {p.dst_mac for _, p in view.requests if p.dst_mac in view.servers and p.src_mac not in view.balancers}
    return frozenset(past) if any(p.src_mac in view.balancers for _, p in view.requests) else NONE


@evidence
def request_past_balancer(view: View) -> Macs:
    """A client's request goes to a server's MAC, whether or not anything is seen of the balancer.

    Where two hosts have all unicast frames between them, either may be whose frames these are all; and to a server
    requests look so when they are forwarded with the client's MAC.
    """
    pairs = {frozenset((p.src_mac, p.dst_mac)) for _, p in view.packets if not p.dst_mac[0] & 1}
    if len(pairs) == 1:
        return NONE
    return frozenset(
        p.dst_mac for _, p in view.requests if p.dst_mac in view.servers and p.src_mac not in view.balancers
    )


@evidence
def forward_elsewhere(view: View) -> Macs:
    """The balancer forwards to a MAC that is no server's, again and again."""
    found = [p for _, p in view.requests if p.src_mac in view.balancers and p.dst_mac not in view.servers]
    return frozenset(p.src_mac for p in found) if len(found) > 2 else NONE


@evidence
def forward_rewritten(view: View) -> Macs:
    """The VIP is asked, and such a packet reaches a server with the server's own address as destination.

    Where nobody is seen to ask the VIP, as on the servers' side of a proxy, it is a host like any that asks a server.
    """
    asked = {(p.src, p.ports[0]) for _, p in view.requests}
    return frozenset(
        p.src_mac for _, p in view.packets
        if p.version and p.protocol in (TCP, UDP) and p.dst in view.real and p.ports[1] in view.ports
        and asked and p.src_mac in view.balancers and ((p.src, p.ports[0]) in asked or p.src in view.snips)
    )  # fmt: skip


@evidence
def given_as_its_own(view: View) -> Macs:
    """A client's packet comes from the balancer's MAC, with the server's own address as destination."""
    return frozenset(
        p.src_mac for _, p in view.packets
        if p.version and p.protocol in (TCP, UDP) and p.dst in view.real and p.ports[1] in view.ports
        and p.src_mac in view.balancers and p.src not in view.snips
    )  # fmt: skip


@evidence
def given_to_real_address(view: View) -> Macs:
    """Data for a balanced port comes from a balancer's MAC with a server's own address as destination."""
    return frozenset(
        p.src_mac for _, p in view.packets
        if p.version and p.protocol in (TCP, UDP) and p.dst in view.real and p.ports[1] in view.ports
        and p.src_mac in view.balancers and p.payload
    )  # fmt: skip


@evidence
def forward_hides_client(view: View) -> Macs:
    """The VIP is asked, and data for a server comes from the balancer's own address."""
    return given_by_balancer(view) if view.requests else NONE


@evidence
def given_by_balancer(view: View) -> Macs:
    """Data for a server comes from the balancer's own address, whoever asked."""
    return frozenset(
        p.src_mac for _, p in view.packets
        if p.version and p.protocol in (TCP, UDP) and p.src in view.snips and (p.dst in view.real or p.dst == view.vip)
        and p.ports[1] in view.ports and p.payload
    )  # fmt: skip


@evidence
def clients_by_balancer(view: View) -> Macs:
    """The balancer's own address asks five times or more, and gets answers that no one check would get."""
    sizes: dict[bool, dict[tuple[bytes, int], int]] = {True: {}, False: {}}
    for _, p in view.packets:
        answers = p.src in view.real or p.src == view.vip
        if p.version and p.protocol == TCP and answers and p.ports[0] in view.ports and p.dst in view.snips:
            mine, key = sizes[p.src == view.vip], (p.dst, p.ports[1])
            mine[key] = mine.get(key, 0) + len(p.payload)
    answered = [[size for size in mine.values() if size] for mine in sizes.values()]
    unlike = any(len(mine) >= 5 and max(mine) >= 3 * min(mine) for mine in answered)
    return given_by_balancer(view) if unlike else NONE


@evidence
def forward_both_seen(view: View) -> Macs:
    """Requests, and what the balancer in question made of them, are both there, ten of each at least."""
    others = view.balancers - view.culprits
    given = [p for _, p in view.requests if p.dst_mac in view.servers and p.src_mac not in others]
    asked = [p for _, p in view.requests if p.dst_mac in view.balancers]
    return view.balancers if len(given) > 9 and len(asked) > 9 else NONE


@evidence
def connection_split(view: View) -> Macs:
    """Packets of one connection go to two servers."""
    servers: dict[tuple[bytes, int], set[bytes]] = {}
    senders: set[bytes] = set()
    for _, p in view.forwards:
        if p.protocol == TCP and p.dst_mac in view.servers:
            servers.setdefault((p.src, p.ports[0]), set()).add(p.dst_mac)
            senders.add(p.src_mac)
    return frozenset(senders & view.balancers or senders) if any(len(s) > 1 for s in servers.values()) else NONE


@evidence
def source_mac_mixture(view: View) -> Macs:
    """Some forwards leave with the balancer's MAC as source, some with another."""
    macs = {p.src_mac for _, p in view.forwards if p.dst_mac in view.servers}
    return frozenset(macs & view.balancers) if macs & view.balancers and macs - view.balancers else NONE


@evidence
def server_sends_on(view: View) -> Macs:
    """A server sends a client's request on."""
    return frozenset(p.src_mac for _, p in view.requests if p.src_mac in view.servers)


@evidence
def reply_from_real(view: View) -> Macs:
    """A server answers a client that asked the VIP, from its own address."""
    asked = {(p.src, p.ports[0]) for _, p in view.requests}
    return frozenset(
        view.real[p.src] for _, p in view.packets
        if p.version and p.protocol in (TCP, UDP) and p.src in view.real and (p.dst, p.ports[1]) in asked
    )  # fmt: skip


@evidence
def reply_to_balancer(view: View) -> Macs:
    """A server's packet from the VIP has the balancer's MAC as destination."""
    return frozenset(p.src_mac for _, p in view.replies if p.dst_mac in view.balancers and p.src_mac in view.servers)


def _by_connection(view: View) -> dict[tuple[bytes, int], list[tuple[int, Packet]]]:
    grouped: dict[tuple[bytes, int], list[tuple[int, Packet]]] = {}
    for time, p in view.requests:
        if p.protocol == TCP:
            grouped.setdefault((p.src, p.ports[0]), []).append((time, p))
    return grouped


def _sequence(packet: Packet) -> int:
    return int.from_bytes(packet.frame[packet.transport + 4 : packet.transport + 8], "big")


@evidence
def syn_unanswered(view: View) -> Macs:
    """A SYN is given to a server three times or more (+0, +1, +3 s), no reply comes, and the client goes no further."""
    answered = {(p.dst, p.ports[1]) for _, p in view.replies}
    found: set[bytes] = set()
    for key, segments in _by_connection(view).items():
        given = [p for _, p in segments if (p.dst_mac in view.servers) and p.tcp_flags & (SYN | ACK) == SYN]
        further = any(not p.tcp_flags & SYN for _, p in segments)
        if len(given) >= 3 and key not in answered and not further and len({_sequence(p) for p in given}) == 1:
            found |= {p.dst_mac for p in given}
    return frozenset(found)


@evidence
def syn_repeated(view: View) -> Macs:
    """A client sends its SYN three times or more, and goes no further."""
    found = False
    for segments in _by_connection(view).values():
        times = {t for t, p in segments if p.tcp_flags & (SYN | ACK) == SYN}
        spread = max(times) - min(times) > 2 * SECOND if times else False
        found = found or (spread and not any(not p.tcp_flags & SYN for _, p in segments))
    return view.culprits if found else NONE


@evidence
def refused(view: View) -> Macs:
    """A server answers a SYN for the VIP with RST."""
    return frozenset(
        p.src_mac for _, p in view.replies
        if p.protocol == TCP and p.src_mac in view.servers
        and p.tcp_flags & (RST | ACK) == RST | ACK and _sequence(p) == 0
    )  # fmt: skip


@evidence
def refused_anywhere(view: View) -> Macs:
    """A SYN for the VIP is answered with RST, by whatever MAC."""
    found = any(
        p.protocol == TCP and p.tcp_flags & (RST | ACK) == RST | ACK and _sequence(p) == 0 for _, p in view.replies
    )
    return view.culprits if found else NONE


@evidence
def reply_to_third(view: View) -> Macs:
    """A server's reply goes to a MAC that is neither the client's nor a gateway's nor a balancer's."""
    right = view.gateways | view.balancers | frozenset(view.clients.values())
    return frozenset(p.src_mac for _, p in view.replies if p.src_mac in view.servers and p.dst_mac not in right)


@evidence
def asks_for_routed(view: View) -> Macs:
    """A server asks by ARP, three times or more, for a client behind the router that it was given a request of."""
    given = {(p.dst_mac, p.src) for _, p in view.requests}
    asked: dict[tuple[bytes, bytes], int] = {}
    for _, p, (op, _, _, _, target) in view.arps():
        if op == 1 and (p.src_mac, target) in given and p.src_mac in view.servers:
            asked[p.src_mac, target] = asked.get((p.src_mac, target), 0) + 1
    return frozenset(mac for (mac, target), times in asked.items() if times >= 3 and target[:3] != view.vip[:3])


@evidence
def reset_by_other_server(view: View) -> Macs:
    """A RST from the VIP comes from a server that does not have that connection."""
    owner: dict[tuple[bytes, int], set[bytes]] = {}
    for _, p in view.replies:
        if p.protocol == TCP and p.src_mac in view.servers and not p.tcp_flags & RST:
            owner.setdefault((p.dst, p.ports[1]), set()).add(p.src_mac)
    found = set()
    for _, p in view.replies:
        if p.protocol == TCP and p.tcp_flags & RST and p.src_mac in view.servers and p.tcp_flags & ACK == 0:
            mine = owner.get((p.dst, p.ports[1]), set())
            if mine and p.src_mac not in mine:
                found.add(p.src_mac)
    return frozenset(found)


@evidence
def balancer_reset(view: View) -> Macs:
    """The balancer sends RST for a connection that a server serves."""
    served = {(p.src, p.ports[0]) for _, p in view.forwards if p.protocol == TCP and not p.tcp_flags & SYN}
    return frozenset(
        p.src_mac for _, p in view.replies
        if p.protocol == TCP and p.tcp_flags & RST and p.src_mac in view.balancers and (p.dst, p.ports[1]) in served
    )  # fmt: skip


@evidence
def old_owner_asked(view: View) -> Macs:
    """Requests still go to a balancer's old MAC, three seconds and more after another one answered for the VIP."""
    moved: dict[bytes, int] = {}
    for time, _, (_, mac, sender, _, _) in view.arps():
        if sender == view.vip and mac in view.balancers:
            moved.setdefault(mac, time)
    if len(moved) < 2:
        return NONE
    new = max(moved, key=lambda mac: moved[mac])
    late = [p for t, p in view.requests if p.dst_mac in moved and p.dst_mac != new and t > moved[new] + 3 * SECOND]
    return frozenset({new}) if len(late) > 3 else NONE


@evidence
def stale_owner_asked(view: View) -> Macs:
    """One balancer's adverts end and another's begin, and requests still go to the first one six seconds later."""
    said: dict[bytes, list[int]] = {}
    for time, p in view.packets:
        if p.version and p.protocol == packets.VRRP and p.src_mac in view.balancers:
            said.setdefault(p.src_mac, []).append(time)
    tenures = sorted((min(times), max(times), mac) for mac, times in said.items())
    if len(tenures) < 2 or tenures[-2][1] >= tenures[-1][0]:
        return NONE
    since, _, new = tenures[-1]
    late = [p for t, p in view.requests if p.dst_mac == tenures[-2][2] and t > since + 6 * SECOND]
    return frozenset({new}) if late else NONE


@evidence
def server_unanswering(view: View) -> Macs:
    """A balancer asks for a server again and again, and gets no answer from then on."""
    asked: dict[bytes, list[int]] = {}
    last: dict[bytes, int] = {}
    for time, p, (op, _, sender, _, target) in view.arps():
        if op == 1 and p.src_mac in view.balancers and target in view.real:
            asked.setdefault(target, []).append(time)
        if op == 2 and sender in view.real:
            last[sender] = time
    return frozenset(view.real[a] for a, times in asked.items() if sum(t > last.get(a, 0) for t in times) >= 3)


@evidence
def forward_without_sign_of_life(view: View) -> Macs:
    """Forwards to a MAC that never sends anything."""
    given: dict[bytes, int] = {}
    for _, p in view.forwards:
        given[p.dst_mac] = given.get(p.dst_mac, 0) + 1
    alive = {p.src_mac for _, p in view.packets}
    return frozenset(mac for mac, count in given.items() if count >= 3 and mac not in alive and not mac[0] & 1)


@evidence
def forward_to_nobody(view: View) -> Macs:
    """Forwards from the balancer to a MAC that nobody has, and that never sends anything, three at least."""
    given: dict[bytes, int] = {}
    for _, p in view.requests:
        if p.src_mac in view.balancers or p.dst_mac not in view.balancers | view.servers | view.gateways:
            given[p.dst_mac] = given.get(p.dst_mac, 0) + 1
    alive = {p.src_mac for _, p in view.packets}
    return frozenset(mac for mac, count in given.items() if count >= 3 and mac not in alive)


@evidence
def culprit_serves(view: View) -> Macs:
    """The host in question gets forwards."""
    return view.culprits & frozenset(p.dst_mac for _, p in view.forwards)


@evidence
def redirect(view: View) -> Macs:
    """An ICMP redirect quotes a packet of a balanced service."""
    found = set()
    for _, p in view.packets:
        if p.version == 4 and p.protocol == packets.ICMP and p.frame[p.transport] == 5:
            quoted = p.frame[p.transport + 8 : p.end]
            ends, protocol = (quoted[12:16], quoted[16:20]), quoted[9]
        elif p.version == 6 and p.protocol == packets.ICMP6 and p.frame[p.transport] == 137:
            quoted = _redirected6(p.frame[p.transport + 40 : p.end])
            ends, protocol = (quoted[8:24], quoted[24:40]), quoted[6]
        else:
            continue
        if view.vip in ends and protocol in (TCP, UDP):
            found.add(p.src_mac)
    return frozenset(found)


def _redirected6(options: bytes) -> bytes:
    """The packet in the Redirected Header option (RFC 4861, 4.6.3), among options of so many times eight octets."""
    while options[0] != 4:
        options = options[8 * options[1] :]
    return options[8:]


def _icmp_errors(view: View) -> Iterator[tuple[Packet, bytes]]:
    """ICMP errors (IPv4) with the packet each quotes."""
    for _, p in view.packets:
        if p.version == 4 and p.protocol == packets.ICMP and p.frame[p.transport] in (3, 5, 11):
            yield p, p.frame[p.transport + 8 : p.end]


@evidence
def unreachable(view: View) -> Macs:
    """A server calls a balanced port of the VIP unreachable."""
    return frozenset(
        p.src_mac for p, quoted in _icmp_errors(view)
        if p.src_mac in view.servers and quoted[16:20] == view.vip and quoted[9] in (TCP, UDP)
        and p.frame[p.transport : p.transport + 2] in (b"\x03\x02", b"\x03\x03", b"\x03\x0a")
        and int.from_bytes(quoted[22:24], "big") in view.ports
    )  # fmt: skip


@evidence
def tunnel_refused(view: View) -> Macs:
    """A server calls the protocol of a tunnel unreachable."""
    return frozenset(
        p.src_mac for p, quoted in _icmp_errors(view)
        if p.src_mac in view.servers and p.frame[p.transport : p.transport + 2] == b"\x03\x02"
        and quoted[9] in (packets.IPIP, packets.IP6_IN_IP)
    )  # fmt: skip


@evidence
def check_green_while_vip_dies(view: View) -> Macs:
    """A server answers a check of its real address, and none of the connections to the VIP that it is given."""
    checked = {
        p.src_mac for _, p in view.packets
        if p.version and p.src in view.real and p.dst in view.snips and p.src_mac in view.servers
        and (p.protocol in (packets.ICMP, packets.ICMP6) or p.tcp_flags & (SYN | ACK) == SYN | ACK)
    }  # fmt: skip
    served = {p.src_mac for _, p in view.replies if p.protocol != TCP or not p.tcp_flags & RST}
    went_on = {p.dst_mac for _, p in view.forwards if p.protocol == TCP and not p.tcp_flags & SYN}
    return (syn_unanswered(view) & checked) - served - went_on


@evidence
def mss_too_large(view: View) -> Macs:
    """A SYN-ACK from the VIP states a segment size that does not fit 1500 octets once it is in the tunnel."""
    found = set()
    for _, p in view.replies:
        if p.protocol == TCP and p.tcp_flags & (SYN | ACK) == SYN | ACK:
            options = p.frame[p.transport + 20 : p.transport + 24]
            if options[:2] == b"\x02\x04" and int.from_bytes(options[2:], "big") > 1440:
                found.add(p.src_mac)
    return frozenset(found)


@evidence
def too_big_kept(view: View) -> Macs:
    """A balancer gets ICMP too-big about replies to one connection three times or more, and no server gets any."""
    came: dict[bytes, int] = {}
    given = set()
    for p, quoted in _icmp_errors(view):
        if p.frame[p.transport : p.transport + 2] == b"\x03\x04" and quoted[12:16] == view.vip:
            flow = quoted[12:24]
            if p.dst_mac in view.balancers:
                came[flow] = came.get(flow, 0) + 1
            elif p.dst_mac in view.servers:
                given.add(flow)
    return view.balancers if any(n >= 3 and flow not in given for flow, n in came.items()) else NONE


@evidence
def answered_by_stranger(view: View) -> Macs:
    """Within a second of a balancer's answer for the VIP somebody gives the same asker another one."""
    last: dict[bytes, tuple[int, bytes]] = {}
    found: set[bytes] = set()
    for time, _, (op, mac, sender, target_mac, _) in view.arps():
        if op == 2 and sender == view.vip:
            before = last.get(target_mac)
            if before is not None and before[1] != mac and time < before[0] + SECOND:
                found |= {mac, before[1]}
            last[target_mac] = (time, mac)
    return frozenset(found - view.balancers - view.servers) if found & view.balancers else NONE


@evidence
def flood(view: View) -> Macs:
    """In some second sixty or more SYNs come to the VIP that are never followed up by a packet of their sender."""
    first: dict[tuple[bytes, int], int] = {}
    count: dict[tuple[bytes, int], int] = {}
    for time, p in view.requests:
        if p.protocol == TCP and p.src_mac not in view.balancers:
            key = (p.src, p.ports[0])
            first.setdefault(key, time)
            count[key] = count.get(key, 0) + 1
    alone: dict[int, int] = {}
    for key, time in first.items():
        if count[key] == 1:
            alone[time // SECOND] = alone.get(time // SECOND, 0) + 1
    return view.culprits if max(alone.values(), default=0) >= 60 else NONE


@evidence
def too_big_again(view: View) -> Macs:
    """ICMP too-big for one connection comes three times or more."""
    count: dict[bytes, int] = {}
    found = set()
    for _, p in view.packets:
        if p.version == 4 and p.protocol == packets.ICMP and p.frame[p.transport : p.transport + 2] == b"\x03\x04":
            quoted = p.frame[p.transport + 8 : p.end]
            key = quoted[12:24]
            count[key] = count.get(key, 0) + 1
            if count[key] >= 3:
                found.add(p.src_mac)
    return frozenset(found)


@evidence
def large_lost(view: View) -> Macs:
    """Full-size requests are repeated, and never forwarded, where both would be seen."""
    asked: dict[tuple[bytes, int, int], int] = {}
    given = set()
    for _, p in view.requests:
        if p.protocol == TCP and len(p.payload) > 1400:
            key = (p.src, p.ports[0], _sequence(p))
            if p.src_mac in view.balancers or p.dst_mac in view.servers:
                given.add(key)
            else:
                asked[key] = asked.get(key, 0) + 1
    again = [key for key, times in asked.items() if times >= 3 and key not in given]
    return frozenset(view.balancers) if again else NONE


@evidence
def requests_heavier(view: View) -> Macs:
    """Requests to the VIP carry more octets than its replies, both seen."""
    up = sum(len(p.payload) for _, p in view.requests if p.src_mac not in view.balancers)
    up = up or sum(len(p.payload) for _, p in view.requests)
    down = sum(len(p.payload) for _, p in view.replies)
    return view.culprits or view.balancers if up > 10_000 and up > down else NONE


@evidence
def foreign_subnet_question(view: View) -> Macs:
    """The balancer asks by ARP from a subnet that is not the VIP's."""
    return frozenset(
        p.src_mac for _, p, (op, _, sender, _, _) in view.arps()
        if op == 1 and p.src_mac in view.balancers and any(sender) and sender[:3] != view.vip[:3]
    )  # fmt: skip


@evidence
def anything(view: View) -> Macs:
    """The vantage has traffic of the service."""
    return view.culprits or view.balancers if view.requests or view.replies else NONE
