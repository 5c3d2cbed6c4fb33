"""Find out which files of the repository a Dockerfile copies into its image."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

_INSTRUCTION = re.compile(r"(?:COPY|ADD)\s+(.*)", re.IGNORECASE)
_OPTION = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")
_WILD = re.compile(r"[*?\[]")
_OTHERS = re.compile(r"[a-z]+://|git@", re.IGNORECASE)  # URLs: not files of the repository


def copied_globs(dockerfile: bytes, folder: str) -> Iterator[str]:
    """Yield globs, from the repository's root, of what a Dockerfile copies into the image.

    The build context may be the repository's root or the Dockerfile's own folder. A copy of the
    whole context does not count: it says nothing about what the image needs.

    Args:
        dockerfile: The Dockerfile's content.
        folder: The folder it lies in.
    """
    for source in dict.fromkeys(_sources(dockerfile.decode("utf-8", "replace"))):
        for start in dict.fromkeys(("", folder)):
            place = posixpath.normpath(posixpath.join(start, source.lstrip("/")))
            if place in {".", folder} or place.startswith("../"):
                continue
            for glob in dict.fromkeys((place, _WILD.sub(r"[\g<0>]", place))):
                yield glob
                yield f"{glob}/**"


def _sources(text: str) -> Iterator[str]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"[\\`][ \t]*\n", " ", "\n".join(lines)).splitlines():
        found = _INSTRUCTION.fullmatch(line.strip())
        if found is None:
            continue
        rest = found[1]
        from_elsewhere = False
        while option := _OPTION.match(rest):
            from_elsewhere |= option[1] == "from"
            rest = rest[option.end() :]
        words = _words(rest)
        if not from_elsewhere:
            yield from (word for word in words[:-1] if not _OTHERS.match(word))


def _words(rest: str) -> list[str]:
    if rest.startswith("["):
        try:
            listed = json.loads(rest)
        except ValueError:
            return []
        return [str(word) for word in listed]
    return rest.split()
