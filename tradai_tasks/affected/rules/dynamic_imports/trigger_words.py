"""Look at the words that decide whether a file is parsed, and where it must be."""

import re
from collections.abc import Iterable, Mapping, Sequence

# Text that is in a file -> where it begins.
Marks = Mapping[str, Sequence[int]]

# Of these, only whole words count: not "allocate", "retrieval(".
_WHOLE_WORDS = {
    word: re.compile(rf"(?<!\w){re.escape(word)}(?:(?<=\()|(?!\w))", re.ASCII)
    for word in ("locate", "exec(", "runpy", "testdir")
}
# Nor does a method of this name count: models and data frames have one.
_WHOLE_WORDS["eval("] = re.compile(r"(?:(?<![\w.])|(?<=\bbuiltins\.))eval\(", re.ASCII)


def has_word(text: str, word: str, places: Iterable[int]) -> bool:
    """Tell whether a word counts at one of some places; some count only as whole words."""
    pattern = _WHOLE_WORDS.get(word)
    return pattern is None or any(pattern.match(text, place) for place in places)
