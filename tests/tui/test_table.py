"""The table: only rows in the window are put into words, and the cursor, sorting and searching know all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from dsrcheck.tui.table import Column, Table

ROWS = 1_000_000
Script = Callable[[Pilot[None], Table], Awaitable[None]]


class Rows(App[None]):
    """A table and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def compose(self) -> ComposeResult:
        yield Table(id="rows")

    def words(self, number: int) -> str:
        self.asked += 1
        return f"row {number:,}"


def drive(script: Script, rows: int = ROWS) -> Rows:
    """Run a script over a table of numbers."""

    async def run() -> Rows:
        app = Rows()
        async with app.run_test(size=(40, 12)) as pilot:
            table = app.query_one(Table)
            table.show((Column("number", np.arange(rows), app.words, 14), Column("last", np.arange(rows) % 10, str, 4)))
            await pilot.pause()
            await script(pilot, table)
        return app

    return asyncio.run(run())


def lines(table: Table) -> list[str]:
    """What is in the window."""
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


def test_only_rows_in_the_window_are_put_into_words() -> None:
    """A million rows cost as much as there are lines on the screen, also at the far end."""

    async def script(pilot: Pilot[None], table: Table) -> None:
        await pilot.press("end")
        await pilot.pause()
        assert table.row == ROWS - 1
        shown = [line for line in lines(table) if line]
        assert shown[0].startswith("number")
        assert shown[-1].startswith("row 999,999")

    assert drive(script).asked < 2000


def test_the_cursor_stays_on_its_row_when_rows_come_and_go() -> None:
    """Another order, or fewer rows: the cursor is where its row is, or at the row that took its place."""

    async def script(pilot: Pilot[None], table: Table) -> None:
        table.go_to(50)
        table.show(table.columns, np.arange(100)[::-1])
        assert table.row == 50
        table.show(table.columns, np.arange(10))
        assert table.row == 9
        table.show(table.columns, np.arange(0))
        assert table.row == -1
        await pilot.press("down", "up", "pagedown", "end")
        assert table.row == -1

    drive(script, 100)


def test_search_goes_round() -> None:
    """The next row with the text, then the first again; backwards from there the last."""

    async def script(pilot: Pilot[None], table: Table) -> None:
        await pilot.pause()
        assert table.find("row 9", 1)
        assert table.row == 9
        assert table.find("ROW 9", 1)
        assert table.row == 90
        table.go_to(99)
        assert table.find("row 9", 1)
        assert table.row == 9
        assert table.find("row 9", -1)
        assert table.row == 99
        assert not table.find("nothing such", 1)
        assert table.row == 99

    drive(script, 100)


def test_cells_are_as_wide_as_their_column() -> None:
    """Texts that are too long end in an ellipsis, wide characters count double."""
    column = Column("t", np.array([0, 1, 2]), ["much too long", "ok", "世界"].__getitem__, 6)
    assert [column.cell(row)[0] for row in range(3)] == ["much …", "ok    ", "世界  "]
    assert Column("n", np.array([7]), str, 4, right=True).cell(0)[0] == "   7"
