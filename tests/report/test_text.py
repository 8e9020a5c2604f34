"""The report for people: what stands first, what fits, and what never reaches a terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dsrcheck.findings import Subject
from dsrcheck.report.model import Report, Step
from dsrcheck.report.text import CULPRIT_LIMIT, render
from tests.report.reports import (
    ALL,
    ARP,
    CAPTURE,
    EMPTY,
    ENTAILED,
    FAILING,
    OPEN,
    PASSING,
    SERVED,
    STEPS,
    WARNED,
    WARNING,
)

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("report", "opening"),
    [
        (FAILING, "FAIL: 2 errors and 1 warning for 192.168.10.100 (dsr-mac)"),
        (PASSING, "PASS: 192.168.10.100 (dsr-mac): the forward path and the reply path are right"),
        (WARNED, "PASS: 192.168.10.100 (dsr-mac): the forward path and the reply path are right; 1\nwarning"),
        (OPEN, "INCONCLUSIVE: 192.168.10.100 (dsr-mac): no error seen, but not enough to call it\nright: reply path"),
        (EMPTY, "NOTHING TO CHECK: no balanced traffic in this capture"),
    ],
)
def test_verdict_comes_first(report: Report, opening: str) -> None:
    """The first line says how it stands."""
    assert render(report).startswith(opening)


def test_first_ten_lines_name_culprits_and_hosts() -> None:
    """Somebody in a hurry learns what is broken, by whom, and who is who."""
    top = "\n".join(render(FAILING).splitlines()[:10])
    assert "server-answers-no-arp: server 02:00:00:00:5e:02 192.168.10.22" in top
    assert "balancer  02:00:00:00:1b:01  192.168.10.11" in top


def test_whole_text() -> None:
    """The whole of a failing report, as it is to look."""
    assert render(FAILING, steps=True) == WHOLE


@pytest.mark.parametrize("report", ALL)
def test_eighty_columns_do(report: Report) -> None:
    """No line is longer than 80 columns; nothing ends in blanks."""
    lines = render(report, steps=True).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("report", ALL)
def test_colour_adds_nothing_but_colour(report: Report) -> None:
    """Without its escape sequences, coloured text is the plain text."""
    assert ESCAPES.sub("", render(report, color=True, steps=True)) == render(report, steps=True)
    assert "\x1b" in render(report, color=True)


def test_commands_stay_whole() -> None:
    """A command is copied from the screen: it is not wrapped, however long."""
    command = "  sysctl -w " + " ".join(f"net.ipv4.conf.eth{n}.arp_ignore=1" for n in range(4))
    report = replace(FAILING, findings=(replace(ARP, remedy={"linux": f"Type:\n{command}\nand then check."}),))
    assert command.strip() in render(report)


def test_why_and_mend_are_said_once_a_rule() -> None:
    """Culprits of one rule stand together; beyond a limit they are counted."""
    found = tuple(replace(ARP, subject=Subject("server", f"02:00:00:00:00:{n:02x}")) for n in range(CULPRIT_LIMIT + 2))
    text = render(replace(FAILING, findings=found))
    assert text.count(ARP.why) == text.count("ERROR DSR301") == 1
    assert text.count("  culprit   server 02:00:00:00:00:") == CULPRIT_LIMIT
    assert "and 2 culprits more" in text


def test_what_follows_is_mended_with_its_cause() -> None:
    """It is named with culprit and frames, and who reads it is sent to the cause: no second remedy beside the first."""
    text = render(FAILING)
    assert "cause     follows from DSR301: mend that first" in text
    assert ENTAILED.why not in text


def test_only_what_is_wrong_has_more_to_read() -> None:
    """What merely tells something needs no explanation."""
    told = replace(WARNING, rule="DSR705", severity="info")
    assert "More on a rule" not in render(replace(PASSING, findings=(told,)))
    assert "More on a rule: dsrcheck explain DSR901" in render(replace(WARNED, findings=(told, WARNING)))


def test_a_host_is_not_named_twice() -> None:
    """How it is known stands beside its MAC."""
    servers = tuple(replace(host, evidence=(f"{host.macs[0]} answers from the VIP",)) for host in SERVED.servers)
    text = render(replace(PASSING, vips=(replace(SERVED, servers=servers),)))
    assert text.count("            answers from the VIP\n") == 1


def test_many_servers_are_counted() -> None:
    """A long list of hosts does not push the findings off the screen."""
    servers = tuple(replace(SERVED.servers[0], macs=(f"02:00:00:00:00:{n:02x}",)) for n in range(20))
    text = render(replace(FAILING, vips=(replace(SERVED, servers=servers),)))
    assert "and 12 servers more" in text


def test_long_addresses_are_stacked_in_steps() -> None:
    """IPv6 steps take two rows rather than more than 80 columns."""
    client, vip = "2001:db8:10:ffff:ffff:ffff:ffff:51", "2001:db8:10::100"
    step = Step(1, "request", "02:00:00:00:c0:01", "02:00:00:00:1b:01", client, vip, "ok")
    text = render(replace(FAILING, steps=(replace(STEPS, steps=(step,)),)), steps=True)
    assert f"{client} > {vip}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_several_captures_name_the_one_a_filter_is_for() -> None:
    """Frame numbers are a capture's own."""
    other = replace(CAPTURE, path="other.pcap")
    assert "segment.pcap: frame.number in {12,40}" in render(replace(FAILING, captures=(CAPTURE, other)))


def test_nothing_from_outside_reaches_the_terminal_raw() -> None:
    """Escape sequences in names and texts are shown, not obeyed."""
    evil = "x\x1b]0;owned\x07\u202e"
    report = replace(
        FAILING,
        captures=(replace(CAPTURE, path=evil, notes=(evil,), truncated=evil, link_type=evil),),
        vips=(replace(SERVED, balancers=(replace(SERVED.balancers[0], name=evil, evidence=(evil,)),)),),
        findings=(replace(ARP, message=evil, why=evil, subject=Subject(evil, evil, evil), remedy={evil: f"  {evil}"}),),
        steps=(replace(STEPS, kind=evil, title=evil, steps=(Step(1, evil, evil, evil, evil, evil, evil),)),),
        notes=(evil,),
    )
    text = render(report, steps=True)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\x1b]0;owned" in text


WHOLE = """\
FAIL: 2 errors and 1 warning for 192.168.10.100 (dsr-mac)
  - server-answers-no-arp: server 02:00:00:00:5e:02 192.168.10.22
  - 1 more error that follows from this
capture   segment.pcap: 1,203 frames, 12.4 s from 2026-02-03 10:00:00 UTC,
          ethernet, vantage: mirror

VIP 192.168.10.100  dsr-mac, tcp/80, 12 flows, 4 clients, 3.12 kB in, 45.2 kB
  out
  balancer  02:00:00:00:1b:01  192.168.10.11
            owns 192.168.10.100
  server    02:00:00:00:5e:01  192.168.10.21  4 flows
  server    02:00:00:00:5e:02  192.168.10.22  4 flows
  server    02:00:00:00:5e:03  192.168.10.23  4 flows
            answers as the VIP
  gateway   02:00:00:00:6a:01  192.168.10.1

ERROR DSR301 server-answers-no-arp  3 times
  Server 02:00:00:00:5e:02 answers ARP for 192.168.10.100.
  culprit   server 02:00:00:00:5e:02 192.168.10.22
  wireshark frame.number in {12,40}
  why       Clients that believe it go past the balancer.
  mend
    windows: Put the VIP on the loopback adapter.
    linux: Answer for no other interface:
      sysctl -w net.ipv4.conf.all.arp_ignore=1

ERROR DSR101 request-reaches-balancer
  A request went past the balancer.
  culprit   server 02:00:00:00:5e:02
  wireshark frame.number in {80}
  cause     follows from DSR301: mend that first

WARNING DSR901 capture-whole
  The capture is cut.
  why       What was not captured cannot be judged.

Steps: request → forward (flow 3)
step      source MAC        destination MAC   source IP     destination IP
1 request 02:00:00:00:c0:01 02:00:00:00:1b:01 192.168.10.51 192.168.10.100 ok
2 forward 02:00:00:00:1b:01 -                 192.168.10.51 192.168.10.100 NO
            breaks DSR102

Rules for VIP 192.168.10.100
  fail  DSR101 request-reaches-balancer (1 of 12)
        DSR301 server-answers-no-arp (3 of 6)
  pass  DSR103 forward-keeps-vip (12)  DSR201 reply-from-vip (12)
  not observed
    - no client is behind a gateway: DSR205 DSR306
  not applicable  DSR307

Rules on the capture itself
  fail  DSR901 capture-whole (1 of 1)

note      Capture without a filter.

More on a rule: dsrcheck explain DSR301
"""
