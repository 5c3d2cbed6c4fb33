"""Which packages and folders an expression lists: `pkg.__path__`, `Path(__file__).parent / "x"`."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.possible_values import Values, unknown
from tradai_tasks.affected.parse.syntax_tree import Syntax

__all__ = ["DEEPEST", "folder_in", "packages_in", "spelled_out"]

DEEPEST = 12  # names behind names that are followed
_LONGEST = 2_000  # parts of a spelt-out expression; what is longer is no path


def packages_in(source: Syntax, node: ast.Call) -> Values:
    """Tell of which packages `pkgutil.iter_modules(path)` yields the submodules."""
    found = Values()
    seen: set[str] = set()
    for expression in _arguments(node):
        found.add(_packages(source, expression, seen))
    return found


def _arguments(node: ast.Call) -> list[ast.expr]:
    return node.args[:1] or [keyword.value for keyword in node.keywords[:1]]


def _packages(source: Syntax, node: ast.AST, seen: set[str]) -> Values:
    """Look through an expression and, once each, through what its names are bound to."""
    found = Values()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in {"__path__", "__file__"}:
            found.prefixes.add(".")
        elif isinstance(part, ast.Attribute) and part.attr in {"__path__", "__file__"}:
            if isinstance(part.value, ast.Name) and part.value.id in source.modules:
                found.prefixes.add(f"{source.modules[part.value.id]}.")
            else:
                found.unknown = True
        elif isinstance(part, ast.Name) and part.id in source.bound:
            if part.id in seen or len(seen) >= DEEPEST:
                found.unknown = True
                continue
            seen.add(part.id)
            source.need_changes(part.id)
            for value, _ in source.bound[part.id]:
                found.add(_packages(source, value, seen))
    return found if found.prefixes or found.unknown else unknown()


def folder_in(source: Syntax, node: ast.AST) -> Values:
    """Tell which folder an expression on paths lists, as "/" and a path from the file's own."""
    ups, is_own, package, parts = 0, False, "", []
    spelled = spelled_out(source, node)
    if spelled is None:
        return unknown()
    for part in spelled:
        match part:
            case ast.Name(id="__file__" | "__path__"):
                is_own = True
            case ast.Attribute(attr="__file__" | "__path__", value=ast.Name(id=name)) if (
                name in source.modules
            ):
                package = source.modules[name]
            case ast.Attribute(attr="parent") | ast.Call(func=ast.Attribute(attr="dirname")):
                ups += 1
            case ast.Subscript(
                value=ast.Attribute(attr="parents"), slice=ast.Constant(value=int(index))
            ):
                ups += index + 1
            case ast.Attribute(attr="parents") if not isinstance(
                source.parents.get(part), ast.Subscript
            ):
                return unknown()
            case ast.Constant(value=str(text)):
                parts += [text.partition("*")[0].rpartition("/")[0] if "*" in text else text]
            case _:
                pass
    folder = "/".join(part for part in parts if part and part != ".")
    if package:  # of the module's own folder, or of one below it
        inner = [part for part in folder.split("/") if part]
        is_inside = ups < 2 and all(part.isidentifier() for part in inner)  # noqa: PLR2004
        return Values(prefixes={".".join([package, *inner, ""])}) if is_inside else unknown()
    if is_own:
        return Values(prefixes={"/" + "../" * max(0, ups - 1) + folder})
    return Values(prefixes={"/" + folder}) if "/" in folder else unknown()


def spelled_out(source: Syntax, node: ast.AST) -> list[ast.AST] | None:
    """Return the parts of an expression from the left, names replaced by their values.

    None where that does not end, or makes an expression that is too long to be a path.
    """
    found: list[ast.AST] = []
    return found if _spell(source, node, 0, found) else None


def _spell(source: Syntax, node: ast.AST, depth: int, found: list[ast.AST]) -> bool:
    if isinstance(node, ast.Name) and node.id in source.bound:
        source.need_changes(node.id)
        values = [value for value, is_part in source.bound[node.id] if not is_part]
        if len(values) == 1 and depth < DEEPEST:
            return _spell(source, values[0], depth + 1, found)
    found.append(node)
    return len(found) <= _LONGEST and all(
        _spell(source, child, depth, found) for child in ast.iter_child_nodes(node)
    )
