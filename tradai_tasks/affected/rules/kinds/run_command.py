"""Modules and code that a file runs in another process: `python -m pkg.mod`, `-c "import a"`.

Also files of code that it loads by their path (`runpy.run_path(...)`, `SourceFileLoader`), and code
that it holds as text and runs itself, by `exec(...)` or in a test of pytest's `pytester`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.listed_locations import expanded_parts, listed_folder
from tradai_tasks.affected.parse.possible_values import HOLE
from tradai_tasks.affected.parse.syntax_tree import argument_of, called_name, parameters
from tradai_tasks.affected.parse.text_examples import modules_of, packages_of_stars
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import paths_of_module
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks
from tradai_tasks.affected.rules.source_file import (
    REFERENCE,
    SourceFile,
    package_references,
    references,
)

_MODULE_PLACES = frozenset({"__file__", "__path__"})
_PATH_PARAMETERS = ("location", "path", "path_name")
# pytest takes modules in place of paths after it.
_PYARGS = "--pyargs"
_MODULE_FOLLOWS = re.compile(r"-[bBdEiIOPqsSuvx]*m$")
# What the text alone does not tell: a computed module or folder, code that is put together.
_OPEN = re.compile(
    rf"""["']-[bBdEiIOPqsSuvx]*m["']\s*+,\s*+(?!["'][^"'\n]*["']\s*+[,\])])|["']{_PYARGS}["']"""
    r"""|\bimport\s++(?:[\w.]++,\s*+)*[\w.]*+"""
    r"""(?:\{(?!\{)|%[s(]|["'](?!["'])\s*+(?:[fFrR]?["']|[+%]|\.format))"""
    r"""|\bfrom\s++[\w.]*+"""
    r"""(?:["'](?!["'])\s*+(?:[fFrR]?["']|[+%])|(?:\{[^}"'\n]*\}|%s)[\w.{}%]*+ import\b)"""
    r"""|(?:pytest\.main|\.discover)\((?!\[(?:[\s,]|__file__|["'][^"'\n]*["'])*\]\s*\))"""
)


_RUNNERS = frozenset(f"{name}(" for name in calls.CODE_RUNNERS)
# Words of files that run code which they hold as text.
_OF_CODE = _RUNNERS | {"pytester", "testdir", "makepyfile", "sys.executable", '"-c"', "'-c'"}
_OF_CODE |= {"InteractiveConsole", "InteractiveInterpreter", "timeit"}
_TEXTS = frozenset([ast.BinOp, ast.Call, ast.Constant, ast.JoinedStr])


def is_run(text: str, word: str, marks: Marks) -> bool:
    """Tell whether a word stands alone anywhere in a text."""
    return any(calls.is_word(text, place, word) for place in marks[word])


class Command(CallRule):
    """Read commands, and code that is text."""

    name = "command"
    summary = (
        '`python -m a.b`, `-c "import a"`, `exec("import a")`, code that `pytester` runs, '
        "tests that `pytest.main([...])` runs"
    )
    words = _OF_CODE.union(['"-m"', "'-m'", " -m ", _PYARGS, "pytest.main(", ".discover(", "runpy"])
    functions = calls.CODE_RUNNERS

    def is_hinted(self, text: str, marks: Marks) -> bool:
        """Tell whether more is run than strings of the file say, or the text of another file."""
        words = {one for one in self.words & marks.keys() if is_run(text, one, marks)}
        if words & _RUNNERS and any(f"{reader}(" in text for reader in calls.FILE_READERS):
            return True
        return bool(words) and _OPEN.search(text) is not None

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield what commands, calls that run tests or files, and code in strings import."""
        for node in source.parsed.nodes:
            if isinstance(node, (ast.List, ast.Tuple)):
                yield from _arguments(source, node.elts)
        for name in sorted(calls.CODE_RUNNERS):
            for call in source.calls(name):
                if isinstance(call.func, ast.Name) or called_name(call.func) == "builtins":
                    yield from _code_of_file(source, call, name)
        for call in source.calls("discover", "main"):
            yield from _tests(source, call)
        if any(is_run(source.text, one, source.marks) for one in _OF_CODE & source.marks.keys()):
            for node in source.parsed.nodes:
                if type(node) in _TEXTS and _is_text(source.parsed, node):
                    yield from _code(source, node)


def _arguments(source: SourceFile, command: list[ast.expr]) -> Iterator[Reference]:
    """Yield what `[sys.executable, "-m", "pkg.mod"]` runs."""
    for option, argument in itertools.pairwise(command):
        if isinstance(option, ast.Constant) and _MODULE_FOLLOWS.match(str(option.value)):
            values = source.values(argument)
            for name in values.literals:
                yield from references([name, f"{name}.__main__"], argument)
                yield from references(paths_of_module(name), argument, "file")
            yield from references(values.prefixes, argument, "package")
            if values.unknown and called_name(command[0]) == "executable":  # else a message
                yield source.unknown(argument, "`-m` with a computed name", argument)
    texts = [part.value if isinstance(part, ast.Constant) else None for part in command]
    for part in command if _PYARGS in texts else ():
        values = source.values(part)
        yield from package_references(filter(REFERENCE.match, values.literals), part)
        yield from references(values.prefixes, part, "package")


def _code_of_file(source: SourceFile, node: ast.Call, name: str) -> Iterator[Reference]:
    """Yield the file whose text a call of `exec` or `compile` takes, if any."""
    for part in (expanded_parts(source.parsed, node.args[0]) or ()) if node.args else ():
        if isinstance(part, ast.Call) and called_name(part) in calls.FILE_READERS:
            path = part.args[0] if part.args else None
            if isinstance(part.func, ast.Attribute) and called_name(part) != "open_code":
                path = part.func.value
            if path is not None:
                yield from read_path(source, path, node, f"{name}() of a file of a computed name")
            return


def _code(source: SourceFile, node: ast.AST) -> Iterator[Reference]:
    """Yield what code in a string imports, or code that is put together: `f"import {name}"`."""
    codes = [text for text in source.values(node).texts if "import" in text]
    for module, names in {one: None for text in codes for one in imports_in(text)}:
        if not any(HOLE in name for name in (module, *names)):
            yield from references(modules_of([(module, names)]), node)
            yield from references(packages_of_stars([(module, names)]), node, "package")
            continue
        known = f"{module}." if HOLE not in module else module.partition(HOLE)[0]
        if package := known.rpartition(".")[0]:
            yield from references([f"{package}."], node, "package")
        else:
            whole = node if isinstance(node, ast.expr) else None
            yield source.unknown(node, "code that imports a computed name", whole)


def _tests(source: SourceFile, node: ast.Call) -> Iterator[Reference]:
    """Yield the folders whose tests a call of pytest or unittest runs."""
    name = called_name(node)
    holder = called_name(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name == "main" and holder != "pytest":
        return
    where = argument_of(node, 0, "args", "start_dir")
    elements = where.elts if isinstance(where, (ast.List, ast.Tuple)) else [where]
    for element in filter(None, elements):
        parts = expanded_parts(source.parsed, element) or ()
        names = {part.id for part in parts if isinstance(part, ast.Name)}
        is_own = "__file__" in names
        if is_own and listed_folder(source.parsed, element).texts == {f"/{HOLE}"}:
            continue  # the file's own folder
        if "sys" not in names:  # what a user names
            yield from read_path(source, element, node, f"{name}() of tests of a computed path")


class RunPath(CallRule):
    """Read calls that load a file of code by its path."""

    name = "run-path"
    summary = "`runpy.run_path(...)`, `spec_from_file_location(...)`, `SourceFileLoader(...)`"
    words = calls.PATH_IMPORTERS
    functions = calls.PATH_IMPORTERS

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield the files that calls of `run_path` and the like load."""
        for name in sorted(self.functions):
            for node in source.calls(name):
                argument = argument_of(node, 0 if name == "run_path" else 1, *_PATH_PARAMETERS)
                if argument is not None:
                    yield from read_path(source, argument, node, f"{name}() of a computed path")


def read_path(
    source: SourceFile, argument: ast.expr, node: ast.Call, what: str
) -> Iterator[Reference]:
    """Yield the files that an expression on paths can be, or that these are unknown."""
    parts = expanded_parts(source.parsed, argument)
    if parts is None:
        yield source.unknown(node, what)
        return
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    texts = [str(p.value) for p in parts if isinstance(p, ast.Constant) and p.value is not None]
    if names & calls.TEMPORARY_FOLDERS:
        return
    path = "/".join(text for text in texts if "\n" not in text and not text.isdigit())
    if path.endswith(".py") and not _has_parameter(source.parsed, argument, parts):
        yield from references([f"./{path}"], node, "file")
        return
    values = listed_folder(source.parsed, argument)
    attributes = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    is_placed = "__file__" in names or bool(attributes & _MODULE_PLACES)
    if is_placed and not values.unknown:
        yield from references(values.prefixes, node, "package")
    else:
        yield from source.named(source.values(argument), node, what, argument)


def _has_parameter(source: ParsedModule, argument: ast.AST, parts: list[ast.AST]) -> bool:
    """Tell whether a parameter of a function around is among the parts of an expression."""
    known = {name for function in source.functions_of(argument) for name in parameters(function)}
    return any(isinstance(part, ast.Name) and part.id in known for part in parts)


def _is_text(source: ParsedModule, node: ast.AST) -> bool:
    """Tell whether a node is a string, or the whole of an expression that puts one together."""
    parent = source.parents.get(node)
    if isinstance(parent, (ast.JoinedStr, ast.FormattedValue)):
        return False
    if isinstance(node, ast.Constant):  # a statement of its own is a docstring
        return isinstance(node.value, str) and not isinstance(parent, ast.Expr)
    if isinstance(node, ast.JoinedStr):
        return not (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return not isinstance(parent, ast.BinOp)
    return isinstance(node, ast.Call) and called_name(node) == "format"
