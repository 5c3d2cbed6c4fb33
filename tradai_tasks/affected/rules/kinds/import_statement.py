"""Import statements, at any depth and under `TYPE_CHECKING`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.line_numbers import line_of_import
from tradai_tasks.affected.rules.edge_rule import FileRule, Place


class ImportStatement(FileRule):
    """Link what `import a.b` and `from a import b` load; `*` and lazy names (PEP 562) too."""

    name = "import"
    order = 0
    summary = "`import a.b`, `from .a import b, c`, `from a import *`, also for type checkers alone"

    def items(self, place: Place) -> Iterable[Import]:
        """Return the statements."""
        return place.facts.imports

    def link(self, reference: Any, place: Place) -> Iterable[int]:
        """Return what a statement loads."""
        return place.statement(reference)

    def line_of(self, reference: Any, text: str) -> int:
        """Return the line of a statement."""
        return line_of_import(text, reference)
