"""Every action of the interface, once: keys, footer, help and command palette are made from this list."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from dsrcheck.records import dataclass

OVERVIEW, FINDINGS, FLOWS, CLAIMS, LADDER, FRAME = "overview", "findings", "flows", "claims", "ladder", "frame"
SEARCHABLE = (FINDINGS, FLOWS, CLAIMS, LADDER, FRAME)
VIEWS = {
    OVERVIEW: "the verdict, who is who, how each rule stands, and rates",
    FINDINGS: "what is wrong, who the culprit is, why, how to mend it, and the frames that show it",
    FLOWS: "every flow, to sort and to filter",
    CLAIMS: "who said by ARP or NDP that an address is where",
    LADDER: "the frames of one flow as arrows between the hosts",
    FRAME: "one frame: its layers and its bytes",
}
"""The views in their order, and what each shows."""


@dataclass(frozen=True)
class Action:
    """One thing that can be done.

    action: as Textual runs it, of the app or of the view. key: several may be given, with commas. title: in a word or
    two, for the footer. help: in a sentence, for help and palette. views: where it is, everywhere if empty. footer:
    whether the footer shows it. live: only where something is being captured
    """

    action: str
    key: str
    title: str
    help: str
    views: tuple[str, ...] = ()
    footer: bool = True
    live: bool = False

    def binding(self) -> Binding:
        """The same as Textual has it."""
        return Binding(self.key, self.action, self.title, show=self.footer, tooltip=self.help)


ACTIONS = (
    Action("app.show('overview')", "1", "Overview", "Show the verdict and how each rule stands", footer=False),
    Action("app.show('findings')", "2", "Findings", "Show what is wrong and how to mend it", footer=False),
    Action("app.show('flows')", "3", "Flows", "Show every flow", footer=False),
    Action("app.show('claims')", "4", "Claims", "Show who said by ARP or NDP that an address is where", footer=False),
    Action("back", "escape,backspace", "Back", "Go back to where you came from", (LADDER, FRAME)),
    Action("open", "enter", "Findings", "Show the findings", (OVERVIEW,)),
    Action("open", "enter", "Frame", "Go to its frames; once more: to the layers of one", (FINDINGS,)),
    Action("open", "enter", "Ladder", "Draw the flow as a ladder", (FLOWS,)),
    Action("open", "enter", "Frame", "Show the layers and bytes of the frame", (LADDER, CLAIMS)),
    Action("ladder", "l", "Ladder", "Draw the flow of the frame as a ladder", (FINDINGS, FRAME)),
    Action("flows", "f", "Its flows", "Show the flows that break the rule of the finding", (FINDINGS,)),
    Action("evidence", "e", "Evidence", "Write the frames of its rule to a file for Wireshark", (FINDINGS,)),
    Action("filter", "f", "Filter", "Show only flows that fulfil a condition, written as in a rule", (FLOWS,)),
    Action("vip_only", "v", "VIPs only", "Show claims for virtual addresses only, or all", (CLAIMS,)),
    Action("sort(1)", "s", "Sort", "Sort by the next column", (FLOWS, CLAIMS)),
    Action("reverse", "S,r", "Reverse", "Sort the other way round", (FLOWS, CLAIMS), footer=False),
    Action("everything", "a", "All", "Draw all frames, or only those that tell most", (LADDER,)),
    Action("steps", "t", "Steps", "Show the steps of the flow in the place of the frame", (LADDER,)),
    Action("step(-1)", "left_square_bracket,p", "Before", "Go to the one before", (LADDER, FRAME), footer=False),
    Action("step(1)", "right_square_bracket,n", "Next", "Go to the next flow or frame", (LADDER, FRAME)),
    Action("search", "slash", "Search", "Go to the next place where a text stands", SEARCHABLE),
    Action("again(1)", "greater_than_sign,ctrl+n", "Next hit", "Search on", SEARCHABLE, footer=False),
    Action("again(-1)", "less_than_sign,ctrl+b", "Hit before", "Search backwards", SEARCHABLE, footer=False),
    Action("copy_filter", "y", "Copy", "Copy a Wireshark filter for what is under the cursor", SEARCHABLE),
    Action("app.freeze", "z", "Freeze", "Let the screen stand still while the capture goes on", live=True),
    Action("follow", "F", "Follow", "Stay at the newest row", (FLOWS, CLAIMS), footer=False),
    Action("app.stop", "x", "Stop", "End the capture and keep the screens", live=True, footer=False),
    Action("app.save", "w", "Save", "Write the frames seen so far to a file", footer=False),
    Action("app.open_capture", "o", "Open", "Open another capture", footer=False),
    Action("app.toggle_dark", "d", "Light or dark", "Change between light and dark", footer=False),
    Action("app.help", "question_mark", "Help", "Tell what each key does"),
    Action("app.command_palette", "ctrl+p", "Commands", "Search for a command", footer=False),
    Action("app.quit", "q", "Quit", "Leave"),
)  # fmt: skip


def actions_of(view: str) -> list[Action]:
    """What can be done in a view, its own first."""
    return [a for a in ACTIONS if view in a.views] + [a for a in ACTIONS if not a.views]


def bindings_of(view: str) -> list[BindingType]:
    """The same as key bindings."""
    return [action.binding() for action in actions_of(view)]


def key_text(action: Action) -> str:
    """The keys as people name them."""
    names = {
        "slash": "/", "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]",
        "greater_than_sign": ">", "less_than_sign": "<", "escape": "Esc", "enter": "Enter", "backspace": "Backspace",
    }  # fmt: skip
    return " ".join(names.get(key, key.replace("ctrl+", "^")) for key in action.key.split(","))
