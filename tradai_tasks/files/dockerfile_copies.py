"""Read the COPY and ADD instructions of a Dockerfile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

# https://docs.docker.com/reference/dockerfile/#copy
_INSTRUCTION = re.compile(r"(?:COPY|ADD)\s+(.*)", re.IGNORECASE)
_OPTION = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")
_REMOTE = re.compile(r"[a-z]+://|git@", re.IGNORECASE)


def copied_sources(text: str) -> Iterator[str]:
    """Yield what COPY and ADD take from the build context, not a stage or a URL, as written."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"[\\`][ \t]*\n", " ", "\n".join(lines)).splitlines():
        found = _INSTRUCTION.fullmatch(line.strip())
        if found is None:
            continue
        rest, from_elsewhere = found[1], False
        while option := _OPTION.match(rest):
            from_elsewhere |= option[1] == "from"
            rest = rest[option.end() :]
        if not from_elsewhere:
            yield from (word for word in _words(rest)[:-1] if not _REMOTE.match(word))


def _words(rest: str) -> list[str]:
    if rest.startswith("["):
        with suppress(ValueError):  # then it is read as words, as Docker does
            return [str(word) for word in json.loads(rest)]
    return rest.split()
