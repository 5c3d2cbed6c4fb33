"""Resolve paths in strings, such as "scripts/job.py", to Python files.

Also modules that may lie in any folder, where a package's `__path__` is changed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from functools import cached_property

from tradai_tasks.affected.resolve.dotted_names import folders_around
from tradai_tasks.affected.resolve.module_index import ModuleIndex


class AnyFolderSearch:
    """Finds the files that a dotted name can be below any folder at all."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Take the files, sorted; they are indexed at the first search."""
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
        endings = tuple(inner + e for e in (".py", ".pyi", "/__init__.py", "/__init__.pyi"))
        candidates = self._by_stem.get(dotted.rpartition(".")[2], ())
        return [number for number in candidates if f"/{self._paths[number]}".endswith(endings)]


def files_at_path(index: ModuleIndex, text: str, folder: str) -> list[int]:
    """Return the nearest Python file that a path can be, from a folder or any above it."""
    if not text.rstrip("/").endswith((".py", ".pyi")):
        return []
    for up in folders_around(folder):
        number = index.ids.get(posixpath.normpath(posixpath.join(up, text)))
        if number is not None:
            return [number]
    return []


def scripts_in_places(
    index: ModuleIndex, loaded: Iterable[int], paths: Sequence[str], folder: str
) -> set[int]:
    """Return the scripts that paths can be next to imported modules, or in folders that are named.

    Every path is tried in every folder: `Path(pkg.__file__).parent` and `cwd=ROOT / "libs" / "a"`
    are two of many forms.

    Args:
        index: The Python files.
        loaded: The nodes that the file at hand loads.
        paths: The paths that it names.
        folder: Where it lies itself.
    """
    known = [node for node in loaded if node < len(index.paths)]
    places = dict.fromkeys(posixpath.dirname(index.paths[node]) for node in known)
    for text in paths:
        places |= dict.fromkeys(index.folders_named(text, folder))
    scripts = [text for text in paths if text.endswith(".py")]
    return {n for text in scripts for place in places for n in files_at_path(index, text, place)}
