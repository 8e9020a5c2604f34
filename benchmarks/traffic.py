"""Captures to measure with: seeded DSR traffic of any number of frames and legs, written with NumPy at disk speed.

A gateway stands between the clients and the segment. Each connection has three legs: requests from the gateway to the
balancer, the same packets forwarded to a server's MAC, replies from that server to the gateway. It opens with a
handshake, asks once, takes some rounds of a full segment and its acknowledgement, and closes: 11 frames and 3 a round.
Frames of many connections are mixed; ARP for the VIPs, the servers and the gateway runs through all of it.

    python -m benchmarks.traffic many.pcap --frames 10_000_000 --legs 1_500_000
    python -m benchmarks.traffic long.pcap --frames 10_000_000 --legs 24
"""

from __future__ import annotations

import argparse
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

SNAP = 96
START = 1_700_000_000  # seconds since 1970
FRAME_RATE = 40_000  # frames a second of the traffic
AT_ONCE = 1000  # connections that are open at a time
ROWS = 1 << 12  # frames to lay out at a time: their bytes stay in the cache
LEGS, FIXED, ROUND = 3, 11, 3  # of a connection: legs, frames without rounds, frames of a round
VIPS, SERVERS = 4, 8
GATEWAY, BALANCER, SERVER = 0x0200_0000_00FE, 0x0200_0000_000A, 0x0200_0000_0064
NETWORK = 0xC000_0200  # 192.0.2.0/24: VIPs from .10, servers from .100, the balancer .5, the gateway .254
CLIENTS, ADDRESSES = 0xC612_0000, 1 << 17  # 198.18.0.0/15
PORT = 4433
REQUEST, SEGMENT = 300, 1448  # bytes of payload
PACKET_GAP, FORWARD_GAP = 500, 40  # microseconds
SYN, ACK, FIN, PUSH = 2, 16, 1, 8
ETHERNET, IP, TCP, TIMESTAMPS, SYN_OPTIONS = 14, 20, 20, 12, 20

Column = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Traffic:
    """Frames in order, a row each. `time`: microseconds since START. `kind`: 0 TCP, 1 ARP request, 2 ARP reply.

    TCP rows have `sender` and `receiver` (MACs), addresses, ports, numbers, flags, payload bytes; ARP rows have the
    asking host's MAC and address in `sender` and `source`, those of the host asked for in `receiver` and `target`.
    """

    time: Column
    kind: Column
    sender: Column
    receiver: Column
    source: Column
    target: Column
    source_port: Column
    target_port: Column
    seq: Column
    ack: Column
    flags: Column
    payload: Column
    identity: Column

    def take(self, rows: Column | slice) -> Traffic:
        """Some of the frames."""
        return Traffic(**{name: column[rows] for name, column in vars(self).items()})


def make(frames: int, legs: int, seed: int = 1) -> Traffic:
    """`frames` frames in `legs` legs (a multiple of 3 at least 11 frames to the 3), in the order of their times."""
    connections = max(legs // LEGS, 1)
    if frames < FIXED * connections + 2:
        raise ValueError(f"{legs} legs take at least {FIXED * connections + 2} frames")
    chance = np.random.default_rng(seed)
    rounds = np.full(connections, (frames - FIXED * connections) // (ROUND * connections), np.int64)
    questions = max(frames // 2000, 1)
    left = frames - FIXED * connections - ROUND * int(rounds.sum()) - 2 * questions
    while left < 0:  # ARP takes some of the rounds' room
        short = min(-(left // ROUND), int((rounds > 0).sum()))
        if not short:
            questions, left = questions + left // 2, left % 2
            continue
        rounds[np.flatnonzero(rounds)[:short]] -= 1
        left += ROUND * short
    rounds[: left // ROUND] += 1
    packets = _connections(chance, rounds, frames)
    parts = [packets, _questions(chance, questions, int(packets.time.max()), left % ROUND)]
    whole = Traffic(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(packets)})
    return whole.take(np.argsort(whole.time, kind="stable"))


def _connections(chance: np.random.Generator, rounds: Column, frames: int) -> Traffic:
    connections = len(rounds)
    events = 7 + 2 * rounds
    of = np.repeat(np.arange(connections), events)
    place = np.arange(len(of)) - np.repeat(np.cumsum(events) - events, events)
    middle = np.clip(place - 4, 0, 2 * rounds[of])  # frames of the rounds so far
    end = place - 4 - 2 * rounds[of]  # 0: the server's FIN, 1: the client's, 2: the last acknowledgement
    by_client = np.where(place < 4, place != 1, np.where(end < 0, middle % 2 == 1, end == 1))
    is_data = (place >= 4) & (end < 0) & ~by_client
    is_request = place == 3

    # Sequence numbers: the request is one segment; a round is one segment and its acknowledgement.
    client_isn, server_isn = chance.integers(0, 1 << 32, (2, connections))
    sent = np.minimum((middle + by_client) // 2, rounds[of]) * SEGMENT
    client_seq = client_isn[of] + (place > 0) + REQUEST * (place > 3)
    client_ack = (server_isn[of] + 1 + sent + (end >= 1)) * (place > 0)
    server_seq = server_isn[of] + (place > 1) + sent + (end > 1)
    server_ack = client_isn[of] + 1 + REQUEST * (place > 3) + (end > 1)
    flags = np.where(place == 0, SYN, ACK) + SYN * (place == 1) + PUSH * is_request + FIN * ((end == 0) | (end == 1))

    # Factors without a divisor in common with what is counted modulo: no address and port come twice.
    number = np.arange(connections) + chance.integers(0, ADDRESSES)
    client = number * 77_777 % ADDRESSES
    port = 32_768 + (number // ADDRESSES * 9973 + client * 31) % 28_232
    vip = NETWORK + 10 + client % VIPS
    server = SERVER + client // VIPS % SERVERS
    client += CLIENTS
    length = frames / FRAME_RATE * 1e6
    life = length * min(AT_ONCE, connections) / connections
    time = np.sort(chance.integers(0, int(length) + 1, connections))[of] + place * np.maximum(
        (life / events)[of], PACKET_GAP
    )
    chosen = {
        "time": time.astype(np.int64),
        "kind": np.zeros(len(of), np.int64),
        "sender": np.where(by_client, GATEWAY, server[of]),
        "receiver": np.where(by_client, BALANCER, GATEWAY),
        "source": np.where(by_client, client[of], vip[of]),
        "target": np.where(by_client, vip[of], client[of]),
        "source_port": np.where(by_client, port[of], PORT),
        "target_port": np.where(by_client, PORT, port[of]),
        "seq": np.where(by_client, client_seq, server_seq) & 0xFFFF_FFFF,
        "ack": np.where(by_client, client_ack, server_ack) & 0xFFFF_FFFF,
        "flags": flags,
        "payload": REQUEST * is_request + SEGMENT * is_data,
        "identity": chance.integers(0, 1 << 16, len(of)),
    }
    packets = Traffic(**chosen)
    forwarded = packets.take(np.flatnonzero(by_client))
    forwarded.time[:] += FORWARD_GAP
    forwarded.sender[:] = BALANCER
    forwarded.receiver[:] = server[of][by_client]
    return Traffic(**{name: np.concatenate([chosen[name], vars(forwarded)[name]]) for name in chosen})


def _questions(chance: np.random.Generator, count: int, length: int, more: int) -> Traffic:
    """ARP questions and their answers, spread evenly; `more` questions of the first kind are answered twice over."""
    hosts = [(BALANCER, NETWORK + 10 + vip) for vip in range(VIPS)]
    hosts += [(SERVER + server, NETWORK + 100 + server) for server in range(SERVERS)]
    macs, addresses = np.array(hosts).T
    asked = np.arange(count + more) % len(hosts)
    # The gateway asks for the VIPs, the balancer for the servers.
    asker = np.where(asked < VIPS, GATEWAY, BALANCER)
    asker_address = np.where(asked < VIPS, NETWORK + 254, NETWORK + 5)
    time = (np.arange(count + more) * length) // (count + more)
    nothing = np.zeros(count + more, np.int64)
    question = dict.fromkeys(Traffic.__dataclass_fields__, nothing) | {
        "time": time,
        "kind": nothing + 1,
        "sender": asker,
        "receiver": macs[asked],
        "source": asker_address,
        "target": addresses[asked],
    }
    answer = question | {"time": time + 100 + chance.integers(0, 100, count + more), "kind": nothing + 2}
    answer |= {"sender": macs[asked], "receiver": asker, "source": addresses[asked], "target": asker_address}
    answered = slice(0, count)
    return Traffic(**{name: np.concatenate([question[name], answer[name][answered]]) for name in question})


def write(path: str | Path, traffic: Traffic, snap: int = SNAP, pcapng: bool = False) -> None:
    """Write frames as classic pcap with microseconds, or as pcapng."""
    with open(path, "wb") as file:
        _write_header(file, snap, pcapng)
        for start in range(0, len(traffic.time), ROWS):
            _write_rows(file, traffic.take(slice(start, start + ROWS)), snap, pcapng)


def _write_header(file: BinaryIO, snap: int, pcapng: bool) -> None:
    if not pcapng:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap, 1))
        return
    file.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
    file.write(struct.pack("<IIHHII", 1, 20, 1, 0, snap, 20))


def _write_rows(file: BinaryIO, rows: Traffic, snap: int, pcapng: bool) -> None:
    """Lay records out at full width, and write what of each row is in use."""
    frames, original = _frames(rows, snap)
    captured = np.minimum(original, snap)
    time = START * 1_000_000 + rows.time
    width = snap if not pcapng else (snap + 3) // 4 * 4
    head = 28 if pcapng else 16
    record = np.zeros((len(frames), head + width + 4 * pcapng), np.uint8)
    record[:, head : head + snap] = frames
    used = np.ones(record.shape, bool)
    if pcapng:
        padded = (captured + 3) // 4 * 4
        words = [np.full(len(frames), 6), 32 + padded, np.zeros(len(frames), int), time >> 32, time]
        _put(record, 0, [*words, captured, original], "<u4")
        _put(record, head + width, [32 + padded], "<u4")
        used[:, head : head + width] = np.arange(width) < padded[:, None]
    else:
        _put(record, 0, [time // 1_000_000, time % 1_000_000, captured, original], "<u4")
        used[:, head:] = np.arange(width) < captured[:, None]
    file.write(record[used].tobytes())


def _put(matrix: Bytes, at: int, columns: list[Column], kind: str) -> None:
    """Put columns of numbers side by side into a matrix of bytes."""
    for column in columns:
        octets = column.astype(kind)[:, None].view(np.uint8)
        matrix[:, at : at + octets.shape[1]] = octets
        at += octets.shape[1]


def _frames(rows: Traffic, snap: int) -> tuple[Bytes, Column]:
    """The bytes of frames, zeros behind their ends, and how long each is on the wire."""
    count = len(rows.time)
    matrix = np.zeros((count, max(snap, 128)), np.uint8)
    _put_mac(matrix, 0, np.where(rows.kind == 1, 0xFFFF_FFFF_FFFF, rows.receiver))
    _put_mac(matrix, 6, rows.sender)
    is_tcp = rows.kind == 0
    _put(matrix, 12, [np.where(is_tcp, 0x0800, 0x0806)], ">u2")
    original = np.full(count, 60, np.int64)
    tcp, arp = np.flatnonzero(is_tcp), np.flatnonzero(~is_tcp)
    matrix[tcp], original[tcp] = _tcp(rows.take(tcp), matrix[tcp])
    matrix[arp] = _arp(rows.take(arp), matrix[arp])
    return matrix[:, :snap], original


def _put_mac(matrix: Bytes, at: int, macs: Column) -> None:
    matrix[:, at : at + 6] = macs.astype(">u8")[:, None].view(np.uint8)[:, 2:]


def _tcp(rows: Traffic, matrix: Bytes) -> tuple[Bytes, Column]:
    """IP, TCP with the options of today's hosts, and the beginning of the payload; the TCP checksum is left out."""
    count = len(rows.time)
    is_syn = (rows.flags & SYN) != 0
    options = np.where(is_syn, SYN_OPTIONS, TIMESTAMPS)
    length = IP + TCP + options + rows.payload
    zero = np.zeros(count, np.int64)
    time_to_live = np.where(rows.target_port == PORT, 57, 64)
    words = [zero + 0x4500, length, rows.identity, zero + 0x4000, time_to_live << 8 | 6]
    words += [rows.source >> 16, rows.source & 0xFFFF, rows.target >> 16, rows.target & 0xFFFF]
    total = np.sum(words, axis=0)
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    _put(matrix, ETHERNET, [*words[:5], total ^ 0xFFFF, *words[5:]], ">u2")
    at = ETHERNET + IP
    _put(matrix, at, [rows.source_port, rows.target_port], ">u2")
    _put(matrix, at + 4, [rows.seq, rows.ack], ">u4")
    _put(matrix, at + 12, [(TCP + options) // 4 << 12 | rows.flags, zero + 64_240], ">u2")
    at += TCP
    sent = rows.time - FORWARD_GAP * (rows.sender == BALANCER)  # who forwards a packet does not change it
    clock = sent // 1000 & 0xFFFF_FFFF
    matrix[:, at : at + 4] = np.frombuffer(b"\x01\x01\x08\x0a", np.uint8)
    _put(matrix, at + 4, [clock, clock], ">u4")
    asks = np.flatnonzero(rows.payload == REQUEST)
    matrix[asks, at + TIMESTAMPS : at + TIMESTAMPS + 30] = np.frombuffer(b"FETCH /index.html of one thing", np.uint8)
    answers = np.flatnonzero(rows.payload == SEGMENT)
    _put_at(matrix, answers, at + TIMESTAMPS, rows.seq[answers])
    syns = np.flatnonzero(is_syn)  # MSS, selective acknowledgement, timestamps, window scale
    matrix[syns, at : at + 8] = np.frombuffer(b"\x02\x04\x05\xb4\x04\x02\x08\x0a", np.uint8)
    _put_at(matrix, syns, at + 8, clock[syns])
    matrix[syns, at + 12 : at + 20] = np.frombuffer(b"\0\0\0\0\x01\x03\x03\x07", np.uint8)
    return matrix, ETHERNET + length


def _put_at(matrix: Bytes, rows: Column, at: int, numbers: Column) -> None:
    matrix[rows, at : at + 4] = numbers.astype(">u4")[:, None].view(np.uint8)


def _arp(rows: Traffic, matrix: Bytes) -> Bytes:
    zero = np.zeros(len(rows.time), np.int64)
    _put(matrix, ETHERNET, [zero + 1, zero + 0x0800, zero + 0x0604, rows.kind], ">u2")
    _put_mac(matrix, 22, rows.sender)
    _put(matrix, 28, [rows.source], ">u4")
    _put_mac(matrix, 32, np.where(rows.kind == 1, 0, rows.receiver))
    _put(matrix, 38, [rows.target], ">u4")
    return matrix


def main() -> None:
    """Write one capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--legs", type=int, help="a multiple of 3 (default: 0.15 a frame)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pcapng", action="store_true")
    chosen = parser.parse_args()
    legs = chosen.legs if chosen.legs is not None else chosen.frames * 15 // 100
    write(chosen.capture, make(chosen.frames, legs, chosen.seed), pcapng=chosen.pcapng)


if __name__ == "__main__":
    main()
