"""Match paths against globs that are read from the workspace root."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

_ONE_OF = re.compile(r"\[!?\]?[^\]]*\]")  # one of some characters; `]` may be the first
_WILD = re.compile(r"[*?\[\]]")
_RANGE = re.compile(r"(.)(?:-(.))?", re.DOTALL)


def matches(path: str, glob: str) -> bool:
    """Tell whether a path matches a glob; both are read from the workspace root.

    `*`, `?` and `[...]` match within one part of the path, `**` matches any number of parts, and a
    slash at the end stands for everything below a folder.
    """
    return _compiled(glob).fullmatch(path) is not None


class GlobSet:
    """Many globs: a path is held only against those of the folders above it."""

    def __init__(self, globs: Iterable[str]) -> None:
        """Sort globs, each as `matches` reads it; those that some path comes near are compiled."""
        self._by_folder: dict[str, list[tuple[str, str]]] = {}
        for glob in dict.fromkeys(globs):
            fixed = _WILD.split(_normal(glob))
            ending = fixed[-1].rpartition("/")[2]
            self._by_folder.setdefault(fixed[0].rpartition("/")[0], []).append((ending, glob))

    def matching(self, path: str) -> Iterator[str]:
        """Yield all globs that match a path."""
        folder = path
        while True:
            for ending, glob in self._by_folder.get(folder, ()):
                if path.endswith(ending) and matches(path, glob):
                    yield glob
            if not folder:
                return
            folder = folder.rpartition("/")[0]


def _normal(glob: str) -> str:
    glob = glob.removeprefix("./").removeprefix("/")
    return f"{glob}**" if glob.endswith("/") else glob


@functools.cache  # a bound would let globs that are used in turn push each other out
def _compiled(glob: str) -> re.Pattern[str]:
    glob = _normal(glob)
    pattern = ""
    position = 0
    while position < len(glob):
        one = _ONE_OF.match(glob, position)
        if glob.startswith("**/", position):
            pattern += "(?:[^/]+/)*"
            position += 3
        elif glob.startswith("**", position):
            pattern += ".*"
            position += 2
        elif one is not None:
            pattern += f"(?!/){_translate_set(one[0])}"
            position = one.end()
        else:
            char = glob[position]
            pattern += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
            position += 1
    return re.compile(pattern, re.DOTALL)


def _translate_set(one_of: str) -> str:
    """Return `[...]` as a regular expression, read as in the globs of workspace members."""
    inner = one_of[1:-1].removeprefix("!")
    ranges = [
        f"{re.escape(low)}-{re.escape(high)}" if high else re.escape(low)
        for low, high in _RANGE.findall(inner)
        if not high or low <= high
    ]
    if not ranges:  # nothing lies between z and a
        return "(?!)" if inner == one_of[1:-1] else "."
    return f"[{'' if inner == one_of[1:-1] else '^'}{''.join(ranges)}]"
