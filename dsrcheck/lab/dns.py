"""DNS, one question and one answer, built with dpkt: the lab's UDP service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dpkt

from dsrcheck.lab.clock import SECOND

if TYPE_CHECKING:
    from dsrcheck.lab.host import Host

PORT = 53


def question(identifier: int, name: str) -> bytes:
    """A recursive question for an address record."""
    asked = dpkt.dns.DNS.Q(name=name, type=dpkt.dns.DNS_A, cls=dpkt.dns.DNS_IN)
    return bytes(dpkt.dns.DNS(id=identifier, op=dpkt.dns.DNS_RD, qd=[asked]))


def answer(asked: bytes) -> bytes:
    """The answer to a question: always 198.51.100.7 (RFC 5737)."""
    query = dpkt.dns.DNS(asked)
    name = query.qd[0].name
    record = dpkt.dns.DNS.RR(name=name, type=dpkt.dns.DNS_A, cls=dpkt.dns.DNS_IN, ttl=300, ip=bytes([198, 51, 100, 7]))
    record.rdata = record.ip
    reply = dpkt.dns.DNS(id=query.id, qd=query.qd, an=[record])
    reply.op = dpkt.dns.DNS_QR | dpkt.dns.DNS_RD | dpkt.dns.DNS_RA
    return bytes(reply)


class Resolver:
    """Asks one question, again every two seconds, three times in all, as dig does with +tries=3 +time=2."""

    def __init__(self, host: Host, server: bytes, port: int = PORT) -> None:
        self.host = host
        self.server = server
        self.port = port
        self.tries = 0
        self.answered = False

    def ask(self, name: str) -> None:
        """Ask, and ask again if no answer comes."""
        if self.answered or self.tries == 3:
            return
        src = self.host.source_for(self.server)
        if src is None:
            return
        self.tries += 1
        message = question(self.host.dice.bits(16), name)
        src_port = self.host.tcp.free_port()
        self.host.udp.ask(src, src_port, self.server, self.port, message, self._heard)
        self.host.clock.timer(2 * SECOND, lambda: self.ask(name))

    def _heard(self, reply: bytes) -> None:
        self.answered = True
