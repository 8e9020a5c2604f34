"""The small windows: help, and the question for a file name."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from dsrcheck.text import printable
from dsrcheck.tui.actions import VIEWS, actions_of, key_text
from dsrcheck.tui.picture import LEGEND
from dsrcheck.tui.signs import FAINT, SIGNS

CAPTURE_NAMES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".pcap.zst", ".pcapng.zst", ".dmp", ".ntar")
LISTED = 200
KEYS = 14
"""Columns for the names of keys."""


class Help(ModalScreen[None]):
    """What each key does here, and what the signs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close"),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
    ]

    def __init__(self, view: str) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """One text."""
        with VerticalScroll(id="dialog"):
            yield Static(help_text(self._view, min(self.app.size.width * 9 // 10, 96) - KEYS - 8))

    def action_scroll(self, by: int) -> None:
        """Scroll the text."""
        self.query_one("#dialog").scroll_relative(y=by, animate=False)


def help_text(view: str, width: int) -> Content:
    """The keys of a view, the signs, and the other views."""
    lines = [Content.styled(f"{view.capitalize()}: {VIEWS.get(view, '')}", "bold"), Content("")]
    told = [(key_text(action), action.help) for action in actions_of(view)]
    for keys, text in [*told, ("↑ ↓ PgUp PgDn", "Move; Home and End: to either end")]:
        first, *rest = textwrap.wrap(text, max(width, 20))
        lines.append(Content.assemble((f"{keys:>{KEYS}}  ", "bold $accent"), first))
        lines += [Content(f"{'':{KEYS}}  {line}") for line in rest]
    signs = "   ".join(f"{SIGNS[kind]} {word}" for kind, word in (
        ("pass", "pass"), ("fail", "fail"), ("warning", "warning"), ("not-observed", "not observed"),
        ("not-applicable", "not applicable"), ("info", "info"),
    ))  # fmt: skip
    lines += [Content(""), Content.styled(signs, FAINT), Content.styled(LEGEND, FAINT)]
    lines += [Content.styled("Steps: 1 request, 2 forward, 3 reply, (3) proved by acknowledgements, · not seen", FAINT)]
    return Content("\n").join(lines)


class AskPath(ModalScreen[str | None]):
    """Asks for a file name; None when it is given up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Close")]

    def __init__(self, question: str, value: str = "", captures: bool = False) -> None:
        super().__init__()
        self._question, self._value, self._captures = question, value, captures
        self._options: list[str] = []

    def compose(self) -> ComposeResult:
        """The question, the answer, and the captures that are there."""
        with Vertical(id="dialog"):
            yield Static(Content.styled(self._question, "bold"))
            yield Input(self._value, id="path", suggester=PathSuggester(), compact=True)
            if self._captures:
                yield OptionList(id="there", markup=False)

    def on_mount(self) -> None:
        """List what is there."""
        self.query_one("#path", Input).focus()
        if self._captures:
            self._list(self._value or ".")

    def _list(self, folder: str) -> None:
        self._options = captures_in(folder)
        there = self.query_one("#there", OptionList)
        there.clear_options()
        there.add_options([Option(printable(name)) for name in self._options])

    @on(Input.Submitted, "#path")
    def answered(self, event: Input.Submitted) -> None:
        """A folder is looked into; a file is the answer."""
        path = os.path.expanduser(event.value.strip())
        if self._captures and os.path.isdir(path):
            self._list(path)
        elif path:
            self.dismiss(path)

    @on(OptionList.OptionSelected)
    def picked(self, event: OptionList.OptionSelected) -> None:
        """Take one from the list."""
        path = self._options[event.option_index]
        if os.path.isdir(path):
            self.query_one("#path", Input).value = path
            self._list(path)
        else:
            self.dismiss(path)

    def action_give_up(self) -> None:
        """No answer."""
        self.dismiss(None)


def captures_in(folder: str) -> list[str]:
    """Folders and captures in a folder, the way up first."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: (not entry.is_dir(), entry.name))[:LISTED]
    except OSError:
        return []
    shown = [
        entry.path
        for entry in entries
        if not entry.name.startswith(".") and (entry.is_dir() or is_capture_name(entry.name))
    ]
    return [os.path.join(folder, ".."), *shown]


def is_capture_name(name: str) -> bool:
    """Whether a file is named as captures are."""
    return name.lower().endswith(CAPTURE_NAMES)


class PathSuggester(Suggester):
    """Completes a path to what is there."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry that begins so."""
        folder, begin = os.path.split(os.path.expanduser(value))
        try:
            names = sorted(name for name in os.listdir(folder or ".") if name.startswith(begin) and begin)
        except OSError:
            return None
        found = next((name for name in names if printable(name) == name and name != begin), None)
        return None if found is None else value + found[len(begin) :]


Answer = Callable[[str | None], None]


def default_name(watched: str) -> str:
    """A file name to save under, from what is watched."""
    stem = Path(watched).name.partition(".")[0] or "capture"
    return f"{''.join(c if c.isalnum() or c in '-_' else '-' for c in stem)}-seen.pcapng"
