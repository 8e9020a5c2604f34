"""The claims: who said by ARP or NDP that an address is where, on a time line, and each of them in words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dsrcheck.addresses import mac_text
from dsrcheck.exchange.sides import Sides
from dsrcheck.findings import FrameRef
from dsrcheck.live import Snapshot
from dsrcheck.text import printable
from dsrcheck.topology.claims import KIND_NAMES, OWNING, Claims
from dsrcheck.tui.actions import CLAIMS, bindings_of
from dsrcheck.tui.signs import COLOURS, FAINT
from dsrcheck.tui.summary import claim_words
from dsrcheck.tui.table import Column, Int64, Table
from dsrcheck.tui.view import View
from dsrcheck.tui.wireshark import claim_filter

LINE_LIMIT = 24
"""Time lines drawn: those of VIPs first."""
LABEL = 46
WIDTH_SAMPLE = 500
"""Claims that are looked at to tell how wide their column must be."""
OWNS, ASKS = "●", "○"


class ClaimsView(View):
    """Time lines of who claims each VIP, and the table of all claims."""

    VIEW = CLAIMS
    BINDINGS = bindings_of(CLAIMS)

    def __init__(self) -> None:
        super().__init__()
        self.vips_only = True
        self.following = False
        self._sorted_by = (0, False)
        self._columns: tuple[Column, ...] = ()

    def body(self) -> Iterable[Widget]:
        """Time lines above, claims below."""
        with VerticalScroll(id="lines", can_focus=False):
            yield Static(id="timelines")
        yield Table(id="claims", empty="no ARP or NDP frames")

    @property
    def table(self) -> Table:
        return self.query_one("#claims", Table)

    def on_mount(self) -> None:
        """The keys work on the table."""
        super().on_mount()
        self.table.focus()

    def on_resize(self) -> None:
        """Time lines are as long as there is room."""
        super().on_resize()
        if self.snapshot is not None:
            self._draw_lines(self.snapshot)

    def draw(self, snapshot: Snapshot) -> None:
        """Draw lines and table."""
        sides = snapshot.analysis.sides
        if self.vips_only and not _of_vips(sides).any():
            self.vips_only = False
        self._columns = claim_columns(sides)
        self._draw_lines(snapshot)
        self._list()

    def _draw_lines(self, snapshot: Snapshot) -> None:
        width = self.size.width - 2
        self.query_one("#timelines", Static).update(time_lines(snapshot.analysis.sides, width))

    def _list(self) -> None:
        if self.snapshot is None:
            return
        sides = self.snapshot.analysis.sides
        rows = np.flatnonzero(_of_vips(sides)) if self.vips_only else np.arange(len(sides.scene.claims))
        number, down = self._sorted_by
        order = rows[np.argsort(self._columns[number].values[rows], kind="stable")]
        self.table.empty = "no claims for a VIP (v shows all)" if self.vips_only else "no ARP or NDP frames"
        self.table.show(self._columns, order[::-1] if down else order, self._sorted_by)
        if self.following:
            self.table.action_to_end(1)

    # ---- actions ----

    def find(self, needle: str, step: int) -> bool:
        """The next claim with a text in one of its cells."""
        return self.table.find(needle, step)

    @on(Table.Chosen)
    def action_open(self) -> None:
        """Show the layers of the frame."""
        self.program.show_frame(self._frame())

    def _frame(self) -> FrameRef | None:
        if self.snapshot is None or self.table.row < 0:
            return None
        scene = self.snapshot.analysis.sides.scene
        interface = int(scene.claims.interface[self.table.row])
        return FrameRef(scene.legs.interfaces[interface].capture, int(scene.claims.frame[self.table.row]))

    def action_vip_only(self) -> None:
        """Claims for VIPs, or all."""
        self.vips_only = not self.vips_only
        self._list()

    def action_sort(self, step: int) -> None:
        """Sort by the next column."""
        number, down = self._sorted_by
        self._sorted_by = (number + step) % max(len(self._columns), 1), down
        self._list()

    @on(Table.HeadingPressed)
    def heading_pressed(self, event: Table.HeadingPressed) -> None:
        """Sort by it; once more: the other way round."""
        number, down = self._sorted_by
        self._sorted_by = event.column, not down if event.column == number else False
        self._list()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        number, down = self._sorted_by
        self._sorted_by = number, not down
        self._list()

    def action_follow(self) -> None:
        """Stay at the newest claim."""
        self.following = not self.following
        self.notify(f"following the newest row: {'on' if self.following else 'off'}", markup=False)
        self._list()

    def action_copy_filter(self) -> None:
        """Copy a filter for the address of the claim."""
        if self.snapshot is not None and self.table.row >= 0:
            scene = self.snapshot.analysis.sides.scene
            claims, row = scene.claims, self.table.row
            address = claims.target[row] if claims.asking[row] or claims.address[row] < 0 else claims.address[row]
            self.program.copy(claim_filter(scene.book.text(int(address))))


def _of_vips(s: Sides) -> np.ndarray:
    """Claims that state a VIP, or ask for one."""
    vips = [vip.identity for vip in s.topology.vips if vip.identity >= 0]
    claims = s.scene.claims
    found: np.ndarray = np.isin(claims.address, vips) | np.isin(claims.target, vips)
    return found


def stations(s: Sides) -> dict[int, str]:
    """MAC -> role and name, for the hosts that have a role."""
    found = dict.fromkeys(s.topology.routers, "gateway")
    for vip in s.topology.vips:
        for host in (*vip.servers, *vip.balancers):
            label = printable(f"{host.role} {host.name or (host.addresses[0] if host.addresses else '')}".strip())
            found |= dict.fromkeys(host.macs, label)
    return found


def claim_columns(s: Sides) -> tuple[Column, ...]:
    """One row a claim, in order of capture."""
    claims, book = s.scene.claims, s.scene.book
    start = int(claims.time.min()) if len(claims) else 0
    roles = stations(s)
    rows = np.arange(len(claims))

    def says(row: int) -> str:
        address, target = (book.text(int(at)) if at >= 0 else "" for at in (claims.address[row], claims.target[row]))
        kind = KIND_NAMES[int(claims.kind[row])]
        return claim_words(kind, address, mac_text(int(claims.mac[row])), target, mac_text(int(claims.dst_mac[row])))

    width = max([8, *map(len, roles.values())])
    said = max([20, *(len(says(row)) for row in range(min(len(claims), WIDTH_SAMPLE)))])
    intruders = _intruders(s)
    return (
        Column("seconds", claims.time - start, lambda time: f"{time / 1e9:,.6f}", 12, right=True, find=False),
        Column("frame", claims.frame, lambda number: f"{number:,}", 8, right=True),
        Column("says", rows, says, said, tone=lambda row: "bad" if row in intruders else ""),
        Column("who", claims.mac, lambda mac: roles.get(mac, ""), width),
        Column("kind", claims.kind, KIND_NAMES.__getitem__, 13),
    )  # fmt: skip


def _intruders(s: Sides) -> frozenset[int]:
    """Rows in which a server states that a VIP is with itself: what direct return forbids."""
    claims, found = s.scene.claims, np.zeros(len(s.scene.claims), bool)
    for vip in s.topology.vips:
        servers = list(vip.server_macs - vip.balancer_macs)
        found |= (claims.address == vip.identity) & np.isin(claims.mac, servers) & claims.stating
    return frozenset(np.flatnonzero(found).tolist())


def time_lines(s: Sides, width: int) -> Content:
    """For each VIP a line a claimant: when it stated that the address is with it."""
    claims, roles = s.scene.claims, stations(s)
    if not len(claims):
        return Content.styled("No ARP or NDP frame is in this capture.", FAINT)
    start, end = int(claims.time.min()), int(claims.time.max())
    room = max(width - LABEL, 10)
    lines: list[Content] = []
    intruders = np.zeros(len(claims), bool)
    intruders[list(_intruders(s))] = True
    for vip in s.topology.vips:
        stating = np.flatnonzero((claims.address == vip.identity) & claims.stating)
        lines.append(Content.styled(f"VIP {printable(vip.address)}", "bold"))
        if not len(stating):
            lines.append(Content.styled("  nobody states it by ARP or NDP here", FAINT))
        for mac in dict.fromkeys(claims.mac[stating].tolist()):
            rows = stating[claims.mac[stating] == mac]
            bad = bool(intruders[rows].any())
            lines.append(_time_line(claims, rows, (start, end), room, mac, roles.get(mac, ""), bad))
    lines = lines[:LINE_LIMIT]
    span = f"{(end - start) / 1e9:,.1f} s"
    lines.append(Content.styled(f"{'':{LABEL}}0 s{span:>{max(room - 3, 0)}}", FAINT))
    lines.append(
        Content.styled(f"{OWNS} answers or announces   {ASKS} asks with it as its own address   ✗ a server does", FAINT)
    )
    return Content("\n").join(lines)


def _time_line(
    claims: Claims, rows: Int64, span: tuple[int, int], room: int, mac: int, role: str, bad: bool
) -> Content:  # fmt: skip
    start, end = span
    line = ["─"] * room
    place = ((claims.time[rows] - start) * (room - 1) // max(end - start, 1)).tolist()
    owning = np.isin(claims.kind[rows], OWNING).tolist()
    for at, owns in sorted(zip(place, owning, strict=True), key=lambda pair: pair[1]):
        line[at] = OWNS if owns else ASKS
    colour = COLOURS["fail"] if bad else COLOURS["pass"] if role.startswith("balancer") else ""
    label = f"{'✗' if bad else ' '} {mac_text(mac)}  {role}"
    return Content.assemble((f"{label[: LABEL - 1]:<{LABEL}}", colour), ("".join(line), colour))
