"""Imports by path: `run_path(...)`, `spec_from_file_location(...)` and code read from a file."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.listed_locations import expanded_parts, listed_folder
from tradai_tasks.affected.parse.syntax_tree import parameters
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.import_findings import FindingsRecorder

_MODULE_PLACES = frozenset({"__file__", "__path__"})
_PATH_PARAMETERS = frozenset({"location", "path", "path_name"})


class PathImportReader:
    """Reads calls that load a file of code by its path."""

    def __init__(self, recorder: FindingsRecorder) -> None:
        """Begin to read a file.

        Args:
            recorder: Where findings go.
        """
        self._recorder = recorder
        self._source = recorder.source
        self._found = recorder.found

    def read_call(self, node: ast.Call, name: str) -> None:
        """Record which file a call of `run_path` and the like loads."""
        place = 0 if name == "run_path" else 1
        argument = node.args[place] if len(node.args) > place else None
        for keyword in node.keywords:
            if keyword.arg in _PATH_PARAMETERS:
                argument = keyword.value
        if argument is not None:
            self.read_path(argument, node, f"{name}() of a computed path")

    def read_path(self, argument: ast.expr, node: ast.Call, what: str) -> None:
        """Record which files an expression on paths can be, or widen.

        Args:
            argument: The expression.
            node: The call that loads the file.
            what: The reason to widen, should there be one.
        """
        parts = expanded_parts(self._source, argument)
        if parts is None:
            self._recorder.widen(node, what)
            return
        names = {part.id for part in parts if isinstance(part, ast.Name)}
        texts = [str(p.value) for p in parts if isinstance(p, ast.Constant) and p.value is not None]
        if names & calls.TEMPORARY_FOLDERS:
            return
        path = "/".join(text for text in texts if "\n" not in text and not text.isdigit())
        if path.endswith(".py") and not self._has_parameter(argument, parts):
            self._found.paths.add(f"./{path}")
            return
        values = listed_folder(self._source, argument)
        attributes = {part.attr for part in parts if isinstance(part, ast.Attribute)}
        is_placed = "__file__" in names or bool(attributes & _MODULE_PLACES)
        if is_placed and not values.unknown:
            self._found.subtrees |= values.prefixes
        else:
            self._recorder.record(self._source.evaluate(argument), node, what, argument)

    def _has_parameter(self, argument: ast.AST, parts: list[ast.AST]) -> bool:
        """Tell whether a parameter of a function around is among the parts of an expression."""
        functions = self._source.functions_of(argument)
        known = {name for function in functions for name in parameters(function)}
        return any(isinstance(part, ast.Name) and part.id in known for part in parts)
