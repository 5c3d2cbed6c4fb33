"""Evaluate GitHub Actions expressions as far as known values decide them.

A value without a fact is UNKNOWN, and so is what depends on it: a condition that is not certainly
false may hold.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, Final


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()

# a string in GitHub's syntax, or an operator that differs in Python
_SIGN = re.compile(r"'(?:[^']|'')*'|&&|\|\||!(?!=)|\b(?:true|false|null)\b")
_PYTHON = {
    "&&": " and ",
    "||": " or ",
    "!": " not ",
    "true": "True",
    "false": "False",
    "null": "None",
}


def may_hold(condition: str, values: Mapping[str, Any]) -> bool:
    """Return whether a condition can be true while values such as `github.event_name` hold."""
    found = value_of(condition, values)
    return True if found is UNKNOWN else bool(found)


def value_of(expression: str, values: Mapping[str, Any]) -> Any:
    """Return an expression's value; UNKNOWN if the values do not decide it."""
    text = expression.strip()
    if text.startswith("${{") and text.endswith("}}"):
        text = text[3:-2]
    try:
        tree = ast.parse(_SIGN.sub(_in_python, text).strip(), mode="eval")
    except SyntaxError:
        return UNKNOWN
    return _value(tree.body, values)


def _in_python(match: re.Match[str]) -> str:
    sign = match[0]
    if sign.startswith("'"):
        return repr(sign[1:-1].replace("''", "'"))
    return _PYTHON[sign]


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BoolOp):
        return _either(node, values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        found = _value(node.operand, values)
        return UNKNOWN if found is UNKNOWN else not found
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compared(node, values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _called(node.func.id, [_value(one, values) for one in node.args])
    return values.get(ast.unparse(node), UNKNOWN)


def _either(node: ast.BoolOp, values: Mapping[str, Any]) -> Any:
    """Return the value that decides an `and` or an `or`."""
    ends = isinstance(node.op, ast.Or)
    unknown, found = False, None
    for one in node.values:
        found = _value(one, values)
        if found is UNKNOWN:
            unknown = True
        elif bool(found) == ends:
            return UNKNOWN if unknown and ends else found
    return UNKNOWN if unknown else found


def _compared(node: ast.Compare, values: Mapping[str, Any]) -> Any:
    left, right = _value(node.left, values), _value(node.comparators[0], values)
    if UNKNOWN in (left, right) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return UNKNOWN
    if isinstance(left, str) and isinstance(right, str):  # GitHub ignores case
        left, right = left.casefold(), right.casefold()
    return (left == right) == isinstance(node.ops[0], ast.Eq)


def _called(function: str, given: list[Any]) -> Any:
    name = function.lower()
    if name in {"always", "cancelled", "success", "failure"} and not given:
        # earlier results are unknown; only `always()` is true, and `cancelled()` is taken as false
        return {"always": True, "cancelled": False}.get(name, UNKNOWN)
    if any(one is UNKNOWN for one in given):
        return UNKNOWN
    if name == "fromjson":
        return json.loads(given[0])
    if name == "contains":
        return given[1] in given[0]
    if name == "startswith":
        return str(given[0]).startswith(given[1])
    if name == "format":
        return str(given[0]).format(*given[1:])
    return UNKNOWN
