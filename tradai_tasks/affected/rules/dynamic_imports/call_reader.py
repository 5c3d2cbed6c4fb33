"""Imports that are calls: `import_module(...)`, `run_path(...)`, `entry_points(...)` and the like.

A literal argument, or one that a literal table of the same file explains, becomes names; an
unknown one becomes a reason to widen: to count any file that the member can import.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.listed_locations import listed_packages
from tradai_tasks.affected.parse.syntax_tree import called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.entry_point_groups import ANY_GROUP, groups_loaded
from tradai_tasks.affected.rules.dynamic_imports.executed_code import is_computed_text, names_loaded
from tradai_tasks.affected.rules.dynamic_imports.import_findings import (
    REFERENCE,
    DynamicImports,
    FindingsRecorder,
)
from tradai_tasks.affected.rules.dynamic_imports.named_imports import (
    ImportAliases,
    NamedImportReader,
)
from tradai_tasks.affected.rules.dynamic_imports.path_imports import PathImportReader
from tradai_tasks.affected.rules.dynamic_imports.run_commands import CommandReader

_COMPUTED = frozenset([ast.BinOp, ast.Call, ast.JoinedStr])
_BINDING = frozenset(
    [ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.List, ast.Tuple]
)
_Readers = Mapping[str, Callable[[ast.Call, str], None]]
_FOLDER_CALLS = frozenset({"chdir", "discover", "main"})


def find_dynamic_imports(source: ParsedModule, skipped: ast.AST | None = None) -> DynamicImports:
    """Find the dynamic imports of a file.

    Args:
        source: The parsed file.
        skipped: The module's own `__getattr__`, which is read elsewhere.
    """
    return _CallReader(source, skipped).read()


class _CallReader:
    """Walks over a file and passes what may import to the reader of its kind."""

    def __init__(self, source: ParsedModule, skipped: ast.AST | None) -> None:
        self.source = source
        self.recorder = FindingsRecorder(source)
        self.found = self.recorder.found
        self.aliases = ImportAliases()
        self.named = NamedImportReader(self.recorder, self.aliases, skipped)
        self.paths = PathImportReader(self.recorder)
        self.commands = CommandReader(self.recorder, self.paths)
        self._has_cwd = False  # a command is run in some folder
        self._has_stevedore = False

    def read(self) -> DynamicImports:
        nodes = self.source.nodes
        readers = self._readers()
        self._has_cwd = any(type(node) is ast.keyword and node.arg == "cwd" for node in nodes)
        for node in nodes:
            if type(node) in _BINDING:  # most are of other kinds, and matching takes longer
                self._read_binding(node)
        for node in nodes:
            kind = type(node)
            if kind is ast.Call or kind is ast.Dict:
                self._read_load(node, readers)
            elif kind is ast.Name or kind is ast.Attribute or kind is ast.Constant:
                self._read_mention(node)
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.commands.read_string(node)
            elif (
                self.commands.runs_code
                and type(node) in _COMPUTED
                and is_computed_text(self.source, node)
            ):
                self.commands.read_computed_code(node)
        for value in self.source.added("pytest_plugins"):
            if value is not None:
                self._record(value, value, "`pytest_plugins`")
        return self.found

    def _readers(self) -> _Readers:
        """Return what reads a call, by the name of the function that is called.

        Not an attribute: it would tie this object, and the file's tree, to itself, and while a
        graph is built no garbage is collected.
        """
        return {
            **dict.fromkeys(calls.RESOURCE_FUNCTIONS, self.named.read_resources),
            **dict.fromkeys(calls.PATCHES, self.named.read_patch),
            **dict.fromkeys(calls.PATH_IMPORTERS, self.paths.read_call),
            **dict.fromkeys(calls.TEST_CODE_RUNNERS, self.commands.read_code_call),
            **dict.fromkeys(calls.CODE_RUNNERS, self._read_builtin_code),
            **dict.fromkeys(calls.PACKAGE_LISTERS, self._read_packages),
            **dict.fromkeys(calls.GROUP_READERS, self._read_groups),
            **dict.fromkeys(calls.PLUGIN_MANAGERS, self._read_plugin_manager),
            **dict.fromkeys(calls.WIRING, self._read_wiring),
            calls.TASK_FINDER: self._read_task_finder,
            "scan": self._read_scan,
            **dict.fromkeys(calls.NAME_LOADERS, self._read_loaded_names),
        }

    def _record(self, value: ast.expr, node: ast.AST, what: str) -> None:
        self.recorder.record(self.source.evaluate(value), node, what)

    def _read_binding(self, node: ast.AST) -> None:
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                self.commands.read_arguments(parts)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._read_assignment(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._read_assignment(target, value)
            case ast.AugAssign(target=target, value=value):
                self._read_assignment(target, value)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.aliases.add_imports(names)
                self._has_stevedore |= calls.STEVEDORE in ast.unparse(node)
            case _:
                pass

    def _read_assignment(self, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else ""
        if self.aliases.add_assignment(target, value):
            pass
        elif name == "pytest_plugins":
            self._record(value, value, "`pytest_plugins`")
        elif name in calls.SCAN_SETTINGS:
            self._add_packages(value)

    def _read_mention(self, node: ast.AST) -> None:
        """Look at a name or a text that may name what imports."""
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in calls.IMPORT_FUNCTIONS:
                self.named.read_mention(node, name)
            case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
                self.commands.note_code()  # by `-c`, standard input or a file that is written
            case ast.Constant(value=str(name)) if name in calls.IMPORT_FUNCTIONS:
                if called_name(self.source.parents[node]) == "getattr":
                    self.recorder.widen(node, f"{name} by getattr()")
            case _:
                pass

    def _read_load(self, node: ast.AST, readers: _Readers) -> None:
        match node:
            case ast.Call():
                self._read_call(node, readers)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):  # hydra's `_target_`
                    if isinstance(key, ast.Constant) and key.value == "_target_":
                        self._record(value, node, "`_target_`")
            case _:
                pass

    def _read_call(self, node: ast.Call, readers: _Readers) -> None:
        name = self.aliases.original(node)
        if any(keyword.arg == "entry_points" for keyword in node.keywords):  # catalogue.create()
            self.found.groups.add(ANY_GROUP)
        if isinstance(node.func, ast.Call):
            return
        if self.named.is_importer(name):
            self.named.read_call(node, name)
        elif (read := readers.get(name)) is not None:
            read(node, name)
        if name in _FOLDER_CALLS or (self._has_cwd and node.keywords):
            self.commands.read_folders(node)

    def _read_packages(self, node: ast.Call, name: str) -> None:
        """Read `pkgutil.iter_modules(pkg.__path__)`."""
        self.recorder.record(listed_packages(self.source, node), node, f"{name}()")

    def _read_groups(self, node: ast.Call, _: str) -> None:
        """Read `entry_points(group="x")`."""
        self.found.groups |= groups_loaded(self.source, node)

    def _read_plugin_manager(self, node: ast.Call, _: str) -> None:
        """Read `stevedore.ExtensionManager(namespace="x")`."""
        if self._has_stevedore:
            self.found.groups |= groups_loaded(self.source, node)

    def _read_task_finder(self, node: ast.Call, _: str) -> None:
        """Read `app.autodiscover_tasks(["pkg"])`."""
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self._add_packages(argument)

    def _read_wiring(self, node: ast.Call, _: str) -> None:
        """Read `container.wire(packages=["pkg"])`."""
        for keyword in node.keywords:
            if keyword.arg in calls.WIRING_KEYWORDS:
                self._add_packages(keyword.value)

    def _read_scan(self, node: ast.Call, _: str) -> None:
        """Read `config.scan("pkg")`."""
        if ast.unparse(node.func).endswith(calls.CONFIG_SCAN):
            self._read_task_finder(node, "")

    def _read_builtin_code(self, node: ast.Call, name: str) -> None:
        """Read `exec(...)` and `builtins.exec(...)`, not `re.compile(...)` or other methods."""
        function = node.func
        if isinstance(function, ast.Attribute):
            is_builtin = isinstance(function.value, ast.Name) and function.value.id == "builtins"
        else:
            is_builtin = isinstance(function, ast.Name)
        if is_builtin:
            self.commands.read_code_call(node, name)

    def _read_loaded_names(self, node: ast.Call, _: str) -> None:
        """Read `EntryPoint(...)` and `dictConfig(...)`."""
        for values, what, argument in names_loaded(self.source, node):
            self.recorder.record(values, node, what, argument)

    def _add_packages(self, value: ast.expr) -> None:
        literals = self.source.evaluate(value).literals
        self.found.add_packages(text for text in literals if REFERENCE.match(text))
