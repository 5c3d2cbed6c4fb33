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
_ALONE = 3  # references to an object that one other has, as far as `is_new` sees
_MOST_HELD = 50
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
    most = _ALONE + is_asked
    while waiting:
        holder = waiting.pop()
        attributes = plain(holder, "__dict__")
        if attributes is not None and sys.getrefcount(attributes) > most:
            return False
        for held in _held(holder, attributes, names):
            if is_stateless(held) or identity(held) in seen:
                continue
            if identity(held) not in made and sys.getrefcount(held) > _ALONE:
                return False
            seen.add(identity(held))
            if len(seen) > _MOST_HELD:
                return False
            waiting.append(held)
        names = None
    return True


def is_stateless(value: Any) -> bool:
    """Return whether a value can keep nothing."""
    kind = type(value)
    return kind is object or (issubclass(kind, STATELESS) and (kind is not tuple or not value))


def _held(
    holder: Any, attributes: Mapping[str, Any] | None, names: Sequence[str] | None
) -> Iterator[Any]:
    """Yield what an object has under some names (None: all), and the items of a container.

    No variable here refers to them, as references are counted.
    """
    if attributes:
        for name in attributes if names is None else names:
            if name in attributes:
                yield attributes[name]
    kind = type(holder)
    if issubclass(kind, dict):
        yield from dict.values(holder)
    elif issubclass(kind, _ITEMS):
        yield from next(of for of in _ITEMS if issubclass(kind, of)).__iter__(holder)
    elif attributes is None or "__slots__" in vars(kind):
        for one in kind.__mro__:
            for name in vars(one) if names is None else names:
                if type(vars(one).get(name)) is MemberDescriptorType:
                    yield plain(holder, name)


def plain(value: Any, name: str) -> Any:
    """Return an attribute that an object has by itself; None if it has none."""
    try:
        return object.__getattribute__(value, name)
    except Exception:  # of a property, which may raise anything
        return None
