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
# Comments and strings, begun by a set of characters: three times as fast as `token_pattern`.
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


@cache
def token_pattern() -> re.Pattern[str]:
    """Return what matches a comment, a string, a quote or `import`; compiling it takes long."""
    return re.compile(rf"\#[^\n]*+|{_STRING}|[\"']|import\b", re.DOTALL)


@cache
def _one_string() -> re.Pattern[str]:
    return re.compile(_STRING, re.DOTALL)


def is_cut(pieces: Sequence[str]) -> bool:
    """Tell whether the last string of a divided text does not end."""
    if len(pieces) == 1 or pieces[-1] or pieces[-2][0] == "#":
        return False
    return _one_string().fullmatch(pieces[-2]) is None


@lru_cache(maxsize=1)  # a file is asked for one name after the other
def mask(text: str) -> str:
    """Blank strings and comments, so that only code is left, every character in its place.

    Of a text that is nested more deeply than Python takes, nothing is blanked.
    """
    try:
        return _mask(text)
    except RecursionError:
        return text


def _mask(text: str) -> str:
    pieces = SPLIT.split(text)
    if is_cut(pieces):
        return _masked(text)
    position = 0
    for place in range(1, len(pieces), 2):
        code, token = pieces[place - 1], pieces[place]
        start = position + len(code)
        position = start + len(token)
        if code and code[-1] in "fFtTrR" and FORMATTED.search(code[-3:]):
            if end_of_formatted(text, start) != position:
                return _masked(text)
            # its fields are code
        elif "\n" in token:
            pieces[place] = "\n".join([" " * len(line) for line in token.split("\n")])
        else:
            pieces[place] = " " * len(token)
    return "".join(pieces)


def _masked(text: str) -> str:
    """Blank them token by token: a division cannot see quotes inside an f-string's fields."""
    parts: list[str] = []
    end = position = 0
    while (match := token_pattern().search(text, position)) is not None:
        start, position = match.span()
        if text[start] == "i":
            continue
        if start and FORMATTED.search(text, max(0, start - 3), start):
            position = max(position, end_of_formatted(text, start))
            continue  # its fields are code
        parts += [text[end:start], re.sub(r"[^\n]", " ", text[start:position])]
        end = position
    return "".join([*parts, text[end:]])


def end_of_formatted(text: str, start: int, depth: int = 0) -> int:
    """Return the position behind the f-string whose opening quote is at `start`; -1 for none.

    Args:
        text: The text.
        start: Where the quote is.
        depth: In how many fields of other f-strings it stands.

    Raises:
        RecursionError: More of them are in one another than Python takes.
    """
    quote = text[start]
    if text.startswith(quote * 3, start):
        quote *= 3
    position = start + len(quote)
    while (match := _TEXT_STOP.search(text, position)) is not None:
        stop = match[0]
        position = match.end()
        if stop == "{":
            position = _end_of_field(text, position, depth)
            if position < 0:
                return -1
        elif stop == quote[0] and text.startswith(quote, match.start()):
            return match.start() + len(quote)
        elif len(quote) == 1 and stop.endswith("\n") and not stop.startswith("\\"):
            return -1
    return -1


def _end_of_field(text: str, position: int, outer: int) -> int:
    """Return the position behind the `}` that closes a replacement field; -1 for none."""
    if outer >= _DEEPEST:
        raise RecursionError("nested too deeply")
    depth = 0
    while (match := _FIELD_STOP.search(text, position)) is not None:
        stop = match[0]
        position = match.end()
        if stop in "\"'":
            position = _end_of_string(text, match.start(), outer + 1)
        elif stop == "#":
            position = text.find("\n", position)
        elif stop in "([{":
            depth += 1
        elif stop == "}" and depth == 0:
            return position
        elif stop in ")]}":
            depth -= 1
        elif depth == 0:
            return _end_of_format(text, position, outer)
        if position < 0:
            return -1
    return -1


def _end_of_format(text: str, position: int, depth: int) -> int:
    """Return the position behind the `}` that closes a field with a format, from its colon on."""
    while position < len(text):
        char = text[position]
        position += 1
        if char == "}":
            return position
        if char == "{":
            position = _end_of_field(text, position, depth + 1)
            if position < 0:
                return -1
    return -1


def _end_of_string(text: str, start: int, depth: int) -> int:
    if FORMATTED.search(text, max(0, start - 3), start):
        return end_of_formatted(text, start, depth)
    match = _one_string().match(text, start)
    return match.end() if match else -1


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
