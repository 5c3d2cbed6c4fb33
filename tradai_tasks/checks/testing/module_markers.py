"""Read the pytest markers that a test module gives to all of its tests."""

from __future__ import annotations

import ast
from collections.abc import Collection


def marks_all(content: bytes, markers: Collection[str]) -> bool:
    """Return whether every test of a module certainly has one of some markers.

    Only `pytestmark = pytest.mark.NAME`, or a list of such, counts. All else is left to pytest,
    which alone knows all markers.
    """
    if b"pytestmark" not in content:
        return False
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # a newer Python's syntax, or none
        return False
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    imports = any(isinstance(node, ast.Import) and _names_pytest(node) for node in tree.body)
    if not imports or names.count("pytestmark") != 1:
        return False
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
                values = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
                return any(_marker(one) in markers for one in values)
            case _:
                continue
    return False


def _names_pytest(node: ast.Import) -> bool:
    return any(alias.name == "pytest" and alias.asname is None for alias in node.names)


def _marker(value: ast.expr) -> str | None:
    """Return NAME of `pytest.mark.NAME` or `pytest.mark.NAME(...)`; None for all else."""
    match value.func if isinstance(value, ast.Call) else value:
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="pytest"), attr="mark"), attr=name
        ):
            return name
        case _:
            return None
