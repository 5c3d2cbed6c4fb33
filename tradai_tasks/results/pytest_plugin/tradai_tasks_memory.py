"""Tell by a function's code whether it may keep what it computes for later calls.

What such a function runs and reads counts for every test file that enters it with what was there
before, as the one that came first may have left the answer for all others. `recorded_memory.py`
tells by the source where an answer is kept; the recorder, which arguments are new.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import (
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from itertools import chain, pairwise
from opcode import opmap, opname
from types import (
    CodeType,
    FrameType,
    FunctionType,
)
from typing import Any

from tradai_tasks_objects import STATELESS, identity, plain

_STORE_GLOBAL, _STORE_DEREF = opmap["STORE_GLOBAL"], opmap["STORE_DEREF"]
_STORE_ATTR, _STORE_SUBSCR = opmap["STORE_ATTR"], opmap["STORE_SUBSCR"]
_LOAD_ATTR, _CONTAINS_OP = opmap["LOAD_ATTR"], opmap["CONTAINS_OP"]
_POP_TOP = opmap["POP_TOP"]
_EXTENDED_ARG, _CACHE = opmap["EXTENDED_ARG"], opmap["CACHE"]
_ATTR_SHIFT = 1 if sys.version_info >= (3, 12) else 0  # its lowest bit tells methods apart
_LOAD_SHARED = frozenset(opmap[name] for name in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"))
_JUMPS = frozenset(op for op, name in enumerate(opname) if "JUMP_IF" in name)
_TESTING = _JUMPS | {opmap["FOR_ITER"], opmap["CONTAINS_OP"], opmap["CHECK_EXC_MATCH"]}
# between the load of an attribute and a jump that depends on it
_TESTS = frozenset(
    op
    for op, name in enumerate(opname)
    if name.startswith(
        ("COPY", "LOAD_CONST", "LOAD_FAST", "IS_OP", "STORE_FAST", "TO_BOOL", "UNARY_NOT")
    )
)
# where an expression ends whose value is stored
_ENDS = frozenset(
    op for op, name in enumerate(opname) if name.startswith(("STORE_", "POP_", "CALL", "RETURN"))
)
_STORES_VARIABLE, _CALLS, _COPIES, _CHAINED = (
    frozenset(op for op, name in enumerate(opname) if name.startswith(begins))
    for begins in (
        ("STORE_FAST", "STORE_DEREF"),
        ("CALL",),
        ("COPY",),
        ("LOAD_ATTR", "COPY", "BINARY_SUBSCR", "BINARY_OP", "LOAD_CONST", "LOAD_FAST"),
    )
)
_MUTATORS = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})
_BY_NAME = frozenset({"globals", "modules", "setattr", "vars", "__dict__", "__setattr__"})
_ASKS_FOR_ATTRIBUTE = frozenset({"getattr", "hasattr", "AttributeError"})
_USES_LOCALS = frozenset({"dir", "eval", "exec", "locals", "vars", "_getframe", "f_locals"})
_ASKS_FOR_KEY = frozenset({"get", "KeyError"})
_CONTAINERS = (MutableMapping, MutableSequence, MutableSet)
# By the identity of code: whether it may keep what it computes, the code, which so stays alive, and
# whether it was wrapped by a cache.
memories: dict[int, tuple[bool, CodeType, bool]] = {}
answering: set[int] = set()  # identities of code that was wrapped by a cache, as far as known
_of_objects: set[int] = set()  # those of them whose cache keeps the answer in the object
stateless: set[int] = set()  # identities of code that no call reaches anything through: `is_first`
# code -> frame and test file of its first call, and whether variables around it have keys
_firsts: dict[int, tuple[int, str, CodeType, bool]] = {}
_VARARGS, _VARKEYWORDS = 0x4, 0x8  # flags of `inspect`, which takes long to load
_EACH = -1  # in place of the frame


def variables(frame: FrameType) -> Mapping[str, Any]:
    """Return a function's variables, and leave its frame as if they had not been looked at.

    Before Python 3.13 a look fills a dictionary that the frame keeps: objects would live longer
    than they do, and `__import__` in a function would get it.
    """
    found = frame.f_locals
    if sys.version_info >= (3, 13) or not frame.f_code.co_flags & 1:
        return found
    copied = dict(found)
    if _USES_LOCALS.isdisjoint(frame.f_code.co_names):  # else it may hold the dictionary
        found.clear()
    return copied


def parameters(code: CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a function's parameters, and those of `*args` and `**options`."""
    count = code.co_argcount + code.co_kwonlyargcount
    starred = bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    return code.co_varnames[:count], code.co_varnames[count : count + starred]


def has_memory(frame: FrameType, code: CodeType) -> bool:
    """Return whether a function may keep what it computes for later calls, by its code."""
    # code objects are slow to compare, and change when they run
    return (memories.get(identity(code)) or look(frame, code))[0]


def look(frame: FrameType, code: CodeType) -> tuple[bool, CodeType, bool]:
    """Look at a function for the first time; return what `memories` keeps of it."""
    by_wrapper = bool(code.co_flags & 1) and _is_cached(frame)
    is_found = bool(code.co_flags & 1) and (by_wrapper or _stores_outside(frame))
    if by_wrapper and type(_function(frame)).__name__ == "cached_property":
        _of_objects.add(identity(code))
    return _keep(code, is_found=is_found, by_wrapper=by_wrapper)


def _keep(code: CodeType, *, is_found: bool, by_wrapper: bool) -> tuple[bool, CodeType, bool]:
    found = memories[identity(code)] = (is_found, code, by_wrapper)
    if by_wrapper:
        answering.add(identity(code))
    return found


def is_cached(code: CodeType, older: Sequence[str]) -> bool:
    """Return whether a decorator keeps what a function with memory returns, so it may not run.

    Args:
        code: The function's code.
        older: Those of its arguments that outlive the test file's turn. What `cached_property`
            keeps, of whichever library, lives in the first of the arguments, an object.
    """
    key = identity(code)
    return key in answering and (key not in _of_objects or code.co_varnames[0] in older)


def remember(wrapper: Any, wrapped: Any) -> None:
    """Take in that a wrapper was made, which may keep what a function computes."""
    if hasattr(type(wrapper), "cache_info"):
        while hasattr(wrapped, "func"):  # of `functools.partial`
            wrapped = wrapped.func
        code = getattr(wrapped, "__code__", None)
        if isinstance(code, CodeType):
            _keep(code, is_found=True, by_wrapper=True)


def is_first(frame: FrameType, code: CodeType, running: str) -> bool:
    """Return whether this is the first call of a function that reaches what outlives it.

    Such a call fills what later ones find, wherever that is kept. Each call counts as the first of
    a function that reaches what may have a place for every key. What functions around it have is
    as their arguments are, as long as it is called by them.
    """
    known = _firsts.get(identity(code))
    if known is None:
        place, around = 0, False
        if code.co_flags & 1:
            around = any(map(_has_keys, _around(frame)))
            has_keys = any(map(_has_keys, _reached(frame)))
            place = _EACH if has_keys else identity(frame) if around or _reaches_state(frame) else 0
        known = _firsts[identity(code)] = (place, running, code, around)
        if not place and not around:
            stateless.add(identity(code))
    place, first, _, around = known
    if place == _EACH or (place == identity(frame) and first == running):
        return True
    caller = frame.f_back
    return around and not (caller and any(one is code for one in caller.f_code.co_consts))


def is_of_objects(code: CodeType) -> bool:
    """Return whether a cache keeps a function's answers in the object that it is called for."""
    return identity(code) in _of_objects


def may_leave(code: CodeType) -> bool:
    """Return whether a call from elsewhere than the function around it would count as the first."""
    return code.co_freevars != () and identity(code) in _firsts and _firsts[identity(code)][3]


def _has_keys(value: Any) -> bool:
    kind = type(value)  # alone: a look at what a proxy stands for may raise, or make it
    return (
        not issubclass(kind, STATELESS)
        and bool(kind.__dictoffset__ or hasattr(kind, "__setitem__"))
        and kind.__module__ not in {"logging", "typing"}
        and not any(one.__module__ == "enum" for one in kind.__mro__)
    )


def _reaches_state(frame: FrameType) -> bool:
    code = frame.f_code
    if code.co_varnames[:1] == ("cls",) or _STORE_ATTR in code.co_code[::2]:
        return True
    given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    own = variables(frame)
    values = chain((own.get(name) for name in given), _around(frame), _reached(frame))
    return any(not issubclass(type(value), STATELESS) for value in values)


def _stores_outside(frame: FrameType) -> bool:
    code = frame.f_code
    stores, names = set(code.co_code[::2]), code.co_names
    tests = not _TESTING.isdisjoint(stores)
    if tests and (_STORE_SUBSCR in stores or _calls_for_effect(code)):
        return True
    if "setdefault" in names:
        return True
    if _STORE_GLOBAL in stores or (code.co_freevars and _STORE_DEREF in stores):
        return True
    if _STORE_ATTR in stores or _STORE_SUBSCR in stores:
        if not _BY_NAME.isdisjoint(names) or _is_lazy(code):
            return True
        if _STORE_ATTR in stores and code.co_varnames[:1] == ("cls",):
            return True
    elif "setattr" in names or "__setattr__" in names:
        return True
    if _STORE_SUBSCR not in stores and _MUTATORS.isdisjoint(names):
        return False
    if "__dict__" in names or code.co_name == "__missing__" or _holds_shared(code):
        return True
    values = chain(_around(frame), _reached(frame))
    return any(issubclass(type(value), _CONTAINERS) for value in values)


def _calls_for_effect(code: CodeType) -> bool:
    """Return whether it has calls whose answers nothing takes."""
    instructions = [op for op, _ in _instructions(code)]
    return any(op == _POP_TOP and before in _CALLS for before, op in pairwise(instructions))


def _is_lazy(code: CodeType) -> bool:
    """Return whether it fills an attribute, or a key of one, that it has first looked for.

    Also whether it stores an attribute of what outlives it: a module's function, class or object.
    """
    stored: set[int] = set()
    tested: set[int] = set()
    loaded: int | None = None  # the name of the attribute that was loaded last
    in_attribute = False  # whether the present expression has one
    fills_key = False
    previous = -1
    for op, argument in _instructions(code):
        if op == _STORE_ATTR:
            if previous in _LOAD_SHARED:
                return True
            stored.add(argument)
        elif op == _STORE_SUBSCR:
            fills_key = fills_key or in_attribute
        if op == _LOAD_ATTR:
            loaded, in_attribute = argument >> _ATTR_SHIFT, True
        elif op in _JUMPS and loaded is not None:
            tested.add(loaded)
        if op in _ENDS and op not in _TESTS:
            in_attribute = False
        if op != _LOAD_ATTR and op not in _TESTS:
            loaded = None
        previous = op
    asks = {op for op, _ in _instructions(code)}
    names = code.co_names
    if stored & tested or (stored and not _ASKS_FOR_ATTRIBUTE.isdisjoint(names)):
        return True
    if any(names[one] == code.co_name for one in stored):  # a method that an answer replaces
        return True
    return fills_key and (_CONTAINS_OP in asks or not _ASKS_FOR_KEY.isdisjoint(names))


def _holds_shared(code: CodeType) -> bool:
    """Return whether a variable may hold what outlives it: `kept = Class.kept`, `kept = find()`.

    The latter only where it looks for a key, as most calls make something new.
    """
    is_shared = is_attribute = False
    asks = not _ASKS_FOR_KEY.isdisjoint(code.co_names)
    asks = asks or _CONTAINS_OP in code.co_code[::2]
    previous = -1
    for op, _ in _instructions(code):
        if op in _STORES_VARIABLE and (is_attribute or (asks and previous in _CALLS)):
            return True
        is_shared = op in _LOAD_SHARED or (is_shared and op in _CHAINED)
        is_attribute = is_shared and (is_attribute or op == _LOAD_ATTR)
        previous = op if op not in _COPIES else previous
    return False


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    extended = 0
    content = code.co_code
    for op, argument in zip(content[::2], content[1::2], strict=True):
        if op == _CACHE:
            continue
        if op == _EXTENDED_ARG:
            extended = (extended | argument) << 8
            continue
        yield op, extended | argument
        extended = 0


def _around(frame: FrameType) -> Iterator[Any]:
    """Yield what the functions around it have, which outlives one call as their arguments do."""
    own = variables(frame)
    yield from (own.get(name) for name in frame.f_code.co_freevars)


def _reached(frame: FrameType) -> Iterator[Any]:
    """Yield what its code may change and what outlives it.

    Globals, defaults, and attributes of its class.
    """
    code = frame.f_code
    yield from (frame.f_globals.get(name) for name in code.co_names)
    own = variables(frame)
    function = _function(frame)
    if isinstance(function, FunctionType):
        yield from function.__defaults__ or ()
        yield from (function.__kwdefaults__ or {}).values()
    if code.co_varnames[:1] == ("self",) and "self" in own:
        for one in type(own["self"]).__mro__:
            yield from (vars(one).get(name) for name in code.co_names)


def _function(frame: FrameType) -> Any:
    """Return what the module has under the function's name; None if there is nothing."""
    first, *others = frame.f_code.co_qualname.split(".")
    found: Any = frame.f_globals.get(first)
    for name in others:
        if not issubclass(type(found), type):
            return None
        found = vars(found).get(name)
    return found


def _is_cached(frame: FrameType) -> bool:
    """Return whether the function stands behind a decorator such as `functools.cache`."""
    if _keeps(_function(frame), None):
        return True
    values = list(frame.f_globals.values())  # of `name = cache(function)` the wrapper
    return any(
        (hasattr(type(value), "cache_info") and _keeps(value, frame.f_code))
        or (
            issubclass(type(value), defaultdict)
            and getattr(value.default_factory, "__code__", None) is frame.f_code
        )
        for value in values
    )


def _keeps(found: Any, code: CodeType | None) -> bool:
    """Return whether a wrapper keeps answers, around a function of certain code if it is given."""
    keeps = False
    while found is not None and type(found) is not FunctionType:
        kind = type(found)
        keeps = keeps or hasattr(kind, "cache_info") or "cache" in kind.__name__.lower()
        found = plain(found, "__func__") or plain(found, "__wrapped__")
    return keeps and (code is None or (found is not None and found.__code__ is code))
