"""Read the imports that a file's syntax has, by the function that they stand in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
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
