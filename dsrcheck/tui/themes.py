"""The two looks. The three steps of direct server return have a colour of their own, apart from those of verdicts."""

from __future__ import annotations

from textual.theme import Theme

DARK, LIGHT = "dsrcheck-dark", "dsrcheck-light"

THEMES = (
    Theme(
        name=DARK, dark=True, primary="#2f6fb5", secondary="#b48ef0", accent="#45c4e0", foreground="#dfe3ea",
        background="#11141a", surface="#191e27", panel="#222936", success="#5fd38a", warning="#f0b54a", error="#ff6464",
        variables={"footer-key-foreground": "#45c4e0", "faint": "#8b95a5", "line": "#56606f"},
    ),
    Theme(
        name=LIGHT, dark=False, primary="#4b8fdd", secondary="#7b3fc4", accent="#00718a", foreground="#1d2430",
        background="#fbfbf8", surface="#f0f0ea", panel="#e2e3dc", success="#1c7c3c", warning="#9a5b00", error="#c0202a",
        variables={"footer-key-foreground": "#00718a", "faint": "#6a7076", "line": "#a3a8ad"},
    ),
)  # fmt: skip

OWN_COLOURS = {"faint": "#808080", "line": "#606060"}
"""What looks of others lack: text that matters less, and the lifelines of a ladder."""
