"""Find the packages and folders whose content a call lists.

Examples are `pkgutil.iter_modules(pkg.__path__)` and `(Path(__file__).parent / "x").glob("*")`.
"""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.possible_values import HOLE, PossibleValues, unknown
from tradai_tasks.affected.parse.syntax_tree import SyntaxIndex, argument_of

MAX_DEPTH = 12  # names that are followed from one to the next
_MAX_PARTS = 2_000  # of an expression whose names are replaced; what is longer is no path


def listed_packages(source: SyntaxIndex, node: ast.Call) -> PossibleValues:
    """Return the packages of which `pkgutil.iter_modules(path)` yields the submodules."""
    path = argument_of(node, 0, "path")
    found: set[str] = set()
    for part in (expanded_parts(source, path) or ()) if path is not None else ():
        match part:
            case ast.Name(id="__path__" | "__file__"):
                found.add(f".{HOLE}")
            case ast.Attribute(attr="__path__" | "__file__", value=ast.Name(id=name)) if (
                name in source.modules
            ):
                found.add(f"{source.modules[name]}.{HOLE}")
            case ast.Attribute(attr="__path__" | "__file__"):
                found.add(HOLE)
            case ast.Name(id=name) if name in source.bound:  # to one of several values
                found.add(HOLE)
            case _:
                pass
    return PossibleValues(found or ({HOLE} if path is not None else set()))


def listed_folder(source: SyntaxIndex, node: ast.AST) -> PossibleValues:
    """Return the folder that an expression lists, as "/" and a path from the file's own folder."""
    ups, is_own, package, parts = 0, False, "", []
    expanded = expanded_parts(source, node)
    if expanded is None:
        return unknown()
    for part in expanded:
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
        return PossibleValues({".".join([package, *inner, HOLE])}) if is_inside else unknown()
    if is_own:
        return PossibleValues({"/" + "../" * max(0, ups - 1) + folder + HOLE})
    return PossibleValues({f"/{folder}{HOLE}"}) if "/" in folder else unknown()


def expanded_parts(source: SyntaxIndex, node: ast.AST) -> list[ast.AST] | None:
    """Return the nodes of an expression from the left, names replaced by their values.

    None where that does not end, or makes an expression that is too long to be a path.
    """
    found: list[ast.AST] = []
    return found if _expand(source, node, 0, found) else None


def _expand(source: SyntaxIndex, node: ast.AST, depth: int, found: list[ast.AST]) -> bool:
    if isinstance(node, ast.Name) and node.id in source.bound:
        values = [value for value, is_part in source.bound[node.id] if not is_part]
        if len(values) == 1 and depth < MAX_DEPTH:
            return _expand(source, values[0], depth + 1, found)
    found.append(node)
    return len(found) <= _MAX_PARTS and all(
        _expand(source, child, depth, found) for child in ast.iter_child_nodes(node)
    )
