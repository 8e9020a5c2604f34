"""The columns that rules may name, by table: their kinds and meanings. The reference for rule authors comes from here.

`exchange` provides them; what it leaves out of a table counts as unknown there. Kinds are those of `tables.Column`.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsrcheck.records import dataclass


@dataclass(frozen=True)
class ColumnInfo:
    """What a column holds: its kind, its meaning in words, and whether it is a set a row."""

    kind: str
    meaning: str
    is_set: bool = False


def _columns(prefix: str, text: str) -> dict[str, ColumnInfo]:
    """Read lines of `name kind meaning`; a kind in braces is a set."""
    columns = {}
    for line in text.strip().splitlines():
        name, kind, meaning = line.split(maxsplit=2)
        columns[f"{prefix}.{name}"] = ColumnInfo(kind.strip("{}"), meaning, kind.startswith("{"))
    return columns


_LEG = """
seen        flag     this step of the connection is in the capture
src_mac     mac      source MAC
dst_mac     mac      destination MAC
src_ip      address  source address (of the inner packet, if tunnelled)
dst_ip      address  destination address (of the inner packet, if tunnelled)
src_port    number   source port
dst_port    number   destination port
vlan        number   outermost VLAN id, 0 untagged
ttl_min     number   lowest TTL or hop limit
ttl_max     number   highest TTL or hop limit
frames      number   how many frames
bytes       number   sum of their lengths on the wire
first_frame frame    the first of them
"""

VIP = _columns(
    "vip",
    """
address              address  the virtual address
mode                 text     dsr-mac, dsr-ipip, dsr-gre, dsr-gue, dsr-geneve, dsr-option, dsr-dscp, nat, proxy, ...
balancer_macs        {mac}    the balancer's MACs, virtual ones too
server_macs          {mac}    the servers' MACs
gateway_macs         {mac}    MACs of the routers on the segment
dsr_expected         flag     direct server return is expected of every VIP (--expect)
""",
)

VIP_FACTS = _columns(
    "vip",
    """
owners_at_once       number   how many hosts claim the address at one time
stranger             flag     somebody beside the owner answers for it who is neither balancer nor server
stranger_mac         mac      that host
stranger_frame       frame    its answer
rival_mac            mac      a claimant that is not the owner
rival_frame          frame    a claim of the rival
owner_frame          frame    a claim of the owner
moved                flag     the address went over to another host
followed             flag     requests went over to it within seconds
old_mac              mac      the host it moved from
new_mac              mac      the host it moved to
move_frame           frame    the claim or frame that shows the move
stale_frame          frame    a request that still went to the old host long after
forward_source       text     whose MAC forwarded frames carry as source: balancer, requester, mixed, third
forward_source_mac   mac      the source MAC that stands out
forward_source_frame frame    a frame that carries it
snip_in_subnet       flag     the balancer has an own address in the VIP's subnet
balancer_mac         mac      the balancer's MAC that forwards without one
snip_frame           frame    a frame that shows it
ping_by_balancer     flag     the balancer answers pings of the address
ping_mac             mac      the MAC that answers
ping_frame           frame    the first answer
uneven               flag     a server gets far more, or far less, than its share of the connections
shares               text     the share of each server
one_sided            number   connections of which one direction is not in the capture
two_sided            number   the others
flood_peak           number   most SYNs of one second that were never followed up by their senders
flood_frame          frame    the first of them
request_bytes        number   payload bytes that clients sent
reply_bytes          number   payload bytes that they got, counted or proved by acknowledgements
throughput_known     flag     rates with DSR and without are both known
rate_with_dsr        text     mean rate through the balancer, requests only
rate_without_dsr     text     mean rate through the balancer if replies crossed it too
peak_with_dsr        text     peak rate of one second, requests only
peak_without_dsr     text     peak rate of one second if replies crossed the balancer too
bytes_saved          text     reply bytes that the balancer does not carry
licence_with_dsr     text     smallest licence step that fits, requests only
licence_without_dsr  text     smallest licence step that fits if replies crossed the balancer too
licences             text     both in words, once if they are the same
""",
)

EXCHANGE = {
    **_columns("service", "port number the service's port\nbalanced flag it is seen or declared to be balanced"),
    **_columns(
        "flow",
        """
number              number   the connection's number, as `dsrcheck flow` lists it
protocol            text     tcp, udp, sctp, icmp, ...
client              address  the client
client_port         number   its port
handshake           flag     the connection was caught from its first packet
handshake_completes flag     a client that asks gets through
missing_leg         text     the first step that is missing, in words
stuck_at            mac      the host at which the handshake ends
retry_frame         frame    the last SYN that was sent again
retransmissions     number   SYNs sent again
resets              number   RSTs in either direction
""",
    ),
    **_columns("request", _LEG),
    **_columns(
        "request",
        """
to_balancer         flag     all of it goes to a MAC of the balancer
astray_mac          mac      the MAC it goes to instead
astray_from         mac      who sends it there
astray_frame        frame    the first such frame
""",
    ),
    **_columns("forward", _LEG),
    **_columns(
        "forward",
        """
dst_role            text     role of the destination MAC: server, balancer, gateway, client, broadcast, other
server_mac          mac      the server that the frames reach, behind a gateway or tunnel too
client_kept         flag     the source address is the client's, not one of the balancer's own
same_packets        flag     the packets are those of the request: ports, sequence numbers, IP id and payload
ttl_drop            number   by how much TTL falls from request to forward
missing             number   request packets that were not forwarded
repeated            number   request packets that were forwarded more than once
servers             number   how many servers the packets of this connection reached
other_frame         frame    the first frame to the last of them
sent_on             flag     a server sent forwarded packets on
sent_on_by          mac      that server
sent_on_frame       frame    the first such frame
lost_for_size       flag     full-size requests are sent again and again without a forward
tunnel              number   encapsulation: 0 none, 1 IP-in-IP, 2 GRE, 3 GUE, 4 Geneve
outer_dst           address  the tunnel's end
""",
    ),
    **_columns("reply", _LEG),
    **_columns(
        "reply",
        """
origin_mac          mac      the server that the reply stems from
proved              flag     the client's acknowledgements prove a reply that is not in the capture
through_balancer    flag     it was sent to a balancer's MAC, or passed on by a balancer
through_frame       frame    the first frame to a balancer's MAC
relayed             flag     a balancer passed it on
relayed_frame       frame    the first frame that a balancer passed on
answered            flag     the request was answered: seen here or proved; false: silence that proves something
refused             flag     the server refused the connection by RST
next_hop_right      flag     it went to the client's MAC, or to a gateway where the client is behind one
foreign_reset       flag     a host that does not own the connection reset it
reset_by            mac      that host
reset_frame         frame    the RST
mss                 number   the segment size that the server states in its SYN-ACK
mss_room            number   the largest that fits the path, once in the VIP's tunnel
mss_fits            flag     it fits
from_balancer       flag     the balancer itself originates packets of this connection
balancer_mac        mac      its MAC
balancer_frame      frame    the first such frame
""",
    ),
    **VIP,
}

SERVER = {
    **_columns(
        "server",
        """
mac             mac      the server's MAC
answers_arp     flag     it answers ARP for the VIP
answer_frame    frame    such an answer
asks_as_vip     flag     it sends ARP requests with the VIP as sender
ask_frame       frame    such a request
announces       flag     it announces or probes the VIP by ARP
announce_frame  frame    such an announcement
advertises      flag     it advertises, probes or asks as the VIP by IPv6 neighbour discovery
advertise_frame frame    such a message
is_ipv6         flag     the VIP is an IPv6 address
on_segment      flag     its MAC is on the segment that forwarded frames are sent to
forward_frame   frame    the first frame forwarded to it
takes           flag     it answers no forwarded request with ICMP unreachable
takes_frame     frame    such a message
takes_word      text     what it calls unreachable: protocol, port, host prohibited, ...
decapsulates    flag     it answers what comes in a tunnel
decapsulates_frame frame a frame that shows it
decapsulates_word text   what it does instead, in words
checked_at_vip  flag     a check asks the VIP on it; false: only its own address, while the VIP fails on it
checked_at_vip_frame frame such a check, or its answer
checked_at_vip_word text the address that is checked instead
clients_by_router flag   it answers clients behind a router by a router; false: it asks for them by ARP
clients_by_router_frame frame such a question
clients_by_router_word text the client it asks for
""",
    ),
    **VIP,
}

PROBE = {
    **_columns(
        "probe",
        """
answered    flag     who-has got an answer
src_mac     mac      the balancer that asks
target      address  the server's address that is asked for
count       number   how often it was asked
frame       frame    the first question
""",
    ),
    **VIP,
}

SETTING = {
    **_columns(
        "setting",
        """
kind     text     what is declared: mode, server, address, owner
declared text     what the topology says
seen     text     what the capture shows
agrees   flag     they are the same
mac      mac      the host it is about, if it is about one
frame    frame    a frame that shows it
""",
    ),
    **VIP,
}

ICMP = {
    **_columns(
        "icmp",
        """
redirect      flag     it is a redirect
too_big       flag     it says that a packet is too big for the path
about_reply   flag     it quotes a packet from the VIP
reaches_owner flag     about a reply that is too big: the balancer gives it to a server
dst_mac       mac      the MAC it goes to
about_service flag     it quotes a packet of a balanced service
src_mac       mac      who sent it
src_ip        address  the address it came from
dst_ip        address  whom it tells
type          number   ICMP type
code          number   ICMP code
frame         frame    the message
""",
    ),
    **VIP,
}

CAPTURE = _columns(
    "capture",
    """
whole                  flag     read to its end, with no record damaged or dropped
truncated              flag     it is cut or damaged
truncated_where        text     where and how
dropped                number   frames that it reports as dropped; 0 where it reports nothing
has_macs               flag     its link type carries source and destination MAC
twins                  number   mirror copies that were left out
offload_frames         number   frames longer than the medium carries
time_backwards         number   how often time runs back
flows_from_start_share number   percent of the connections that were caught from their first packet
""",
)

COLUMNS: Mapping[str, Mapping[str, ColumnInfo]] = {
    "exchange": EXCHANGE,
    "vip": {**VIP, **VIP_FACTS},
    "server": SERVER,
    "probe": PROBE,
    "setting": SETTING,
    "icmp": ICMP,
    "capture": CAPTURE,
}

MEANINGS: Mapping[str, str] = {
    "exchange": "a connection of a balanced service, with its legs",
    "vip": "a virtual address",
    "server": "a server of a virtual address",
    "probe": "a balancer's question by ARP or neighbour discovery for a server",
    "setting": "a fact that the topology file declares",
    "icmp": "an ICMP message that is no echo",
    "capture": "a capture file",
}

CAPTURE_TABLES = frozenset({"capture"})
"""Tables whose rows belong to no VIP: their verdicts carry none."""
