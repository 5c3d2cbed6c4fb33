"""Evaluate the arguments of import functions: `package`, `fromlist`, `level`."""

from __future__ import annotations

import ast

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.possible_values import HOLE, PossibleValues, unknown
from tradai_tasks.affected.parse.syntax_tree import (
    FunctionNode,
    argument_of,
    called_name,
    parameters,
)


def with_fromlist(source: ParsedModule, values: PossibleValues, node: ast.Call) -> PossibleValues:
    """Return the names that `__import__(name, fromlist=[...], level=...)` imports."""
    level = argument_of(node, 4, "level")
    if isinstance(level, ast.Constant) and isinstance(level.value, int):
        dots = "." * level.value
    elif level is not None:
        return unknown()
    else:
        dots = ""
    names = argument_of(node, 3, "fromlist")
    inner = source.evaluate(names) if names is not None else PossibleValues()
    found = {dots + text if text != HOLE else text for text in values.texts}
    found |= {f"{dots}{text}.{one}" for text in values.literals for one in inner.texts}
    return PossibleValues(found)


def relative_to(values: PossibleValues, package: PossibleValues) -> PossibleValues:
    """Resolve names that begin with dots against a package; "" is the file's own."""
    if package.texts == {""}:
        return values
    found = {text for text in values.texts if not text.startswith(".")}
    for text in values.texts - found:
        found |= {HOLE if HOLE in base else _absolute(text, base) for base in package.texts}
    return PossibleValues(found)


def _absolute(text: str, package: str) -> str:
    """Return the absolute name of one that begins with dots, given its package."""
    rest = text.lstrip(".")
    parts = package.split(".") if package else []
    ups = len(text) - len(rest) - 1
    if not parts:
        return text
    return ".".join([*parts[: len(parts) - ups], rest])


def paths_of_module(module: str) -> set[str]:
    """Return the paths at which a module can lie in a working directory, or another folder."""
    inner = module.replace(".", "/")
    return {f"{inner}.py", f"{inner}/__main__.py", f"{inner}/__init__.py"}


def is_from_callers(source: ParsedModule, node: ast.expr) -> bool:
    """Tell whether an argument is what callers of a function pass, in other files than this.

    Then these files contain the name as text, or load what they name. A name that this file itself
    computes is in no other.
    """
    return _is_passed(source, node, set())


def _is_passed(source: ParsedModule, node: ast.AST, seen: set[str]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts: list[ast.expr] = node.values
    elif isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    else:
        names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
        return any(_is_from_parameter(source, name, seen) for name in names)
    unknown_parts = [part for part in parts if source.evaluate(part).unknown]
    return all(_is_passed(source, part, seen) for part in unknown_parts)


def _is_from_parameter(source: ParsedModule, name: ast.Name, seen: set[str]) -> bool:
    for function in source.functions_of(name):
        if name.id in parameters(function):
            is_own = name.id in {"self", "cls"}
            return not is_own and _all_calls_pass_on(source, function, name.id, seen)
    if name.id in seen or name.id not in source.bound:
        return False
    seen.add(name.id)
    values = [value for value, _ in source.bound[name.id]]
    computed = [
        value
        for value in values
        if not isinstance(value, ast.expr) or source.evaluate(value).unknown
    ]
    return bool(computed) and all(_is_passed(source, value, seen) for value in computed)


def _is_bound_method(source: ParsedModule, function: FunctionNode) -> bool:
    """Tell whether the first parameter is the object that the method is called on."""
    decorators = () if isinstance(function, ast.Lambda) else function.decorator_list
    is_static = any(called_name(decorator) == "staticmethod" for decorator in decorators)
    return isinstance(source.parents.get(function), ast.ClassDef) and not is_static


def _all_calls_pass_on(
    source: ParsedModule, function: FunctionNode, name: str, seen: set[str]
) -> bool:
    """Tell whether no call of a function in this file computes the name itself."""
    if isinstance(function, ast.Lambda):
        return False  # its calls are unknown
    place = parameters(function).index(name)
    for mention in source.mentions.get(function.name, ()):
        call = source.parents.get(mention)
        if not isinstance(call, ast.Call) or call.func is not mention:
            continue
        is_bound = isinstance(mention, ast.Attribute) and _is_bound_method(source, function)
        argument = argument_of(call, place - is_bound, name)
        key = f"{function.name}({name})"
        if argument is None or key in seen or not source.evaluate(argument).unknown:
            continue
        seen.add(key)
        if not _is_passed(source, argument, seen):
            return False
    return True
