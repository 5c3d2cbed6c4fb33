"""Imports that are calls: `import_module(...)`, `run_path(...)`, `entry_points(...)` and the like.

A literal argument, or one that a literal table of the same file explains, becomes names; what
cannot be told becomes a reason to widen.
"""

from __future__ import annotations

import ast
import itertools
import re
from functools import cached_property

from tradai_tasks.affected.parse.constant_evaluation import Source
from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.listed_locations import folder_in, packages_in, spelled_out
from tradai_tasks.affected.parse.syntax_tree import called, parameters
from tradai_tasks.affected.rules import trigger_words as triggers
from tradai_tasks.affected.rules.executed_code import (
    imports_made,
    is_made,
    names_loaded,
    read_in,
    run_in_folder,
    tests_in,
)
from tradai_tasks.affected.rules.import_collector import WORD, Dynamic, Recorder
from tradai_tasks.affected.rules.import_functions import given, relative_to, with_fromlist

__all__ = ["Dynamic", "analyse"]

_MODULE_OPTION = re.compile(r"(?:^|\s)-[bBdEiIOPqsSuvx]*m[\s=]*([^\W\d][\w.]*)")
_MODULE_FOLLOWS = re.compile(r"-[bBdEiIOPqsSuvx]*m$")
_CALL_INSIDE = re.compile(r"""(?:__import__|import_module)\(\s*["']([^\W\d][\w.]*)["']""")


def analyse(source: Source, skipped: ast.AST | None = None) -> Dynamic:
    """Find the dynamic imports of a file.

    Args:
        source: The parsed file.
        skipped: The module's own `__getattr__`, which is read elsewhere.
    """
    return _Reader(source, skipped).read()


_PLACES = frozenset({"__file__", "__path__"})
_MADE = frozenset([ast.BinOp, ast.Call, ast.JoinedStr])
_BINDING = frozenset(
    [ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.List, ast.Tuple]
)


def _is_builtin(function: ast.expr) -> bool:
    """Tell `exec` and `builtins.exec` from `re.compile` and the methods of others."""
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id == "builtins"
    return isinstance(function, ast.Name)


class _Reader(Recorder):
    def __init__(self, source: Source, skipped: ast.AST | None) -> None:
        super().__init__(source)
        self.skipped = skipped
        self.aliases: set[str] = set()
        self.originals: dict[str, str] = {}  # `from runpy import run_path as run`
        self.renamed: dict[str, str] = {}  # `load = runpy.run_path`
        self.runs_code = False
        self.has_cwd = False  # a command is run in some folder

    def read(self) -> Dynamic:
        nodes = self.source.nodes
        self.has_cwd = any(type(node) is ast.keyword and node.arg == "cwd" for node in nodes)
        for node in nodes:
            if type(node) in _BINDING:  # most are of other kinds, and matching takes longer
                self._bind(node)
        for node in nodes:
            kind = type(node)
            if kind is ast.Call or kind is ast.Dict:
                self._load(node)
            elif kind is ast.Name or kind is ast.Attribute or kind is ast.Constant:
                self._spell(node)
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._string(node)
            elif self.runs_code and type(node) in _MADE and is_made(self.source, node):
                self._made_code(node)
        for value in self.source.added("pytest_plugins"):
            if value is not None:
                self.take(self.source.evaluate(value), value, "`pytest_plugins`")
        return self.found

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                self._command(parts)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assigned(target, value)
            case ast.AugAssign(target=target, value=value):
                self._assigned(target, value)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.aliases |= {a.asname for a in names if a.asname and a.name in triggers.BY_NAME}
                self.originals |= {a.asname: a.name for a in names if a.asname}
            case _:
                pass

    def _load(self, node: ast.AST) -> None:
        match node:
            case ast.Call():
                self._call(node)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):  # hydra's `_target_`
                    if isinstance(key, ast.Constant) and key.value == "_target_":
                        self.take(self.source.evaluate(value), node, "`_target_`")
            case _:
                pass

    def _spell(self, node: ast.AST) -> None:
        """Look at a name or a text that may name what imports."""
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in triggers.IMPORTERS:
                self._mention(node, name)
            case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
                self._run_code()  # by `-c`, from standard input or from a file that is written
            case ast.Constant(value=str(name)) if name in triggers.IMPORTERS:
                if called(self.source.parents[node]) == "getattr":
                    self.widen(node, f"{name} by getattr()")
            case _:
                pass

    def _run_code(self) -> None:
        """Note that the file runs code that it holds as text, which can stand anywhere in it."""
        if self.source.part:
            self.source.part.need_code()
        self.runs_code = True

    def _string(self, node: ast.Constant) -> None:
        text = str(node.value)
        for match in _MODULE_OPTION.finditer(text):
            self._run_as_script(match[1])
        is_docstring = isinstance(self.source.parents.get(node), ast.Expr)
        if self.runs_code and "import" in text and not is_docstring:
            self.found.imports.update(imports_in(text))
            self.found.words.update(_CALL_INSIDE.findall(text))

    def _made_code(self, node: ast.AST) -> None:
        """Read code that is made from parts: `f"import {name}"`."""
        made = imports_made(self.source, node)
        self.found.imports.update(made.imports)
        self.found.subtrees |= made.subtrees
        if made.is_open:
            whole = node if isinstance(node, ast.expr) else None
            self.widen(node, "code that imports a computed name", whole)

    def _command(self, parts: list[ast.expr]) -> None:
        """Read `[sys.executable, "-m", "pkg.mod"]`."""
        for option, argument in itertools.pairwise(parts):
            if isinstance(option, ast.Constant) and _MODULE_FOLLOWS.match(str(option.value)):
                self._module(parts, argument)
            elif isinstance(option, ast.Constant) and option.value == "-c":
                self._run_code()

    def _module(self, command: list[ast.expr], argument: ast.expr) -> None:
        """Read what follows `-m`: a module where Python is run, else perhaps a message."""
        values = self.source.evaluate(argument)
        for name in values.literals:
            self._run_as_script(name)
        self.found.subtrees |= values.prefixes
        if values.unknown and called(command[0]) == "executable":
            self.widen(argument, "`-m` with a computed name", argument)

    def _run_as_script(self, module: str) -> None:
        self.found.words |= {module, f"{module}.__main__"}
        self._lies_anywhere(module)

    def _lies_anywhere(self, module: str) -> None:
        """Note a module that may lie in a working directory, or a folder that is given."""
        inner = module.replace(".", "/")
        self.found.paths |= {f"{inner}.py", f"{inner}/__main__.py", f"{inner}/__init__.py"}

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else ""
        if isinstance(value, (ast.Name, ast.Attribute)) and called(value) in triggers.BY_NAME:
            self.aliases.add(called(target))
        elif isinstance(value, (ast.Name, ast.Attribute)) and called(value) in triggers.BY_PATH:
            self.renamed[called(target)] = called(value)
        elif name == "pytest_plugins":
            self.take(self.source.evaluate(value), value, "`pytest_plugins`")
        elif name in triggers.SCANNED:
            self._scanned(value)

    def _scanned(self, value: ast.expr) -> None:
        self.found.scan(t for t in self.source.evaluate(value).literals if WORD.match(t))

    def _call(self, node: ast.Call) -> None:
        name = called(node)
        if isinstance(node.func, ast.Name):
            name = self.originals.get(name, name)
        name = self.renamed.get(name, name)
        if any(keyword.arg == "entry_points" for keyword in node.keywords):  # catalogue.create()
            self.found.groups.add("*")
        if isinstance(node.func, ast.Call):
            return
        is_found = name == "find_spec" and self.source.mentions.keys() & triggers.FOUND
        if name in triggers.BY_NAME or name in self.aliases or is_found:
            self._by_name(node, name)
        elif name in triggers.BY_PATH:
            self._by_path(node, name)
        elif name in triggers.LISTS:
            self.take(packages_in(self.source, node), node, f"{name}()")
        elif name in triggers.GROUPS | triggers.MANAGERS:
            self._groups(node)
        elif name in triggers.SCANNERS and isinstance(node.func, ast.Attribute):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                self._scanned(argument)
        elif (name in triggers.CODE and _is_builtin(node.func)) or name in {
            "makepyfile",
            "run_python_code",
            "runpytest",
            "inline_runsource",
        }:
            self._code(node, name)
        elif name in {"patch", "setattr"} and node.args:
            self._patched(node.args[0])
        elif name in triggers.RESOURCES and node.args:
            self._resources(node, name)
        elif name in {"EntryPoint", "dictConfig"}:
            for values, what, argument in names_loaded(self.source, node):
                self.take(values, node, what, argument)
        if name in {"chdir", "discover", "main"} or (self.has_cwd and node.keywords):
            self._elsewhere(node)

    def _code(self, node: ast.Call, name: str) -> None:
        self._run_code()
        path = read_in(self.source, node) if name in triggers.CODE else None
        if path is not None and isinstance(path, ast.expr):
            self._file(path, node, f"{name}() of a file of a computed name")

    def _elsewhere(self, node: ast.Call) -> None:
        """Follow a command to its working directory, and a call of pytest to its folders."""
        folder, scripts = run_in_folder(self.source, node)
        scripts += [path for path in self.found.paths if not path.startswith(".")]
        if not folder.unknown:
            for prefix in folder.prefixes:
                start = prefix if prefix.startswith("/") else ""
                self.found.paths |= {f".{start}/{script}" for script in scripts}
                if any("pytest" in text or text == "unittest" for text in self.source.texts):
                    self.found.subtrees.add(prefix)
        tests = tests_in(self.source, node)
        if tests is not None:
            self.found.subtrees |= tests.prefixes
            if tests.unknown:
                where = given(node, 0, "args", "start_dir")
                self.widen(node, f"{called(node)}() of tests of a computed path", where)

    def _resources(self, node: ast.Call, name: str) -> None:
        """Read `importlib.resources.files("pkg")`: it imports the package."""
        if isinstance(node.func, ast.Attribute):
            holder = called(node.func.value)
        else:  # from importlib.resources import files
            holder = self.source.modules.get(name, "").rpartition(".")[0].rpartition(".")[2]
        if holder not in triggers.RESOURCE_MODULES:
            return
        package = node.args[0]
        if isinstance(package, ast.Name) and package.id in self.source.modules:
            return  # a module that is imported already
        self.take(self.source.evaluate(package), node, f"{name}() of a computed package", package)

    def _patched(self, target: ast.expr) -> None:
        if not isinstance(target, ast.Constant):
            values = self.source.evaluate(target)
            self.found.words |= values.literals
            self.found.subtrees |= values.prefixes

    def _by_name(self, node: ast.Call, name: str) -> None:
        argument = given(node, 0, *triggers.NAMES_OF_NAME)
        if argument is None:
            if any(keyword.arg is None for keyword in node.keywords):
                self.widen(node, f"{name}() of computed arguments")
            return
        if name in {"import_string", "resolve_name", "locate"} and name not in self._imported:
            return  # some other function of that name
        if isinstance(argument, ast.Name) and self._is_handed_on(node, argument.id, name):
            return
        if self._is_lazy(node):
            return
        values = self.source.evaluate(argument)
        if name == "__import__":
            values = with_fromlist(self.source, values, node)
        elif (package := given(node, 1, "package")) is not None:
            values = relative_to(values, self.source.evaluate(package))
        self.take(values, node, f"{name}() of a computed name", argument)
        if name == "find_spec" and (given(node, 1, "path") is not None):
            for text in values.literals:
                self._lies_anywhere(text)
        if name == "run_module":  # of a package, its `__main__`
            self.found.words |= {f"{text}.__main__" for text in values.literals}

    @cached_property
    def _imported(self) -> set[str]:
        return {
            bound
            for bound, module in self.source.modules.items()
            if not module.startswith(".") and "." in module
        } | {node.attr for node in self.source.nodes if isinstance(node, ast.Attribute)}

    def _is_lazy(self, node: ast.AST) -> bool:
        return self.skipped is not None and self.skipped in set(self.source.functions_of(node))

    def _is_handed_on(self, node: ast.Call, argument: str, name: str) -> bool:
        """Tell whether a stand-in for an import function hands on what it was asked for."""
        function = self.source.function_of(node)
        if function is None or argument not in parameters(function)[:2]:
            return False
        names = set(parameters(function))
        is_import = name == "__import__" or name in self.aliases or "fromlist" in names
        return is_import and bool(names & {"fromlist", "args"}) and len(node.args) > 1

    def _mention(self, node: ast.Name | ast.Attribute, name: str) -> None:
        """Judge an import function where it is not called: handed to `map`, kept in a table."""
        parent = self.source.parents.get(node)
        match parent:
            case ast.Call(func=func, args=args) if func is not node:
                if called(parent) == "map" and len(args) > 1:
                    self.take(self.source.evaluate(args[1]), node, f"map({name}, ...)")
                elif called(parent) not in {"object", "patch", "wraps"}:
                    self.widen(node, f"{name} handed to a function")
            case ast.Assign() | ast.AnnAssign() if isinstance(node.ctx, ast.Load):
                pass  # another name for it
            case ast.Call() | ast.Attribute() | ast.Compare() | ast.Expr():
                pass
            case ast.keyword() if called(self.source.parents[parent]) in {"object", "patch"}:
                pass
            case _ if isinstance(node.ctx, ast.Load):
                self.widen(node, f"{name} kept or handed on")
            case _:
                pass

    def _by_path(self, node: ast.Call, name: str) -> None:
        place = 0 if name == "run_path" else 1
        argument = node.args[place] if len(node.args) > place else None
        for keyword in node.keywords:
            if keyword.arg in {"location", "path", "path_name"}:
                argument = keyword.value
        if argument is not None:
            self._file(argument, node, f"{name}() of a computed path")

    def _file(self, argument: ast.expr, node: ast.Call, what: str) -> None:
        """Record which files an expression on paths can be, or widen."""
        parts = spelled_out(self.source, argument)
        if parts is None:
            self.widen(node, what)
            return
        names = {part.id for part in parts if isinstance(part, ast.Name)}
        texts = [str(p.value) for p in parts if isinstance(p, ast.Constant) and p.value is not None]
        if names & triggers.TEMPORARY:
            return
        path = "/".join(text for text in texts if "\n" not in text and not text.isdigit())
        if path.endswith(".py") and not self._has_parameter(argument, parts):
            self.found.paths.add(f"./{path}")
            return
        values = folder_in(self.source, argument)
        placed = {part.attr for part in parts if isinstance(part, ast.Attribute)} & _PLACES
        if ("__file__" in names or placed) and not values.unknown:
            self.found.subtrees |= values.prefixes
        else:
            self.take(self.source.evaluate(argument), node, what, argument)

    def _has_parameter(self, argument: ast.AST, parts: list[ast.AST]) -> bool:
        known = {p for function in self.source.functions_of(argument) for p in parameters(function)}
        return any(isinstance(part, ast.Name) and part.id in known for part in parts)

    def _groups(self, node: ast.Call) -> None:
        texts: set[str] = set()
        for keyword in node.keywords:
            if keyword.arg in {"group", "namespace", None}:
                texts |= self._texts(keyword.value)
        for argument in node.args:
            texts |= self._texts(argument)
        parent = self.source.parents.get(node)
        if isinstance(parent, ast.Subscript):
            texts |= self._texts(parent.slice)
        self.found.groups |= texts or {"*"}

    def _texts(self, node: ast.expr) -> set[str]:
        """Return the groups that an expression can be; any where that is not all known."""
        values = self.source.evaluate(node)
        is_known = not (values.unknown or values.prefixes or values.is_table)
        return values.literals if values.literals and is_known else {"*"}
