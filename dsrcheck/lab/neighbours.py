"""ARP and NDP: who answers, who asks as whom, and what is remembered, as Linux does it.

Sources: Linux networking/ip-sysctl (arp_ignore, arp_announce, arp_accept), net/ipv4/arp.c (the first of several answers
wins for a second; a request addressed to us always overwrites), net/core/neighbour.c (reachable, stale, delay, probe),
net/ipv6/ndisc.c (the override flag; loopback addresses are not answered for).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND, Timer

if TYPE_CHECKING:
    from dsrcheck.lab.host import Host, Interface

REACHABLE = 30 * SECOND  # base_reachable_time: the real one is drawn between half and one and a half of it
DELAY = 5 * SECOND  # delay_first_probe_time
RETRANSMIT = 1 * SECOND
LOCK = 1 * SECOND  # locktime: an answer within it does not replace the one before
ATTEMPTS = 3  # ucast_solicit and mcast_solicit
QUEUE = 101  # packets that wait for an answer

NS, NA, REDIRECT6 = 135, 136, 137
ROUTER, SOLICITED, OVERRIDE = 0x80, 0x40, 0x20


class Neighbour:
    """What is remembered of a neighbour. `state`: incomplete, reachable, stale, delay, probe, failed, permanent."""

    __slots__ = ("asked", "mac", "state", "timer", "until", "updated", "waiting")

    def __init__(self) -> None:
        self.mac = b""
        self.state = "new"
        self.updated = 0
        self.until = 0
        self.asked = 0
        self.timer: Timer | None = None
        self.waiting: list[tuple[bytes, bytes, bytes | None]] = []


class Neighbours:
    """The neighbour cache of one interface, and the answering of questions that come in on it."""

    def __init__(self, host: Host, interface: Interface) -> None:
        self.host = host
        self.interface = interface
        self.entries: dict[bytes, Neighbour] = {}
        self.heard: dict[bytes, int] = {}

    # What the host wants to send.

    def send(self, hop: bytes, packet: bytes, source: bytes, src_mac: bytes | None = None) -> None:
        """Send an IP packet to the neighbour `hop`, when its MAC is known.

        `source`: the packet's source address. `src_mac`: the source MAC, if it is not to be the interface's own.
        """
        entry = self.entries.get(hop)
        if entry is not None and entry.mac and entry.state != "failed":
            state = entry.state
            if state == "reachable" and self.host.clock.now > entry.until:
                state = entry.state = "stale"
            if state == "stale":
                entry.state = "delay"
                entry.timer = self.host.clock.timer(DELAY, lambda: self._probe(hop))
            self.interface.send(entry.mac, packet, src_mac)
            return
        if entry is None:
            entry = self.entries[hop] = Neighbour()
        if len(entry.waiting) < QUEUE:
            entry.waiting.append((packet, source, src_mac))
        if entry.state != "incomplete":
            entry.state, entry.asked, entry.mac = "incomplete", 0, b""
            self._ask(hop)

    def confirm(self, hop: bytes) -> None:
        """The transport made progress with this neighbour: no need to ask."""
        entry = self.entries.get(hop)
        if entry is not None and entry.mac and entry.state not in ("permanent", "failed"):
            self._reachable(entry)

    def set(self, address: bytes, mac: bytes, state: str = "permanent") -> None:
        """An entry made by hand: one that stays, or a `stale` one, used until it has been asked for in vain."""
        entry = self.entries.setdefault(address, Neighbour())
        entry.mac, entry.state = mac, state

    def forget(self, address: bytes) -> None:
        """Remove an entry (ip neigh del)."""
        entry = self.entries.pop(address, None)
        if entry is not None and entry.timer is not None:
            entry.timer.cancel()

    def mac(self, address: bytes) -> bytes | None:
        """The MAC an address is known to be at, or none."""
        entry = self.entries.get(address)
        return entry.mac if entry is not None and entry.mac and entry.state != "failed" else None

    def _ask(self, hop: bytes) -> None:
        entry = self.entries.get(hop)
        if entry is None or entry.state != "incomplete":
            return
        if entry.asked == ATTEMPTS:
            entry.state = "failed"
            waiting, entry.waiting = entry.waiting, []
            for packet, _, _ in waiting:
                self.host.unreachable(packet, self.interface)
            return
        entry.asked += 1
        source = entry.waiting[0][1] if entry.waiting else b""
        self.solicit(hop, source)
        entry.timer = self.host.clock.timer(RETRANSMIT, lambda: self._ask(hop))

    def _probe(self, hop: bytes) -> None:
        entry = self.entries.get(hop)
        if entry is None or entry.state not in ("delay", "probe"):
            return
        if entry.state == "delay":
            entry.state, entry.asked = "probe", 0
        if entry.asked == ATTEMPTS:
            entry.state = "failed"
            return
        entry.asked += 1
        self.solicit(hop, b"", entry.mac)
        entry.timer = self.host.clock.timer(RETRANSMIT, lambda: self._probe(hop))

    def solicit(self, target: bytes, source: bytes, known: bytes = b"") -> None:
        """Ask who has `target`; everybody, or only the `known` MAC. `source`: of the packet that waits, if any."""
        if len(target) == 4:
            sender = self._sender(target, source)
            body = packets.arp(1, self.interface.mac, sender, bytes(6), target)
            self.interface.transmit(known or packets.BROADCAST, body, packets.ETHERTYPE_ARP)
        else:
            mine = source if source in self.interface.addresses else packets.link_local(self.interface.mac)
            group = target if known else packets.solicited_node(target)
            self.solicit6(target, mine, group, known or packets.multicast_mac(group))

    def solicit6(self, target: bytes, source: bytes, group: bytes, mac: bytes) -> None:
        """A neighbour solicitation; from the unspecified address it is duplicate address detection."""
        option = b"" if not any(source) else b"\x01\x01" + self.interface.mac
        body = packets.icmp6(source, group, NS, 0, bytes(4), target + option)
        self.interface.transmit(mac, packets.ipv6(source, group, packets.ICMP6, body, 255))

    def _sender(self, target: bytes, source: bytes) -> bytes:
        """Whose address a question states as the asker's: arp_announce, 2 is the best of the outgoing interface."""
        announce = self.host.sysctl("arp_announce", self.interface)
        if source and self.host.is_local(source):
            if announce == 0:
                return source
            if announce == 1 and self.interface.on_link(target) and self.interface.same_subnet(source, target):
                return source
        return self.interface.source_for(target)

    # What the network says.

    def arp(self, frame: packets.Packet) -> None:
        """An ARP message has come in."""
        operation, sender_mac, sender, _, target = frame.arp
        if operation == 1 and self._answers(target, sender):
            mac = self.interface.mac_of(target)
            body = packets.arp(2, mac, target, sender_mac, sender)
            if any(sender):
                self._learn(sender, sender_mac, "stale", override=True, create=True)
            delay = self.host.delay(20, 60)
            self.host.clock.at(
                self.host.clock.now + delay, self.interface.transmit, sender_mac, body, packets.ETHERTYPE_ARP, mac
            )
            return
        if not any(sender) or self.host.is_local(sender):
            return
        self.heard[sender] = self.host.clock.now
        gratuitous = sender == target
        to_us = operation == 2 and not frame.dst_mac[0] & 1
        entry = self.entries.get(sender)
        if entry is None:
            return
        late = self.host.clock.now > entry.updated + LOCK
        self._learn(sender, sender_mac, "reachable" if to_us else "stale", late or gratuitous, create=False)

    def _answers(self, target: bytes, sender: bytes) -> bool:
        if self.host.is_local(sender) and not self.host.defends:
            return False
        ignore = self.host.sysctl("arp_ignore", self.interface)
        if self.host.proxy_arp(target, self.interface):
            return True
        if not self.host.is_local(target):
            return False
        here = target in self.interface.addresses
        if ignore == 0:
            return True
        if ignore == 1:
            return here
        if ignore == 2:
            return here and self.interface.same_subnet(target, sender)
        if ignore == 3:
            # Silent for host scope; an address of global scope on the loopback is still answered for.
            return True
        return ignore != 8 and here

    def ndp(self, frame: packets.Packet) -> None:
        """A neighbour solicitation or advertisement has come in (the caller looked at the hop limit)."""
        at, octets = frame.transport, frame.frame
        kind, target = octets[at], octets[at + 8 : at + 24]
        option = octets[at + 24 : frame.end]
        if kind == NS:
            if target not in self.interface.answering6():
                return
            if any(frame.src):
                mac = option[2:8] if option[:2] == b"\x01\x01" else frame.src_mac
                self._learn(frame.src, mac, "stale", override=True, create=True)
            delay = self.host.delay(20, 60)
            self.host.clock.at(
                self.host.clock.now + delay, self.advertise, target, frame.src, frame.src_mac, frame.dst == target
            )
        elif kind == NA:
            self.heard[target] = self.host.clock.now
            if target not in self.entries:
                return
            flags = octets[at + 4]
            mac = option[2:8] if option[:2] == b"\x02\x01" else frame.src_mac
            state = "reachable" if flags & SOLICITED else "stale"
            self._learn(target, mac, state, bool(flags & OVERRIDE), create=False)

    def advertise(self, target: bytes, to: bytes, mac: bytes, probed: bool = False) -> None:
        """Send a neighbour advertisement; to everybody when the asker has no address."""
        flags = ROUTER if self.host.sysctl("ip_forward", self.interface) else 0
        if not any(to):
            to, mac = packets.ip("ff02::1"), b"\x33\x33\0\0\0\x01"
            flags |= OVERRIDE
        else:
            flags |= SOLICITED | (0 if probed else OVERRIDE)
        mine = self.interface.mac_of(target)
        option = b"" if probed else b"\x02\x01" + mine
        body = packets.icmp6(target, to, NA, 0, bytes([flags, 0, 0, 0]), target + option)
        self.interface.transmit(mac, packets.ipv6(target, to, packets.ICMP6, body, 255), src_mac=mine)

    def announce(self, address: bytes, mac: bytes | None = None) -> None:
        """Gratuitous ARP (a request for the own address, RFC 5227), or an unsolicited advertisement."""
        mine = mac or self.interface.mac_of(address)
        if len(address) == 4:
            body = packets.arp(1, mine, address, bytes(6), address)
            self.interface.transmit(packets.BROADCAST, body, packets.ETHERTYPE_ARP, mine)
        else:
            self.advertise(address, bytes(16), b"")

    def _learn(self, address: bytes, mac: bytes, state: str, override: bool, create: bool) -> None:
        entry = self.entries.get(address)
        if entry is None:
            if not create:
                return
            entry = self.entries[address] = Neighbour()
        if entry.state == "permanent":
            return
        if entry.mac and entry.mac != mac and not override and entry.state != "failed":
            return
        changed = entry.mac != mac
        entry.mac = mac
        entry.updated = self.host.clock.now
        if state == "reachable":
            self._reachable(entry)
        elif changed or entry.state in ("new", "incomplete", "failed"):
            if entry.timer is not None:
                entry.timer.cancel()
            entry.state = "stale"
        waiting, entry.waiting = entry.waiting, []
        for packet, source, src_mac in waiting:
            self.send(address, packet, source, src_mac)

    def _reachable(self, entry: Neighbour) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        entry.state = "reachable"
        entry.until = self.host.clock.now + REACHABLE // 2 + self.host.dice.between(0, 30_000) * MILLISECOND
