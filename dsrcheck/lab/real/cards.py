"""Cables and cards: veth pairs between a host's namespace and the switch, packet sockets on them, no offload."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from typing import TYPE_CHECKING

from dsrcheck.lab import packets

if TYPE_CHECKING:
    from dsrcheck.lab.real.namespace import Namespace
    from dsrcheck.lab.wire import Nic

ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23  # linux/if_packet.h
SIOCETHTOOL = 0x8946
OFFLOADS = {"tx checksums": 0x17, "scatter-gather": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""What a card must not leave undone, or captures hold unfinished checksums and frames above the MTU: ethtool's orders
that set each (linux/ethtool.h), in the order in which one needs the other."""
RECEIVE_BUFFER = 4 << 20


def cable(switch: Namespace, bridge: str | None, port: str, host: Namespace, card: str, mac: bytes) -> None:
    """Join a host's card to a port of the switch; without a bridge the other end of the cable is nobody's."""
    commands = [
        f"link add {port} type veth peer name {card} address {packets.mac_text(mac)} netns {host.path}",
        *([f"link set {port} master {bridge}", f"link set {port} type bridge_slave learning off"] if bridge else []),
        f"link set {port} arp off up",
    ]
    switch.ip(commands)
    switch.call(finish_frames, port)
    host.call(finish_frames, card)


def bridge(switch: Namespace, name: str, tap: str | None) -> None:
    """A bridge that learns nothing, so that every port hears everything; `tap`: the far end of a port to listen at."""
    commands = [f"link add {name} type bridge stp_state 0 mcast_snooping 0", f"link set {name} arp off up"]
    if tap is not None:
        port = f"{tap}.port"
        commands += [
            f"link add {port} type veth peer name {tap}",
            f"link set {port} master {name}",
            f"link set {port} type bridge_slave learning off",
            f"link set {port} arp off up",
            f"link set {tap} arp off up",
        ]
    switch.ip(commands)


def finish_frames(card: str) -> None:
    """Have a card's kernel finish every frame before it sends it. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for order in OFFLOADS.values():
            value = ctypes.create_string_buffer(struct.pack("II", order, 0))
            fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP", card.encode(), ctypes.addressof(value)))


def listening(card: str) -> socket.socket:
    """A socket that receives every frame that reaches a card, and sends frames from it."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    made.bind((card, ETH_P_ALL))
    made.setblocking(False)
    return made


def sending(card: str) -> socket.socket:
    """A socket that sends frames from a card, and hears none."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.bind((card, 0))
    return made


class Wire:
    """Stands in the place of the simulated switch: what a card of the simulator sends goes out by a packet socket."""

    def __init__(self, card: socket.socket) -> None:
        self.card = card

    def receive(self, nic: Nic, frame: bytes) -> None:
        """A frame leaves; one that the kernel has no room for, or whose cable is cut, is lost as on any cable."""
        try:
            self.card.send(frame)
        except OSError:
            return
