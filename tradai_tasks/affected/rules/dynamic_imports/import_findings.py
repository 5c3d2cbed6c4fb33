"""Collect what the calls of one file import, and why some of it is unknown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cached_property

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import DOTTED
from tradai_tasks.affected.parse.possible_values import PossibleValues
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import is_from_callers

# A string that can name a module, relatively too, or something in one.
REFERENCE = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[\w.]*)?$|\.+$")


class DynamicImports(msgspec.Struct):
    """What the calls of a file import; the fields go into the facts of the same names."""

    words: set[str] = set()
    subtrees: set[str] = set()
    paths: set[str] = set()
    groups: set[str] = set()
    imports: dict[Import, None] = {}
    reason: str = ""  # why some of it is unknown
    is_passed: bool = False  # only names that callers pass are unknown

    def add_packages(self, packages: Iterable[str]) -> None:
        """Add packages any module of which may be loaded."""
        for name in packages:
            self.words.add(name)
            self.subtrees.add(f"{name}.")


def guess_from_words(text: str) -> DynamicImports:
    """Judge text that `ast` rejects, by its words: any of its calls may import anything."""
    found = DynamicImports(words=set(re.findall(r"""["']([^\W\d]\w*)["']""", text)))
    importers = calls.NAME_IMPORTERS | calls.PATH_IMPORTERS | calls.PACKAGE_LISTERS
    if any(f"{name}(" in text for name in importers):
        found.reason = "a dynamic import in a file with newer grammar than this Python's"
    if any(f"{name}(" in text for name in calls.GROUP_READERS):
        found.groups.add("*")
    return found


class FindingsRecorder:
    """Records what the arguments of importing calls can be."""

    def __init__(self, source: ParsedModule) -> None:
        """Begin without findings.

        Args:
            source: The file that is read.
        """
        self.source = source
        self.found = DynamicImports()

    def record(
        self, values: PossibleValues, node: ast.AST, what: str, argument: ast.expr | None = None
    ) -> None:
        """Record what an argument can be, or widen where that is not known.

        Args:
            values: What it can be.
            node: The call, for the line of the reason.
            what: The reason, should there be one.
            argument: The argument, where callers of a function may pass it.
        """
        self.found.words |= {word for word in values.literals if REFERENCE.match(word)}
        self.found.subtrees |= values.prefixes
        if values.is_table:
            self.found.words |= self._undotted_words
        if values.unknown:
            self.widen(node, what, argument)

    @cached_property
    def _undotted_words(self) -> frozenset[str]:
        """Strings of the file that may name a module; the dotted ones count in any case."""
        texts = self.source.texts
        return frozenset(t for t in texts if REFERENCE.match(t) and not DOTTED.match(t))

    def widen(self, node: ast.AST, what: str, argument: ast.expr | None = None) -> None:
        """Note that it is unknown what a call imports; the first such reason is kept."""
        is_passed = argument is not None and is_from_callers(self.source, argument)
        if not self.found.reason or (self.found.is_passed and not is_passed):
            self.found.reason = f"line {getattr(node, 'lineno', 1)}: {what}"
            self.found.is_passed = is_passed
