"""Calls that import the module that an argument names: `import_module("a.b")`, `mock.patch`.

Import functions count under other names too: `from importlib import import_module as load`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.listed_locations import listed_packages
from tradai_tasks.affected.parse.syntax_tree import argument_of, called_name, parameters
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import (
    paths_of_module,
    relative_to,
    with_fromlist,
)
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.source_file import SourceFile, references

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

    def read_text(self, source: SourceFile) -> Iterator[Reference]:
        """Return what is imported by a literal name."""
        return source.literal_calls(calls.NAME_IMPORTERS)

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield what calls of import functions import; also where one is kept or handed on."""
        parsed = source.parsed
        for node in source.calls(*calls.PACKAGE_LISTERS):  # `pkgutil.iter_modules(pkg.__path__)`
            yield from source.named(listed_packages(parsed, node), node, f"{called_name(node)}()")
        # in a file that loads modules by their specs, what `find_spec` finds is loaded too
        more = {"find_spec"} if parsed.mentions.keys() & calls.SPEC_LOADERS else set()
        for name in sorted(calls.NAME_IMPORTERS | more):
            for node in source.calls(name):
                yield from _imported(source, node, name)
        for name in sorted(calls.IMPORT_FUNCTIONS):
            for mention in parsed.mentions.get(name, ()):
                yield from _mentioned(source, mention, name)
        for node in source.calls("getattr"):
            for part in node.args:
                if isinstance(part, ast.Constant) and part.value in calls.IMPORT_FUNCTIONS:
                    yield source.unknown(part, f"{part.value!s} by getattr()")


def _imported(source: SourceFile, node: ast.Call, name: str) -> Iterator[Reference]:
    """Yield what a call of an import function imports."""
    argument = argument_of(node, 0, *calls.NAME_PARAMETERS)
    if argument is None:
        if any(keyword.arg is None for keyword in node.keywords):
            yield source.unknown(node, f"{name}() of computed arguments")
        return
    if name in _AMBIGUOUS and isinstance(node.func, ast.Name):
        module = source.parsed.modules.get(node.func.id, ".")
        if module.startswith(".") or "." not in module:
            return  # some other function of that name
    if isinstance(argument, ast.Name) and _is_wrapper(source, node, argument.id, name):
        return
    if source.skipped is not None and source.skipped in set(source.parsed.functions_of(node)):
        return
    values = source.values(argument)
    if name == "__import__":
        values = with_fromlist(source.parsed, values, node)
    elif (package := argument_of(node, 1, "package")) is not None:
        values = relative_to(values, source.values(package))
    yield from source.named(values, node, f"{name}() of a computed name", argument)
    if name == "find_spec" and argument_of(node, 1, "path") is not None:
        for text in values.literals:
            yield from references(paths_of_module(text), node, "file")
    if name == "run_module":  # of a package, its `__main__`
        yield from references((f"{text}.__main__" for text in values.literals), node)


def _is_wrapper(source: SourceFile, node: ast.Call, argument: str, name: str) -> bool:
    """Tell whether a replacement of an import function passes on what it was called with."""
    function = source.parsed.function_of(node)
    if function is None or argument not in parameters(function)[:2]:
        return False
    names = set(parameters(function))
    is_import = name == "__import__" or name != called_name(node) or "fromlist" in names
    return is_import and bool(names & {"fromlist", "args"}) and len(node.args) > 1


def _mentioned(
    source: SourceFile, node: ast.Name | ast.Attribute, name: str
) -> Iterator[Reference]:
    """Judge an import function where it is not called: passed to `map`, kept in a table."""
    parents = source.parsed.parents
    parent = parents.get(node)
    match parent:
        case ast.Call(func=func, args=args) if func is not node:
            if called_name(parent) == "map" and len(args) > 1:
                yield from source.named(source.values(args[1]), node, f"map({name}, ...)")
            elif called_name(parent) not in {"object", "patch", "wraps"}:
                yield source.unknown(node, f"{name} handed to a function")
        case ast.Assign() | ast.AnnAssign() if isinstance(node.ctx, ast.Load):
            pass  # another name for it
        case ast.Call() | ast.Attribute() | ast.Compare() | ast.Expr():
            pass
        case ast.keyword() if called_name(parents[parent]) in {"object", "patch"}:
            pass
        case _ if isinstance(node.ctx, ast.Load):
            yield source.unknown(node, f"{name} kept or handed on")
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

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield the targets of `patch(...)` and `setattr(...)` that are made of parts."""
        for node in source.calls(*self.functions):
            if node.args and not isinstance(node.args[0], ast.Constant):
                values = source.values(node.args[0])
                yield from references(values.literals, node)
                yield from references(values.prefixes, node, "package")
