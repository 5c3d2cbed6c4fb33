"""Tell what an object is to the turn of a test file: new with all that it holds, or not."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    ModuleType,
    NoneType,
)
from typing import Any

identity: Callable[[Any], int] = object.__hash__  # as `id`, each call of which is an audit event
# what keeps nothing, or only what its own functions put there
STATELESS = (
    BuiltinFunctionType, FunctionType, ModuleType, NoneType, bytes, classmethod, complex, float,
    frozenset, int, staticmethod, str, tuple, type,
)  # fmt: skip
_MOST_HELD = 100  # objects that are looked at before a value counts as not known to be new
_ITEMS = (list, tuple, deque)


def attribute_owners(value: Any, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield which attributes an object has by itself, and which its class has: pairs with a name.

    What stands in `__slots__` is the object's.
    """
    kind = type(value)
    if issubclass(kind, type):
        return
    of_class: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        of_class |= vars(one)
    of_object = plain(value, "__dict__") or {}
    for name in names:
        if type(of_class.get(name)) is MemberDescriptorType:
            yield "own", name
        elif name in of_class:
            yield "classed", name
        elif name in of_object:
            yield "own", name


def is_new(value: Any, code: CodeType, made: Container[int], *, is_asked: bool) -> bool:
    """Return whether a value, with what it holds, was made in this turn, or cannot change.

    What was not seen to be made is taken for new where nothing but one new object holds it. Of
    what holds very much it is not known.

    Args:
        value: The value, of which a function has hold.
        code: The function's code; only attributes of the value that it asks for count.
        made: Identities of objects that were seen to be made.
        is_asked: Whether `cached_property` calls the function, which holds the dictionary then.
    """
    if is_stateless(value):
        return True
    if identity(value) not in made:
        return False
    seen: set[int] = set()
    waiting = [value]
    names: Sequence[str] | None = code.co_names
    count = 0
    try:
        while waiting:
            holder = waiting.pop()
            attributes = plain(holder, "__dict__")
            if (
                attributes is not None
                and sys.getrefcount(attributes) > _ATTRIBUTES_ALONE + is_asked
            ):
                return False
            for held in _held(holder, attributes, names):
                count += 1
                if count > _MOST_HELD:
                    return False
                if is_stateless(held) or identity(held) in seen:
                    continue
                if identity(held) not in made and sys.getrefcount(held) > _ALONE:
                    return False
                seen.add(identity(held))
                waiting.append(held)
            names = None
    except RuntimeError:  # another thread changes it
        return False
    return True


def is_stateless(value: Any) -> bool:
    """Return whether a value can keep nothing, and holds nothing that can."""
    kind = type(value)
    if issubclass(kind, tuple):
        return tuple.__len__(value) < _MOST_HELD and all(map(is_stateless, tuple.__iter__(value)))
    return kind is object or issubclass(kind, STATELESS)


def _held(
    holder: Any, attributes: Mapping[str, Any] | None, names: Sequence[str] | None
) -> Iterator[Any]:
    """Yield what an object has under some names (None: all), and the items of a container.

    No variable here refers to them, as references are counted.
    """
    if attributes and names is None:
        yield from attributes.values()
    elif attributes and names:
        for name in names:
            if name in attributes:
                yield attributes[name]
    kind = type(holder)
    if issubclass(kind, dict):
        yield from dict.values(holder)
    elif issubclass(kind, _ITEMS):
        yield from next(of for of in _ITEMS if issubclass(kind, of)).__iter__(holder)
    elif attributes is None or "__slots__" in vars(kind):
        for one in kind.__mro__:
            for name in tuple(vars(one)) if names is None else names:
                if type(vars(one).get(name)) is MemberDescriptorType:
                    yield plain(holder, name)


def plain(value: Any, name: str) -> Any:
    """Return an attribute that an object has by itself; None if it has none."""
    try:
        return object.__getattribute__(value, name)
    except Exception:  # of a property, which may raise anything
        return None


class _Holder:
    """An object with one attribute."""

    def __init__(self) -> None:
        self.held: list[None] = []


def _references() -> tuple[int, int]:
    """Count what `is_new` sees of an object's attributes, and of one that nothing else holds.

    Versions of Python differ in what counts while a function runs.
    """
    holder = _Holder()
    attributes = plain(holder, "__dict__")
    of_attributes = sys.getrefcount(attributes)
    for held in _held(holder, attributes, ("held",)):
        return of_attributes, sys.getrefcount(held)
    raise AssertionError


_ATTRIBUTES_ALONE, _ALONE = _references()
