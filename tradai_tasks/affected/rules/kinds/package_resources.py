"""Packages that code locates to read their files: they are imported, or their parents are."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.syntax_tree import argument_of, imported_name
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallFile, CallRule

_MODULES = ("importlib.resources", "importlib_resources", "pkgutil", "pkg_resources")
_FIND_SPEC = "importlib.util.find_spec"
_FUNCTIONS = frozenset(
    [
        *("contents", "files", "find_spec", "get_data", "is_resource", "open_binary", "open_text"),
        *("path", "read_binary", "read_text"),
        *("resource_filename", "resource_stream", "resource_string"),
    ]
)
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
    ) | {"pkg_resources", "importlib.util", "find_spec"}
    functions = _FUNCTIONS
    counted = frozenset(f"{name}(" for name in _FUNCTIONS if "_" in name)
    aliases = _FUNCTIONS - {"contents", "path"} | {"resources", "pkgutil"}

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
