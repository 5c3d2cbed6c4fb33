"""Data files that code reads through their package, which is imported for that."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.syntax_tree import called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallFile, CallRule


class PackageResources(CallRule):
    """Read `importlib.resources.files("a")`, `pkgutil.get_data("a", "x.json")` and the like."""

    name = "resources"
    summary = '`importlib.resources.files("a")`, `pkgutil.get_data("a", "x.json")`, `pkg_resources`'
    words = frozenset(
        [
            "resources.contents(",
            "resources.files(",
            "resources.is_resource(",
            "resources.open_",
            "resources.path(",
            "resources.read_",
            "importlib.resources import ",
            "importlib_resources import ",
            "pkgutil.get_data(",
            "pkg_resources.resource_",
        ]
    )
    counted = frozenset(f"{name}(" for name in calls.RESOURCE_FUNCTIONS if "_" in name)
    functions = calls.RESOURCE_FUNCTIONS

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Read `importlib.resources.files("pkg")`: it imports the package."""
        if not node.args:
            return
        if isinstance(node.func, ast.Attribute):
            holder = called_name(node.func.value)
        else:  # from importlib.resources import files
            holder = file.source.modules.get(name, "").rpartition(".")[0].rpartition(".")[2]
        if holder not in calls.RESOURCE_MODULES:
            return
        package = node.args[0]
        if isinstance(package, ast.Name) and package.id in file.source.modules:
            return  # a module that is imported already
        values = file.source.evaluate(package)
        file.record(values, node, f"{name}() of a computed package", package)
