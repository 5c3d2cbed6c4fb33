"""Record which environment variables are asked for, and where all are copied."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from types import FrameType
from typing import Any

from tradai_tasks_frames import above, actor
from tradai_tasks_memory import identity
from tradai_tasks_system import os

_OWN_VARIABLES = ("TRADAI_TASKS_", "PYTEST_", "COVERAGE_", "COV_CORE_")
_MAPPINGS = ("_collections_abc", "collections.abc")
_MOST = 1000  # items of a list
_RESTORING = ("_pytest.monkeypatch", "unittest.mock")  # they keep values to bring them back

_computed: set[tuple[object, ...]] = set()  # context, variable and the code that asks for it


def watch_environment(recorder: Any) -> None:
    """Record which variables are asked for, or that all are.

    The coders of names are attributes of `os.environ`, so no `KeyError` gets a frame more.
    """
    for environment in {
        id(one): one for one in (os.environ, getattr(os, "environb", os.environ))
    }.values():
        environment.encodekey = _encoder(recorder, environment.encodekey)
        environment.decodekey = _decoder(recorder, environment)


def _encoder(recorder: Any, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def encode(key: Any) -> Any:
        encoded = original(key)
        if not recorder.is_closed:
            try:
                _variable(recorder, os.fsdecode(key), sys._getframe(1))  # noqa: SLF001 - as above
            except Exception as error:  # a recorder ends no test
                recorder.problem(error)
        return encoded

    return encode


def _decoder(recorder: Any, environment: Any) -> Callable[[Any], Any]:
    original = environment.decodekey

    def decode(key: Any) -> Any:
        # once for each walk over the names: at the first of them
        first = next(iter(environment._data), None)  # noqa: SLF001 - without its coders
        if not recorder.is_closed and key == first:
            try:
                _all_variables(recorder, sys._getframe(1))  # noqa: SLF001 - as above
            except Exception as error:  # a recorder ends no test
                recorder.problem(error)
        return original(key)

    return decode


def _all_variables(recorder: Any, frame: FrameType | None) -> None:
    while frame is not None and actor(frame) in {"os", *_MAPPINGS}:
        frame = frame.f_back
    if actor(frame) not in _RESTORING:
        context, _, is_tool = recorder.locate(frame)
        if not is_tool:
            recorder.once("variable", context, "*")


def _variable(recorder: Any, name: str, frame: FrameType) -> None:
    caller = frame.f_back
    asks = frame.f_code.co_name in {"__getitem__", "__delitem__"}
    if not asks or caller is None or name.startswith(_OWN_VARIABLES):
        return
    if actor(caller) in _MAPPINGS:
        if caller.f_code.co_name == "__iter__":
            return  # items() and values(), whose names are decoded: see `_all_variables`
        while caller is not None and actor(caller) in _MAPPINGS:  # clear() asks for one at a time
            caller = caller.f_back
    elif actor(caller) == "os" or not _subscribes(caller):
        return  # as above: dict(os.environ), os.environ.copy(), {**os.environ}
    if actor(caller) in _RESTORING and not (caller and caller.f_locals.get("raising")):
        return
    context, _, is_tool = recorder.locate(caller)
    if is_tool or ("variable", context, name) in recorder.seen or caller is None:
        return
    nearest = [identity(one.f_code) for one in islice(above(caller), 2)]
    if (context, name, *nearest) not in _computed:  # else the same code asks in a loop
        if _is_named(caller, name):
            recorder.once("variable", context, name)
        else:
            _computed.add((context, name, *nearest))
            recorder.once("computed", context, name)


def _is_named(caller: FrameType, name: str) -> bool:
    """Return whether code on the stack has a variable's name, or a global that it uses."""
    return any(
        _holds(value, name)
        for frame in above(caller)
        for value in (
            *frame.f_code.co_consts,
            *(frame.f_globals.get(one) for one in frame.f_code.co_names),
        )
    )


def _holds(value: Any, name: str) -> bool:
    """Return whether a value is a text, or has it; also what is too long to be looked through."""
    if type(value) in {dict, frozenset, set}:
        return name in value
    if type(value) in {list, tuple}:
        return len(value) > _MOST or any(type(one) is str and one == name for one in value)
    return type(value) is str and value == name


def _subscribes(frame: FrameType) -> bool:
    from opcode import opname  # noqa: PLC0415 - for direct subscripts only

    code, position = frame.f_code.co_code, frame.f_lasti
    while opname[code[position]] == "CACHE":  # behind an instruction that the interpreter inlined
        position -= 2
    name = opname[code[position]]
    return "SUBSCR" in name or name == "BINARY_OP"
