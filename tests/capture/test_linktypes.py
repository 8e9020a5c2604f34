"""Link types have names, and the message for one we cannot decode says what would do."""

from __future__ import annotations

from dsrcheck.capture.linktypes import link_type_name, unsupported


def test_names() -> None:
    """Known numbers have words, others their number."""
    assert [link_type_name(number) for number in (1, 113, 276, 101, 0, 105, 4711)] == [
        "Ethernet",
        "Linux cooked v1",
        "Linux cooked v2",
        "raw IP",
        "BSD loopback",
        "IEEE 802.11",
        "link type 4711",
    ]


def test_message() -> None:
    """Each accepted kind is named once."""
    text = unsupported(105)
    assert text.startswith("the frames are IEEE 802.11 (link type 105); accepted are ")
    assert text.count("raw IP,") == 1
