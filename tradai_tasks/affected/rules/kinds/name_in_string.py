"""Strings that name modules: "a.b.c", "a.b:c", and the beginning of f"a.b.{name}"."""

from __future__ import annotations

from collections.abc import Iterable

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.rules.edge_rule import FileRule, Place


class NameInString(FileRule):
    """Link dotted names in string constants: `mock.patch("a.b.c")`, `{"class": "a.b.C"}`."""

    name = "name"
    summary = (
        '`"a.b.c"`, `"a.b:c"`, also put together (`"a." "b"`), and all below `a.b` of `f"a.b.{x}"`'
    )
    guessed = True

    def items(self, place: Place) -> Iterable[Reference]:
        """Return the names, and the beginnings of names."""
        yield from map(Reference, place.facts.strings)
        for prefix in place.facts.prefixes:
            yield Reference(prefix, form="package")
