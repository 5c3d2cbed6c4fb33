"""Select the parts of a long file that decide what its calls import: only these are parsed.

Most of a file with a dynamic import is functions and classes that have nothing to do with it.
A part contains the statements of the module itself and the definitions that hold a trigger. What
else turns out to decide is added later: the callers of a function, and what adds to a list or a
table of the module. Names in other definitions are local there, or only read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, pairwise

import msgspec

from tradai_tasks.affected.parse.syntax_tree import (
    CALLERS,
    CHANGES,
    CODE,
    PartContents,
    PartialSource,
)
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.kinds.package_resources import PackageResources

_MIN_LENGTH = 4_000  # characters; less is parsed as fast as divided
_MAX_SHARE = 0.75  # of the text; a larger part saves nothing
# Where a statement of the module itself can begin, strings left out.
_HEAD = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
_DEFINITION = re.compile(r"(?:async[ \t]+def|class|def)\b")
_DEFINED = re.compile(r"\b(?:class|def)[ \t]+(\w+)")
_LAZY = re.compile(r"__getattr__|sys\.modules\[")
# Other names for what imports: `load = importlib.import_module`, `import run_path as run`.
_CALLS = calls.NAME_IMPORTERS | calls.PATH_IMPORTERS | calls.CODE_RUNNERS | calls.SPEC_LOADERS
_CALLS |= PackageResources.aliases | calls.GROUP_READERS | calls.PACKAGE_LISTERS


class _Statement(msgspec.Struct, frozen=True):
    begin: int
    end: int
    is_definition: bool


class SourceParts:
    """A file divided into definitions with their decorators, and what is between them.

    `pieces` is the text as code, token, code, token, ..., code; empty if it could not be divided.
    """

    def __init__(self, text: str, pieces: Sequence[str], places: Sequence[int]) -> None:
        self._text = text
        self._pieces = pieces
        self._statements: list[_Statement] = []
        if len(text) < _MIN_LENGTH or not pieces:
            return
        self._statements = _statements(text, pieces)
        begins = [one.begin for one in self._statements]
        self._kept = {bisect_right(begins, place) - 1 for place in places}
        aliases = {name for place in places for name in _aliases(text, place)}
        self._kept |= self._mentioning(aliases)
        self._kept.update(n for n, one in enumerate(self._statements) if not one.is_definition)
        may_be_lazy = "__getattr__" in text or "sys.modules[" in text
        if may_be_lazy and any(self._makes_lazy(one) for one in self._statements):
            self._statements = []

    def part(self, contents: PartContents) -> PartialSource | None:
        """Return a part of the file; None where it would be all of it, or hardly less."""
        kept = self._kept if self._statements else set()
        kept = kept | self._mentioning({name for what, name in contents if what == CALLERS})
        kept |= self._changing({name for what, name in contents if what == CHANGES})
        if (CODE, "") in contents:
            kept |= self._holding_code()
        statements = self._statements
        size = sum(statements[n].end - statements[n].begin for n in kept)
        if not statements or size > len(self._text) * _MAX_SHARE:
            return None
        text = "".join(
            self._text[one.begin : one.end]
            if number in kept
            else "\n" * self._text.count("\n", one.begin, one.end)
            for number, one in enumerate(statements)
        )
        return PartialSource(text=text, contents=contents, pieces=self._pieces)

    def _mentioning(self, names: set[str]) -> set[int]:
        return self._matching(rf"\b(?:{'|'.join(sorted(names))})\b") if names else set()

    def _changing(self, names: set[str]) -> set[int]:
        one = rf"\b(?:{'|'.join(sorted(names))})\b"
        return self._matching(rf"{one}[.\[]|\bglobal\b[^\n]*{one}") if names else set()

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


@cache
def _alias() -> re.Pattern[str]:
    named = rf"\b(?:{'|'.join(sorted(_CALLS))})\b"
    return re.compile(
        rf"^.*?(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*[\w.]*{named}[ \t]*(?:#|$)"
        rf"|{named}[ \t]+as[ \t]+(\w+)"
        r"|resources[ \t]+import[ \t]+([^(\n]+|\([^)]*\))",
        re.MULTILINE,
    )


def _aliases(text: str, place: int) -> Iterable[str]:
    """Yield the names that the statement at a place gives to what imports by a call."""
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    if text.endswith("(", 0, end):  # a statement over several lines
        end = text.find(")", end) + 1
    match = _alias().search(text, text.rfind("\n", 0, place) + 1, end)
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
