"""All formats over all golden captures: each holds to its schema, whatever is in the capture."""

from __future__ import annotations

import json
from functools import cache
from xml.etree import ElementTree

import jsonschema
import pytest

import dsrcheck
from dsrcheck.illustrate import illustrate
from dsrcheck.report.formats import FORMATS, render
from dsrcheck.rules import load_rules
from tests.report.test_html import PCAPS, Page
from tests.report.test_junit import schema
from tests.report.test_sarif import SCHEMA

CASES = sorted(path.parent.name for path in PCAPS.glob("*/capture.pcap*"))


@cache
def sarif_validator() -> jsonschema.Draft4Validator:
    """Made once: it is costlier than its use."""
    return jsonschema.Draft4Validator(SCHEMA)


def test_there_are_cases() -> None:
    """An empty folder must not pass for a good one."""
    assert len(CASES) >= 16


@pytest.mark.parametrize("case", CASES)
def test_every_format_of_every_case(case: str) -> None:
    """The page is well-formed, JUnit and SARIF are valid, and the texts fit for a terminal."""
    (capture,) = (PCAPS / case).glob("capture.pcap*")
    analysis = dsrcheck.analyze(capture)
    extras = {
        "color": False, "steps": True, "fail_on": "error", "version": "1", "rules": load_rules([]),
        "illustrations": illustrate(analysis.sides, analysis.report),
    }  # fmt: skip
    texts = {form: render(form, analysis.report, **extras) for form in FORMATS}
    page = Page(texts["html"])
    assert page.open == []
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    schema().validate(ElementTree.ElementTree(ElementTree.fromstring(texts["junit"])))
    sarif_validator().validate(json.loads(texts["sarif"]))
    for form in ("text", "github", "markdown"):
        assert all(character.isprintable() or character == "\n" for character in texts[form])
