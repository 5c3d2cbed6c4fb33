"""Look at the words that decide whether a file is parsed, and where it must be."""

from collections.abc import Iterable, Mapping, Sequence

# Text that is in a file -> where it begins.
Marks = Mapping[str, Sequence[int]]

# Of these, only whole words count: not "allocate", "retrieval(".
_WHOLE_WORDS = frozenset({"locate", "exec(", "eval(", "runpy", "testdir"})
# A method of this name does not count: models and data frames have one.
_EVAL = "eval("
_BUILTINS = "builtins."


def has_word(text: str, word: str, places: Iterable[int]) -> bool:
    """Tell whether a word counts at one of some places; some count only as whole words."""
    return word not in _WHOLE_WORDS or _has_whole_word(text, word, places)


def _has_whole_word(text: str, word: str, places: Iterable[int]) -> bool:
    for start in places:
        end = start + len(word)
        before = text[start - 1 : start]
        after = "" if word.endswith("(") else text[end : end + 1]
        is_method = before == "." and word == _EVAL and not text.endswith(_BUILTINS, 0, start)
        if not (is_method or _is_alphanumeric(before) or before == "_" or _is_alphanumeric(after)):
            return True
    return False


def _is_alphanumeric(char: str) -> bool:
    return char.isascii() and char.isalnum()
