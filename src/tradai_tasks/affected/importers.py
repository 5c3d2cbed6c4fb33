"""What the import functions make of their arguments: `package`, `fromlist`, `level`."""

from __future__ import annotations

import ast

from tradai_tasks.affected.evaluate import Source
from tradai_tasks.affected.values import Values, unknown

__all__ = ["given", "relative_to", "with_fromlist"]


def with_fromlist(source: Source, values: Values, node: ast.Call) -> Values:
    """Add what `__import__(name, fromlist=[...], level=...)` loads of a package."""
    level = given(node, 4, "level")
    if isinstance(level, ast.Constant) and isinstance(level.value, int):
        dots = "." * level.value
    elif level is not None:
        return unknown()
    else:
        dots = ""
    names = given(node, 3, "fromlist")
    inner = source.evaluate(names) if names is not None else Values()
    found = Values(is_table=values.is_table, unknown=values.unknown)
    for text in values.literals:
        found.literals |= {dots + text, *(f"{dots}{text}.{one}" for one in inner.literals)}
        if inner.unknown:
            found.prefixes.add(f"{dots}{text}.")
    found.prefixes |= {dots + prefix for prefix in values.prefixes}
    return found


def relative_to(values: Values, package: Values) -> Values:
    """Return what names are in a package, where they begin with dots; "" is the file's own."""
    if package.literals == {""} and not package.unknown:
        return values
    found = Values(
        literals={text for text in values.literals if not text.startswith(".")},
        prefixes={text for text in values.prefixes if not text.startswith(".")},
        is_table=values.is_table,
        unknown=values.unknown,
    )
    for texts, kept in ((values.literals, found.literals), (values.prefixes, found.prefixes)):
        for text in texts - kept:
            if package.unknown or package.prefixes or package.is_table:
                found.unknown = True
            kept |= {_absolute(text, base) for base in package.literals}
    return found


def _absolute(text: str, package: str) -> str:
    """Return a name that begins with dots as seen from outside its package."""
    rest = text.lstrip(".")
    parts = package.split(".") if package else []
    ups = len(text) - len(rest) - 1
    if not parts:
        return text
    return ".".join([*parts[: len(parts) - ups], rest])


def given(node: ast.Call, place: int, *names: str) -> ast.expr | None:
    """Return what a call passes at a place or under a name."""
    if len(node.args) > place:
        return node.args[place]
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)
