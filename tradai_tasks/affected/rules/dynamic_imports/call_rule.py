"""Rules for calls that import: the text alone tells most of them, and a syntax tree the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks
from tradai_tasks.affected.rules.edge_rule import EdgeRule
from tradai_tasks.affected.rules.source_file import SourceFile


class CallRule(EdgeRule):
    """A rule of this library for calls that import, run or list something.

    A file is parsed where one of the rule's `words` stands for more than the text alone tells.
    """

    functions: ClassVar[frozenset[str]] = frozenset()  # functions whose calls are read

    def extract(self, source: SourceFile) -> Iterator[Reference]:
        """Return what a file names, and why some of what it imports is unknown."""
        yield from self.read_text(source)
        if self.is_hinted(source.text, source.marks):
            yield from self.read(source)

    def read_text(self, source: SourceFile) -> Iterable[Reference]:
        """Return what the text alone tells."""
        return ()

    def read(self, source: SourceFile) -> Iterable[Reference]:
        """Return what the syntax tree tells."""
        return ()

    def is_hinted(self, text: str, marks: Marks) -> bool:
        """Tell whether a file must be parsed for this rule."""
        return any(
            self.is_open(text, place, word)
            for word in self.words & marks.keys()
            for place in marks[word]
        )

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether only a syntax tree tells what one of `words` means at a place."""
        return True
