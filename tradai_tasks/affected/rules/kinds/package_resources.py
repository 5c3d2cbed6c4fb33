"""Packages that code locates to read their files: they are imported, or their parents are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.syntax_tree import argument_of, imported_name
from tradai_tasks.affected.rules.dynamic_imports.call_rule import (
    CallFile,
    CallRule,
    literal_calls,
)
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import is_open_call
from tradai_tasks.affected.rules.edge_rule import SourceFile

_MODULES = ("importlib.resources", "importlib_resources", "pkgutil", "pkg_resources")
_FIND_SPEC = "importlib.util.find_spec"
_FUNCTIONS = frozenset(
    [
        *("contents", "files", "find_spec", "get_data", "is_resource", "open_binary", "open_text"),
        *("path", "read_binary", "read_text"),
        *("resource_filename", "resource_stream", "resource_string"),
    ]
)
# Where these words alone do not tell of resources.
_NAMED = {
    "importlib import": re.compile(r"importlib import\s*(?:\([^)]*|[^\n(]*)\bresources\b"),
    "pkgutil": re.compile(
        r"pkgutil(?:\.get_data|\s+as\b|\s+import\s*(?:\([^)]*|[^\n(]*)\bget_data\b)"
    ),
}
_PARAMETERS = ("anchor", "package", "package_or_requirement", "name")


class PackageResources(CallRule):
    """Read `importlib.resources.files("a")`, `pkgutil.get_data("a", "x.json")` and the like."""

    name = "resources"
    summary = (
        '`importlib.resources.files("a")`, `pkgutil.get_data("a", "x.json")`, `find_spec("a")`, '
        "`pkg_resources`, under any name"
    )
    words = frozenset(
        ["importlib.resources", "importlib import", "importlib_resources", "pkgutil"]
    ) | {"pkg_resources", "find_spec"}
    functions = _FUNCTIONS

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether a package may be located; `find_spec` of a literal needs no syntax tree."""
        if word == "find_spec":
            return is_open_call(text, place, word)
        named = _NAMED.get(word)
        return named is None or named.match(text, place) is not None

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        """Return what is found by a literal name."""
        return literal_calls(source, {"find_spec"})

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record the package that a call locates."""
        called = imported_name(file.source, node.func)
        if called != _FIND_SPEC and called.rpartition(".")[0] not in _MODULES:
            return  # another function of that name
        package = argument_of(node, 0, *_PARAMETERS)
        if package is None:
            return  # the package of the file itself
        if module := imported_name(file.source, package):  # it is imported already
            file.add([module], node)
            return
        values = file.source.evaluate(package)
        file.record(values, node, f"{name}() of a computed package", package)
