"""The page: what it says, that it needs nothing from elsewhere, and that nothing from outside becomes markup."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import dsrcheck
from dsrcheck.findings import Subject
from dsrcheck.illustrate import illustrate
from dsrcheck.report.html import CULPRIT_LIMIT, render
from dsrcheck.report.model import Report
from dsrcheck.text import printable
from tests.report.reports import ARP, CAPTURE, COMPARED, EMPTY, EVIL, FAILING, HOSTILE, PASSING, SERVED, VIP
from tests.report.snapshots import SHARED, assert_is_snapshot

PCAPS = Path(__file__).parent.parent.parent / "pcaps"
VOID = {"meta"}


class Page(HTMLParser):
    """What a browser makes of a page: tags with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def illustrated(name: str) -> str:
    """The page of a real capture with its pictures."""
    analysis = dsrcheck.analyze(PCAPS / name / "capture.pcap")
    return render(analysis.report, illustrations=illustrate(analysis.sides, analysis.report))


@pytest.mark.parametrize("name", SHARED)
def test_snapshot(name: str) -> None:
    """The whole of it but the style sheet, as it was looked at and accepted."""
    text = re.sub("<style>.*?</style>", "<style></style>", render(SHARED[name]), flags=re.DOTALL)
    assert_is_snapshot(text, f"{name}.html")


@pytest.mark.parametrize("report", [*SHARED.values(), Report(())])
def test_well_formed(report: Report) -> None:
    """Every element is closed, in order, and no id is given twice."""
    page = Page(render(report))
    assert page.open == []
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("text", [render(HOSTILE), illustrated("real-ipvs-return-through-balancer")])
def test_needs_nothing_from_elsewhere(text: str) -> None:
    """No script, no handler, no address to load from; and the browser is told to load none."""
    page = Page(text)
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "embed", "base", "a", "form"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "action")]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert "url(" not in text.replace("url(#", "")
    assert "@import" not in text


def test_hostile_text_is_shown_as_it_is() -> None:
    """Printable, and text."""
    text = render(HOSTILE)
    assert printable(EVIL) in Page(text).text
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize(("report", "word"), [(FAILING, "FAIL"), (PASSING, "PASS"), (EMPTY, "NOTHING TO CHECK")])
def test_the_verdict_comes_first(report: Report, word: str) -> None:
    """Verdict and culprits stand at the top, and the title says them in a list of tabs."""
    page = Page(render(report)).text.split()
    assert " ".join(page).startswith(f"{word}: segment.pcap")


def test_causes_are_open_and_what_follows_is_folded() -> None:
    """Who mends the first is done with both."""
    text = render(FAILING)
    assert text.index("DSR301 server-answers-no-arp</h3>") < text.index(
        'DSR101 request-reaches-balancer <small class="cause">'
    )
    assert "follows from DSR301: mend that first" in text
    first, second = text.index('id="DSR301-'), text.index('id="DSR101-')
    assert "<details open>" in text[first:second]
    assert "<details>" in text[second : text.index('id="DSR901"')]


def test_why_and_mend_are_said_once_a_rule() -> None:
    """Many culprits of one rule are a list; beyond a limit they are counted."""
    found = tuple(replace(ARP, subject=Subject("server", f"02:00:00:00:00:{n:02x}")) for n in range(CULPRIT_LIMIT + 2))
    text = Page(render(replace(FAILING, findings=found))).text
    assert text.count(ARP.why) == 1
    assert "and 2 culprits more" in text


def test_a_command_is_one_to_copy() -> None:
    """One click takes the whole command, without its indent."""
    assert '<code class="copy">sysctl -w net.ipv4.conf.all.arp_ignore=1</code>' in render(FAILING)


def test_matrix_has_a_cell_for_each_verdict() -> None:
    """Rules by VIPs, with sign and reason; a rule on the capture spans all VIPs."""
    other = replace(SERVED, address="192.168.10.101")
    more = tuple(replace(verdict, vip=other.address) for verdict in FAILING.verdicts if verdict.vip)
    text = render(replace(FAILING, vips=(SERVED, other), verdicts=(*FAILING.verdicts, *more)))
    assert text.count('<td class="fail"><b>✗</b> <span>3 of 6</span></td>') == 2
    assert text.count('<td class="not-observed"><b>?</b> <span>no client is behind a gateway</span></td>') == 4
    assert '<td class="fail" colspan="2"><b>✗</b> <span>1 of 1</span></td>' in text


def test_baseline() -> None:
    """What is known is marked, what is gone is crossed out."""
    text = render(COMPARED)
    assert text.count('<span class="known">known</span>') == 2
    assert "<del>error DSR202 reply-bypasses-balancer for 192.168.10.100: server 02:00:00:00:5e:02</del>" in text


def test_frames_of_several_captures_are_told_apart() -> None:
    """A filter says for which capture it is."""
    text = Page(render(replace(FAILING, captures=(CAPTURE, replace(CAPTURE, path="b.pcap"))))).text
    assert "Wireshark segment.pcap" in text


def test_pictures() -> None:
    """A failing capture has its topology with the culprit marked, its ladder with the broken arrows, and its curve."""
    text = illustrated("real-ipvs-return-through-balancer")
    page = Page(text)
    assert page.open == []
    for picture in ("topology", "ladder", "plot"):
        assert text.count(f'<svg class="{picture}"') == 1
    assert text.count('<g class="node culprit"') == 1
    assert 'class="rung broken evidence"' in text
    assert "all of it: dsrcheck flow" in page.text


def test_a_finding_shown_elsewhere_says_where() -> None:
    """One ladder for findings on the same frames."""
    assert "Frames that show it stand in the ladder of DSR103." in Page(illustrated("article-normal-mode")).text


def test_same_report_same_page() -> None:
    """Nothing depends on clock or machine."""
    assert illustrated("article-dsr") == illustrated("article-dsr")
    assert VIP in render(FAILING)
