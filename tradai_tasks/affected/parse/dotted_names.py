"""Small questions about dotted names and paths that their text alone answers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable


def depth_of(dotted: str) -> int:
    """Return how many parts a name has, without its leading dots."""
    inner = dotted.strip(".")
    return inner.count(".") + 1 if inner else 0


def inner_name(package: str, name: str) -> str:
    """Return the name of what is in a package: "a.b" of "a" and "b", ".b" of "." and "b"."""
    return f"{package}{'' if package.endswith('.') else '.'}{name}"


def folders_around(folder: str) -> Iterable[str]:
    """Yield a folder and all above it, the root ("") last."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def paths_around(path: str, folder: str) -> Iterable[str]:
    """Yield what a relative path can be, from a folder and from any above it, the nearest first."""
    is_plain = posixpath.normpath(path) == path and path[0] not in "./"
    for up in folders_around(folder):
        if is_plain:
            yield f"{up}/{path}" if up else path
        else:
            inner = posixpath.normpath(posixpath.join(up, path))
            yield "" if inner == "." else inner


def is_parent_init(path: str, others: Iterable[str]) -> bool:
    """Tell whether a file is the `__init__` of a package that other files lie below."""
    folder, _, name = path.rpartition("/")
    if not name.startswith("__init__."):
        return False
    start = f"{folder}/"
    return any(
        other.startswith(start) and not other.startswith(f"{start}__init__.") for other in others
    )
