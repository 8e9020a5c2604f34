"""Markdown: what a reader of a merge request sees, as a Markdown parser has it, whatever the report carries."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from dsrcheck.findings import Subject
from dsrcheck.report.markdown import CULPRIT_LIMIT, code, prose, render
from tests.report.reports import ARP, CAPTURE, COMPARED, EVIL, FAILING, HOSTILE, PASSING, SERVED
from tests.report.snapshots import SHARED, assert_is_snapshot

PARSER = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(["table", "strikethrough"])
TAGS = {"h2", "h3", "p", "ul", "li", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "br",
        "strong", "em", "s", "pre", "blockquote"}  # fmt: skip


def tags(text: str) -> set[str]:
    """The tags of what a page makes of Markdown."""
    return set(re.findall(r"<([a-z][a-z0-9]*)", PARSER.render(text)))


@pytest.mark.parametrize("name", SHARED)
def test_snapshot(name: str) -> None:
    """The whole of it, as it was read and accepted."""
    assert_is_snapshot(render(SHARED[name]), f"{name}.md")


@pytest.mark.parametrize("name", SHARED)
def test_no_markup_but_our_own(name: str) -> None:
    """No element comes from outside, and what we fold is closed again."""
    page = PARSER.render(render(SHARED[name]))
    assert tags(render(SHARED[name])) <= TAGS
    assert page.count("<details>") == page.count("</details>")
    assert page.count("<table>") == bool(SHARED[name].vips) + bool(SHARED[name].verdicts)


def test_hostile_text_is_shown_as_it_is() -> None:
    """It can be read, and a table keeps its columns."""
    page = PARSER.render(render(HOSTILE))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    assert [len(re.findall("<t[dh]", row)) for row in rows] == [8, 8, 2, 2, 2]


@pytest.mark.parametrize(
    "text",
    ["@someone", "see #1", "*a*", "_a_", "[a](http://b)", "http://b.example", "www.example.com", "- a", "1. a", "<b>",
     "a | b", "~~a~~", "`a`", "![a](b)", "&lt;", "$a$", "a\nb", "# a"],
)  # fmt: skip
def test_prose_is_text(text: str) -> None:
    """Nothing in a sentence is taken for markup: the parser gives back one paragraph of plain text."""
    page = PARSER.render(prose(text)).replace("<!-- -->", "").replace("\\n", "\n")
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    assert page == f"<p>{shown}</p>\n"


def test_no_mention() -> None:
    """GitHub and GitLab look for mentions in what is shown: there is something between."""
    assert prose("by @someone") == "by @<!-- -->someone"


@pytest.mark.parametrize("address", ["192.168.10.100", "2001:db8:100::1", "fe80::1", "02:00:00:00:5e:02", "::1"])
def test_addresses_are_code(address: str) -> None:
    """Else `:100:` of an address would become a picture."""
    assert (
        prose(f"Server {address}, VIP {address}: ({address}).")
        == f"Server `{address}`, VIP `{address}`: (`{address}`)."
    )


def test_code_holds_any_text() -> None:
    """Backticks and bars stay inside."""
    assert PARSER.render(code("a`b``c")) == "<p><code>a`b``c</code></p>\n"
    assert PARSER.render(code("`a`")) == "<p><code>`a`</code></p>\n"
    assert "\n" not in code(EVIL)
    assert PARSER.render(f"| {code('a|b', in_table=True)} |\n|---|\n").count("<th>") == 1


def test_causes_come_before_what_they_entail() -> None:
    """Who mends the first is done with both."""
    text = render(FAILING)
    assert text.index("### ❌ DSR301") < text.index("### ❌ DSR101") < text.index("### ⚠️ DSR901")
    assert "DSR101 request-reaches-balancer – follows from DSR301" in text


def test_why_and_mend_are_said_once_a_rule() -> None:
    """Many culprits of one rule are a list; beyond a limit they are counted."""
    found = tuple(replace(ARP, subject=Subject("server", f"02:00:00:00:00:{n:02x}")) for n in range(CULPRIT_LIMIT + 2))
    text = render(replace(FAILING, findings=found))
    assert text.count(ARP.why) == 1
    assert text.count("  - culprit: ") == CULPRIT_LIMIT
    assert "- and 2 culprits more" in text


def test_several_captures_and_vips_are_told_apart() -> None:
    """A filter says for which capture it is, a finding for which VIP."""
    other = replace(SERVED, address="192.168.10.101")
    text = render(replace(FAILING, captures=(CAPTURE, replace(CAPTURE, path="b.pcap")), vips=(SERVED, other)))
    assert "`frame.number in {12,40}` in `segment.pcap`" in text
    assert "DSR301 server-answers-no-arp for `192.168.10.100`" in text


def test_baseline() -> None:
    """What is known is marked, what is gone is crossed out."""
    text = render(COMPARED)
    assert "**Baseline**: findings since the report of before: 1 new, 2 known, 1 gone." in text
    assert text.count("- *known* ") == 2
    assert "- ~~error DSR202 reply-bypasses-balancer for `192.168.10.100`: server `02:00:00:00:5e:02`~~" in text


def test_a_cut_capture_says_so() -> None:
    """What was not read is not silently left out."""
    assert "**Cut**: in frame 7" in render(replace(PASSING, captures=(replace(CAPTURE, truncated="in frame 7"),)))
