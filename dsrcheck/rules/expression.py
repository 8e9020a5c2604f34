"""The conditions of rules: a strict subset of Python expressions over columns, compiled once, evaluated by column.

Allowed are names of columns (dotted), integers, decimals, texts, True and False, lists of these after `in`, comparison
and its chains, `in` and `not in`, `and`, `or`, `not`, `+`, `-` and `%`. Everything else is refused where it stands.
The text is parsed with `ast` and never run. A text literal becomes a MAC or IP address where it meets a column of them;
sides of different kinds do not compare.
"""

from __future__ import annotations

import ast
import ipaddress
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property, reduce

from dsrcheck.addresses import parse_mac
from dsrcheck.records import dataclass
from dsrcheck.rules import kleene
from dsrcheck.rules.columns import ColumnInfo
from dsrcheck.rules.kleene import Vector
from dsrcheck.rules.source import suggest
from dsrcheck.tables import Column, SetColumn, Subjects, Tables
from dsrcheck.text import printable

LENGTH_LIMIT = 1000
DEPTH_LIMIT = 30

NUMERIC = ("number", "time", "frame")
_STRING = "text literal"
_NOWHERE = -2  # an address that no frame of the capture holds equals none; -1 would say unknown

_COMPARISONS: Mapping[type[ast.cmpop], Callable[..., object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class ExpressionError(Exception):
    """A condition that cannot be compiled.

    text, start, length: the condition, and which characters of it are meant
    message, suggestion: what is wrong, and what may have been meant (or None)
    """

    def __init__(self, message: str, text: str, start: int = 0, length: int = 1, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message, self.text, self.start, self.length, self.suggestion = message, text, start, length, suggestion

    def drawing(self, width: int = 76) -> str:
        """Return the condition with a caret line under what is wrong; long ones are cut to a window around it."""
        begin = max(0, min(self.start - width // 3, len(self.text) - width))
        window = "".join(" " if printable(character) != character else character for character in self.text)
        window = window[begin : begin + width]
        carets = "^" * max(1, min(self.length, width - (self.start - begin)))
        return f"{window}\n{' ' * (self.start - begin)}{carets}"


@dataclass(frozen=True)
class Scope:
    """What an expression is evaluated on: one table, and the addresses its columns count in."""

    subjects: Subjects
    tables: Tables

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Position of each address text."""
        return {address: position for position, address in enumerate(self.tables.addresses)}

    def vector(self, name: str, kind: str) -> Vector:
        """Return a column; unknown in every row where the table leaves it out."""
        column = self.subjects.columns.get(name)
        if column is None:
            return kleene.unknown(self.subjects.rows)
        if not isinstance(column, Column) or column.kind != kind:
            raise TypeError(f"table {self.subjects.name}: column {name} should be one {kind} a row")
        return kleene.from_column(column)


Run = Callable[[Scope], Vector]


@dataclass(frozen=True)
class Expression:
    """A compiled condition.

    text: as written; names: the columns it speaks of, in order; run: gives its truth for each row of a table
    """

    text: str
    names: tuple[str, ...]
    run: Run = field(repr=False, compare=False)


def compile_expression(text: str, columns: Mapping[str, ColumnInfo]) -> Expression:
    """Compile a condition over the given columns. Raises ExpressionError."""
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError(f"is longer than {LENGTH_LIMIT} characters", text[:LENGTH_LIMIT])
    line = "".join(" " if character in "\r\n\t" else character for character in text).strip()
    tree = _parse(line)
    compiler = _Compiler(line, columns)
    return Expression(line, *compiler.condition(tree))


def _parse(line: str) -> ast.expr:
    if not line:
        raise ExpressionError("is empty", line)
    if "\\" in line:
        raise ExpressionError("a backslash is not allowed", line, line.index("\\"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        start = max(0, min((error.offset or 1) - 1, len(line) - 1))
        suggestion = "==" if line[start] == "=" else None
        raise ExpressionError("is not an expression", line, start, 1, suggestion) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("is not an expression", line) from None


@dataclass(frozen=True)
class _Term:
    """A compiled part: its kind, how to run it, and the literal's value and place if it is one."""

    kind: str
    run: Run
    node: ast.expr
    literal: object = None


class _Compiler:
    """Turns one parsed condition into closures; knows the text, to point at what is wrong."""

    def __init__(self, text: str, columns: Mapping[str, ColumnInfo]) -> None:
        self.text = text
        self.columns = columns
        self.names: dict[str, None] = {}
        self.depth = 0

    def error(self, node: ast.expr, message: str, suggestion: str | None = None) -> ExpressionError:
        """Return an error that points at a node; ast counts UTF-8 bytes."""
        raw = self.text.encode()
        start = len(raw[: node.col_offset].decode(errors="ignore"))
        end = len(raw[: node.end_col_offset].decode(errors="ignore"))
        return ExpressionError(message, self.text, start, max(1, end - start), suggestion)

    def condition(self, tree: ast.expr) -> tuple[tuple[str, ...], Run]:
        """Return the names a condition speaks of, and how to run it."""
        term = self.flag(tree)
        return tuple(self.names), term.run

    def flag(self, node: ast.expr) -> _Term:
        """Compile what must be true or false."""
        term = self.term(node)
        if term.kind != "flag":
            raise self.error(node, f"is a value ({term.kind}), where something true or false is needed", "compare it")
        return term

    def term(self, node: ast.expr) -> _Term:
        """Compile a part that has one value a row."""
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise self.error(node, f"is nested deeper than {DEPTH_LIMIT} levels")
        try:
            match node:
                case ast.Name() | ast.Attribute():
                    return self.column(node)
                case ast.Constant():
                    return self.constant(node, node.value)
                case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if type(value) in (int, float):
                    return self.constant(node, -value)  # type: ignore[operator]  # the guard says number
                case ast.UnaryOp(op=ast.Not()):
                    inner = self.flag(node.operand).run
                    return _Term("flag", lambda scope: kleene.negation(inner(scope)), node)
                case ast.BoolOp():
                    return self.junction(node)
                case ast.BinOp():
                    return self.arithmetic(node)
                case ast.Compare():
                    return self.comparison(node)
                case _:
                    raise self.error(node, f"{_what(node)} is not allowed in a rule")
        finally:
            self.depth -= 1

    def name(self, node: ast.expr) -> str:
        """Return the dotted name of a column that is known here."""
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            raise self.error(node, f"{_what(inner)} is not allowed in a rule")
        name = ".".join([inner.id, *reversed(parts)])
        if name not in self.columns:
            known = [*self.columns, "True", "False"]
            raise self.error(node, f"`{printable(name)}` is not a column", suggest(name, known))
        self.names[name] = None
        return name

    def column(self, node: ast.expr) -> _Term:
        name = self.name(node)
        info = self.columns[name]
        if info.is_set:
            raise self.error(node, f"`{name}` is a set", f"... in {name}")
        return _Term(info.kind, lambda scope: scope.vector(name, info.kind), node)

    def constant(self, node: ast.expr, value: object) -> _Term:
        if isinstance(value, bool):
            kind = "flag"
        elif isinstance(value, str):
            kind = _STRING
        elif isinstance(value, int | float):
            kind = "number"
            fits = math.isfinite(value) if isinstance(value, float) else -(2**63) <= value < 2**63
            if not fits:
                raise self.error(node, "is a number beyond 64 bits")
        else:
            raise self.error(node, f"{_what(node)} is not allowed in a rule")
        return _Term(kind, lambda scope: kleene.constant(value, scope.subjects.rows), node, value)

    def junction(self, node: ast.BoolOp) -> _Term:
        join = kleene.both if isinstance(node.op, ast.And) else kleene.either
        runs = [self.flag(value).run for value in node.values]
        return _Term("flag", lambda scope: reduce(join, (run(scope) for run in runs)), node)

    def arithmetic(self, node: ast.BinOp) -> _Term:
        left, right = self.term(node.left), self.term(node.right)
        first, second = left.run, right.run
        kinds = (left.kind, right.kind)
        match node.op:
            case ast.Mod() if kinds == ("number", "number"):
                return _Term("number", lambda scope: kleene.remainder(first(scope), second(scope)), node)
            case ast.Add() | ast.Sub():
                does = operator.add if isinstance(node.op, ast.Add) else operator.sub
                kind = _kind_of_sum(isinstance(node.op, ast.Add), *kinds)
                if kind:
                    return _Term(kind, lambda scope: kleene.combine(does, first(scope), second(scope)), node)
            case ast.Mod():
                pass
            case _:
                raise self.error(node, f"{_what(node.op)} is not allowed in a rule")
        raise self.error(node, f"{left.kind} and {right.kind} do not combine")

    def comparison(self, node: ast.Compare) -> _Term:
        """Compile a chain: a < b < c is a < b and b < c."""
        runs = []
        left_node = node.left
        for sign, right_node in zip(node.ops, node.comparators, strict=True):
            runs.append(self.pair(node, left_node, sign, right_node))
            left_node = right_node
        return _Term("flag", lambda scope: reduce(kleene.both, (run(scope) for run in runs)), node)

    def pair(self, node: ast.expr, left_node: ast.expr, sign: ast.cmpop, right_node: ast.expr) -> Run:
        left = self.term(left_node)
        match sign:
            case ast.In():
                return self.membership(left, right_node)
            case ast.NotIn():
                inside = self.membership(left, right_node)
                return lambda scope: kleene.negation(inside(scope))
            case ast.Is() | ast.IsNot():
                raise self.error(node, "`is` is not allowed in a rule", "==" if isinstance(sign, ast.Is) else "!=")
        return self.compared(node, left, sign, self.term(right_node))

    def compared(self, node: ast.expr, left: _Term, sign: ast.cmpop, right: _Term) -> Run:
        left, right = self.adapt(left, right.kind), self.adapt(right, left.kind)
        numeric = left.kind in NUMERIC and right.kind in NUMERIC
        if left.kind != right.kind and not (numeric and "number" in (left.kind, right.kind)):
            raise self.error(node, f"{left.kind} and {right.kind} do not compare")
        if not isinstance(sign, ast.Eq | ast.NotEq) and not numeric:
            raise self.error(node, f"{left.kind} has no order", "== or !=")
        first, second, compares = left.run, right.run, _COMPARISONS[type(sign)]
        return lambda scope: kleene.compare(compares, first(scope), second(scope))  # type: ignore[arg-type]

    def membership(self, left: _Term, right: ast.expr) -> Run:
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            runs = [self.compared(item, left, ast.Eq(), self.term(item)) for item in right.elts]
            if not runs:
                raise self.error(right, "an empty list holds nothing")
            return lambda scope: reduce(kleene.either, (run(scope) for run in runs))
        if not isinstance(right, ast.Name | ast.Attribute):
            raise self.error(right, "`in` needs a set or a list on its right")
        name = self.name(right)
        info = self.columns[name]
        if not info.is_set:
            raise self.error(right, f"`{name}` is not a set", "==")
        left = self.adapt(left, info.kind)
        if left.kind != info.kind:
            raise self.error(right, f"{left.kind} cannot be in a set of {info.kind}")
        first = left.run

        def inside(scope: Scope) -> Vector:
            column = scope.subjects.columns.get(name)
            if column is None:
                return kleene.unknown(scope.subjects.rows)
            if not isinstance(column, SetColumn) or column.kind != info.kind:
                raise TypeError(f"table {scope.subjects.name}: column {name} should be a set of {info.kind} a row")
            return kleene.member(first(scope), column)

        return inside

    def adapt(self, term: _Term, kind: str) -> _Term:
        """Read a text literal as what it is compared with."""
        if term.kind != _STRING:
            return term
        text = str(term.literal)
        try:
            if kind == "mac":
                mac = parse_mac(text)
                return _Term("mac", lambda scope: kleene.constant(mac, scope.subjects.rows), term.node)
            if kind == "address":
                address = str(ipaddress.ip_address(text))
                return _Term(
                    "address",
                    lambda scope: kleene.constant(scope.positions.get(address, _NOWHERE), scope.subjects.rows),
                    term.node,
                )
        except ValueError as error:
            raise self.error(term.node, printable(str(error))) from None
        return _Term("text", term.run, term.node)


def _kind_of_sum(adds: bool, left: str, right: str) -> str | None:
    if (left, right) == ("number", "number") or (not adds and (left, right) == ("time", "time")):
        return "number"
    if (left, right) == ("time", "number") or (adds and (left, right) == ("number", "time")):
        return "time"
    return None


def _what(node: ast.AST) -> str:
    """Name a piece of syntax for people."""
    names = {"Call": "a call", "Subscript": "an index", "Lambda": "lambda", "IfExp": "if ... else", "NamedExpr": "`:=`"}
    names |= {"Mult": "`*`", "Div": "`/`", "Pow": "`**`", "FloorDiv": "`//`", "JoinedStr": "an f-string"}
    names |= {"List": "a list outside `in`", "Tuple": "a list outside `in`", "Set": "a list outside `in`"}
    if isinstance(node, ast.Constant):
        return "this literal"
    return names.get(type(node).__name__, "this")
