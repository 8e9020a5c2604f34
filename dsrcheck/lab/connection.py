"""One end of a TCP connection: numbers, windows, timers, what is sent and what is taken.

Sources: RFC 9293; RFC 6298 (retransmission timer: 1 s at first, doubled); RFC 5681 and 6582 (slow start, duplicate and
partial acknowledgements); RFC 7323 (timestamps, window scale). Options, windows and the identification of zero in
SYN-ACK and RST are those of Linux 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dsrcheck.lab import packets
from dsrcheck.lab.clock import MILLISECOND, SECOND, Timer
from dsrcheck.lab.packets import ACK, FIN, PSH, RST, SYN

if TYPE_CHECKING:
    from dsrcheck.lab.packets import Packet
    from dsrcheck.lab.tcp import Tcp

MASK = 0xFFFF_FFFF
FLIGHT = 32  # most segments in flight: stays below the windows, so that nobody ever fills one
SUPER = 22  # segments that a card with offload takes at once
DELAYED_ACK = 40 * MILLISECOND
TIME_WAIT = 60 * SECOND
WINDOWS = {4: (64240, 65160), 6: (64800, 64260)}  # of SYN and SYN-ACK, unscaled


class App(Protocol):
    """What sits on a connection."""

    def opened(self, connection: Connection) -> None:
        """The handshake is through."""

    def data(self, connection: Connection, payload: bytes) -> None:
        """The next octets of the stream."""

    def finished(self, connection: Connection) -> None:
        """The other side has sent all it will."""

    def failed(self, connection: Connection, why: str) -> None:
        """Refused, reset, or no answer."""


class Connection:
    """One end of a connection. Sequence numbers count from the initial one on, unwrapped: the SYN is 0, data from 1."""

    def __init__(self, tcp: Tcp, src: bytes, src_port: int, dst: bytes, dst_port: int, app: App | None) -> None:
        self.tcp = tcp
        self.key = (src, src_port, dst, dst_port)
        self.src, self.src_port, self.dst, self.dst_port = self.key
        self.app = app
        self.state = "closed"
        self.initial = tcp.host.dice.bits(32)
        self.stamp = tcp.host.dice.bits(32)
        self.ident = tcp.host.dice.bits(16)
        self.peer_initial = self.peer_stamp = 0
        self.sent = self.acked = self.top = self.received = 0
        self.buffer = bytearray()
        self.buffer_base = 1
        self.closing = False
        self.version = 4 if len(dst) == 4 else 6
        self.header = 40 if self.version == 4 else 60
        self.mss = 536
        self.window = 502
        self.congestion = 10
        self.threshold = FLIGHT
        self.duplicates = 0
        self.recover = 0
        self.early: list[tuple[int, bytes]] = []
        self.unacknowledged = 0
        self.ack_timer: Timer | None = None
        self.timer: Timer | None = None
        self.deadline = 0
        self.backoff = 0
        self.round_trip = 0
        self.timed: tuple[int, int] | None = None
        self.fin_at: int | None = None
        self.confirmed = 0
        self.answered = 0

    # What the application does.

    def open(self) -> None:
        """Send the SYN."""
        self.state = "syn-sent"
        self.sent = self.top = 1
        self._syn(SYN)
        self._arm(1 * SECOND)

    def accept(self, packet: Packet) -> None:
        """Answer a SYN."""
        self.state = "syn-received"
        self.window = 509
        self._peer_syn(packet)
        self.sent = self.top = 1
        self._syn(SYN | ACK)
        self._arm(1 * SECOND)

    def write(self, payload: bytes) -> None:
        """Send octets when the window allows."""
        self.buffer += payload
        self._push()

    def close(self) -> None:
        """Send all that is left, then FIN."""
        self.closing = True
        self._push()

    def abort(self) -> None:
        """Reset the connection."""
        self._segment(self.sent, RST | ACK, b"")
        self._end()

    # Segments in.

    def input(self, packet: Packet, flags: int) -> None:
        """A segment for this connection."""
        frame, at = packet.frame, packet.transport
        seq, ack = int.from_bytes(frame[at + 4 : at + 8], "big"), int.from_bytes(frame[at + 8 : at + 12], "big")
        if self.state == "syn-sent":
            self._answered(packet, flags, ack)
            return
        distance = (seq - self.peer_initial - self.received) & MASK
        if distance >> 31:
            distance -= 1 << 32
        if flags & RST:
            if distance == 0:
                self._fail("reset")
            return
        if flags & SYN:
            self._repeat_handshake(flags)
            return
        payload = packet.payload
        self._stamp(packet)
        if flags & ACK:
            self._acknowledged(ack, bool(payload) or bool(flags & FIN))
        if self.state == "closed":
            return
        if payload or flags & FIN:
            self._take(distance, payload, flags)

    def _answered(self, packet: Packet, flags: int, ack: int) -> None:
        if flags & ACK and (ack - self.initial) & MASK != 1:
            return
        if flags & RST:
            self._fail("refused")
        elif flags & SYN and flags & ACK:
            self._peer_syn(packet)
            self.acked = 1
            self._disarm()
            self.state = "established"
            self._ack()
            self.window = 501
            if self.app is not None:
                self.app.opened(self)

    def _peer_syn(self, packet: Packet) -> None:
        frame, at = packet.frame, packet.transport
        self.peer_initial = int.from_bytes(frame[at + 4 : at + 8], "big")
        self.received = 1
        offered = _mss_option(frame[at + 20 : at + ((frame[at + 12] >> 4) << 2)])
        known = self.tcp.path_mtu.get(self.dst, 65535)
        self.mss = min(offered, self._own_mss(), known - self.header) - 12
        self._stamp(packet)

    def _repeat_handshake(self, flags: int) -> None:
        now = self.tcp.host.clock.now
        if self.state == "syn-received":
            # Linux limits the answers to repeated SYNs (tcp_invalid_ratelimit, 500 ms).
            if now > self.answered + SECOND // 2:
                self._syn(SYN | ACK)
                self.deadline = now + (SECOND << self.backoff)
        elif flags & ACK:
            self._ack()

    def _acknowledged(self, ack: int, carries: bool) -> None:
        moved = (ack - self.initial - self.acked) & MASK
        if self.state == "syn-received":
            if moved == 0:
                return
            self.state = "established"
            self._disarm()
            self.acked = 1
            moved -= 1
            if self.app is not None:
                self.app.opened(self)
        if moved == 0:
            if not carries and self.sent > self.acked:
                self._duplicate()
            return
        if moved > self.top - self.acked:
            return
        self.acked += moved
        self.sent = max(self.sent, self.acked)
        self.duplicates, self.backoff = 0, 0
        if self.timed is not None and self.acked >= self.timed[0]:
            self.round_trip = self.tcp.host.clock.now - self.timed[1]
            self.timed = None
        self._forget()
        if self.recover and self.acked < self.recover:
            self._retransmit(1)
        else:
            self.recover = 0
            self.congestion = min(FLIGHT, self.congestion + (1 if self.congestion < self.threshold else 0))
        self._confirm()
        if self.sent > self.acked:
            self._arm(self._timeout())
        else:
            self._disarm()
        if self.fin_at is not None and self.acked > self.fin_at:
            self._fin_acknowledged()
        self._push()

    def _take(self, distance: int, payload: bytes, flags: int) -> None:
        """Octets of the stream: in order, again, or too early."""
        fin = bool(flags & FIN)
        if distance > 0:
            self.early.append((self.received + distance, payload))
            self._ack(sack=True)
            return
        fresh = payload[-distance:] if distance else payload
        ended = self.state in ("close-wait", "last-ack", "time-wait")
        if (not fresh and not fin) or ended or len(payload) + fin <= -distance:
            self._ack()
            return
        self.received += len(fresh)
        gathered = [fresh]
        self.early.sort()
        while self.early and self.early[0][0] <= self.received:
            start, held = self.early.pop(0)
            rest = held[self.received - start :]
            self.received += len(rest)
            gathered.append(rest)
        self.unacknowledged += 1
        if fin:
            self.received += 1
            self.state = "close-wait" if self.state == "established" else "time-wait"
        if fin or self.unacknowledged >= 2 or flags & PSH or len(gathered) > 1:
            wait_for_app = fin and self.state == "close-wait" and not self.early
            if not wait_for_app:
                self._ack()
        elif self.ack_timer is None:
            self.ack_timer = self.tcp.host.clock.timer(DELAYED_ACK, self._delayed_ack)
        whole = b"".join(gathered)
        if whole and self.app is not None:
            self.app.data(self, whole)
        if fin:
            self._peer_finished()

    def _peer_finished(self) -> None:
        if self.state == "time-wait":
            self._time_wait()
            return
        if self.app is not None:
            self.app.finished(self)
        if self.unacknowledged:
            self._ack()

    def _fin_acknowledged(self) -> None:
        if self.state == "last-ack":
            self._end()
        elif self.state in ("close-wait", "time-wait"):
            self._time_wait()
        else:
            self.state = "fin-wait"

    # Segments out.

    def _push(self) -> None:
        """Send what window and congestion allow, and FIN when all is said."""
        if self.state not in ("established", "close-wait", "fin-wait"):
            return
        end = self.buffer_base + len(self.buffer)
        offload = self.tcp.host.offload
        while self.sent < end and (self.sent - self.acked) < self.congestion * self.mss:
            room = self.congestion * self.mss - (self.sent - self.acked)
            most = self.mss * min(SUPER, max(1, room // self.mss)) if offload else self.mss
            start = self.sent - self.buffer_base
            chunk = bytes(self.buffer[start : start + most])
            last = self.sent + len(chunk) == end
            self._segment(self.sent, ACK | (PSH if last else 0), chunk)
            if self.timed is None and self.sent == self.top:
                self.timed = (self.sent + len(chunk), self.tcp.host.clock.now)
            self.sent += len(chunk)
            self.top = max(self.top, self.sent)
            if not self.deadline:
                self._arm(self._timeout())
        if self.closing and self.sent == end and (self.fin_at is None or self.sent == self.fin_at):
            self.fin_at = self.sent
            self._segment(self.sent, FIN | ACK, b"")
            self.sent += 1
            self.top = max(self.top, self.sent)
            self.state = "last-ack" if self.state == "close-wait" else "fin-wait"
            if not self.deadline:
                self._arm(self._timeout())

    def _segment(self, seq: int, flags: int, payload: bytes, options: bytes = b"") -> None:
        self.unacknowledged = 0
        if self.ack_timer is not None:
            self.ack_timer.cancel()
            self.ack_timer = None
        if not flags & SYN:
            options = b"\x01\x01" + self._timestamps() + options
        numbers = ((self.initial + seq) & MASK, (self.peer_initial + self.received) & MASK if flags & ACK else 0)
        window = self.window if not flags & SYN else WINDOWS[self.version][bool(flags & ACK)]
        host = self.tcp.host
        segment = packets.tcp(
            self.src,
            self.dst,
            (self.src_port, self.dst_port),
            numbers,
            flags,
            window,
            options,
            payload,
            host.offload,
        )
        ident = 0
        if flags & (SYN | ACK) != SYN | ACK:  # Linux sends SYN-ACKs with identification 0
            self.ident = ident = (self.ident + 1) & 0xFFFF
        host.send(packets.packet(self.src, self.dst, packets.TCP, segment, host.ttl, ident), self.src, self.dst)

    def _syn(self, flags: int) -> None:
        self.answered = self.tcp.host.clock.now
        options = (
            b"\x02\x04" + self._own_mss().to_bytes(2, "big") + b"\x04\x02" + self._timestamps() + b"\x01\x03\x03\x07"
        )
        self._segment(0, flags, b"", options)

    def _ack(self, sack: bool = False) -> None:
        self._segment(self.sent, ACK, b"", self._sack() if sack and self.early else b"")

    def _delayed_ack(self) -> None:
        self.ack_timer = None
        if self.unacknowledged:
            self._ack()

    def _sack(self) -> bytes:
        """Selective acknowledgement of what came too early (RFC 2018), at most three blocks."""
        blocks: list[list[int]] = []
        for start, held in sorted(self.early):
            if blocks and start <= blocks[-1][1]:
                blocks[-1][1] = max(blocks[-1][1], start + len(held))
            else:
                blocks.append([start, start + len(held)])
        told = b"".join(
            ((self.peer_initial + edge) & MASK).to_bytes(4, "big") for block in blocks[:3] for edge in block
        )
        return b"\x01\x01\x05" + bytes([2 + len(told)]) + told

    def _timestamps(self) -> bytes:
        own = (self.stamp + self.tcp.timestamp()) & MASK
        return b"\x08\x0a" + own.to_bytes(4, "big") + self.peer_stamp.to_bytes(4, "big")

    def _stamp(self, packet: Packet) -> None:
        frame, at = packet.frame, packet.transport
        options = frame[at + 20 : at + ((frame[at + 12] >> 4) << 2)]
        place = 2 if options[:2] == b"\x01\x01" else options.find(b"\x08\x0a")
        if place >= 0 and options[place : place + 2] == b"\x08\x0a":
            self.peer_stamp = int.from_bytes(options[place + 2 : place + 6], "big")

    def _own_mss(self) -> int:
        if self.tcp.mss is not None:
            return self.tcp.mss
        route = self.tcp.host.route(self.dst)
        return (route.interface.mtu if route else 1500) - self.header

    # Time-outs.

    def _timeout(self) -> int:
        base = max(200 * MILLISECOND, 4 * self.round_trip) if self.round_trip else SECOND
        return base << self.backoff

    def _arm(self, delay: int) -> None:
        """The timer is only moved, not made again: few ever fire."""
        self.deadline = self.tcp.host.clock.now + delay
        if self.timer is None:
            self.timer = self.tcp.host.clock.timer(delay, self._expired)
        elif self.timer.time > self.deadline:
            self.timer.cancel()
            self.timer = self.tcp.host.clock.timer(delay, self._expired)

    def _disarm(self) -> None:
        self.deadline = 0

    def _expired(self) -> None:
        self.timer = None
        if not self.deadline or self.state in ("closed", "time-wait"):
            return
        left = self.deadline - self.tcp.host.clock.now
        if left > 0:
            self.timer = self.tcp.host.clock.timer(left, self._expired)
            return
        self.backoff += 1
        if self.state in ("syn-sent", "syn-received"):
            if self.backoff > self.tcp.syn_retries:
                self._fail("no answer")
                return
            self._syn(SYN if self.state == "syn-sent" else SYN | ACK)
            self._arm(SECOND << self.backoff)
            return
        if self.backoff > 6:
            self._fail("no answer")
            return
        self.threshold = max(2, self.congestion // 2)
        self.congestion, self.recover, self.timed = 1, 0, None
        self._retransmit(0)
        self._arm(self._timeout())

    def _retransmit(self, fast: int) -> None:
        """Send again: the first segment that is missing; after a time-out go on from there."""
        end = self.buffer_base + len(self.buffer)
        if self.acked < end:
            start = self.acked - self.buffer_base
            chunk = bytes(self.buffer[start : start + self.mss])
            self._segment(self.acked, ACK | PSH, chunk)
            if not fast:
                self.sent = self.acked + len(chunk)
        elif self.fin_at is not None:
            self._segment(self.fin_at, FIN | ACK, b"")
            self.sent = self.fin_at + 1

    def _duplicate(self) -> None:
        self.duplicates += 1
        if self.duplicates == 3 and not self.recover:
            self.recover = self.top
            self.threshold = self.congestion = max(2, self.congestion // 2)
            self.timed = None
            self._retransmit(1)

    def shrink(self, mtu: int) -> None:
        """Keep to a path MTU, and send again what was too big."""
        fits = mtu - self.header - 12
        if fits >= self.mss:
            return
        self.mss = fits
        self.recover, self.timed, self.congestion = 0, None, max(2, self.congestion // 2)
        self.sent = self.acked
        self._push()

    # The end.

    def _forget(self) -> None:
        """Drop what is acknowledged, in large pieces."""
        done = min(self.acked - self.buffer_base, len(self.buffer))
        if done > 262_144 or (done == len(self.buffer) and done):
            del self.buffer[:done]
            self.buffer_base += done

    def _confirm(self) -> None:
        now = self.tcp.host.clock.now
        if now > self.confirmed + SECOND:
            self.confirmed = now
            route = self.tcp.host.route(self.dst)
            if route is not None:
                route.interface.neighbours.confirm(route.gateway or self.dst)

    def _fail(self, why: str) -> None:
        self._end()
        if self.app is not None:
            self.app.failed(self, why)

    def _time_wait(self) -> None:
        self._disarm()
        self.state = "time-wait"
        self.tcp.host.clock.timer(TIME_WAIT, self._end)

    def _end(self) -> None:
        self._disarm()
        self.state = "closed"
        if self.tcp.connections.get(self.key) is self:
            del self.tcp.connections[self.key]


def _mss_option(options: bytes) -> int:
    """The maximum segment size a SYN states; 536 if it states none (RFC 9293, 3.7.1)."""
    at = 0
    while at + 1 < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        if options[at] == 2 and options[at + 1] == 4:
            return options[at + 2] << 8 | options[at + 3]
        at += max(2, options[at + 1])
    return 536
