"""Make text for messages: escape what comes from elsewhere, shorten lists, hint at names.

A terminal acts on control characters, and a CI runner takes a line that begins with `::` for a
command. Both are written as Python would write them in a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LONGEST = 8000  # characters of a line
_CUT = " [...] "
_TAIL = 1000  # of these, characters kept at the end, where the remedy is
# Printable for Python but invisible: fillers and variation selectors
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]")
# https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs: the first form
# stands at a line's start, after white space too, the older one anywhere
_COMMAND = re.compile(r"\A( *):(?=:)|#(?=#\[)")


def safe(text: str, *, longest: int | None = LONGEST) -> str:
    """Return a text as one line that terminals and CI runners show literally.

    Control characters, line breaks, invisible and directional characters and bytes that are not
    UTF-8 are escaped; so is the start of a CI runner's command. It is idempotent. Of more than
    `longest` characters the middle is cut out.
    """
    text = _cut(text, longest)  # first, so that a long text costs nothing
    if not text.isprintable() or _UNSEEN.search(text):
        text = "".join(map(_shown, text))
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", text)
    return _cut(text, longest)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return the first of some names for a message, with the number of those beyond `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def leading(found: Sequence[str]) -> str:
    """Return the first of some findings for a message, and how many there are; empty for none."""
    if len(found) < 2:  # noqa: PLR2004 - one needs no number
        return "".join(f": {one}" for one in found)
    return f", the first of {len(found)}: {found[0]}"


def counted(count: int, what: str) -> str:
    """Return a number of things in words: `1 file`, `2 files`."""
    return f"{count} {what}{'s' * (count != 1)}"


def similar(name: str, known: Iterable[str], *, most: int = 1) -> str:
    """Return the question whether one of the similar known names is meant; empty if none is."""
    import difflib  # noqa: PLC0415 - needed only for an error message

    near = difflib.get_close_matches(name, list(known), n=most)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def _cut(text: str, longest: int | None) -> str:
    if longest is None or len(text) <= longest:
        return text
    return f"{text[: longest - _TAIL - len(_CUT)]}{_CUT}{text[-_TAIL:]}"


def safe_lines(text: str) -> str:
    """Return a text of several lines with each line safe; only line feeds end a line."""
    return "\n".join(safe(line, longest=None) for line in text.split("\n"))


def _shown(char: str) -> str:
    if char.isprintable() and not _UNSEEN.match(char):
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
