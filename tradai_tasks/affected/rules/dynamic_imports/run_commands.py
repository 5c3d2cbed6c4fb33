"""Modules and code that a file runs in another process: `python -m pkg.mod`, `-c "import a"`.

Also code that it holds as text and runs itself, by `exec(...)` or in a test of pytest's `pytester`.
"""

from __future__ import annotations

import ast
import itertools
import re

from tradai_tasks.affected.parse.import_scanner import imports_in
from tradai_tasks.affected.parse.syntax_tree import called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import (
    argument_of,
    paths_of_module,
)
from tradai_tasks.affected.rules.dynamic_imports.executed_code import (
    code_path,
    imports_of_text,
    tests_run,
    working_directory,
)
from tradai_tasks.affected.rules.dynamic_imports.import_findings import FindingsRecorder
from tradai_tasks.affected.rules.dynamic_imports.path_imports import PathImportReader

_MODULE_OPTION = re.compile(r"(?:^|\s)-[bBdEiIOPqsSuvx]*m[\s=]*([^\W\d][\w.]*)")
_MODULE_FOLLOWS = re.compile(r"-[bBdEiIOPqsSuvx]*m$")
_IMPORT_CALL = re.compile(r"""(?:__import__|import_module)\(\s*["']([^\W\d][\w.]*)["']""")


class CommandReader:
    """Reads commands, and code that is text."""

    def __init__(self, recorder: FindingsRecorder, paths: PathImportReader) -> None:
        """Begin to read a file.

        Args:
            recorder: Where findings go.
            paths: Reads the paths of files whose code is run.
        """
        self._recorder = recorder
        self._source = recorder.source
        self._found = recorder.found
        self._paths = paths
        self.runs_code = False  # the file runs code that it holds as text

    def note_code(self) -> None:
        """Note that the file runs code that it holds as text, in any of its strings."""
        if self._source.part:
            self._source.part.require_code()
        self.runs_code = True

    def read_arguments(self, command: list[ast.expr]) -> None:
        """Read `[sys.executable, "-m", "pkg.mod"]`."""
        for option, argument in itertools.pairwise(command):
            if isinstance(option, ast.Constant) and _MODULE_FOLLOWS.match(str(option.value)):
                self._read_module(command, argument)
            elif isinstance(option, ast.Constant) and option.value == "-c":
                self.note_code()

    def _read_module(self, command: list[ast.expr], argument: ast.expr) -> None:
        """Read what follows `-m`: a module where Python is run, else perhaps a message."""
        values = self._source.evaluate(argument)
        for name in values.literals:
            self._run_as_script(name)
        self._found.subtrees |= values.prefixes
        if values.unknown and called_name(command[0]) == "executable":
            self._recorder.widen(argument, "`-m` with a computed name", argument)

    def _run_as_script(self, module: str) -> None:
        self._found.words |= {module, f"{module}.__main__"}
        self._found.paths |= paths_of_module(module)

    def read_string(self, node: ast.Constant) -> None:
        """Read a string: a whole command in one, or code where the file runs some."""
        text = str(node.value)
        for match in _MODULE_OPTION.finditer(text):
            self._run_as_script(match[1])
        is_docstring = isinstance(self._source.parents.get(node), ast.Expr)
        if self.runs_code and "import" in text and not is_docstring:
            self._found.imports.update(imports_in(text))
            self._found.words.update(_IMPORT_CALL.findall(text))

    def read_computed_code(self, node: ast.AST) -> None:
        """Read code that is put together: `f"import {name}"`."""
        code = imports_of_text(self._source, node)
        self._found.imports.update(code.imports)
        self._found.subtrees |= code.subtrees
        if code.is_open:
            whole = node if isinstance(node, ast.expr) else None
            self._recorder.widen(node, "code that imports a computed name", whole)

    def read_code_call(self, node: ast.Call, name: str) -> None:
        """Read `exec(...)`, `compile(...)` and the like: of strings, or of a file's text."""
        self.note_code()
        path = code_path(self._source, node) if name in calls.CODE_RUNNERS else None
        if path is not None and isinstance(path, ast.expr):
            self._paths.read_path(path, node, f"{name}() of a file of a computed name")

    def read_folders(self, node: ast.Call) -> None:
        """Follow a command to its working directory, and a call of pytest to its folders."""
        folder, scripts = working_directory(self._source, node)
        scripts += [path for path in self._found.paths if not path.startswith(".")]
        if not folder.unknown:
            for prefix in folder.prefixes:
                start = prefix if prefix.startswith("/") else ""
                self._found.paths |= {f".{start}/{script}" for script in scripts}
                if any("pytest" in text or text == "unittest" for text in self._source.texts):
                    self._found.subtrees.add(prefix)
        tests = tests_run(self._source, node)
        if tests is not None:
            self._found.subtrees |= tests.prefixes
            if tests.unknown:
                where = argument_of(node, 0, "args", "start_dir")
                what = f"{called_name(node)}() of tests of a computed path"
                self._recorder.widen(node, what, where)
