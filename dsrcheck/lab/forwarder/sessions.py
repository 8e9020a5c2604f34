"""The session table: which server has a connection, until it is closed or has been silent for too long."""

from __future__ import annotations

from dsrcheck.lab import packets
from dsrcheck.lab.forwarder.settings import Server, Settings
from dsrcheck.records import dataclass

Key = tuple[int, bytes, int, bytes, int]
"""Protocol, client, its port, VIP, its port."""


@dataclass
class Session:
    """One connection. `number` counts them. `translated`: the balancer's own port, when it hides the client."""

    key: Key
    server: Server
    number: int
    until: int
    state: str = "syn"
    translated: int = 0


class Sessions:
    """The table. It sees requests only: a connection counts as closed when the client closes it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.by_key: dict[Key, Session] = {}
        self.by_server: dict[Key, Session] = {}
        self.made = 0

    def find(self, key: Key, now: int) -> Session | None:
        session = self.by_key.get(key)
        if session is not None and now > session.until:
            self.drop(session)
            return None
        return session

    def reverse(self, packet: packets.Packet, now: int) -> Session | None:
        """The session that a server's packet belongs to, where replies cross the balancer."""
        src_port, dst_port = packet.ports
        session = self.by_server.get((packet.protocol, packet.src, src_port, packet.dst, dst_port))
        return session if session is not None and now <= session.until else None

    def add(self, key: Key, server: Server, now: int) -> Session:
        """A new connection; its replies come from the server's address to the client's."""
        self.made += 1
        session = self.by_key[key] = Session(key, server, self.made, now + self.settings.syn_timeout)
        self.by_server[key[0], server.address, key[4], key[1], key[2]] = session
        return session

    def translate(self, session: Session, peer: bytes, address: bytes, port: int) -> None:
        """The replies of this connection come from `peer` to the balancer's own address and port."""
        session.translated = port
        self.by_server[session.key[0], peer, session.key[4], address, port] = session

    def drop(self, session: Session) -> None:
        self.by_key.pop(session.key, None)
        self.by_server = {k: s for k, s in self.by_server.items() if s is not session}

    def clear(self) -> None:
        """Lose everything, as a restart does."""
        self.by_key.clear()
        self.by_server.clear()

    def touch(self, session: Session, packet: packets.Packet, now: int) -> None:
        """A packet of the client: it keeps the session, and may change its state."""
        settings = self.settings
        if packet.protocol != packets.TCP:
            session.state, session.until = "udp", now + settings.udp_timeout
            return
        flags = packet.tcp_flags
        if flags & (packets.FIN | packets.RST) or session.state == "closing":
            session.state, session.until = "closing", now + settings.fin_timeout
        elif flags & packets.SYN:
            session.until = now + settings.syn_timeout
        else:
            session.state, session.until = "established", now + settings.established_timeout

    def active(self, now: int) -> dict[str, int]:
        """Open connections by server."""
        count: dict[str, int] = {}
        for session in self.by_key.values():
            if now <= session.until and session.state != "closing":
                count[session.server.name] = count.get(session.server.name, 0) + 1
        return count
