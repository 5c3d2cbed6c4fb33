"""Imports by name: `import_module("a.b")`, `__import__`, `importorskip` and resources of a package.

Import functions count under other names too: `from importlib import import_module as load`.
"""

from __future__ import annotations

import ast
from functools import cached_property

from tradai_tasks.affected.parse.syntax_tree import called_name, parameters
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import (
    argument_of,
    paths_of_module,
    relative_to,
    with_fromlist,
)
from tradai_tasks.affected.rules.dynamic_imports.import_findings import FindingsRecorder

# Common names: an import function only if imported by `from`, or written after a dot.
_AMBIGUOUS = frozenset({"import_string", "resolve_name", "locate"})


class ImportAliases:
    """Other names that a file gives to functions that import."""

    def __init__(self) -> None:
        """Begin without any."""
        self.of_named: set[str] = set()  # for functions that import by name
        self._of_path: dict[str, str] = {}  # `load = runpy.run_path`: load -> run_path
        self._imported: dict[str, str] = {}  # `from runpy import run_path as run`

    def add_imports(self, names: list[ast.alias]) -> None:
        """Note the aliases of an import statement."""
        self.of_named |= {a.asname for a in names if a.asname and a.name in calls.NAME_IMPORTERS}
        self._imported |= {a.asname: a.name for a in names if a.asname}

    def add_assignment(self, target: ast.expr, value: ast.expr) -> bool:
        """Note an assignment of an import function; tell whether it was one."""
        if not isinstance(value, (ast.Name, ast.Attribute)):
            return False
        if called_name(value) in calls.NAME_IMPORTERS:
            self.of_named.add(called_name(target))
        elif called_name(value) in calls.PATH_IMPORTERS:
            self._of_path[called_name(target)] = called_name(value)
        else:
            return False
        return True

    def original(self, node: ast.Call) -> str:
        """Return the name of the function that a call calls, aliases undone."""
        name = called_name(node)
        if isinstance(node.func, ast.Name):
            name = self._imported.get(name, name)
        return self._of_path.get(name, name)


class NamedImportReader:
    """Reads calls that import what their argument names."""

    def __init__(
        self, recorder: FindingsRecorder, aliases: ImportAliases, skipped: ast.AST | None
    ) -> None:
        """Begin to read a file.

        Args:
            recorder: Where findings go.
            aliases: Other names for import functions.
            skipped: The module's own `__getattr__`, which is read elsewhere.
        """
        self._recorder = recorder
        self._source = recorder.source
        self._found = recorder.found
        self._aliases = aliases
        self._skipped = skipped

    def is_importer(self, name: str) -> bool:
        """Tell whether a function of that name imports what its argument names."""
        if name in calls.NAME_IMPORTERS or name in self._aliases.of_named:
            return True
        return name == "find_spec" and bool(self._source.mentions.keys() & calls.SPEC_LOADERS)

    def read_call(self, node: ast.Call, name: str) -> None:
        """Record what a call of an import function imports."""
        argument = argument_of(node, 0, *calls.NAME_PARAMETERS)
        if argument is None:
            if any(keyword.arg is None for keyword in node.keywords):
                self._recorder.widen(node, f"{name}() of computed arguments")
            return
        if name in _AMBIGUOUS and name not in self._qualified_names:
            return  # some other function of that name
        if isinstance(argument, ast.Name) and self._is_wrapper(node, argument.id, name):
            return
        if self._skipped is not None and self._skipped in set(self._source.functions_of(node)):
            return
        values = self._source.evaluate(argument)
        if name == "__import__":
            values = with_fromlist(self._source, values, node)
        elif (package := argument_of(node, 1, "package")) is not None:
            values = relative_to(values, self._source.evaluate(package))
        self._recorder.record(values, node, f"{name}() of a computed name", argument)
        if name == "find_spec" and argument_of(node, 1, "path") is not None:
            for text in values.literals:
                self._found.paths |= paths_of_module(text)
        if name == "run_module":  # of a package, its `__main__`
            self._found.words |= {f"{text}.__main__" for text in values.literals}

    @cached_property
    def _qualified_names(self) -> set[str]:
        """Names that are imported from another module, or written after a dot."""
        return {
            bound
            for bound, module in self._source.modules.items()
            if not module.startswith(".") and "." in module
        } | {node.attr for node in self._source.nodes if isinstance(node, ast.Attribute)}

    def _is_wrapper(self, node: ast.Call, argument: str, name: str) -> bool:
        """Tell whether a replacement of an import function passes on what it was called with."""
        function = self._source.function_of(node)
        if function is None or argument not in parameters(function)[:2]:
            return False
        names = set(parameters(function))
        is_import = name == "__import__" or name in self._aliases.of_named or "fromlist" in names
        return is_import and bool(names & {"fromlist", "args"}) and len(node.args) > 1

    def read_mention(self, node: ast.Name | ast.Attribute, name: str) -> None:
        """Judge an import function where it is not called: passed to `map`, kept in a table."""
        parent = self._source.parents.get(node)
        match parent:
            case ast.Call(func=func, args=args) if func is not node:
                if called_name(parent) == "map" and len(args) > 1:
                    self._recorder.record(self._source.evaluate(args[1]), node, f"map({name}, ...)")
                elif called_name(parent) not in {"object", "patch", "wraps"}:
                    self._recorder.widen(node, f"{name} handed to a function")
            case ast.Assign() | ast.AnnAssign() if isinstance(node.ctx, ast.Load):
                pass  # another name for it
            case ast.Call() | ast.Attribute() | ast.Compare() | ast.Expr():
                pass
            case ast.keyword() if called_name(self._source.parents[parent]) in {"object", "patch"}:
                pass
            case _ if isinstance(node.ctx, ast.Load):
                self._recorder.widen(node, f"{name} kept or handed on")
            case _:
                pass

    def read_resources(self, node: ast.Call, name: str) -> None:
        """Read `importlib.resources.files("pkg")`: it imports the package."""
        if not node.args:
            return
        if isinstance(node.func, ast.Attribute):
            holder = called_name(node.func.value)
        else:  # from importlib.resources import files
            holder = self._source.modules.get(name, "").rpartition(".")[0].rpartition(".")[2]
        if holder not in calls.RESOURCE_MODULES:
            return
        package = node.args[0]
        if isinstance(package, ast.Name) and package.id in self._source.modules:
            return  # a module that is imported already
        values = self._source.evaluate(package)
        self._recorder.record(values, node, f"{name}() of a computed package", package)

    def read_patch(self, node: ast.Call, _: str) -> None:
        """Read the target of `patch(...)` and `setattr(...)`, made of parts: it is imported."""
        if node.args and not isinstance(node.args[0], ast.Constant):
            values = self._source.evaluate(node.args[0])
            self._found.words |= values.literals
            self._found.subtrees |= values.prefixes
