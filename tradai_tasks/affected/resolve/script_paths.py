"""Files by their place, not their name: paths of scripts, and packages put together of folders."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from functools import cached_property

from tradai_tasks.affected.resolve.module_index import ModuleIndex

__all__ = ["Anywhere", "by_path", "from_places"]


class Anywhere:
    """Finds the files that a name can be below any folder at all."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Take the files, sorted; they are indexed when the first is looked for."""
        self._paths = paths

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self._paths):
            folder, _, name = path.rpartition("/")
            stem = name.partition(".")[0]
            key = folder.rpartition("/")[2] if stem == "__init__" else stem
            found.setdefault(key, []).append(number)
        return found

    def find(self, dotted: str) -> list[int]:
        """Return the files of a module or package of that name in any folder."""
        inner = f"/{dotted.replace('.', '/')}"
        ends = tuple(inner + e for e in (".py", ".pyi", "/__init__.py", "/__init__.pyi"))
        held = self._by_stem.get(dotted.rpartition(".")[2], ())
        return [number for number in held if f"/{self._paths[number]}".endswith(ends)]


def by_path(index: ModuleIndex, text: str, folder: str) -> list[int]:
    """Return the Python files that a path in a string can be, from here or any folder above."""
    if not text.rstrip("/").endswith((".py", ".pyi")):
        return []
    up = folder
    while True:
        inner = posixpath.normpath(posixpath.join(up, text))
        number = index.ids.get(inner)
        if number is not None:
            return [number]
        if not up:
            return []
        up = up.rpartition("/")[0]


def from_places(
    index: ModuleIndex, loaded: Iterable[int], paths: Sequence[str], folder: str
) -> set[int]:
    """Return what paths of scripts can be where packages lie, or in the folders that are named.

    Of which package, and in which folder, is not told apart: `Path(pkg.__file__).parent` and
    `cwd=ROOT / "libs" / "a"` are two of many forms.

    Args:
        index: The Python files.
        loaded: The files that the file at hand loads.
        paths: The paths that it names.
        folder: Where it lies itself.
    """
    known = [node for node in loaded if node < len(index.paths)]
    places = dict.fromkeys(posixpath.dirname(index.paths[node]) for node in known)
    for text in paths:
        places |= dict.fromkeys(index.folders_named(text, folder))
    scripts = [text for text in paths if text.endswith(".py")]
    return {n for text in scripts for place in places for n in by_path(index, text, place)}
