"""Digest a module's code by function, so that an edit counts only where it can be executed.

The code is compiled and never run. Bytecode has neither comments nor layout, and its functions have
the names that a recording has (`co_qualname`). Line numbers do not count; what counts is which code
stands on one line, since coverage is kept by lines of a function.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import warnings
from collections.abc import Collection
from types import CodeType

import msgspec

_PLACED = (ast.stmt, ast.expr, ast.excepthandler, ast.arg, ast.keyword, ast.alias, ast.pattern)
# syntax of which the compiler makes a code object of its own that can look like another
_CODE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp,
    ast.DictComp,
)  # fmt: skip
_SIZE = 16  # bytes of a digest
# Code objects of their own that run whenever the code around them does: comprehensions before
# Python 3.12; annotations since 3.14; the scopes of type parameters (PEP 695).
_INLINE = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "__annotate__", "<generic")
# flags of `inspect`, which takes long to load; the first is set for functions alone
_NEWLOCALS, _VARARGS, _VARKEYWORDS = 0x2, 0x4, 0x8


class CodeDigests(msgspec.Struct, frozen=True, kw_only=True):
    """Digests of one module's code."""

    level: bytes
    """Of everything but the bodies of functions: constants, classes, decorators, defaults."""
    functions: dict[str, bytes]
    """Of all code that has a qualified name, such as functions; those of one name together."""


def digest(*parts: bytes) -> bytes:
    """Return the digest of several byte strings; it differs where they are divided differently."""
    found = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def code_format() -> bytes:
    """Return what the digests of equal code depend on: this Python's bytecode."""
    return importlib.util.MAGIC_NUMBER


def code_digests(content: bytes) -> CodeDigests | None:
    """Return the digests of a module's code; None if this Python cannot compile it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
            lines: dict[str, list[int]] = {"": []}
            _take_lines(tree, "", "", lines)
            _tell_apart(tree)
            code = compile(tree, "", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    bodies: dict[str, list[bytes]] = {}
    level = _own(code, bodies)
    for name in sorted(lines):
        bodies.setdefault(_holder(name, bodies), []).append(_shape(lines[name]))
    level = digest(level, *bodies.pop("", ()))
    bodies[code.co_qualname] = [level]
    return CodeDigests(
        level=level, functions={name: digest(*found) for name, found in bodies.items()}
    )


def _holder(name: str, compiled: Collection[str]) -> str:
    """Return the innermost function around code that was compiled; "" for the module.

    The compiler drops what stands behind a `return` or `raise`, functions included.
    """
    while name and name not in compiled:
        name = name.rpartition(".<locals>.")[0]
    return name


def _take_lines(node: ast.AST, scope: str, prefix: str, lines: dict[str, list[int]]) -> None:
    """Take the line of each node out of the tree, into a list for each function.

    Args:
        node: The node.
        scope: The qualified name of the function around it, or "".
        prefix: What stands before the names of functions and classes here.
        lines: Where to add, in an order that the code decides.
    """
    if isinstance(node, _PLACED):
        lines.setdefault(scope, []).append(node.lineno)
        # a class of Python 3.13 has the number of its first line as an attribute
        node.lineno = node.end_lineno = 1
        node.col_offset = node.end_col_offset = 0
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            inner, below = f"{prefix}{name}", f"{prefix}{name}.<locals>."
        case ast.Lambda():
            inner, below = f"{prefix}<lambda>", f"{prefix}<lambda>.<locals>."
        case ast.ClassDef(name=name):
            inner, below = scope, f"{prefix}{name}."
        case _:
            inner, below = scope, prefix
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                within = (inner, below) if field == "body" else (scope, prefix)
                _take_lines(child, *within, lines)


def _tell_apart(tree: ast.AST) -> None:
    """Give each function a line of its own, where its decorators are too.

    The compiler would make one code object, with one qualified name, of those that look the same.
    """
    for number, node in enumerate(ast.walk(tree), 2):
        if isinstance(node, _CODE):
            for one in (node, *getattr(node, "decorator_list", ())):
                one.lineno = one.end_lineno = number


def _shape(lines: list[int]) -> bytes:
    """Return lines as their places among each other."""
    places = {line: place for place, line in enumerate(sorted(set(lines)))}
    return repr([places[line] for line in lines]).encode()


def _own(code: CodeType, bodies: dict[str, list[bytes]]) -> bytes:
    """Return the digest of a code object without the functions in it, which go to `bodies`."""
    constants = b"\0".join(_constant(one, bodies) for one in code.co_consts)
    shape = (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
    )
    return digest(code.co_code, code.co_exceptiontable, repr(shape).encode(), constants)


def _constant(value: object, bodies: dict[str, list[bytes]]) -> bytes:
    if not isinstance(value, CodeType):
        return _text(value).encode("utf-8", "surrogatepass")
    found = _own(value, bodies)
    bodies.setdefault(value.co_qualname, []).append(found)
    if value.co_flags & _NEWLOCALS and not value.co_name.startswith(_INLINE):
        return b"function " + _signature(value)
    return b"code " + found  # it runs with the code around it, as a class body does


def _signature(code: CodeType) -> bytes:
    """Return what others can see of a function without calling it, its docstring included."""
    starred = bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    parameters = code.co_argcount + code.co_kwonlyargcount + starred
    first = code.co_consts[0] if code.co_consts else None  # where the docstring is, if there is one
    shape = (
        code.co_qualname,
        code.co_flags,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_varnames[:parameters],
        code.co_freevars,
        first if isinstance(first, str) else None,
    )
    return repr(shape).encode()


def _text(value: object) -> str:
    """Return a constant as text that is the same in every process, which sets have no order in."""
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_text, value))}"
    if isinstance(value, tuple):
        return f"({','.join(map(_text, value))},)"
    return f"{type(value).__name__} {value!r}"
