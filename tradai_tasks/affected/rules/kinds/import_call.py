"""Calls that import the module that an argument names: `import_module("a.b")`, `mock.patch`.

Import functions count under other names too: `from importlib import import_module as load`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.listed_locations import listed_packages
from tradai_tasks.affected.parse.syntax_tree import argument_of, called_name, parameters
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import (
    paths_of_module,
    relative_to,
    with_fromlist,
)
from tradai_tasks.affected.rules.dynamic_imports.call_rule import (
    CallFile,
    CallRule,
    literal_calls,
)
from tradai_tasks.affected.rules.edge_rule import SourceFile

# A target that is computed: f-strings too, also on a line of their own.
_COMPUTED = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?[A-Z]|(?:patch|setattr)\(\s*(?:target\s*=\s*)?"""
    r"""(?:[fFrR]{1,2}["']|["'][^"'\n]*["']\s*(?:[%+]|\.format\(|\.join\())"""
)
# Common names: an import function only if imported by `from`, or written after a dot.
_AMBIGUOUS = frozenset({"import_string", "resolve_name", "locate"})


class ImportCall(CallRule):
    """Read calls that import by name, and listings of a package's modules."""

    name = "import-call"
    summary = (
        "`import_module(...)`, `__import__`, `pytest.importorskip`, `pkgutil.iter_modules(...)`: a "
        'name, names in a literal list or table, all below `a.b` for `f"a.b.{x}"`'
    )
    words = calls.NAME_IMPORTERS | calls.PACKAGE_LISTERS | {"find_spec"}
    functions = calls.NAME_IMPORTERS | calls.PACKAGE_LISTERS

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether only a syntax tree tells what is imported."""
        return calls.is_open_call(text, place, word)

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        """Return what is imported by a literal name."""
        return literal_calls(source, calls.NAME_IMPORTERS)

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record what a call of an import function imports."""
        if name in calls.PACKAGE_LISTERS:  # `pkgutil.iter_modules(pkg.__path__)`
            file.record(listed_packages(file.source, node), node, f"{name}()")
            return
        argument = argument_of(node, 0, *calls.NAME_PARAMETERS)
        if argument is None:
            if any(keyword.arg is None for keyword in node.keywords):
                file.widen(node, f"{name}() of computed arguments")
            return
        if name in _AMBIGUOUS and name not in _qualified_names(file):
            return  # some other function of that name
        if isinstance(argument, ast.Name) and _is_wrapper(file, node, argument.id, name):
            return
        if file.skipped is not None and file.skipped in set(file.source.functions_of(node)):
            return
        values = file.source.evaluate(argument)
        if name == "__import__":
            values = with_fromlist(file.source, values, node)
        elif (package := argument_of(node, 1, "package")) is not None:
            values = relative_to(values, file.source.evaluate(package))
        file.record(values, node, f"{name}() of a computed name", argument)
        if name == "find_spec" and argument_of(node, 1, "path") is not None:
            for text in values.literals:
                file.add(paths_of_module(text), node, "file")
        if name == "run_module":  # of a package, its `__main__`
            file.add((f"{text}.__main__" for text in values.literals), node)


def is_importer(file: CallFile, name: str) -> bool:
    """Tell whether a function of that name imports what its argument names."""
    if name in calls.NAME_IMPORTERS or name in file.of_named:
        return True
    return name == "find_spec" and bool(file.source.mentions.keys() & calls.SPEC_LOADERS)


def _qualified_names(file: CallFile) -> set[str]:
    """Names that are imported from another module, or written after a dot."""
    return {
        bound
        for bound, module in file.source.modules.items()
        if not module.startswith(".") and "." in module
    } | {node.attr for node in file.source.nodes if isinstance(node, ast.Attribute)}


def _is_wrapper(file: CallFile, node: ast.Call, argument: str, name: str) -> bool:
    """Tell whether a replacement of an import function passes on what it was called with."""
    function = file.source.function_of(node)
    if function is None or argument not in parameters(function)[:2]:
        return False
    names = set(parameters(function))
    is_import = name == "__import__" or name in file.of_named or "fromlist" in names
    return is_import and bool(names & {"fromlist", "args"}) and len(node.args) > 1


def read_mention(file: CallFile, node: ast.Name | ast.Attribute, name: str) -> None:
    """Judge an import function where it is not called: passed to `map`, kept in a table."""
    parent = file.source.parents.get(node)
    match parent:
        case ast.Call(func=func, args=args) if func is not node:
            if called_name(parent) == "map" and len(args) > 1:
                file.record(file.source.evaluate(args[1]), node, f"map({name}, ...)")
            elif called_name(parent) not in {"object", "patch", "wraps"}:
                file.widen(node, f"{name} handed to a function")
        case ast.Assign() | ast.AnnAssign() if isinstance(node.ctx, ast.Load):
            pass  # another name for it
        case ast.Call() | ast.Attribute() | ast.Compare() | ast.Expr():
            pass
        case ast.keyword() if called_name(file.source.parents[parent]) in {"object", "patch"}:
            pass
        case _ if isinstance(node.ctx, ast.Load):
            file.widen(node, f"{name} kept or handed on")
        case _:
            pass


class PatchTarget(CallRule):
    """Read targets of patches that are no literal: a literal is a name in a string."""

    name = "patch"
    summary = '`mock.patch(f"{PKG}.x")`, `patch("a." + name)`: a target that is put together'
    words = frozenset({"patch(", "setattr("})
    functions = frozenset({"patch", "setattr"})

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether a target is computed."""
        return _COMPUTED.match(text, place) is not None

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Read the target of `patch(...)` and `setattr(...)`, made of parts: it is imported."""
        if node.args and not isinstance(node.args[0], ast.Constant):
            values = file.source.evaluate(node.args[0])
            file.add(values.literals, node)
            file.add(values.prefixes, node, "package")
