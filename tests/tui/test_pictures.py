"""The README's pictures of the screens show what the program shows."""

from __future__ import annotations

import html
import re

import pytest

from docs.make_screens import HERE, PICTURES, picture


def words(svg: str) -> str:
    """The text of a picture, without where it stands and how it is drawn, which is up to Textual.

    Only up to the list of rules: one that is added is no reason to draw the overview anew.
    """
    text = " ".join(html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).split())
    return re.split(r"✗ \d+ failed", text)[0]


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_up_to_date(name: str) -> None:
    """`python docs/make_screens.py` would draw the same text."""
    drawn = words(picture(name))
    assert "FAIL" in drawn
    assert drawn == words((HERE / name).read_text(encoding="utf-8"))
