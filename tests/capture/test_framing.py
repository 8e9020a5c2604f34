"""The loops over record headers: compiled and interpreted, the same source gives the same rows."""

from __future__ import annotations

import importlib.util
from array import array
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import dsrcheck.capture.framing as installed
from tests.capture.blocks import enhanced, obsolete, options, simple


def _interpreted() -> ModuleType:
    source = Path(installed.__file__).with_name("framing.py")
    loader = SourceFileLoader("framing_interpreted", str(source))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


interpreted = _interpreted()
VERSIONS: list[Any] = [interpreted] if str(installed.__file__).endswith(".py") else [interpreted, installed]
ROOM = 5


def _columns() -> list[array[int]]:
    return [array("q", bytes(8 * ROOM)) for _ in range(5)]


def _packets(module: Any, data: bytes, big: bool, exponent: int, binary: bool, shift: int) -> object:
    rows = [module.interface_row(exponent, binary, shift, 20), module.interface_row(9, False, 0, 0)]
    table = array("q", [value for row in rows for value in row])
    columns = _columns()
    outcome = module.pcapng_packets(data, 0, big, 0, 2, table, 77, *columns)
    return outcome, columns, table, [module.drops_of(table, row) for row in (0, 1)]


BLOCKS = st.lists(
    st.one_of(
        st.builds(enhanced, st.binary(max_size=9), st.integers(0, (1 << 64) - 1), st.integers(0, 2)),
        st.builds(
            lambda drops, code: enhanced(b"abc", tail=options((1, b"xyz"), (code, drops))),
            st.binary(min_size=7, max_size=8),
            st.integers(0, 5),
        ),
        st.builds(simple, st.binary(max_size=30)),
        st.builds(
            obsolete, st.binary(max_size=9), st.integers(0, (1 << 64) - 1), st.integers(0, 1), st.integers(0, 65535)
        ),
    ),
    max_size=8,
).map(b"".join)


@given(
    BLOCKS | st.binary(max_size=200),
    st.booleans(),
    st.integers(0, 127),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=3),
)
def test_pcapng_versions_agree(
    data: bytes, big: bool, exponent: int, binary: bool, shift: int, spoils: list[tuple[int, int]]
) -> None:
    """Good blocks, spoiled ones and plain noise give the same rows, table and state in every version."""
    spoiled = bytearray(data)
    for at, value in spoils:
        if at < len(spoiled):
            spoiled[at] = value
    results = [_packets(module, bytes(spoiled), big, exponent, binary, shift) for module in VERSIONS]
    assert all(result == results[0] for result in results)


@given(st.binary(max_size=200), st.booleans(), st.sampled_from([16, 24]), st.sampled_from([1, 1000]))
def test_pcap_versions_agree(data: bytes, big: bool, header: int, tick: int) -> None:
    """Any bytes give the same rows and state in every version, and no row reaches beyond the bytes."""
    results = []
    for module in VERSIONS:
        offset, captured, original, time, _ = columns = _columns()
        outcome = module.pcap_records(data, 0, big, header, tick, offset, captured, original, time)
        results.append((outcome, columns))
        assert all(offset[row] + captured[row] <= len(data) for row in range(outcome[0]))
        assert 0 <= outcome[1] <= len(data)
    assert all(result == results[0] for result in results)


def test_columns_are_never_overrun() -> None:
    """With more frames than room the loop stops at the brim, and goes on from there."""
    data = enhanced() * (ROOM + 2)
    table = array("q", interpreted.interface_row(6, False, 0, 0))
    for module in VERSIONS:
        count, untimed, at, state = module.pcapng_packets(data, 0, False, 0, 1, table, 0, *_columns())
        assert (count, untimed, at, state) == (ROOM, 0, ROOM * len(enhanced()), module.FULL)
        count, _, at, state = module.pcapng_packets(data, at, False, 0, 1, table, 0, *_columns())
        assert (count, at, state) == (2, len(data), module.MORE)
