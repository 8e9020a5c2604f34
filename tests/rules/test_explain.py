"""The explanation of a rule, for people and as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsrcheck.rules import as_dict, explain, find_rule, load_rules
from dsrcheck.rules.rule import Rule
from tests.rules.hand_made import RULE, rule_file

HEADINGS = [
    "What it checks",
    "Why it matters",
    "What it needs to see",
    "How to mend it",
    "Example",
    "References",
]
MORE = """
[remedy]
linux = '''
This is how it is done on a server that runs Linux, told at such a length that it has to be wrapped.
    ip addr add ${vip}/${prefix} dev lo
'''
windows = "Restart."

[[example]]
scenario = "dsr-healthy"
fault = "low-ttl"
vantage = "mirror"
verdict = "fail"
"""


def test_explanation_of_a_small_rule(tmp_path: Path) -> None:
    """The whole text, to the letter."""
    rule_file(tmp_path, RULE + 'references = ["RFC 791: Internet Protocol"]\nwhen = "request.seen"\n' + MORE)
    expected = """\
ACME001 ttl-is-high (error)

What it checks

    The TTL of a request is high.

    for each: a connection of a balanced service, with its legs
    when:     request.seen
    expect:   request.ttl_min > 10

Why it matters

    Low is slow.

What it needs to see

    Requests.

How to mend it

    Linux server:
        This is how it is done on a server that runs Linux, told at such a
        length that it has to be wrapped.
            ip addr add VIP/32 dev lo

    Windows server:
        Restart.

Example

    dsr-healthy with low-ttl, vantage mirror: fail

References

    RFC 791: Internet Protocol
"""
    assert explain(find_rule(load_rules([tmp_path]), "ACME001")) == expected


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_every_rule_explains_itself(rule: Rule) -> None:
    """The fixed headings in their order, and prose that fits 80 columns (commands and addresses may be longer)."""
    lines = explain(rule).split("\n")
    told = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert told == [heading for heading in HEADINGS if heading != "How to mend it" or rule.remedy]
    long = [line for line in lines if len(line) > 80]
    assert all(line.startswith(" " * 12) or "://" in line for line in long), long
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_as_data(rule: Rule) -> None:
    """The same as plain data that JSON can hold."""
    data = json.loads(json.dumps(as_dict(rule)))
    assert (data["id"], data["expect"], data["severity"]) == (rule.id, rule.expect.text, rule.severity)
    assert data["why"]
    assert list(data["remedy"]) == list(rule.remedies({"vip": "VIP", "prefix": "32"}))
    assert len(data["examples"]) == len(rule.examples)
