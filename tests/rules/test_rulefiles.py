"""The built-in rule files: all that the catalogue promises, each complete and in good shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsrcheck.rules import load_rules
from dsrcheck.rules.columns import COLUMNS
from dsrcheck.rules.rule import IPV6_VARIANT, PLATFORMS, Rule

# Ids, names and severities are a contract with reports, golden files and users' CI; they never change.
CATALOGUE = """
101 E request-reaches-balancer    102 E forward-to-server-mac     103 E forward-keeps-vip
104 E forward-keeps-client        105 E forward-keeps-packet      106 W forward-complete
107 E flow-affinity               109 W forward-source-mac        110 E no-forwarding-loop
201 E reply-from-vip              202 E reply-bypasses-balancer   203 E server-answers
204 E server-accepts              205 W reply-next-hop            206 E handshake-completes
207 E no-mid-flow-reset           209 E balancer-stays-silent
301 E server-answers-no-arp       302 E server-asks-not-as-vip    303 E server-announces-not
304 E one-owner                   306 E failover-announced        307 E server-advertises-no-nd
308 W server-arp-answered         401 E snip-in-vip-subnet        402 E server-on-segment
406 E topology-matches-capture    503 E tunnel-mtu                602 W no-icmp-redirect
703 W reply-heavy                 705 I throughput
901 W capture-whole               902 W macs-present              903 I no-duplicates
904 I no-offload                  905 I time-in-order             906 I starts-with-flows
"""
SEVERITY = {"E": "error", "W": "warning", "I": "info"}
EXPECTED = {
    f"DSR{number}": (name, SEVERITY[letter]) for number, letter, name in re.findall(r"(\d+) ([EWI]) (\S+)", CATALOGUE)
}
RULES = load_rules()


def by_id(rule: Rule) -> str:
    """Name a test's case."""
    return rule.id


def test_every_rule_of_the_catalogue_is_there() -> None:
    """Each id has its name and severity."""
    built_in = {rule.id: (rule.name, rule.severity) for rule in RULES}
    assert {identity: built_in.get(identity) for identity in EXPECTED} == EXPECTED


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_file_is_named_after_the_rule(rule: Rule) -> None:
    """One file a rule, found by its id."""
    assert rule.file == f"rules/{rule.id}-{rule.name}.toml"
    assert (Path(__file__).parents[2] / rule.file).is_file()


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_rule_tells_all_that_a_reader_asks(rule: Rule) -> None:
    """A summary of one sentence, a `why` of two to four, references, and a remedy where one can act."""
    assert re.fullmatch(r"[A-Z].*[^.]\.", rule.summary)
    assert "\n" not in rule.summary
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z\"])", " ".join(rule.why.split()))
    assert 2 <= len(sentences) <= 4, sentences
    assert rule.references
    assert rule.remedy or rule.id == "DSR705"
    assert len(rule.message.template) <= 300


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_rule_names_somebody(rule: Rule) -> None:
    """Each rule has a culprit, by a column or by its role, and frames to show where there are any."""
    assert rule.culprit or rule.culprit_role
    assert rule.evidence or rule.subject in ("capture", "vip")


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_examples_show_both_sides(rule: Rule) -> None:
    """At least one that passes and one that fails, or for information one that speaks and one that is silent."""
    verdicts = {example.verdict for example in rule.examples}
    assert verdicts >= ({"silent", "speaks"} if rule.severity == "info" else {"fail", "pass"})
    assert len(set(rule.examples)) == len(rule.examples)
    kebab = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
    for example in rule.examples:
        assert kebab.fullmatch(example.scenario)
        assert kebab.fullmatch(example.fault or "none")
        assert kebab.fullmatch(example.vantage)


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_commands_fit_the_family(rule: Rule) -> None:
    """Where a remedy spells an IPv4 address or command with the VIP, an IPv6 VIP gets a variant of its own."""
    templates = dict(rule.remedy)
    for platform in PLATFORMS:
        text = templates[platform].template if platform in templates else ""
        ipv4 = re.search(r"interface ipv4|net\.ipv4\.(?!conf\.all\.arp)|ipvsadm .*\$\{vip\}|255\.255\.255\.255", text)
        arp_only = rule.id in ("DSR301", "DSR302", "DSR303")
        if ipv4 and "${vip}" in text and not arp_only:
            assert platform + IPV6_VARIANT in templates, platform


def test_columns_are_well_formed() -> None:
    """Every column has a kind that tables know, and a meaning."""
    kinds = {"number", "mac", "address", "text", "flag", "time", "frame"}
    for columns in COLUMNS.values():
        for name, info in columns.items():
            assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", name)
            assert info.kind in kinds
            assert len(info.meaning) > 5
