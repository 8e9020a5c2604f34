"""Methods: which server gets a connection (or a packet, sessionless)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsrcheck.lab.forwarder.settings import Server

GOLDEN = 2_654_435_761  # Knuth's multiplicative hash, as in Linux ip_vs_sh.c


class Scheduler:
    """Picks servers. `method` is one of settings.METHODS; a server that is down is passed over."""

    def __init__(self, method: str) -> None:
        self.method = method
        self._next = 0

    def pick(
        self, servers: Sequence[Server], up: Mapping[str, bool], client: bytes, active: Mapping[str, int]
    ) -> Server | None:
        """A server for a client, or none if all are down. `active`: open connections by server."""
        alive = [server for server in servers if up[server.name]]
        if not alive:
            return None
        if self.method == "source-hash":
            first = source_hash(client, len(servers))
            # The next one up takes over for a dead one, and only its clients move.
            return next(s for s in [*servers[first:], *servers[:first]] if up[s.name])
        if self.method == "round-robin":
            self._next += 1
            return alive[(self._next - 1) % len(alive)]
        return min(alive, key=lambda server: active.get(server.name, 0))


def source_hash(client: bytes, count: int) -> int:
    """A place for a client address, always the same."""
    number = 0
    for start in range(0, len(client), 4):
        number ^= int.from_bytes(client[start : start + 4], "big")
    return (number * GOLDEN & 0xFFFF_FFFF) * count >> 32
