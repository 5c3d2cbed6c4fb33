"""Dotted names and paths as text: how deep they are and what lies around what."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["deepest", "depth_of", "folders_around", "is_around"]


def depth_of(dotted: str) -> int:
    """Return of how many parts a name consists, the leading dots left aside."""
    inner = dotted.strip(".")
    return inner.count(".") + 1 if inner else 0


def folders_around(folder: str) -> Iterable[str]:
    """Yield a folder and all above it, the root ("") last."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def is_around(path: str, others: Iterable[str]) -> bool:
    """Tell whether a file is the `__init__` of a package that other files lie below."""
    folder, _, name = path.rpartition("/")
    if not name.startswith("__init__."):
        return False
    start = f"{folder}/"
    return any(
        other.startswith(start) and not other.startswith(f"{start}__init__.") for other in others
    )


def deepest(tier: list[list[int]]) -> int:
    """Return how many parts of a name a tier knows as a file, counted to its deepest file."""
    for place in range(len(tier) - 1, -1, -1):
        if tier[place]:
            return place + 1
    return 0
