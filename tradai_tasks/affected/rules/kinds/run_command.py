"""Modules and code that a file runs in another process: `python -m pkg.mod`, `-c "import a"`.

Also files of code that it loads by their path (`runpy.run_path(...)`, `SourceFileLoader`), and code
that it holds as text and runs itself, by `exec(...)` or in a test of pytest's `pytester`.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Collection

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.listed_locations import expanded_parts, listed_folder
from tradai_tasks.affected.parse.possible_values import PossibleValues
from tradai_tasks.affected.parse.syntax_tree import argument_of, called_name, parameters
from tradai_tasks.affected.parse.text_examples import modules_of
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import paths_of_module
from tradai_tasks.affected.rules.dynamic_imports.call_rule import REFERENCE, CallFile, CallRule
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks

_MODULE_PLACES = frozenset({"__file__", "__path__"})
_PATH_PARAMETERS = ("location", "path", "path_name")
# pytest takes modules in place of paths after it.
_PYARGS = "--pyargs"
_MODULE_FOLLOWS = re.compile(r"-[bBdEiIOPqsSuvx]*m$")
# What the text alone does not tell: a computed module or folder, code that is put together.
_OPEN = re.compile(
    rf"""["']-[bBdEiIOPqsSuvx]*m["']\s*+,\s*+(?!["'])|["']{_PYARGS}["']"""
    r"""|\bimport\s++(?:[\w.]++,\s*+)*[\w.]*+(?:\{(?!\{)|%[s(]|["'](?!["'])\s*+(?:["'+%]|\.format))"""
    r"""|\bfrom\s++[\w.]*+(?:["'](?!["'])\s*+["'+%]|(?:\{[^}"'\n]*\}|%s)[\w.{}%]*+ import\b)"""
    r"""|(?:pytest\.main|\.discover)\((?!\[(?:[\s,]|__file__|["'][^"'\n]*["'])*\]\s*\))"""
)
# Stands for the unknown parts of code that is put together.
_HOLE = "_hole_"
_MAX_TEXTS = 64  # that one expression is evaluated to


_RUNNERS = frozenset(f"{name}(" for name in calls.CODE_RUNNERS)


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
    words = frozenset(
        [
            *("exec(", "eval(", "runpy", "pytester", "testdir", "makepyfile", "sys.executable"),
            *('"-m"', "'-m'", '"-c"', "'-c'", " -m ", _PYARGS, "pytest.main(", ".discover("),
            "compile(",
        ]
    )
    functions = calls.CODE_RUNNERS | calls.TEST_CODE_RUNNERS

    def is_hinted(self, text: str, marks: Marks) -> bool:
        """Tell whether more is run than strings of the file say, or the text of another file."""
        words = {one for one in self.words & marks.keys() if is_run(text, one, marks)}
        if words & _RUNNERS and any(f"{reader}(" in text for reader in calls.FILE_READERS):
            return True
        return bool(words) and _OPEN.search(text) is not None

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Read `exec(...)`, `compile(...)` and the like: of strings, or of a file's text."""
        function = node.func
        is_method = (
            isinstance(function, ast.Attribute) and called_name(function.value) != "builtins"
        )
        if name in calls.CODE_RUNNERS and is_method:
            return  # `re.compile(...)`
        file.runs_code = True
        path = code_path(file.source, node) if name in calls.CODE_RUNNERS else None
        if path is not None and isinstance(path, ast.expr):
            read_path(file, path, node, f"{name}() of a file of a computed name")


def read_arguments(file: CallFile, command: list[ast.expr]) -> None:
    """Read `[sys.executable, "-m", "pkg.mod"]`."""
    for option, argument in itertools.pairwise(command):
        if isinstance(option, ast.Constant) and _MODULE_FOLLOWS.match(str(option.value)):
            _read_module(file, command, argument)
        elif isinstance(option, ast.Constant) and option.value == "-c":
            file.runs_code = True
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


def _add_imports(file: CallFile, statements: Collection[Import], node: ast.AST) -> None:
    file.add(modules_of(statements), node)
    stars = (module for module, names in statements if "*" in names)
    file.add((one if one[-1] == "." else f"{one}." for one in stars), node, "package")


def read_code(file: CallFile, node: ast.AST) -> None:
    """Read code in a string, or put together: `f"import {name}"`."""
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


class ComputedCode(msgspec.Struct):
    """What code that is put together from parts imports."""

    imports: dict[Import, None] = {}
    subtrees: set[str] = set()
    is_open: bool = False  # also something unknown


def imports_of_text(source: ParsedModule, node: ast.AST) -> ComputedCode:
    """Read the imports in a text that is put together from parts."""
    code = ComputedCode()
    for text in _texts_of(source, node):
        for module, names in imports_in(text) if "import" in text else ():
            if _HOLE not in module and not any(_HOLE in name for name in names):
                code.imports[module, names] = None
                continue
            known = f"{module}." if _HOLE not in module else module.partition(_HOLE)[0]
            package = known.rpartition(".")[0]
            if package:
                code.subtrees.add(f"{package}.")
            code.is_open |= not package
    return code


def _texts_of(source: ParsedModule, node: ast.AST) -> list[str]:
    """Return the texts that an expression can be, with `_HOLE` for unknown parts."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return _joined(source, parts)
        case ast.FormattedValue(value=value):
            return _texts_of(source, value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(source, [left, right])
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            arguments = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(source, text.split("%s"), arguments)
        case ast.Call(
            func=ast.Attribute(attr="format", value=ast.Constant(value=str(text))), args=arguments
        ) if "{}" in text:
            return _filled(source, text.split("{}"), arguments)
        case _:
            values = source.evaluate(node)
            is_known = values.literals and not values.unknown
            starts = [f"{prefix}{_HOLE}" for prefix in sorted(values.prefixes)]
            found = [*sorted(values.literals), *starts] if is_known or starts else [_HOLE]
            return found if len(found) <= _MAX_TEXTS else [_HOLE]


def _filled(source: ParsedModule, texts: list[str], arguments: list[ast.expr]) -> list[str]:
    parts: list[ast.AST] = []
    for place, text in enumerate(texts):
        parts.append(ast.Constant(text))
        if place < len(texts) - 1:
            parts.append(arguments[place] if place < len(arguments) else ast.Constant(_HOLE))
    return _joined(source, parts)


def _joined(source: ParsedModule, parts: list[ast.AST] | list[ast.expr]) -> list[str]:
    texts_of = [_texts_of(source, part) for part in parts]
    if math.prod(map(len, texts_of)) > _MAX_TEXTS:  # rather unknown than one left out
        texts_of = [texts if len(texts) == 1 else [_HOLE] for texts in texts_of]
    return ["".join(one) for one in itertools.product(*texts_of)]


def is_text(source: ParsedModule, node: ast.AST) -> bool:
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


def code_path(source: ParsedModule, node: ast.Call) -> ast.AST | None:
    """Return the path of the file whose text a call of `exec` or `compile` takes, if any."""
    if not node.args:
        return None
    for part in expanded_parts(source, node.args[0]) or ():
        if isinstance(part, ast.Call) and called_name(part) in calls.FILE_READERS:
            if isinstance(part.func, ast.Attribute) and called_name(part) != "open_code":
                return part.func.value
            return part.args[0] if part.args else None
    return None


def tests_run(source: ParsedModule, node: ast.Call) -> PossibleValues | None:
    """Return the folders whose tests a call of pytest or unittest runs; None for other calls.

    Folders that are plain paths in the text are left out: the paths of a file count in any case.
    """
    name = called_name(node)
    holder = called_name(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name != "discover" and (name != "main" or holder != "pytest"):
        return None
    arguments = [*node.args, *(k.value for k in node.keywords if k.arg in {"args", "start_dir"})]
    found = PossibleValues()
    for argument in arguments[:1]:
        elements = argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]
        for element in elements:
            found.add(_tests_at(source, element))
    return found


def _tests_at(source: ParsedModule, node: ast.expr) -> PossibleValues:
    parts = expanded_parts(source, node)
    if parts is None:
        return PossibleValues(unknown=True)
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    if names & (calls.TEMPORARY_FOLDERS | {"sys"}):
        return PossibleValues()  # what a test has written, or a user names
    is_own = "__file__" in names
    folder = listed_folder(source, node)
    if not folder.unknown:
        is_file = is_own and folder.prefixes == {"/"}
        return PossibleValues() if is_file else folder
    values = source.evaluate(node)
    return PossibleValues() if is_own else PossibleValues(unknown=values.unknown)
