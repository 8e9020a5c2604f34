"""Who says by ARP or NDP that an address is where: the claims of a capture as integer columns."""

from __future__ import annotations

from dsrcheck.addresses import GROUP_BIT, AddressBook
from dsrcheck.flows.coded import among
from dsrcheck.flows.table import Flags, Int64, column, distinct_rows
from dsrcheck.legs import Legs
from dsrcheck.records import dataclass

REQUEST, REPLY, GRATUITOUS, PROBE, ANNOUNCEMENT, ADVERTISEMENT, SOLICITATION, DAD = range(1, 9)
KIND_NAMES = ("", "request", "reply", "gratuitous", "probe", "announcement", "advertisement", "solicitation", "dad")
OWNING = (REPLY, GRATUITOUS, ANNOUNCEMENT, ADVERTISEMENT)
"""Kinds that state ownership outright. A request or a solicitation states it as well, by its sender address."""
ASKING = (REQUEST, SOLICITATION)


@dataclass(frozen=True)
class Claims:
    """One row an ARP or NDP frame, in order; int64 columns, addresses as identities of the book (-1: none)."""

    kind: Int64
    mac: Int64
    src_mac: Int64
    dst_mac: Int64
    address: Int64
    target: Int64
    link: Int64
    interface: Int64
    frame: Int64
    time: Int64

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: Int64 | Flags) -> Claims:
        return Claims(**{name: values[rows] for name, values in vars(self).items()})

    @property
    def owning(self) -> Flags:
        """Rows that state that `address` is at `mac`."""
        return among(self.kind, OWNING)

    @property
    def stating(self) -> Flags:
        """Rows from which neighbours learn: those that own, and questions asked with a sender address."""
        return among(self.kind, OWNING + ASKING)

    @property
    def asking(self) -> Flags:
        """Questions: who has `target`?"""
        return among(self.kind, ASKING)


def claim_columns(legs: Legs, book: AddressBook) -> Claims:
    """The claims of a fold. Claims in frames whose MAC is a group address are noise and left out."""
    table = legs.claims
    claims = Claims(
        kind=column(table, "kind"),
        mac=column(table, "mac"),
        src_mac=column(table, "src_mac"),
        dst_mac=column(table, "dst_mac"),
        address=book.find(table["high"], table["low"]),
        target=book.find(table["target_high"], table["target_low"]),
        link=column(table, "interface") << 36 | column(table, "vlan"),
        interface=column(table, "interface"),
        frame=column(table, "frame"),
        time=column(table, "time"),
    )
    usable = (claims.mac & GROUP_BIT == 0) & (claims.mac != 0)
    return claims.take(usable)


def pairs(*columns: Int64) -> set[tuple[int, ...]]:
    """The distinct rows of some columns as a set of tuples: for facts about hosts, which are few."""
    return set(zip(*(values.tolist() for values in distinct_rows(*columns)), strict=True))
