"""Find out whether a Dockerfile copies a file of the repository into its image."""

from __future__ import annotations

import functools
import json
import posixpath
import re
from collections.abc import Iterator

from tradai_tasks.files.path_globs import matches

_INSTRUCTION = re.compile(r"(?:COPY|ADD)\s+(.*)", re.IGNORECASE)
_OPTION = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")
_OTHERS = re.compile(r"[a-z]+://|git@", re.IGNORECASE)  # URLs: not files of the repository


def is_copied(dockerfile: bytes, folder: str, path: str) -> bool:
    """Tell whether a Dockerfile copies a file into the image.

    The build context may be the repository's root or the Dockerfile's own folder. A copy of the
    whole context does not count: it says nothing about what the image needs.

    Args:
        dockerfile: The Dockerfile's content.
        folder: The folder it lies in.
        path: The file, from the repository's root.
    """
    for source in _sources(dockerfile):
        for start in ("", folder):
            place = posixpath.normpath(posixpath.join(start, source.lstrip("/")))
            if place in {".", folder} or place.startswith("../"):
                continue
            if path == place or path.startswith(f"{place}/"):
                return True
            is_glob = any(char in place for char in "*?[")
            if is_glob and (matches(path, place) or matches(path, f"{place}/**")):
                return True
    return False


@functools.lru_cache(maxsize=512)
def _sources(dockerfile: bytes) -> tuple[str, ...]:
    """Return the sources of all instructions that copy from the build context."""
    return tuple(_each_source(dockerfile.decode("utf-8", "replace")))


def _each_source(text: str) -> Iterator[str]:
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
