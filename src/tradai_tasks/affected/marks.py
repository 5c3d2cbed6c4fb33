"""The texts that tell what kind of file a Python file is, all looked for in one pass.

There are over a hundred, and looking for one after the other takes as long as reading the file.
"""

from __future__ import annotations

from functools import cache

import ahocorasick_rs

from tradai_tasks.affected import lexical, surroundings, texts, triggers, written
from tradai_tasks.affected.commands import STARTERS
from tradai_tasks.affected.triggers import Marks

__all__ = ["marks_in"]

_OTHERS = frozenset({"filterwarnings"})
_ROOMS = (lexical, surroundings, texts, triggers, written)
_ALL = tuple(sorted(STARTERS.union(_OTHERS, *(room.MARKS for room in _ROOMS))))


def marks_in(text: str) -> Marks:
    """Return which of the texts stand in a file, and where each begins."""
    found: dict[str, list[int]] = {}
    for number, start, _ in _searcher().find_matches_as_indexes(text, overlapping=True):
        found.setdefault(_ALL[number], []).append(start)
    return found


@cache
def _searcher() -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(
        _ALL, implementation=ahocorasick_rs.Implementation.DFA, store_patterns=False
    )
