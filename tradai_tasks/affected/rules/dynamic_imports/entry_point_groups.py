"""Groups of entry points that a call loads: `entry_points(group="my.plugins")`."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule

ANY_GROUP = "*"
_GROUP_PARAMETERS = frozenset({"group", "namespace", None})  # None: `**arguments`


def groups_loaded(source: ParsedModule, node: ast.Call) -> set[str]:
    """Return the groups that a call names, or `ANY_GROUP` where they are not all known."""
    groups: set[str] = set()
    for keyword in node.keywords:
        if keyword.arg in _GROUP_PARAMETERS:
            groups |= _literals(source, keyword.value)
    for argument in node.args:
        groups |= _literals(source, argument)
    parent = source.parents.get(node)
    if isinstance(parent, ast.Subscript):  # entry_points()["my.plugins"]
        groups |= _literals(source, parent.slice)
    return groups or {ANY_GROUP}


def _literals(source: ParsedModule, node: ast.expr) -> set[str]:
    values = source.evaluate(node)
    is_known = not (values.unknown or values.prefixes or values.is_table)
    return values.literals if values.literals and is_known else {ANY_GROUP}
