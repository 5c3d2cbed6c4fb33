"""Modules and code that a file runs in another process: `python -m pkg.mod`, `-c "import a"`.

Also files of code that it loads by their path (`runpy.run_path(...)`, `SourceFileLoader`), and code
that it holds as text and runs itself, by `exec(...)` or in a test of pytest's `pytester`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection

from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.listed_locations import expanded_parts, listed_folder
from tradai_tasks.affected.parse.partial_source import CODE
from tradai_tasks.affected.parse.syntax_tree import argument_of, called_name, parameters
from tradai_tasks.affected.parse.text_examples import CALL_INSIDE, modules_of
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import paths_of_module
from tradai_tasks.affected.rules.dynamic_imports.call_rule import REFERENCE, CallFile, CallRule
from tradai_tasks.affected.rules.dynamic_imports.executed_code import (
    code_path,
    imports_of_text,
    tests_run,
)

_MODULE_PLACES = frozenset({"__file__", "__path__"})
_PATH_PARAMETERS = ("location", "path", "path_name")
_MODULE_OPTION = re.compile(r"(?:^|\s)-[bBdEiIOPqsSuvx]*m[\s=]*([^\W\d][\w.]*)")
# pytest takes modules in place of paths after it.
_PYARGS = "--pyargs"
_TESTED = re.compile(rf"{_PYARGS}[\s=]+([^\W\d][\w.]*)")
_MODULE_FOLLOWS = re.compile(r"-[bBdEiIOPqsSuvx]*m$")
_OPTIONS = [f"{start}-{more}m" for start in " \"'" for more in ("", "B", "E", "I", "s", "u")]


class Command(CallRule):
    """Read commands, and code that is text."""

    name = "command"
    summary = (
        '`python -m a.b`, `-c "import a"`, `exec("import a")`, code that `pytester` runs, '
        "tests that `pytest.main([...])` runs"
    )
    words = frozenset(
        [
            *("exec(", "eval(", "runpy", "pytester", "testdir", "makepyfile", "sys.executable"),
            *('"-m"', "'-m'", '"-c"', "'-c'", " -m ", _PYARGS, "pytest.main(", ".discover("),
        ]
    )
    counted = frozenset(_OPTIONS) | calls.TEST_CODE_RUNNERS
    starts = frozenset({"compile("})
    started = re.compile(r"(?<![\w.])compile\(")
    functions = calls.CODE_RUNNERS | calls.TEST_CODE_RUNNERS

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Read `exec(...)`, `compile(...)` and the like: of strings, or of a file's text."""
        function = node.func
        is_method = (
            isinstance(function, ast.Attribute) and called_name(function.value) != "builtins"
        )
        if name in calls.CODE_RUNNERS and is_method:
            return  # `re.compile(...)`
        note_code(file)
        path = code_path(file.source, node) if name in calls.CODE_RUNNERS else None
        if path is not None and isinstance(path, ast.expr):
            read_path(file, path, node, f"{name}() of a file of a computed name")


def note_code(file: CallFile) -> None:
    """Note that the file runs code that it holds as text, in any of its strings."""
    if file.source.part:
        file.source.part.require(CODE)
    file.runs_code = True


def read_arguments(file: CallFile, command: list[ast.expr]) -> None:
    """Read `[sys.executable, "-m", "pkg.mod"]`."""
    for option, argument in itertools.pairwise(command):
        if isinstance(option, ast.Constant) and _MODULE_FOLLOWS.match(str(option.value)):
            _read_module(file, command, argument)
        elif isinstance(option, ast.Constant) and option.value == "-c":
            note_code(file)
    texts = [part.value if isinstance(part, ast.Constant) else None for part in command]
    for part in command if _PYARGS in texts else ():
        values = file.source.evaluate(part)
        file.add_packages(filter(REFERENCE.match, values.literals), part)
        file.add(values.prefixes, part, "package")


def _read_module(file: CallFile, command: list[ast.expr], argument: ast.expr) -> None:
    """Read what follows `-m`: a module where Python is run, else perhaps a message."""
    values = file.source.evaluate(argument)
    for name in values.literals:
        _run_as_script(file, name, argument)
    file.add(values.prefixes, argument, "package")
    if values.unknown and called_name(command[0]) == "executable":
        file.widen(argument, "`-m` with a computed name", argument)


def _run_as_script(file: CallFile, module: str, node: ast.AST) -> None:
    file.add([module, f"{module}.__main__"], node)
    file.add(paths_of_module(module), node, "file")


def read_string(file: CallFile, node: ast.Constant) -> None:
    """Read a string: a whole command in one, or code where the file runs some."""
    text = str(node.value)
    for match in _MODULE_OPTION.finditer(text):
        _run_as_script(file, match[1], node)
    if _PYARGS in text:
        file.add_packages(_TESTED.findall(text), node)
    is_docstring = isinstance(file.source.parents.get(node), ast.Expr)
    if file.runs_code and "import" in text and not is_docstring:
        _add_imports(file, imports_in(text), node)
        file.add(CALL_INSIDE.findall(text), node)


def _add_imports(file: CallFile, statements: Collection[Import], node: ast.AST) -> None:
    file.add(modules_of(statements), node)
    stars = (module for module, names in statements if "*" in names)
    file.add((one if one[-1] == "." else f"{one}." for one in stars), node, "package")


def read_computed_code(file: CallFile, node: ast.AST) -> None:
    """Read code that is put together: `f"import {name}"`."""
    code = imports_of_text(file.source, node)
    _add_imports(file, code.imports, node)
    file.add(code.subtrees, node, "package")
    if code.is_open:
        whole = node if isinstance(node, ast.expr) else None
        file.widen(node, "code that imports a computed name", whole)


def read_tests(file: CallFile, node: ast.Call) -> None:
    """Follow a call of pytest or unittest to the folders whose tests it runs."""
    tests = tests_run(file.source, node)
    if tests is not None:
        file.add(tests.prefixes, node, "package")
        if tests.unknown:
            where = argument_of(node, 0, "args", "start_dir")
            file.widen(node, f"{called_name(node)}() of tests of a computed path", where)


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
    """Record which files an expression on paths can be, or widen."""
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
