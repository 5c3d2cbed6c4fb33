"""Files of code that are loaded by their path: `runpy.run_path(...)`, `SourceFileLoader`."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.listed_locations import expanded_parts, listed_folder
from tradai_tasks.affected.parse.syntax_tree import argument_of, parameters
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallFile, CallRule

_MODULE_PLACES = frozenset({"__file__", "__path__"})
_PATH_PARAMETERS = ("location", "path", "path_name")


class RunPath(CallRule):
    """Read calls that load a file of code by its path."""

    name = "run-path"
    summary = "`runpy.run_path(...)`, `spec_from_file_location(...)`, `SourceFileLoader(...)`"
    words = calls.PATH_IMPORTERS
    functions = calls.PATH_IMPORTERS

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record which file a call of `run_path` and the like loads."""
        argument = argument_of(node, 0 if name == "run_path" else 1, *_PATH_PARAMETERS)
        if argument is not None:
            read_path(file, argument, node, f"{name}() of a computed path")


def read_path(file: CallFile, argument: ast.expr, node: ast.Call, what: str) -> None:
    """Record which files an expression on paths can be, or widen.

    Args:
        file: The file that is read.
        argument: The expression.
        node: The call that loads the file.
        what: The reason to widen, should there be one.
    """
    parts = expanded_parts(file.source, argument)
    if parts is None:
        file.widen(node, what)
        return
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    texts = [str(p.value) for p in parts if isinstance(p, ast.Constant) and p.value is not None]
    if names & calls.TEMPORARY_FOLDERS:
        return
    path = "/".join(text for text in texts if "\n" not in text and not text.isdigit())
    if path.endswith(".py") and not _has_parameter(file, argument, parts):
        file.add([f"./{path}"], node, "file")
        return
    values = listed_folder(file.source, argument)
    attributes = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    is_placed = "__file__" in names or bool(attributes & _MODULE_PLACES)
    if is_placed and not values.unknown:
        file.add(values.prefixes, node, "package")
    else:
        file.record(file.source.evaluate(argument), node, what, argument)


def _has_parameter(file: CallFile, argument: ast.AST, parts: list[ast.AST]) -> bool:
    """Tell whether a parameter of a function around is among the parts of an expression."""
    functions = file.source.functions_of(argument)
    known = {name for function in functions for name in parameters(function)}
    return any(isinstance(part, ast.Name) and part.id in known for part in parts)
