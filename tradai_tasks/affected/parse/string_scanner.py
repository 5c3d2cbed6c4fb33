"""Find where strings and comments begin and end in Python text, and the fields of f-strings.

Source of the rules: the language reference, chapter 2 (lexical analysis), and PEP 701.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from functools import cache, lru_cache


def _times(item: str) -> str:
    """Return a pattern for any number of an item, in steps of 16.

    `re` remembers every step, to be able to take it back: of a string of a million escapes, one
    step for each would take 100 MB. No possessive group saves that: CPython before 3.11.5 and
    3.12.0 matches one wrongly, without end. (What repeats one character or set may be possessive.)
    """
    return f"(?:{item * 16})*(?:{item}){{0,15}}"


def _body(quote: str) -> str:
    """Return a pattern for what follows the quote that opens a string."""
    escapes = _times(rf"\\.[^{quote}\\\n]*+")
    inner = _times(rf"(?!{quote}{{3}})\\?+.[^{quote}\\]*+")  # an escape, or a quote on its own
    return (
        rf"[^{quote}\\\n]++(?:{quote}|{escapes}{quote})"
        rf"|{quote}{quote}[^{quote}\\]*+{inner}{quote}{{3}}"
        rf"|{quote}|{escapes}{quote}"
    )


_DOUBLE, _SINGLE = _body('"'), _body("'")
_STRING = rf""""(?:{_DOUBLE})|'(?:{_SINGLE})"""
# Comments and strings, begun by a set of characters: three times as fast as `_token`.
# A string that does not end takes all that is left: no other quote in it is tried then.
SPLIT = re.compile(
    rf"""(["'\#](?:(?<=\#)[^\n]*+|(?<=")(?:{_DOUBLE})|(?<=')(?:{_SINGLE})|.*+))""", re.DOTALL
)
FORMATTED = re.compile(r"(?:^|\W)(?:[fFtT]|[fFtT][rR]|[rR][fFtT])\Z")
_RAW = re.compile(r"(?:^|\W)(?:[bBfFtTuU]?[rR]|[rR][bBfFtT])\Z")
# An escape; the group is there for one that can stand for a character of a name, or for nothing.
_ESCAPE = re.compile(
    r"""\\(?:(\n|[0-3]?[0-7]{1,2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^{}\n]+\})
    |.)""",
    re.VERBOSE | re.DOTALL,
)
_TEXT_STOP = re.compile(r"""\\(?:N\{[^}\n]*\}|[^{])?|\{\{|\}\}|[{}"']""", re.DOTALL)
_DEEPEST = 150  # f-strings in one another, as CPython takes them
_FIELD_STOP = re.compile(r"""["'()\[\]{}#:]""")
_FORMAT_STOP = re.compile(r"[{}]")


@cache
def _token() -> re.Pattern[str]:
    """Return what matches a comment, a string, or a quote alone; compiling it takes long."""
    return re.compile(rf"\#[^\n]*+|{_STRING}|[\"']", re.DOTALL)


@cache
def _one_string() -> re.Pattern[str]:
    return re.compile(_STRING, re.DOTALL)


def is_cut(pieces: Sequence[str]) -> bool:
    """Tell whether the last string of a divided text does not end."""
    if len(pieces) == 1 or pieces[-1] or pieces[-2][0] == "#":
        return False
    return _one_string().fullmatch(pieces[-2]) is None


def divide(text: str) -> tuple[list[str], list[int]]:
    """Divide a text into code, token, code, token, ..., code: tokens are comments and strings.

    Returns:
        The pieces, and which of them are f-strings or template strings with fields.

    Raises:
        RecursionError: More f-strings are in one another than Python takes.
    """
    pieces = SPLIT.split(text)
    formatted = _formatted(pieces)
    if is_cut(pieces) or not all(_is_whole(text, pieces, place) for place in formatted):
        pieces = divide_slowly(text)
        formatted = _formatted(pieces)
    return pieces, formatted


def divide_slowly(text: str) -> list[str]:
    """Divide a text token by token, with f-strings whose fields hold quotes of their own kind."""
    pieces: list[str] = []
    end = 0
    while (match := _token().search(text, end)) is not None:
        start, stop = match.span()
        if FORMATTED.search(text, max(0, start - 3), start) and (
            stop - start == 1 or not _is_balanced(match[0])
        ):
            stop = max(stop, end_of_formatted(text, start))
        if stop - start == 1 and match[0] != "#":  # a quote that opens nothing
            stop = len(text)
        pieces += [text[end:start], text[start:stop]]
        end = stop
    return [*pieces, text[end:]]


def _formatted(pieces: Sequence[str]) -> list[int]:
    places = [n for n in range(1, len(pieces), 2) if "{" in pieces[n] or "}" in pieces[n]]
    return [n for n in places if FORMATTED.search(pieces[n - 1][-3:])]


def _is_whole(text: str, pieces: Sequence[str], place: int) -> bool:
    """Tell whether an f-string ends where a plain string does."""
    if _is_balanced(pieces[place]):
        return True
    start = sum(map(len, pieces[:place]))
    return end_of_formatted(text, start) in {-1, start + len(pieces[place])}


def _is_balanced(body: str) -> bool:
    """Tell whether an f-string ends where a plain string would: its fields hold no such quote."""
    return body.count("{") == body.count("}") and "}}" not in body


@lru_cache(maxsize=1)  # a file is asked for one name after the other
def mask(text: str) -> str:
    """Blank strings and comments, so that only code is left, every character in its place.

    The fields of f-strings are code. Of a text that is nested more deeply than Python takes,
    nothing is blanked.
    """
    try:
        pieces, formatted = divide(text)
    except RecursionError:
        return text
    for place in {*range(1, len(pieces), 2)}.difference(formatted):
        pieces[place] = re.sub(r"[^\n]", " ", pieces[place])
    return "".join(pieces)


def end_of_formatted(text: str, start: int) -> int:
    """Return the position behind the f-string whose opening quote is at `start`; -1 for none.

    Raises:
        RecursionError: More of them are in one another than Python takes.
    """
    # what is open, innermost last: the quote of an f-string, the brackets of a field, a format
    opened: list[str | int] = [_quote_at(text, start)]
    position = start + len(_quote_at(text, start))
    while opened:
        if len(opened) > 2 * _DEEPEST:
            raise RecursionError("nested too deeply")
        inner = opened[-1]
        pattern = _FIELD_STOP if isinstance(inner, int) else _TEXT_STOP if inner else _FORMAT_STOP
        match = pattern.search(text, position)
        if match is None:
            return -1
        stop, position = match[0], match.end()
        if isinstance(inner, int):
            position = _after_field_stop(text, match, opened)
            if position < 0:
                return -1
        elif stop == "{":
            opened.append(0)
        elif (inner and text.startswith(inner, match.start())) or (stop == "}" and not inner):
            position = match.start() + max(1, len(inner))
            opened.pop()
    return position


def _quote_at(text: str, start: int) -> str:
    quote = text[start]
    return quote * 3 if text.startswith(quote * 3, start) else quote


def _after_field_stop(text: str, match: re.Match[str], opened: list[str | int]) -> int:
    """Go on behind what stands in a replacement field; -1 for what does not end."""
    stop, start, depth = match[0], match.start(), int(opened[-1])
    if stop in "\"'" and FORMATTED.search(text, max(0, start - 3), start):
        opened.append(_quote_at(text, start))
        return start + len(_quote_at(text, start))
    if stop in "\"'":
        string = _one_string().match(text, start)
        return string.end() if string else -1
    if stop == "#":
        return text.find("\n", match.end())
    if stop == "}" and depth == 0:
        opened.pop()
    elif stop != ":":
        opened[-1] = depth + (1 if stop in "([{" else -1)
    elif depth == 0:
        opened[-1] = ""
    return match.end()


def line_at(text: str, position: int) -> int:
    """Return the line of a position, from 1; 0 where the position is negative."""
    return text.count("\n", 0, position) + 1 if position >= 0 else 0


def content(code: str, token: str) -> str:
    """Return what a string constant holds, with escapes for characters of names replaced.

    Args:
        code: What stands before it, its prefix at the end.
        token: The constant, quotes included.
    """
    body = token[1:-1]
    if "\\" not in body or _RAW.search(code[-3:]):
        return body
    try:
        return _ESCAPE.sub(_replaced, body)
    except UnicodeDecodeError:  # of a character that does not exist: Python rejects the file
        return body


def _replaced(escape: re.Match[str]) -> str:
    return codecs.decode(escape[0], "unicode_escape") if escape[1] else escape[0]
