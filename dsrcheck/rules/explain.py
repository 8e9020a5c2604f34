"""`dsrcheck explain RULE`: a rule under fixed headings, for people and, from the same source, as data."""

from __future__ import annotations

import textwrap
from dataclasses import asdict

from dsrcheck.rules.columns import MEANINGS
from dsrcheck.rules.rule import Example, Rule
from dsrcheck.rules.wording import vip_values

WIDTH = 80

PLATFORM_TITLES = {
    "linux": "Linux server",
    "windows": "Windows server",
    "netscaler": "NetScaler",
    "lvs": "Linux Virtual Server (LVS)",
    "network": "Network",
}


def explain(rule: Rule) -> str:
    """Return the explanation of a rule, WIDTH columns wide where commands allow, with `VIP` for the address."""
    parts = [f"{rule.id} {rule.name} ({rule.severity})"]
    parts += ["What it checks", _indented(_prose(rule.summary)), _indented(_condition(rule))]
    parts += ["Why it matters", _indented(_prose(rule.why))]
    parts += ["What it needs to see", _indented(_prose(rule.needs))]
    remedies = rule.remedies(vip_values(None))
    if remedies:
        parts.append("How to mend it")
        parts += [
            _indented(f"{PLATFORM_TITLES[name]}:\n{_indented(_prose(text, 8))}") for name, text in remedies.items()
        ]
    if rule.examples:
        parts += ["Example", _indented("\n".join(_example(example) for example in rule.examples))]
    if rule.references:
        parts += ["References", _indented("\n".join(_wrapped(reference, "  ") for reference in rule.references))]
    return "\n\n".join(parts) + "\n"


def as_dict(rule: Rule) -> dict[str, object]:
    """Return the same as `explain` as plain data, for JSON."""
    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "subject": rule.subject,
        "modes": list(rule.modes),
        "when": rule.when.text if rule.when else None,
        "expect": rule.expect.text,
        "because_of": list(rule.because_of),
        "why": " ".join(rule.why.split()),
        "needs": " ".join(rule.needs.split()),
        "remedy": rule.remedies(vip_values(None)),
        "examples": [asdict(example) for example in rule.examples],
        "references": list(rule.references),
    }


def _condition(rule: Rule) -> str:
    """Return the conditions as the file has them, for `--rules` authors and the curious."""
    lines = [_wrapped(f"for each: {MEANINGS[rule.subject]}", "          ")]
    if rule.when:
        lines.append(_wrapped(f"when:     {rule.when.text}", "          "))
    lines.append(_wrapped(f"expect:   {rule.expect.text}", "          "))
    return "\n".join(lines)


def _example(example: Example) -> str:
    fault = f" with {example.fault}" if example.fault else ""
    declared = ", topology declared" if example.topology else ""
    return _wrapped(f"{example.scenario}{fault}, vantage {example.vantage}{declared}: {example.verdict}", "  ")


def _prose(text: str, indent: int = 4) -> str:
    """Wrap paragraphs; lines that are indented in the file are commands and stay as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    for line in [*text.strip("\n").split("\n"), ""]:
        if line.strip() and not line.startswith(" "):
            paragraph.append(line)
            continue
        if paragraph:
            lines += _wrapped(" ".join(paragraph), "", indent).split("\n")
            paragraph = []
        lines.append(line.rstrip())
    return "\n".join(lines).rstrip("\n")


def _wrapped(text: str, hanging: str, indent: int = 4) -> str:
    return textwrap.fill(
        text,
        WIDTH - indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
