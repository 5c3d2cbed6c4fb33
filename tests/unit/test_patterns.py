"""No pattern of the package repeats a group possessively, or has an atomic one.

CPython before 3.11.5 and 3.12.0 matches `(?:...)*+` wrongly: it can go on without end. What repeats
one character or set, `[^"]*+`, is another operation there, and right.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tradai_tasks

_PARSER = importlib.import_module("re._parser")
_FUNCTIONS = frozenset(
    {"compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"}
)
_ONE_CHARACTER = frozenset({"ANY", "IN", "LITERAL", "NOT_LITERAL"})
# As text, for a part of a pattern: a group's end and a possessive mark, or an atomic group.
_IN_PART = re.compile(r"(?<!\\)(?:\\\\)*(?:\)(?:[*+?]|\{[\d,]+\})\+|\(\?>)")


def refused(pattern: str | bytes, flags: int = 0) -> list[str]:
    """Return the operations of a pattern that old Pythons match wrongly."""
    return [
        name for name, item in operations(_PARSER.parse(pattern, flags)) if is_wrong(name, item)
    ]


def is_wrong(name: str, argument: Any) -> bool:
    if name != "POSSESSIVE_REPEAT":
        return name == "ATOMIC_GROUP"
    repeated = list(argument[2])
    return len(repeated) != 1 or str(repeated[0][0]) not in _ONE_CHARACTER


def operations(parsed: Any) -> Iterator[tuple[str, Any]]:
    for operation, argument in parsed:
        yield str(operation), argument
        yield from inner(argument)


def inner(argument: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(argument, _PARSER.SubPattern):
        yield from operations(argument)
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from inner(part)


def modules() -> list[str]:
    """Return the names of all modules of the package."""
    walked = pkgutil.walk_packages(tradai_tasks.__path__, "tradai_tasks.")
    # the recorder's modules import one another from their folder, and start to record
    left = ("tradai_tasks.__main__", "tradai_tasks.results.pytest_plugin.")
    return ["tradai_tasks", *(one.name for one in walked if not one.name.startswith(left))]


def compiled(value: Any, seen: set[int]) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns in a value: itself, or what a container or a class holds."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for item in [*value, *value.values()]:
            yield from compiled(item, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from compiled(item, seen)
    elif getattr(value, "__module__", "").startswith("tradai_tasks"):
        held = [*vars(value).values()] if hasattr(value, "__dict__") else []
        held += [getattr(value, "__defaults__", None), getattr(value, "__wrapped__", None)]
        for item in held:
            yield from compiled(item, seen)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(Path(tradai_tasks.__path__[0]).rglob("*.py")):
        yield file, ast.parse(file.read_bytes())


def written(tree: ast.AST) -> Iterator[tuple[int, str | bytes, int]]:
    """Yield the patterns that a source gives to `re`; what is filled in later is some group."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _FUNCTIONS
            and node.args
            and (pattern := text(node.args[0])) is not None
        ):
            yield node.lineno, pattern, re.VERBOSE if "VERBOSE" in ast.dump(node) else 0


def text(node: ast.expr) -> str | bytes | None:
    match node:
        case ast.Constant(value=str() | bytes() as value):
            return value
        case ast.JoinedStr(values=values):
            return "".join(
                str(text(v)) if isinstance(v, ast.Constant) else "(?:xy)" for v in values
            )
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [
                part if (part := text(side)) is not None else "(?:xy)" for side in (left, right)
            ]
            return "".join(map(str, parts)) if all(isinstance(p, str) for p in parts) else None
        case ast.BinOp(left=left, op=ast.Mod()):
            whole = text(left)
            return re.sub(rb"%[bs]", b"(?:xy)", whole) if isinstance(whole, bytes) else whole
        case _:
            return None


def compiled_once(tree: ast.Module) -> int:
    """Return how many patterns a module compiles as it is loaded."""
    within = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(id(c) not in within and ast.unparse(c.func) == "re.compile" for c in calls)


def test_no_compiled_pattern_is_matched_wrongly_by_an_old_python() -> None:
    found: list[re.Pattern[Any]] = []
    for name in modules():
        seen: set[int] = set()  # for each module: `re` returns one object for equal patterns
        for value in vars(importlib.import_module(name)).values():
            found += compiled(value, seen)
    assert len(found) >= sum(map(compiled_once, (tree for _, tree in sources()))) > 100
    assert not {
        p.pattern: wrong for p in found if (wrong := refused(p.pattern, p.flags & ~re.DEBUG))
    }


def test_no_pattern_in_a_source_is_matched_wrongly_by_an_old_python() -> None:
    read = 0
    for file, tree in sources():
        for line, pattern, flags in written(tree):
            read += 1
            assert not refused(pattern, flags), f"{file.name}:{line}"
    assert read > 100


def test_no_text_in_a_source_is_a_part_of_such_a_pattern() -> None:
    for file, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                value = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
                found = _IN_PART.search(value)
                assert not found or is_prose(value), f"{file.name}:{node.lineno}"


def is_prose(value: str) -> bool:
    """Tell whether a text speaks of patterns: a docstring, which has sentences."""
    return ". " in value or value.rstrip().endswith(".")


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        (r"(?:a|bc)*+", ["POSSESSIVE_REPEAT"]),
        (r"(?:\\.[^\"]*+)*+", ["POSSESSIVE_REPEAT"]),
        (r"x(?=(ab)?+)", ["POSSESSIVE_REPEAT"]),
        (r"(?:ab){2,3}+", ["POSSESSIVE_REPEAT"]),
        (r"(?>a)", ["ATOMIC_GROUP"]),
        (r"(a|(?>b))*", ["ATOMIC_GROUP"]),
        (r"(a)?(?(1)(?>b)|c)", ["ATOMIC_GROUP"]),
        (rb"(?:ab)++", ["POSSESSIVE_REPEAT"]),
        (r"a*+[bc]++\d?+.{2}+[^x]*+", []),
        (r"(?:a|b)*+(?:ab)*(?:c)+?", []),
    ],
)
def test_what_is_refused(pattern: str | bytes, wrong: list[str]) -> None:
    assert refused(pattern) == wrong
