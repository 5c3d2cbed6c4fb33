"""Read the imports that a file has, by the function that they stand in, and what they may read."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAME = re.compile(r"[A-Za-z_][\w.]*\Z")
# Code whose outcome depends on the lines that other code stands on; statements by which SQLite
# opens a file, and the library that `ctypes` has at hand.
_LINES = re.compile(
    r"(?:co_first|f_|tb_)?lineno|co_lines|co_positions|getframeinfo|walk_tb"
    r"|(?:extract|format|print)_(?:exc|exception|list|stack|tb)\Z|.*\bline \d|.*\.py:(?:\d|\Z)"
    r"|TracebackException|StackSummary|dump_traceback|.*[%{]\(?lineno"
)
_ATTACH = re.compile(r"\s*attach\s|pythonapi\Z", re.IGNORECASE)
# What imports shows for such code, for statements as above, and for calls that import what no text
# names, where a module that is loaded shows no event. No module can be called so.
LINES, ATTACH, ANY = "<lines>", "<attach>", "<any>"
# Libraries whose compiled code opens files, which nothing reports.
_UNSEEN_READERS = frozenset({
    ATTACH, "<library>",
    "catboost", "cv2", "datafusion", "dbm", "deltalake", "duckdb", "h5py", "lightgbm", "lmdb",
    "lxml", "netCDF4", "onnxruntime", "osgeo", "polars", "pyarrow", "python_calamine", "rasterio",
    "safetensors", "shelve", "tables", "tensorflow", "tokenizers", "torch", "xgboost",
})  # fmt: skip
_CERTIFICATES = (".cer", ".crt", ".key", ".pem")  # which `ssl` opens so
_COMPILED = (".dylib", ".pyd", ".so")


class ImportStatement(NamedTuple):
    """One name of an import statement."""

    module: str
    member: str  # what `from` takes of it, or ""
    level: int  # dots in front of the module

    def names(self, own: Iterable[str], *, is_package: bool) -> Iterator[str]:
        """Yield the names of modules that the statement may load.

        Args:
            own: The names that the file with the statement is loaded by.
            is_package: Whether that is an `__init__.py`.
        """
        bases = [self.module]
        if self.level:
            up = self.level - 1 if is_package else self.level
            packages = [name.split(".")[: len(name.split(".")) - up] for name in own]
            bases = [".".join(filter(None, [*package, self.module])) for package in packages]
        for base in filter(None, bases):
            yield base
            if self.member not in {"", "*"}:
                yield f"{base}.{self.member}"


class ImportSyntax(msgspec.Struct):
    """Imports by the qualified name of the function that they stand in; "" outside of all."""

    statements: dict[str, list[ImportStatement]] = {}
    texts: dict[str, list[str]] = {}
    """Texts and attributes that may be the name of a module, or begin with one."""

    def names(
        self, scope: str, own: Iterable[str], *, is_package: bool
    ) -> Iterator[tuple[str, bool]]:
        """Yield the modules that a function may load, each with whether a statement names it.

        The arguments are those of `ImportStatement.names`.
        """
        for statement in self.statements.get(scope, ()):
            yield from ((name, True) for name in statement.names(own, is_package=is_package))
        yield from ((text, False) for text in self.texts.get(scope, ()))


def read_imports(path: Path) -> ImportSyntax | None:
    """Read a file's imports; None for one that is gone or cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    found = ImportSyntax()
    _visit(tree, "", "", found)
    return found


def _visit(node: ast.AST, scope: str, prefix: str, found: ImportSyntax) -> None:
    """Take in what a node holds.

    Args:
        node: The node.
        scope: The qualified name of the function around it, or "".
        prefix: What stands before the names of functions and classes here.
        found: Where to add.
    """
    if mark := _mark(node):
        found.statements.setdefault(scope, []).append(ImportStatement(mark, "", 0))
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            name = f"{prefix}{node.name}"
            for child in (*node.decorator_list, node.args, *filter(None, [node.returns])):
                _visit(child, scope, prefix, found)
            for child in node.body:
                _visit(child, name, f"{name}.<locals>.", found)
            return
        case ast.ClassDef():
            for child in (*node.decorator_list, *node.bases, *node.keywords):
                _visit(child, scope, prefix, found)
            for child in node.body:
                _visit(child, scope, f"{prefix}{node.name}.", found)
            return
        case ast.If() if _last_name(node.test) == "TYPE_CHECKING":
            for child in node.orelse:
                _visit(child, scope, prefix, found)
            return
        case ast.Expr(value=ast.Constant(value=str(remark))) if (
            _ATTACH.match(remark) and ">>>" not in remark
        ):
            return  # a docstring, which is executed nowhere
        case ast.Import():
            statements = [ImportStatement(alias.name, "", 0) for alias in node.names]
            found.statements.setdefault(scope, []).extend(statements)
        case ast.ImportFrom():
            found.statements.setdefault(scope, []).extend(
                ImportStatement(node.module or "", alias.name, node.level) for alias in node.names
            )
        case _:
            if text := _text(node):
                found.texts.setdefault(scope, []).append(text)
    for child in ast.iter_child_nodes(node):
        _visit(child, scope, prefix, found)


def _mark(node: ast.AST) -> str:
    match node:
        case ast.Call(args=[ast.Constant(value=str(text)), *_]) if _NAME.match(text):
            return ""
        case ast.Call(func=ast.Name(id="__import__" | "exec")):
            return ANY
        case ast.Call(func=function) if _last_name(function) in {"dictConfig", "fileConfig"}:
            return ANY
        case ast.Name(id=text) | ast.Attribute(attr=text) | ast.Constant(value=str(text)):
            if _ATTACH.match(text):
                return ATTACH
            return LINES if _LINES.match(text) else ""
        case _:
            return ""


def _text(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            matched = _DOTTED.match(text)
            return matched[0] if matched else None
        case ast.Attribute():
            text = _dotted(node)
            return text if "." in text else None
        case ast.Call(args=[ast.Constant(value=str(text)), *_]) if _NAME.match(text):
            return text if "import" in _last_name(node.func) else None
        case ast.Subscript(
            value=ast.Attribute(attr="modules"), slice=ast.Constant(value=str(text))
        ):
            return text
        case _:
            return None


def _last_name(node: ast.AST) -> str:
    return _dotted(node).rpartition(".")[2]


def _dotted(node: ast.AST) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            base = _dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        case _:
            return ""


def unseen_files(
    root: Path, test_file: str, modules: Collection[str], names: Collection[str]
) -> set[str]:
    """Return all files of a project that compiled code may open for a test file.

    Args:
        root: The repository.
        test_file: The test file, from the root.
        modules: Files that are loaded for it, from the root.
        names: The modules that were asked for.
    """
    tops = {name.partition(".")[0] for name in names}
    if tops & _UNSEEN_READERS or any(one.endswith(_COMPILED) for one in modules):
        return set(_data_files(root, test_file))
    return set(_data_files(root, test_file, _CERTIFICATES)) if "ssl" in tops else set()


def _data_files(root: Path, test_file: str, ends: tuple[str, ...] = ("",)) -> Iterator[str]:
    """Yield all files but Python's of the project that a test file belongs to, by their ends."""
    folder = (root / test_file).parent
    while folder != root and not (folder / "pyproject.toml").is_file():
        folder = folder.parent
    for parent, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith((".", "__pycache__"))]
        for name in names:
            is_data = name[:9] != ".coverage" and not name.endswith((".py", ".pyc"))
            if is_data and name.endswith(ends):
                yield Path(parent, name).relative_to(root).as_posix()
