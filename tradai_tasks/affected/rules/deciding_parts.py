"""The parts of a long file that decide what its calls import: the rest need not be parsed.

Most of a file with a dynamic import is functions and classes that have nothing to do with it.
Kept are the statements of the module itself and the definitions that hold a trigger. What else is
asked for while these are read is added then: the callers of a function, and what changes a list
or a table of the module. Names in other definitions are local there, or only read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from tradai_tasks.affected.parse.partial_source import Asked, Part
from tradai_tasks.affected.rules import trigger_words as triggers

__all__ = ["Slices"]

_WORTH_IT = 4_000  # characters; less is parsed as fast as divided
_MOST = 0.75  # of the text; a larger part is no gain
# Where a statement of the module itself can begin, once strings are left out.
_HEAD = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
_DEFINITION = re.compile(r"(?:async[ \t]+def|class|def)\b")
_DEFINED = re.compile(r"\b(?:class|def)[ \t]+(\w+)")
_LAZY = re.compile(r"__getattr__|sys\.modules\[")
# Other names for what imports: `load = importlib.import_module`, `import run_path as run`.
_CALLS = triggers.BY_NAME | triggers.BY_PATH | triggers.CODE | triggers.FOUND | triggers.GROUPS
_CALLS |= triggers.LISTS | triggers.MANAGERS | {"EntryPoint"}
_NAMED = rf"\b(?:{'|'.join(sorted(_CALLS))})\b"
_ALIAS = re.compile(
    rf"^.*?(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*[\w.]*{_NAMED}[ \t]*(?:#|$)"
    rf"|{_NAMED}[ \t]+as[ \t]+(\w+)"
    r"|resources[ \t]+import[ \t]+([^(\n]+|\([^)]*\))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Statement:
    begin: int
    end: int
    is_definition: bool


class Slices:
    """A text divided into definitions with their decorators, and what is between them."""

    def __init__(self, text: str, pieces: Sequence[str], places: Sequence[int]) -> None:
        """Divide a text.

        Args:
            text: A Python file's.
            pieces: The same, divided into code, token, code, token, ..., code; none where that
                cannot be told.
            places: Where what may import by a call stands in it.
        """
        self._text = text
        self._pieces = pieces
        self._statements: list[_Statement] = []
        if len(text) < _WORTH_IT or not pieces or "dictConfig" in text:
            return
        self._statements = _statements(text, pieces)
        begins = [one.begin for one in self._statements]
        self._kept = {bisect_right(begins, place) - 1 for place in places}
        aliases = {name for place in places for name in _aliases(text, place)}
        self._kept |= self._mentioning(aliases)
        self._kept.update(n for n, one in enumerate(self._statements) if not one.is_definition)
        if any(self._makes_lazy(one) for one in self._statements):
            self._statements = []

    def part(self, asked: Asked) -> Part | None:
        """Return the text with what decides nothing blanked, every line in its place.

        Args:
            asked: What was missing when a smaller part was read.

        Returns:
            None where all of the text may count, or hardly less.
        """
        kept = self._kept if self._statements else set()
        if asked.callers:
            kept = kept | self._mentioning(asked.callers)
        if asked.changed:
            kept = kept | self._changing(asked.changed)
        if asked.is_code:
            kept = kept | self._holding_code()
        statements = self._statements
        size = sum(statements[n].end - statements[n].begin for n in kept)
        if not statements or size > len(self._text) * _MOST:
            return None
        text = "".join(
            self._text[one.begin : one.end]
            if number in kept
            else "\n" * self._text.count("\n", one.begin, one.end)
            for number, one in enumerate(statements)
        )
        return Part(text=text, asked=asked, pieces=self._pieces)

    def _mentioning(self, names: set[str] | frozenset[str]) -> set[int]:
        return self._matching(rf"\b(?:{'|'.join(sorted(names))})\b") if names else set()

    def _changing(self, names: frozenset[str]) -> set[int]:
        one = rf"\b(?:{'|'.join(sorted(names))})\b"
        return self._matching(rf"{one}[.\[]|\bglobal\b[^\n]*{one}")

    def _holding_code(self) -> set[int]:
        """Return the statements that have "import" in a string."""
        begins = [one.begin for one in self._statements]
        ends = list(accumulate(map(len, self._pieces)))
        tokens = [n for n in range(1, len(self._pieces), 2) if "import" in self._pieces[n]]
        return {bisect_right(begins, ends[n - 1]) - 1 for n in tokens}

    def _matching(self, pattern: str) -> set[int]:
        compiled = re.compile(pattern)
        return {
            number
            for number, one in enumerate(self._statements)
            if compiled.search(self._text, one.begin, one.end)
        }

    def _makes_lazy(self, one: _Statement) -> bool:
        """Tell whether a statement makes the module load others on demand (PEP 562)."""
        match = _LAZY.search(self._text, one.begin, one.end)
        if match is None or not one.is_definition:
            return match is not None
        head = _DEFINED.search(self._text, one.begin, one.end)
        return head is not None and head[1] == "__getattr__"


def _aliases(text: str, place: int) -> Iterable[str]:
    """Yield the names that the statement at a place gives to what imports by a call."""
    end = text.find("\n", place)
    if text[:end].endswith("("):  # a statement over several lines
        end = text.find(")", end) + 1
    match = _ALIAS.search(text, text.rfind("\n", 0, place) + 1, end)
    if match is None:
        return ()
    return re.findall(r"\w+", match[1] or match[2] or match[3])


def _statements(text: str, pieces: Sequence[str]) -> list[_Statement]:
    ends = list(accumulate(map(len, pieces)))
    long = [n for n in range(1, len(pieces), 2) if "\n" in pieces[n]]
    starts, stops = [ends[n - 1] for n in long], [ends[n] for n in long]
    begins: list[tuple[int, bool]] = [(0, False)]
    is_open = False  # of decorators alone so far
    for match in _HEAD.finditer(text):
        at = match.start()
        around = bisect_right(starts, at) - 1
        if around >= 0 and starts[around] < at < stops[around]:
            continue  # in a string
        if is_open:
            is_open = text[at] == "@"
            continue
        is_open = text[at] == "@"
        is_definition = is_open or _DEFINITION.match(text, at) is not None
        if is_definition or begins[-1][1]:
            begins.append((at, is_definition))
    return [
        _Statement(begin, end, is_definition)
        for (begin, is_definition), (end, _) in pairwise([*begins, (len(text), False)])
    ]
