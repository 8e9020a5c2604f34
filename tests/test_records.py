"""Classes that share their methods behave as those that the standard library makes: each test asks both."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field
from functools import cached_property
from typing import Any

import pytest

from dsrcheck import records


@dataclasses.dataclass(frozen=True)
class Standard:
    """As the standard library makes it."""

    number: int
    name: str = "x"
    rows: list[int] = field(default_factory=list, compare=False)
    secret: int = field(default=0, repr=False)
    fixed: str = field(default="f", init=False)

    @cached_property
    def double(self) -> int:
        """Worked out once."""
        return 2 * self.number


@records.dataclass(frozen=True)
class Shared:
    """The same, as we make it."""

    number: int
    name: str = "x"
    rows: list[int] = field(default_factory=list, compare=False)
    secret: int = field(default=0, repr=False)
    fixed: str = field(default="f", init=False)

    @cached_property
    def double(self) -> int:
        """Worked out once."""
        return 2 * self.number


@records.dataclass(frozen=True, eq=False)
class Itself:
    """Equal to nothing but itself."""

    number: int


@records.dataclass(frozen=True, order=True)
class Ordered:
    """Has an order."""

    number: int


@records.dataclass(frozen=True)
class Derived(Shared):
    """Has a field more."""

    more: int = 0


@dataclasses.dataclass(frozen=True)
class DerivedByStandard(Shared):
    """The same, made by the standard library."""

    more: int = 0


@records.dataclass
class Loose:
    """May change."""

    number: int


both = pytest.mark.parametrize("made", [Standard, Shared])


@both
def test_equal_by_what_is_compared(made: Any) -> None:
    """And hashed by it."""
    assert made(1, "a", [1]) == made(1, "a", [2])
    assert hash(made(1, "a", [1])) == hash(made(1, "a", [2]))
    assert made(1) != made(2)
    assert made(1) != made(1, secret=1)
    assert made(1) != (1, "x", 0, "f")
    assert made(1) != Itself(1)


@both
def test_told_by_what_is_shown(made: Any) -> None:
    """In order, without what is not to be seen."""
    assert repr(made(1, rows=[2])) == f"{made.__name__}(number=1, name='x', rows=[2], fixed='f')"


@both
def test_nothing_can_be_changed(made: Any) -> None:
    """Neither a field, nor added, nor deleted."""
    thing = made(1)
    for name in ("number", "name", "rows", "new"):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, 2)
    with pytest.raises(FrozenInstanceError):
        del thing.number
    assert thing == made(1)


@both
def test_copied_pickled_and_replaced(made: Any) -> None:
    """As any dataclass; what was worked out once is worked out anew."""
    thing = made(3, "a", [1])
    assert thing.double == thing.double == 6
    for other in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        assert other == thing
        assert other.rows == [1]
    assert dataclasses.replace(thing, number=4).double == 8
    assert dataclasses.asdict(thing) == {"number": 3, "name": "a", "rows": [1], "secret": 0, "fixed": "f"}


@both
def test_wrong_arguments(made: Any) -> None:
    """As any function's."""
    with pytest.raises(TypeError, match="number"):
        made()
    with pytest.raises(TypeError, match="fixed"):
        made(1, fixed="g")


@pytest.mark.parametrize("made", [Derived, DerivedByStandard])
def test_derived_classes(made: Any) -> None:
    """All fields count, and none can be changed."""
    assert made(1, more=2) == made(1, more=2)
    assert made(1, more=2) != made(1, more=3)
    assert made(1) != Shared(1)
    for name in ("number", "more"):
        with pytest.raises(FrozenInstanceError):
            setattr(made(1), name, 2)


def test_other_kinds() -> None:
    """What asks for something else than a frozen class with equality gets that."""
    assert Itself(1) != Itself(1)
    with pytest.raises(FrozenInstanceError):
        Itself(1).number = 2  # type: ignore[misc]
    assert Ordered(1) < Ordered(2)
    loose = Loose(1)
    loose.number = 2
    assert loose == Loose(2)
