"""Objects that a value names and a library loads: logging's classes, hydra's `_target_`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import argument_of
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallFile, CallRule

TARGET = "_target_"


class ObjectName(CallRule):
    """Read `EntryPoint("x", "a.b:C", "group")`, the classes of `dictConfig(...)` and `_target_`."""

    name = "object"
    summary = (
        '`dictConfig({"class": NAME})`, hydra\'s `{"_target_": NAME}`, `EntryPoint(..., NAME, ...)`'
    )
    words = frozenset({TARGET, "EntryPoint(", "dictConfig"})
    functions = frozenset({"EntryPoint", "dictConfig"})

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record what a call loads."""
        if name == "EntryPoint":
            value = argument_of(node, 1, "value")
            if value is not None:
                values = file.source.evaluate(value)
                file.record(values, node, "EntryPoint() of a computed value", value)
            return
        for value in _classes(file):
            values = file.source.evaluate(value)
            # a class itself, or a function, has been imported
            values.unknown &= not isinstance(value, (ast.Name, ast.Attribute))
            file.record(values, value, "dictConfig() of a computed class", value)


def _classes(file: CallFile) -> Iterator[ast.expr]:
    for part in file.source.nodes:
        if isinstance(part, ast.Dict):
            for key, value in zip(part.keys, part.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in {"class", "()"}:
                    yield value


def read_target(file: CallFile, node: ast.Dict) -> None:
    """Record the `_target_` of a dictionary."""
    file.kind = ObjectName.name
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == TARGET:
            file.record(file.source.evaluate(value), value, f"`{TARGET}`")
