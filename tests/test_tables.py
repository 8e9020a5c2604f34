"""Tables refuse columns that do not fit their rows."""

from __future__ import annotations

import numpy as np
import pytest

from dsrcheck.tables import Column, HostName, SetColumn, Subjects, Tables, empty_subjects

TWO = np.zeros(2, dtype=np.int64)
THREE = np.zeros(3, dtype=np.int64)


@pytest.mark.parametrize(
    "column",
    [Column(THREE), Column(TWO, np.ones(3, dtype=bool)), SetColumn(THREE, ()), Column(np.zeros((2, 2)))],
)
def test_columns_must_fit(column: Column | SetColumn) -> None:
    """A column of another length would be judged against the wrong rows."""
    with pytest.raises(ValueError, match="table exchange has 2 rows"):
        Subjects("exchange", 2, {"a.b": column}, TWO, TWO)


def test_vip_and_capture_must_fit() -> None:
    """So must the VIP and the capture of each row."""
    for vip, capture in ((THREE, TWO), (TWO, THREE)):
        with pytest.raises(ValueError, match="table exchange has 2 rows"):
            Subjects("exchange", 2, {}, vip, capture)


def test_hosts_of_a_vip_come_first() -> None:
    """One MAC may be a server of one VIP and something else in the capture."""
    server, gateway = HostName("server", 1), HostName("gateway", 1)
    tables = Tables({}, (), ("10.0.0.10",), {(0, 1): server, (-1, 1): gateway})
    assert (tables.host(0, 1), tables.host(1, 1), tables.host(0, 2)) == (server, gateway, None)


def test_an_empty_table_is_a_table() -> None:
    """No rows, no columns."""
    assert (empty_subjects("icmp").name, empty_subjects("icmp").rows) == ("icmp", 0)
