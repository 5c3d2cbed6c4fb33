"""What the import functions make of their arguments: `package`, `fromlist`, `level`."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.constant_evaluation import Source
from tradai_tasks.affected.parse.possible_values import Values, unknown
from tradai_tasks.affected.parse.syntax_tree import Function, called, parameters

__all__ = ["given", "is_from_callers", "relative_to", "with_fromlist"]


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
    """Return what a call passes at a place, if not negative, or under a name."""
    if 0 <= place < len(node.args):
        return node.args[place]
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)


def is_from_callers(source: Source, node: ast.expr) -> bool:
    """Tell whether a name is what callers of a function pass, in other files than this.

    Their files hold the text of the name, or load what they name; a name that this file itself
    makes up is known to nobody else.
    """
    return _is_passed(source, node, set())


def _is_passed(source: Source, node: ast.AST, seen: set[str]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts: list[ast.expr] = node.values
    elif isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    else:
        return any(_is_from_parameter(source, part, seen) for part in _names(node))
    unknown_parts = [part for part in parts if source.evaluate(part).unknown]
    return all(_is_passed(source, part, seen) for part in unknown_parts)


def _names(node: ast.AST) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


def _is_from_parameter(source: Source, name: ast.Name, seen: set[str]) -> bool:
    for function in source.functions_of(name):
        if name.id in parameters(function):
            is_own = name.id in {"self", "cls"}
            return not is_own and _all_calls_pass_on(source, function, name.id, seen)
    if name.id in seen or name.id not in source.bound:
        return False
    seen.add(name.id)
    values = [value for value, _ in source.bound[name.id]]
    made = [
        value
        for value in values
        if not isinstance(value, ast.expr) or source.evaluate(value).unknown
    ]
    return bool(made) and all(_is_passed(source, value, seen) for value in made)


def _takes_itself(source: Source, function: Function) -> bool:
    """Tell whether the first parameter is what the method is called on."""
    decorators = () if isinstance(function, ast.Lambda) else function.decorator_list
    is_static = any(called(decorator) == "staticmethod" for decorator in decorators)
    return isinstance(source.parents.get(function), ast.ClassDef) and not is_static


def _all_calls_pass_on(source: Source, function: Function, name: str, seen: set[str]) -> bool:
    """Tell whether no call of a function in this file makes the name up."""
    if isinstance(function, ast.Lambda):
        return False  # where it is called is not told
    source.need_callers(function)
    place = parameters(function).index(name)
    for mention in source.mentions.get(function.name, ()):
        call = source.parents.get(mention)
        if not isinstance(call, ast.Call) or call.func is not mention:
            continue
        is_bound = isinstance(mention, ast.Attribute) and _takes_itself(source, function)
        argument = given(call, place - is_bound, name)
        key = f"{function.name}({name})"
        if argument is None or key in seen or not source.evaluate(argument).unknown:
            continue
        seen.add(key)
        if not _is_passed(source, argument, seen):
            return False
    return True
