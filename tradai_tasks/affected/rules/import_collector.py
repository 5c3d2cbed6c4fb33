"""What is found out about the imports of one file by its calls, and why some cannot be told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from tradai_tasks.affected.parse.constant_evaluation import Source
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import DOTTED
from tradai_tasks.affected.parse.possible_values import Values
from tradai_tasks.affected.rules import trigger_words as triggers
from tradai_tasks.affected.rules.import_functions import is_from_callers

__all__ = ["WORD", "Dynamic", "Recorder", "guess"]

# A string that can name a module, relatively too, or something in one.
WORD = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[\w.]*)?$|\.+$")


@dataclass(slots=True)
class Dynamic:
    """What the calls of a file import."""

    words: set[str] = field(default_factory=set)
    subtrees: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    imports: dict[Import, None] = field(default_factory=dict)
    reason: str = ""
    is_passed: bool = False  # all that cannot be told is a name that callers pass

    def scan(self, packages: Iterable[str]) -> None:
        """Record packages, any module of which may be loaded."""
        for name in packages:
            self.words.add(name)
            self.subtrees.add(f"{name}.")


def guess(text: str) -> Dynamic:
    """Judge text that `ast` rejects, by its words: any of its calls may import anything."""
    found = Dynamic(words=set(re.findall(r"""["']([^\W\d]\w*)["']""", text)))
    if any(f"{name}(" in text for name in triggers.BY_NAME | triggers.BY_PATH | triggers.LISTS):
        found.reason = "a dynamic import in a file with newer grammar than this Python's"
    if any(f"{name}(" in text for name in triggers.GROUPS):
        found.groups.add("*")
    return found


class Recorder:
    """Records what arguments can be, for whoever reads a file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found = Dynamic()

    def take(
        self, values: Values, node: ast.AST, what: str, argument: ast.expr | None = None
    ) -> None:
        """Record what an argument can be, or widen where that is not known."""
        self.found.words |= {word for word in values.literals if WORD.match(word)}
        self.found.subtrees |= values.prefixes
        if values.is_table:
            self.found.words |= self._loose_words
        if values.unknown:
            self.widen(node, what, argument)

    @cached_property
    def _loose_words(self) -> frozenset[str]:
        """The strings of the file that may name a module and are not dotted, so not seen else."""
        texts = self.source.texts
        return frozenset(text for text in texts if WORD.match(text) and not DOTTED.match(text))

    def widen(self, node: ast.AST, what: str, argument: ast.expr | None = None) -> None:
        """Note that what a call imports cannot be told; the first such reason is kept."""
        is_passed = argument is not None and is_from_callers(self.source, argument)
        if not self.found.reason or (self.found.is_passed and not is_passed):
            self.found.reason = f"line {getattr(node, 'lineno', 1)}: {what}"
            self.found.is_passed = is_passed
