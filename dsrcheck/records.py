"""`dataclass`, made cheap: to import instead of the standard library's, which type checkers see.

The standard library writes and compiles six methods for each frozen class; for all of ours that takes a fifth of the
time in which a small capture is judged. Here frozen classes share all methods but `__init__`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # for others to import
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True, order=False):
        """As `dataclasses.dataclass`: the same class, but for how its methods came to be."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, eq=eq, order=order)
        if not frozen or order or any(map(dataclasses.is_dataclass, cls.__mro__[1:])):
            return dataclasses.dataclass(cls, frozen=frozen, eq=eq, order=order)
        return _with_shared_methods(dataclasses.dataclass(cls, eq=False, repr=False), eq)


def _with_shared_methods(cls: Any, eq: bool) -> Any:
    shared: dict[str, Any] = {"__repr__": _repr, "__setattr__": _set, "__delattr__": _delete}
    if eq:
        shared |= {"__eq__": _equals, "__hash__": _hash}
    for name, method in shared.items():
        if name not in vars(cls):
            setattr(cls, name, method)
    cls.__dataclass_params__.frozen = True  # for classes derived from it, by whatever makes them
    return cls


def _compared(record: Any) -> tuple[Any, ...]:
    return tuple([getattr(record, field.name) for field in dataclasses.fields(record) if field.compare])


def _repr(self: Any) -> str:
    told = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _equals(self: Any, other: object) -> Any:
    return _compared(self) == _compared(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _set(self: Any, name: str, value: object) -> None:
    """What `__init__` sets, once."""
    known = vars(self)
    if name in known or name not in self.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    known[name] = value


def _delete(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
