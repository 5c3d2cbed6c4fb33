"""Walk over a parsed file and pass what may import to the rule of its kind.

A literal argument, or one that a literal table of the same file explains, becomes references; an
unknown one becomes a reason to widen: to count any file that the member can import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tradai_tasks.affected.parse.constant_evaluation import ADDERS
from tradai_tasks.affected.parse.syntax_tree import called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallFile, CallRule, DynamicImports
from tradai_tasks.affected.rules.kinds import import_call, run_command
from tradai_tasks.affected.rules.kinds.entry_points import EntryPoints
from tradai_tasks.affected.rules.kinds.package_resources import PackageResources
from tradai_tasks.affected.rules.kinds.run_command import Command, RunPath

_TEXTS = frozenset([ast.BinOp, ast.Call, ast.Constant, ast.JoinedStr])
_BINDING = frozenset(
    [ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.List, ast.Tuple]
)
_RENAMED = RunPath.functions | PackageResources.functions | EntryPoints.functions


def find_dynamic_imports(file: CallFile, rules: Iterable[CallRule]) -> DynamicImports:
    """Find the dynamic imports of a file, by the rules that are on."""
    return _CallReader(file, rules).read()


class _CallReader:
    def __init__(self, file: CallFile, rules: Iterable[CallRule]) -> None:
        self.file = file
        self.source = file.source
        self.on = {rule.name: rule for rule in rules}
        self.readers = {name: rule for rule in rules for name in rule.functions}
        self.assigned = {name: rule for rule in rules for name in rule.assigned}

    def read(self) -> DynamicImports:
        nodes = self.source.nodes
        for node in nodes:
            if type(node) in _BINDING:  # most are of other kinds, and matching takes longer
                self._read_binding(node)
        for node in nodes:
            if isinstance(node, ast.Name):  # most are; of these, few are looked at
                if node.id in calls.IMPORT_FUNCTIONS:
                    self._read_mention(node, node.id)
            elif isinstance(node, ast.Attribute):
                if node.attr == "executable" or node.attr in calls.IMPORT_FUNCTIONS:
                    self._read_mention(node, node.attr)
            elif isinstance(node, ast.Constant):
                if node.value in calls.IMPORT_FUNCTIONS:
                    self._read_constant(node)
            elif isinstance(node, ast.Call):
                self._read_call(node)
        if Command.name in self.on and self.file.runs_code:
            self._read_texts(nodes)
        return self.file.found

    def _read_texts(self, nodes: Iterable[ast.AST]) -> None:
        self.file.kind = Command.name
        for node in nodes:
            if type(node) in _TEXTS and run_command.is_text(self.source, node):
                run_command.read_code(self.file, node)

    def _read_binding(self, node: ast.AST) -> None:
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                if Command.name in self.on:
                    self.file.kind = Command.name
                    run_command.read_arguments(self.file, parts)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._read_assignment(target, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
            ):
                self._read_assignment(target, value)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.file.add_imports(names)
            case _:
                pass

    def _read_assignment(self, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else ""
        if not self.file.add_assignment(target, value, _RENAMED):
            self._read_value(name, value)

    def _read_value(self, name: str | None, value: ast.expr) -> None:
        if rule := self.assigned.get(name or ""):
            self.file.kind = rule.name
            rule.read_assigned(self.file, name or "", value)

    def _read_mention(self, node: ast.Name | ast.Attribute, name: str) -> None:
        """Look at a name of what imports, or of Python itself."""
        if name in calls.IMPORT_FUNCTIONS:
            if import_call.ImportCall.name in self.on:
                import_call.read_mention(self.file, node, name)
        elif ast.unparse(node) == "sys.executable":
            self.file.runs_code = True  # by `-c`, standard input or a file that is written

    def _read_constant(self, node: ast.Constant) -> None:
        if called_name(self.source.parents[node]) == "getattr":
            self.file.widen(node, f"{node.value!s} by getattr()")

    def _read_call(self, node: ast.Call) -> None:
        file = self.file
        name = file.original(node)
        for keyword in node.keywords:  # `settings.configure(INSTALLED_APPS=[...])`
            self._read_value(keyword.arg, keyword.value)
        if isinstance(node.func, ast.Call):
            return
        if isinstance(node.func, ast.Attribute) and name in ADDERS:  # `pytest_plugins.append("a")`
            for argument in node.args:
                self._read_value(called_name(node.func.value), argument)
        is_importer = import_call.is_importer(file, name)
        rule = self.on.get(import_call.ImportCall.name) if is_importer else self.readers.get(name)
        if rule is not None:
            file.kind = rule.name
            rule.read(file, node, name)
        if Command.name in self.on and name in {"discover", "main"}:
            file.kind = Command.name
            run_command.read_tests(file, node)
