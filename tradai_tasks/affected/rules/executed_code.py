"""Code that a file runs without importing it: from strings, from files, in other folders."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from tradai_tasks.affected.parse.constant_evaluation import Source
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.listed_locations import folder_in, spelled_out
from tradai_tasks.affected.parse.possible_values import Values
from tradai_tasks.affected.parse.syntax_tree import called
from tradai_tasks.affected.rules import trigger_words as triggers
from tradai_tasks.affected.rules.import_functions import given

__all__ = [
    "Made",
    "imports_made",
    "is_made",
    "names_loaded",
    "read_in",
    "run_in_folder",
    "tests_in",
]

# Stands in code that is made from parts for a part that is not known.
_HOLE = "_hole_"
_MOST = 64  # texts that one expression is spelt out as


@dataclass(slots=True)
class Made:
    """What code that is made from parts imports."""

    imports: dict[Import, None] = field(default_factory=dict)
    subtrees: set[str] = field(default_factory=set)
    is_open: bool = False  # also what cannot be told


def imports_made(source: Source, node: ast.AST) -> Made:
    """Read the imports in a text that is made from parts."""
    made = Made()
    for text in _code_in(source, node):
        for module, names in imports_in(text) if "import" in text else ():
            if _HOLE not in module and not any(_HOLE in name for name in names):
                made.imports[module, names] = None
                continue
            known = f"{module}." if _HOLE not in module else module.partition(_HOLE)[0]
            package = known.rpartition(".")[0]
            if package:
                made.subtrees.add(f"{package}.")
            made.is_open |= not package
    return made


def _code_in(source: Source, node: ast.AST) -> list[str]:
    """Return the texts that an expression makes of parts, unknown parts as holes."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return _joined(source, parts)
        case ast.FormattedValue(value=value):
            return _code_in(source, value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(source, [left, right])
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            given = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(source, text.split("%s"), given)
        case ast.Call(
            func=ast.Attribute(attr="format", value=ast.Constant(value=str(text))), args=given
        ) if "{}" in text:
            return _filled(source, text.split("{}"), given)
        case _:
            values = source.evaluate(node)
            is_known = values.literals and not (values.unknown or values.is_table)
            starts = [f"{prefix}{_HOLE}" for prefix in sorted(values.prefixes)]
            found = [*sorted(values.literals), *starts] if is_known or starts else [_HOLE]
            return found if len(found) <= _MOST else [_HOLE]


def _filled(source: Source, texts: list[str], given: list[ast.expr]) -> list[str]:
    parts: list[ast.AST] = []
    for place, text in enumerate(texts):
        parts.append(ast.Constant(text))
        if place < len(texts) - 1:
            parts.append(given[place] if place < len(given) else ast.Constant(_HOLE))
    return _joined(source, parts)


def _joined(source: Source, parts: list[ast.AST] | list[ast.expr]) -> list[str]:
    made = [_code_in(source, part) for part in parts]
    if math.prod(map(len, made)) > _MOST:  # what varies is not told any more, and none left out
        made = [texts if len(texts) == 1 else [_HOLE] for texts in made]
    return ["".join(one) for one in itertools.product(*made)]


def is_made(source: Source, node: ast.AST) -> bool:
    """Tell whether a node is the whole of a text that is made from parts."""
    parent = source.parents.get(node)
    if isinstance(parent, (ast.JoinedStr, ast.FormattedValue)):
        return False
    if isinstance(node, ast.JoinedStr):
        return not (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return not isinstance(parent, ast.BinOp)
    return isinstance(node, ast.Call) and called(node) == "format"


def names_loaded(source: Source, node: ast.Call) -> Iterator[tuple[Values, str, ast.expr]]:
    """Yield the names that an EntryPoint or a configuration of logging loads, and what they are."""
    if called(node) == "EntryPoint":
        value = given(node, 1, "value")
        if value is not None:
            yield source.evaluate(value), "EntryPoint() of a computed value", value
    elif called(node) == "dictConfig":
        for part in source.nodes:
            if isinstance(part, ast.Dict):
                for key, value in zip(part.keys, part.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in {"class", "()"}:
                        values = source.evaluate(value)
                        # a class itself, or a function, has been imported
                        values.unknown &= not isinstance(value, (ast.Name, ast.Attribute))
                        yield values, "dictConfig() of a computed class", value


def read_in(source: Source, node: ast.Call) -> ast.AST | None:
    """Return the path of the file whose text `exec(...)` or `compile(...)` takes; None for none."""
    if not node.args:
        return None
    for part in spelled_out(source, node.args[0]) or ():
        if isinstance(part, ast.Call) and called(part) in triggers.READERS:
            if isinstance(part.func, ast.Attribute) and called(part) != "open_code":
                return part.func.value
            return part.args[0] if part.args else None
    return None


def run_in_folder(source: Source, node: ast.Call) -> tuple[Values, list[str]]:
    """Return the working directory that a call names, and the scripts that it names."""
    folder = next((k.value for k in node.keywords if k.arg == "cwd"), None)
    if folder is None and called(node) == "chdir" and node.args:
        folder = node.args[0]
    if folder is None:
        return Values(unknown=True), []
    scripts = [text for text in source.texts if text.endswith(".py") and "\n" not in text]
    return folder_in(source, folder), scripts


def tests_in(source: Source, node: ast.Call) -> Values | None:
    """Return the folders whose tests a call runs, not those that are paths in its text.

    None where it is no such call; unknown where it cannot be told.
    """
    name = called(node)
    holder = called(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name != "discover" and (name != "main" or holder != "pytest"):
        return None
    given = [*node.args, *(k.value for k in node.keywords if k.arg in {"args", "start_dir"})]
    found = Values()
    for argument in given[:1]:
        elements = argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]
        for element in elements:
            found.add(_tests_at(source, element))
    return found


def _tests_at(source: Source, node: ast.expr) -> Values:
    parts = spelled_out(source, node)
    if parts is None:
        return Values(unknown=True)
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    if names & (triggers.TEMPORARY | {"sys"}):
        return Values()  # what a test wrote, or a user asked for
    is_own = "__file__" in names
    folder = folder_in(source, node)
    if not folder.unknown:
        is_file = is_own and folder.prefixes == {"/"}
        return Values() if is_file else folder
    values = source.evaluate(node)
    return Values() if is_own else Values(unknown=values.unknown)
