"""Files that are read, not imported: a path in a string that leads out of the own package."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.path_anchors import SOURCES
from tradai_tasks.files.file_tree import folders_above

__all__ = ["readers_by_path"]

# What belongs to no member and does not affect everybody.
_PROSE = re.compile(
    r"(?:docs|infra|lambdas/base|tests?)/|[^/]+\.(?:md|rst)\Z|(?:LICEN[CS]E|NOTICE|AUTHORS)[^/]*\Z|"
    r"(?:mkdocs|(?:docker-)?compose[^/]*)\.ya?ml\Z"
)


def readers_by_path(
    index: ModuleIndex, facts: Sequence[Facts] | Mapping[int, Facts], blobs: Collection[str]
) -> dict[str, set[str]]:
    """Return which files name which files and folders of other members, by their paths.

    A path in a string is looked up from the folder of the file that names it and from every
    folder above, as `Path(__file__).parents[2] / "data" / "x.json"` means it. What belongs to the
    file's own member is left out: it affects that member anyhow. So is what belongs to none and
    affects everybody for that.

    Args:
        index: The Python files.
        facts: What they say, in the order of the index or by the number there.
        blobs: The paths of all files.

    Returns:
        Path, with a slash at the end for a folder, and "*.py" behind that where the modules in it
        are read too -> the Python files that name it.
    """
    found: dict[str, set[str]] = {}
    folders: frozenset[str] | None = None
    homes: dict[str, set[int]] | None = None
    numbered = facts.items() if isinstance(facts, Mapping) else enumerate(facts)
    for number, one in numbered:
        for text in one.paths:
            if text.endswith((".py", ".pyi")):
                continue  # an edge of imports already
            folders = folders_above(blobs) if folders is None else folders
            folder = posixpath.dirname(index.paths[number])
            target = _target(text, folder, blobs, folders)
            if target is None:
                continue
            owner = index.owner_of_folder(posixpath.dirname(target))
            if owner != index.owners[number] and (owner >= 0 or _PROSE.match(target)):
                found.setdefault(target, set()).add(index.paths[number])
                if target.endswith("/"):  # its modules may be run, copied or compiled
                    found.setdefault(f"{target}{SOURCES}", set()).add(index.paths[number])
        if one.listed:
            homes = _homes(index) if homes is None else homes
            for target in _listed(index, number, one.listed, homes, blobs):
                found.setdefault(target, set()).add(index.paths[number])
                if SOURCES in one.listed:
                    found.setdefault(f"{target}{SOURCES}", set()).add(index.paths[number])
    return found


def _listed(
    index: ModuleIndex,
    number: int,
    words: Iterable[str],
    homes: Mapping[str, set[int]],
    blobs: Collection[str],
) -> Iterable[str]:
    """Yield the folders that a file may list and in which other members lie, or that are one.

    And documents above it, and folders of the root, that belong to nobody.
    """
    own = {index.owners[number]}
    folder = posixpath.dirname(index.paths[number])
    while folder:
        folder = posixpath.dirname(folder)
        for word in words:
            target = f"{folder}/{word}" if folder else word
            if homes.get(target, own) - own or (not folder and _PROSE.match(f"{target}/")):
                yield f"{target}/"
            elif target in blobs and index.owner_of_folder(folder) not in own:
                yield target


def _homes(index: ModuleIndex) -> dict[str, set[int]]:
    """Return for each folder that is a member, or has some below it, which these are."""
    found: dict[str, set[int]] = {}
    for number, member in enumerate(index.members):
        folder = member.path if member.path != "." else ""
        while folder:
            found.setdefault(folder, set()).add(number)
            folder = posixpath.dirname(folder)
    return found


def _target(text: str, folder: str, blobs: Collection[str], folders: Collection[str]) -> str | None:
    while True:
        inner = posixpath.normpath(posixpath.join(folder, text))
        if inner in blobs:
            return inner
        if inner in folders:
            return f"{inner}/"
        if not folder:
            return None
        folder = posixpath.dirname(folder)
