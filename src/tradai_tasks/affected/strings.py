"""Where strings and comments begin and end in Python text, f-strings with their fields too.

Source of the rules: the language reference, chapter 2 (lexical analysis), and PEP 701.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["FORMATTED", "SPLIT", "TOKEN", "end_of_formatted", "mask"]

_STRING = r"""
      \"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"{3}
    | '{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'{3}
    | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
    | '[^'\\\n]*(?:\\.[^'\\\n]*)*'
"""
TOKEN = re.compile(rf"\#[^\n]*|{_STRING}|[\"']|import\b", re.VERBOSE | re.DOTALL)
# The same, begun by a set of characters, which is three times as fast: comments and strings.
SPLIT = re.compile(
    r"""
    (["'\#]
        (?: (?<=\#) [^\n]*+
        |   (?<=") (?: [^"\\\n]++ (?:\\.[^"\\\n]*+)*+ "
                   |   "" [^"\\]*+ (?:(?:\\.|"(?!""))[^"\\]*+)*+ \"{3}
                   |   (?:\\.[^"\\\n]*+)*+ " )
        |   (?<=') (?: [^'\\\n]++ (?:\\.[^'\\\n]*+)*+ '
                   |   '' [^'\\]*+ (?:(?:\\.|'(?!''))[^'\\]*+)*+ '{3}
                   |   (?:\\.[^'\\\n]*+)*+ ' )
        )?+
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_ONE_STRING = re.compile(_STRING, re.VERBOSE | re.DOTALL)
FORMATTED = re.compile(r"(?:^|\W)(?:[fFtT]|[fFtT][rR]|[rR][fFtT])\Z")
_TEXT_STOP = re.compile(r"""\\(?:N\{[^}\n]*\}|[^{])?|\{\{|\}\}|[{}"']""", re.DOTALL)
_FIELD_STOP = re.compile(r"""["'()\[\]{}#:]""")


@lru_cache(maxsize=1)  # a file is asked for one name after the other
def mask(text: str) -> str:
    """Blank strings and comments, so that only code is left, every character in its place."""
    pieces = SPLIT.split(text)
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
    while (match := TOKEN.search(text, position)) is not None:
        start, position = match.span()
        if text[start] == "i":
            continue
        if start and FORMATTED.search(text, max(0, start - 3), start):
            position = max(position, end_of_formatted(text, start))
            continue  # its fields are code
        parts += [text[end:start], re.sub(r"[^\n]", " ", text[start:position])]
        end = position
    return "".join([*parts, text[end:]])


def end_of_formatted(text: str, start: int) -> int:
    """Return the position behind the f-string whose opening quote is at `start`; -1 for none."""
    quote = text[start]
    if text.startswith(quote * 3, start):
        quote *= 3
    position = start + len(quote)
    while (match := _TEXT_STOP.search(text, position)) is not None:
        stop = match[0]
        position = match.end()
        if stop == "{":
            position = _end_of_field(text, position)
            if position < 0:
                return -1
        elif stop == quote[0] and text.startswith(quote, match.start()):
            return match.start() + len(quote)
        elif len(quote) == 1 and stop.endswith("\n") and not stop.startswith("\\"):
            return -1
    return -1


def _end_of_field(text: str, position: int) -> int:
    """Return the position behind the `}` that closes a replacement field; -1 for none."""
    depth = 0
    while (match := _FIELD_STOP.search(text, position)) is not None:
        stop = match[0]
        position = match.end()
        if stop in "\"'":
            position = _end_of_string(text, match.start())
        elif stop == "#":
            position = text.find("\n", position)
        elif stop in "([{":
            depth += 1
        elif stop == "}" and depth == 0:
            return position
        elif stop in ")]}":
            depth -= 1
        elif depth == 0:
            return _end_of_format(text, position)
        if position < 0:
            return -1
    return -1


def _end_of_format(text: str, position: int) -> int:
    """Return the position behind the `}` that closes a field with a format, from its colon on."""
    while position < len(text):
        char = text[position]
        position += 1
        if char == "}":
            return position
        if char == "{":
            position = _end_of_field(text, position)
            if position < 0:
                return -1
    return -1


def _end_of_string(text: str, start: int) -> int:
    if FORMATTED.search(text, max(0, start - 3), start):
        return end_of_formatted(text, start)
    match = _ONE_STRING.match(text, start)
    return match.end() if match else -1
