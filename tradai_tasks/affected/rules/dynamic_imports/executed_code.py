"""Evaluate code that a file runs without importing it: from strings, files, other folders."""

from __future__ import annotations

import ast
import itertools
import math

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.listed_locations import expanded_parts, listed_folder
from tradai_tasks.affected.parse.possible_values import PossibleValues
from tradai_tasks.affected.parse.syntax_tree import called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls

# Stands for the unknown parts of code that is put together.
_HOLE = "_hole_"
_MAX_TEXTS = 64  # that one expression is evaluated to


class ComputedCode(msgspec.Struct):
    """What code that is put together from parts imports."""

    imports: dict[Import, None] = {}
    subtrees: set[str] = set()
    is_open: bool = False  # also something unknown


def imports_of_text(source: ParsedModule, node: ast.AST) -> ComputedCode:
    """Read the imports in a text that is put together from parts."""
    code = ComputedCode()
    for text in _texts_of(source, node):
        for module, names in imports_in(text) if "import" in text else ():
            if _HOLE not in module and not any(_HOLE in name for name in names):
                code.imports[module, names] = None
                continue
            known = f"{module}." if _HOLE not in module else module.partition(_HOLE)[0]
            package = known.rpartition(".")[0]
            if package:
                code.subtrees.add(f"{package}.")
            code.is_open |= not package
    return code


def _texts_of(source: ParsedModule, node: ast.AST) -> list[str]:
    """Return the texts that an expression can be, with `_HOLE` for unknown parts."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return _joined(source, parts)
        case ast.FormattedValue(value=value):
            return _texts_of(source, value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(source, [left, right])
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            arguments = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(source, text.split("%s"), arguments)
        case ast.Call(
            func=ast.Attribute(attr="format", value=ast.Constant(value=str(text))), args=arguments
        ) if "{}" in text:
            return _filled(source, text.split("{}"), arguments)
        case _:
            values = source.evaluate(node)
            is_known = values.literals and not values.unknown
            starts = [f"{prefix}{_HOLE}" for prefix in sorted(values.prefixes)]
            found = [*sorted(values.literals), *starts] if is_known or starts else [_HOLE]
            return found if len(found) <= _MAX_TEXTS else [_HOLE]


def _filled(source: ParsedModule, texts: list[str], arguments: list[ast.expr]) -> list[str]:
    parts: list[ast.AST] = []
    for place, text in enumerate(texts):
        parts.append(ast.Constant(text))
        if place < len(texts) - 1:
            parts.append(arguments[place] if place < len(arguments) else ast.Constant(_HOLE))
    return _joined(source, parts)


def _joined(source: ParsedModule, parts: list[ast.AST] | list[ast.expr]) -> list[str]:
    texts_of = [_texts_of(source, part) for part in parts]
    if math.prod(map(len, texts_of)) > _MAX_TEXTS:  # rather unknown than one left out
        texts_of = [texts if len(texts) == 1 else [_HOLE] for texts in texts_of]
    return ["".join(one) for one in itertools.product(*texts_of)]


def is_computed_text(source: ParsedModule, node: ast.AST) -> bool:
    """Tell whether a node is the whole of an expression that puts a text together."""
    parent = source.parents.get(node)
    if isinstance(parent, (ast.JoinedStr, ast.FormattedValue)):
        return False
    if isinstance(node, ast.JoinedStr):
        return not (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return not isinstance(parent, ast.BinOp)
    return isinstance(node, ast.Call) and called_name(node) == "format"


def code_path(source: ParsedModule, node: ast.Call) -> ast.AST | None:
    """Return the path of the file whose text a call of `exec` or `compile` takes, if any."""
    if not node.args:
        return None
    for part in expanded_parts(source, node.args[0]) or ():
        if isinstance(part, ast.Call) and called_name(part) in calls.FILE_READERS:
            if isinstance(part.func, ast.Attribute) and called_name(part) != "open_code":
                return part.func.value
            return part.args[0] if part.args else None
    return None


def tests_run(source: ParsedModule, node: ast.Call) -> PossibleValues | None:
    """Return the folders whose tests a call of pytest or unittest runs; None for other calls.

    Folders that are plain paths in the text are left out: the paths of a file count in any case.
    """
    name = called_name(node)
    holder = called_name(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name != "discover" and (name != "main" or holder != "pytest"):
        return None
    arguments = [*node.args, *(k.value for k in node.keywords if k.arg in {"args", "start_dir"})]
    found = PossibleValues()
    for argument in arguments[:1]:
        elements = argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]
        for element in elements:
            found.add(_tests_at(source, element))
    return found


def _tests_at(source: ParsedModule, node: ast.expr) -> PossibleValues:
    parts = expanded_parts(source, node)
    if parts is None:
        return PossibleValues(unknown=True)
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    if names & (calls.TEMPORARY_FOLDERS | {"sys"}):
        return PossibleValues()  # what a test has written, or a user names
    is_own = "__file__" in names
    folder = listed_folder(source, node)
    if not folder.unknown:
        is_file = is_own and folder.prefixes == {"/"}
        return PossibleValues() if is_file else folder
    values = source.evaluate(node)
    return PossibleValues() if is_own else PossibleValues(unknown=values.unknown)
