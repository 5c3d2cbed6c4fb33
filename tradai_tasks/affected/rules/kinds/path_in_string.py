"""Strings that are paths: scripts that are run, folders that are tested, files that are read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator

from tradai_tasks.affected.parse import import_scanner
from tradai_tasks.affected.parse.dotted_names import paths_around
from tradai_tasks.affected.parse.facts import Facts, Reference
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules import path_facts
from tradai_tasks.affected.rules.edge_rule import (
    FileRule,
    Links,
    Place,
    WorkspaceFiles,
    WorkspaceRule,
    note,
)
from tradai_tasks.affected.rules.path_facts import SOURCES
from tradai_tasks.files.file_tree import folders_above

# Files that belong to no member, and of which a change does not affect everything.
_PROSE = re.compile(
    r"(?:docs|infra|lambdas/base|tests?)/|[^/]+\.(?:md|rst)\Z|(?:LICEN[CS]E|NOTICE|AUTHORS)[^/]*\Z|"
    r"(?:mkdocs|(?:docker-)?compose[^/]*)\.ya?ml\Z"
)


_PLACED = "placed"  # a script by its name alone, in one of the folders that the file names


class PathInString(FileRule, WorkspaceRule):
    """Link paths in string constants, alone or joined: `ROOT / "libs" / "a" / "x.json"`."""

    name = "path"
    order = 90  # it links scripts next to what the others have found
    summary = (
        '`"../a/run.py"`, `ROOT / "libs" / "a" / "x.json"`, scripts in a `cwd`, folders that are '
        "listed or tested"
    )
    words = import_scanner.MARKS | path_facts.MARKS
    guessed = True

    def items(self, place: Place) -> Iterator[Reference]:
        """Yield the paths, and scripts that may lie next to what is imported, or in a folder."""
        yield from (Reference(path, form="file") for path in place.facts.paths)
        if place.facts.is_placed:
            named = [one.text for one in place.facts.references if one.form == "file"]
            for path in (*place.facts.paths, *named):
                if path.endswith(".py"):
                    yield Reference(path, form="file", kind=_PLACED)
            if SOURCES in place.facts.listed:
                yield Reference(SOURCES, form="file", kind=_PLACED)

    def link(self, reference: Reference, place: Place) -> Iterable[int]:
        """Return the Python file that a path is, or those of a folder whose tests are run."""
        if reference.kind != _PLACED:
            return place.file(reference.text)
        index = place.index
        if reference.text == SOURCES:  # of packages that it locates
            own = {place.owner, -1}
            return index.files_below(
                one for one in place.folders if index.owner_of_folder(one) not in own
            )
        return [n for folder in place.folders for n in index.files_named(reference.text, folder)]

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the files of other members that Python code names, to read them."""
        links: Links = {}
        for target, users in readers_by_path(files.index, files.facts, files.blobs).items():
            note(links, target, users, target.rstrip("/").removesuffix("/*.py").rpartition("/")[2])
        return links


def readers_by_path(
    index: ModuleIndex, facts: Iterable[tuple[int, Facts]], blobs: Collection[str]
) -> dict[str, set[str]]:
    """Return the files and folders that Python files name by their paths, with these files.

    A path in a string is looked up from the folder of the file that names it and from every
    folder above, as `Path(__file__).parents[2] / "data" / "x.json"` means it. Files of the same
    member are left out: they affect that member in any case. So are files that belong to none
    and therefore affect everything.

    Returns:
        Path -> the Python files that name it. The path of a folder ends with a slash; another key
        with "*.py" after it stands for the modules in the folder.
    """
    found: dict[str, set[str]] = {}
    folders: frozenset[str] | None = None
    for number, one in facts:
        for text in one.paths:
            if text.endswith((".py", ".pyi")):
                continue  # an edge of imports already
            folders = folders_above(blobs) if folders is None else folders
            folder = posixpath.dirname(index.paths[number])
            target = _resolve(text, folder, blobs, folders)
            if target is None:
                continue
            owner = index.owner_of_folder(posixpath.dirname(target))
            if owner != index.owners[number] and (owner >= 0 or _PROSE.match(target)):
                found.setdefault(target, set()).add(index.paths[number])
                if target.endswith("/"):  # its modules may be run, copied or compiled
                    found.setdefault(f"{target}{SOURCES}", set()).add(index.paths[number])
        if one.listed:
            for target in _listed_targets(index, number, one.listed, blobs):
                found.setdefault(target, set()).add(index.paths[number])
                if SOURCES in one.listed:
                    found.setdefault(f"{target}{SOURCES}", set()).add(index.paths[number])
    return found


def _listed_targets(
    index: ModuleIndex, number: int, words: Iterable[str], blobs: Collection[str]
) -> Iterable[str]:
    """Yield the folders that a file may list and that are, or contain, other members.

    Also documents in folders above the file, and folders at the root that belong to no member.
    """
    own = {index.owners[number]}
    folder = posixpath.dirname(index.paths[number])
    while folder:
        folder = posixpath.dirname(folder)
        for word in words:
            target = f"{folder}/{word}" if folder else word
            if index.members_in.get(target, own) - own or (
                not folder and _PROSE.match(f"{target}/")
            ):
                yield f"{target}/"
            elif target in blobs and index.owner_of_folder(folder) not in own:
                yield target


def _resolve(
    text: str, folder: str, blobs: Collection[str], folders: Collection[str]
) -> str | None:
    for inner in paths_around(text, folder):
        if inner in blobs:
            return inner
        if inner in folders:
            return f"{inner}/"
    return None
