"""Conditions against an independent evaluator that walks one row at a time, and against hostile text."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsrcheck.addresses import mac_text, parse_mac
from dsrcheck.rules.columns import ColumnInfo
from dsrcheck.rules.expression import LENGTH_LIMIT, ExpressionError, Scope, compile_expression
from dsrcheck.tables import Column, SetColumn
from tests.rules.hand_made import column, sets, subjects, tables

COLUMNS = {
    "n.a": ColumnInfo("number", ""),
    "n.b": ColumnInfo("number", ""),
    "flag": ColumnInfo("flag", ""),
    "flag.other": ColumnInfo("flag", ""),
    "text.a": ColumnInfo("text", ""),
    "mac.a": ColumnInfo("mac", ""),
    "mac.b": ColumnInfo("mac", ""),
    "mac.set": ColumnInfo("mac", "", is_set=True),
    "text.set": ColumnInfo("text", "", is_set=True),
    "ip.a": ColumnInfo("address", ""),
    "time.a": ColumnInfo("time", ""),
    "frame.a": ColumnInfo("frame", ""),
}
MACS = (0, 0x0001AABBCC64, 0xFFFFFFFFFFFF)
Row = dict[str, Any]

# An expression here is (text, how to evaluate it on one row); None stands for unknown, all the way.
Part = tuple[str, Callable[[Row], Any]]
OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _strict(does: Callable[..., Any], *operands: Any) -> Any:
    return None if None in operands else does(*operands)


def _all(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _any(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def name(text: str) -> Part:
    """A column."""
    return text, operator.itemgetter(text)


def number(value: int) -> Part:
    """A number literal."""
    return str(value), lambda row: value


def mac(value: int) -> Part:
    """A MAC literal."""
    return repr(mac_text(value)), lambda row: value


def arithmetic(left: Part, sign: str, right: Part) -> Part:
    """A sum, difference or remainder; a divisor of 0 gives unknown."""

    def evaluate(row: Row) -> int | None:
        first, second = left[1](row), right[1](row)
        if sign == "%" and second == 0:
            return None
        return _strict({"+": operator.add, "-": operator.sub, "%": operator.mod}[sign], first, second)  # type: ignore[no-any-return]

    return f"({left[0]} {sign} {right[0]})", evaluate


def chain(first: Part, second: Part, third: Part, signs: list[str]) -> Part:
    """Two or three numbers compared in a chain."""

    def evaluate(row: Row) -> bool | None:
        values = [part[1](row) for part in (first, second, third)]
        return _all([_strict(OPERATORS[sign], values[i], values[i + 1]) for i, sign in enumerate(signs)])

    text = first[0] + "".join(f" {sign} {part[0]}" for sign, part in zip(signs, (second, third), strict=False))
    return text, evaluate


def equal(left: Part, right: Part) -> Part:
    """Two values compared."""
    return f"{left[0]} == {right[0]}", lambda row: _strict(operator.eq, left[1](row), right[1](row))


def inside(left: Part, negated: bool) -> Part:
    """A value in the set, or not."""
    text = f"{left[0]} {'not in' if negated else 'in'} mac.set"
    return text, lambda row: _strict(lambda value, members: (value in members) != negated, left[1](row), row["mac.set"])


def listed(left: Part, items: list[Part]) -> Part:
    """A value in a list."""
    text = f"{left[0]} in [{', '.join(item[0] for item in items)}]"
    return text, lambda row: _any([_strict(operator.eq, left[1](row), item[1](row)) for item in items])


def negation(part: Part) -> Part:
    """The opposite."""
    return f"not ({part[0]})", lambda row: _strict(operator.not_, part[1](row))


def junction(word: str, parts: list[Part]) -> Part:
    """Several conditions joined by `and` or `or`."""
    decide = _all if word == "and" else _any
    return f" {word} ".join(f"({part[0]})" for part in parts), lambda row: decide([part[1](row) for part in parts])


number_parts = st.recursive(
    st.integers(-5, 5).map(number) | st.sampled_from(["n.a", "n.b"]).map(name),
    lambda inner: st.builds(arithmetic, inner, st.sampled_from("+-%"), inner),
    max_leaves=4,
)
mac_names = st.sampled_from(["mac.a", "mac.b"]).map(name)
macs = mac_names | st.sampled_from(MACS).map(mac)
signs = st.lists(st.sampled_from(list(OPERATORS)), min_size=1, max_size=2)
atoms = (
    st.builds(chain, number_parts, number_parts, number_parts, signs)
    | st.sampled_from(["flag", "flag.other"]).map(name)
    | st.booleans().map(lambda value: (str(value), lambda row: value))
    | st.builds(equal, mac_names, macs)
    | st.builds(inside, macs, st.booleans())
    | st.builds(listed, mac_names, st.lists(macs, min_size=1, max_size=3))
    | st.builds(equal, st.just(name("text.a")), st.sampled_from("xy").map(lambda text: (repr(text), lambda row: text)))
)
conditions = st.recursive(
    atoms,
    lambda inner: (
        st.builds(junction, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
        | inner.map(negation)
    ),
    max_leaves=6,
)
rows = st.fixed_dictionaries(
    {
        "n.a": st.none() | st.integers(-4, 4),
        "n.b": st.none() | st.integers(-4, 4),
        "flag": st.none() | st.booleans(),
        "flag.other": st.none() | st.booleans(),
        "text.a": st.none() | st.sampled_from(["x", "y", "z"]),
        "mac.a": st.none() | st.sampled_from(MACS),
        "mac.b": st.none() | st.sampled_from(MACS),
        "mac.set": st.none() | st.frozensets(st.sampled_from(MACS)),
    }
)


def run(text: str, table: list[Row], addresses: tuple[str, ...] = ()) -> list[bool | None]:
    """Evaluate a condition on rows; None is unknown."""
    columns: dict[str, Column | SetColumn] = {}
    for key in table[0]:
        values, info = [row[key] for row in table], COLUMNS[key]
        columns[key] = sets(values, info.kind) if info.is_set else column(info.kind, values)
    part = subjects("exchange", columns, [0] * len(table))
    vector = compile_expression(text, COLUMNS).run(Scope(part, tables(part, addresses=addresses)))
    return [bool(value) if known else None for value, known in zip(vector.values, vector.known, strict=True)]


@given(conditions, st.lists(rows, min_size=1, max_size=5))
def test_conditions_agree_with_a_row_by_row_evaluator(condition: Part, table: list[Row]) -> None:
    """Columns and single rows give the same of true, false and unknown."""
    text, evaluate = condition
    assert run(text, table) == [evaluate(row) for row in table]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ip.a == '10.0.0.10'", [False, True, None, None]),
        ("ip.a != '192.0.2.1'", [True, True, None, None]),
        ("ip.a in ['10.0.0.1', '192.0.2.1']", [True, False, None, None]),
        ("ip.a == '2001:DB8:0::1'", [False, False, None, None]),
    ],
)
def test_address_literals_mean_addresses(text: str, expected: list[bool | None]) -> None:
    """An address the capture does not hold equals none; position -1 is unknown."""
    table: list[Row] = [{"ip.a": 0}, {"ip.a": 1}, {"ip.a": -1}, {"ip.a": None}]
    assert run(text, table, ("10.0.0.1", "10.0.0.10")) == expected


def test_addresses_compare_in_their_usual_spelling() -> None:
    """An IPv6 address may be written in any of its spellings."""
    assert run("ip.a == '2001:DB8:0::1'", [{"ip.a": 0}], ("2001:db8::1",)) == [True]


def test_left_out_columns_are_unknown() -> None:
    """A column or set that the table leaves out is unknown in every row, never false."""
    assert run("n.a == 1", [{"flag": True}]) == [None]
    assert run("mac.a in mac.set", [{"mac.a": 1}]) == [None]
    assert run("flag or n.a == 1", [{"flag": True}]) == [True]


def test_large_numbers_and_unsigned_columns_do_not_wrap() -> None:
    """An unsigned column compares with negative numbers as numbers do."""
    part = subjects("exchange", {"n.a": Column(np.array([3, 2**64 - 1], dtype=np.uint64))}, [0, 0])
    scope = Scope(part, tables(part))
    assert compile_expression("n.a - 4 < 0", COLUMNS).run(scope).values.tolist() == [True, False]
    assert compile_expression("n.a > -1", COLUMNS).run(scope).values.tolist() == [True, True]


def test_times_subtract_to_numbers() -> None:
    """Times compare with times and numbers; frames only compare."""
    assert run("time.a - time.a == 0 and time.a + 1 > time.a", [{"time.a": 10**18}]) == [True]
    with pytest.raises(ExpressionError, match="do not combine"):
        compile_expression("frame.a + 1 == 2", COLUMNS)


@pytest.mark.parametrize(
    ("text", "message", "pointed", "suggestion"),
    [
        ("n.a == 1 and text.aa == 2", "`text.aa` is not a column", "text.aa", "text.a"),
        ("flag == true", "`true` is not a column", "true", "True"),
        ("'ü' == text.a and flog == 1", "`flog` is not a column", "flog", "flag"),
        ("n.a", "is a value .number., where something true or false is needed", "n.a", "compare it"),
        ("mac.a == 3", "mac and number do not compare", "mac.a == 3", None),
        ("mac.a == '00:01:aa:bb:cc:64:00'", "six octets", "'00:01:aa:bb:cc:64:00'", None),
        ("ip.a == '10.0.0.256'", "10.0.0.256", "'10.0.0.256'", None),
        ("text.a < 'b'", "text has no order", "text.a < 'b'", "== or !="),
        ("mac.a in mac.b", "`mac.b` is not a set", "mac.b", "=="),
        ("mac.set == mac.a", "`mac.set` is a set", "mac.set", "... in mac.set"),
        ("text.a in mac.set", "cannot be in a set of mac", "mac.set", None),
        ("mac.a in text.set", "cannot be in a set of text", "text.set", None),
        ("n.a in []", "an empty list", "[]", None),
        ("n.a is 1", "`is` is not allowed", "n.a is 1", "=="),
        ("n.a * 2 == 4", "`*` is not allowed", "n.a * 2", None),
        ("n.a = 1", "is not an expression", "=", "=="),
        ("n.a == 1.5j", "this literal is not allowed", "1.5j", None),
        ("n.a == None", "this literal is not allowed", "None", None),
        ("n.a == 99999999999999999999", "beyond 64 bits", "99999999999999999999", None),
        ("n.a < 1e999", "beyond 64 bits", "1e999", None),
    ],
)
def test_errors_point_at_what_is_wrong(text: str, message: str, pointed: str, suggestion: str | None) -> None:
    """An error names the mistake, underlines just it, and tells what may have been meant."""
    with pytest.raises(ExpressionError, match=message) as caught:
        compile_expression(text, COLUMNS)
    error = caught.value
    assert error.text[error.start : error.start + error.length] == pointed
    assert error.suggestion == suggestion
    line, carets = error.drawing().split("\n")
    assert line[carets.index("^") : len(carets)] == pointed


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "[x for x in (1,)] == 1",
        "(lambda: 1)() == 1",
        "n.a[0] == 1",
        "f'{n.a}' == text.a",
        "(n.a := 1) == 1",
        "1 if flag else 2",
        "flag and yield",
        "'\\x1b[31m' == text.a",
        "text.a == '%s' % n.a",
        "n.a ** 99999999 == 1",
        "n.a == 'a' 'b' or *flag",
        "flag\nimport os",
        "\x00",
        "",
        "   ",
        "(" * 400 + "flag" + ")" * 400,
        "not " * 200 + "flag",
        "-" * 900 + "1 == n.a",
        "n.a" + "+1" * 300 + " == 1",
        "flag and " * 200 + "flag",
        "flag" + "." * 900,
        "{" * 900,
        "\ud800 == text.a",
    ],
)
def test_hostile_text_is_refused(text: str) -> None:
    """Nothing is run, nothing crashes, and the drawing is printable and short."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, COLUMNS)
    drawing = caught.value.drawing()
    assert all(character.isprintable() for character in drawing.replace("\n", ""))
    assert max(map(len, drawing.split("\n"))) <= 80


@given(st.text(max_size=60))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    """Any text gives a condition or an ExpressionError that can be drawn, never another error."""
    try:
        compile_expression(text, COLUMNS)
    except ExpressionError as error:
        error.drawing()


def test_length_is_bounded() -> None:
    """A text past the limit is refused before it is parsed."""
    with pytest.raises(ExpressionError, match="longer than"):
        compile_expression("flag or " * LENGTH_LIMIT + "flag", COLUMNS)


def test_lines_may_break() -> None:
    """A condition may go over several lines of its file."""
    assert run("flag\n  and n.a == 1", [{"flag": True, "n.a": 1}]) == [True]


def test_names_are_told_in_order() -> None:
    """Each column once, as the condition names them: the first unknown one gives the reason."""
    expression = compile_expression("n.b == 1 and mac.a in mac.set and n.b != n.a", COLUMNS)
    assert expression.names == ("n.b", "mac.a", "mac.set", "n.a")


def test_hyphens_in_macs() -> None:
    """MAC literals may be written with hyphens."""
    assert run("mac.a == '00-01-AA-BB-CC-64'", [{"mac.a": parse_mac("00:01:aa:bb:cc:64")}]) == [True]


def test_a_table_with_another_kind_is_a_mistake_of_ours() -> None:
    """Tables must keep to the listed kinds."""
    part = subjects("exchange", {"n.a": column("text", ["1"])}, [0])
    with pytest.raises(TypeError, match=r"n\.a"):
        compile_expression("n.a == 1", COLUMNS).run(Scope(part, tables(part)))
