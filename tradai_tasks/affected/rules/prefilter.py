"""The texts that tell what kind of file a Python file is, all looked for in one pass.

There are over a hundred, and looking for one after the other takes as long as reading the file.
The one pass needs the extra `fast`, which has no wheels for some machines; without it, the answers
are the same.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from functools import cache

from tradai_tasks.affected.rules.catalog import BUILT_IN
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks

# A table that leaves letters and few other characters, and makes all else blank.
_KEPT = f"{string.ascii_letters}_-`>".encode()
_BLANKS = bytes(code if code in _KEPT else ord(" ") for code in range(256))
_ALL = tuple(sorted(frozenset().union(*(rule.words for rule in BUILT_IN))))


def marks_in(text: str) -> Marks:
    """Return which of the texts stand in a file, and where each begins."""
    return (_in_one_pass() or _one_by_one)(text)


def _one_by_one(text: str) -> Marks:
    words = " ".join(_words_of(text))  # a file says most of its words many times
    marks = (mark for word, held in _by_word().items() if word in words for mark in held)
    return {mark: _places(text, mark) for mark in marks if mark in text}


def _words_of(text: str) -> set[str]:
    """Return the runs of some characters; of what stands in a text, each is in one of the text."""
    data = text.encode("utf-8", "surrogatepass").translate(_BLANKS)
    return set(data.decode("ascii").split())


@cache
def _by_word() -> Mapping[str, list[str]]:
    """Return the texts by the longest word in each; by "" those without any."""
    found: dict[str, list[str]] = {}
    for mark in _ALL:
        found.setdefault(max(sorted(_words_of(mark)), key=len, default=""), []).append(mark)
    return found


def _places(text: str, mark: str) -> list[int]:
    found = [text.index(mark)]
    while (place := text.find(mark, found[-1] + 1)) >= 0:
        found.append(place)
    return found


@cache
def _in_one_pass() -> Callable[[str], Marks] | None:
    """Return what looks for all texts at once; None where the library for it is not installed."""
    try:
        from ahocorasick_rs import AhoCorasick, Implementation  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    searcher = AhoCorasick(_ALL, implementation=Implementation.DFA, store_patterns=False)

    def search(text: str) -> Marks:
        found: dict[str, list[int]] = {}
        for number, start, _ in searcher.find_matches_as_indexes(text, overlapping=True):
            found.setdefault(_ALL[number], []).append(start)
        return found

    return search
