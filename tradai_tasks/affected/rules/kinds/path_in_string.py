"""Strings that are paths: scripts that are run, folders that are tested, files that are read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from tradai_tasks.affected.parse import import_scanner
from tradai_tasks.affected.parse.line_numbers import line_of_string
from tradai_tasks.affected.rules import path_facts
from tradai_tasks.affected.rules.data_paths import readers_by_path
from tradai_tasks.affected.rules.edge_rule import (
    FileRule,
    Links,
    Place,
    WorkspaceFiles,
    WorkspaceRule,
    note,
)


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

    def items(self, place: Place) -> Iterable[str]:
        """Return the paths."""
        return place.facts.paths

    def link_item(self, item: str, place: Place) -> Iterable[int]:
        """Return the Python file that a path is, or those of a folder whose tests are run."""
        return place.file(item)

    def link_file(self, place: Place) -> Iterable[int]:
        """Return also the scripts next to what is imported, or in folders that are named."""
        yield from super().link_file(place)
        if place.facts.is_placed:
            named = [one.text for one in place.facts.references if one.form == "file"]
            yield from _scripts_in_places(place, (*place.facts.paths, *named))

    def line_of(self, item: str, text: str) -> int:
        """Return the line of the string with the last part of a path."""
        return line_of_string(text, item.rstrip("/").rpartition("/")[2])

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the files of other members that Python code names, to read them."""
        links: Links = {}
        for target, users in readers_by_path(files.index, files.facts, files.blobs).items():
            note(links, target, users, target.rstrip("/").removesuffix("/*.py").rpartition("/")[2])
        return links


def _scripts_in_places(place: Place, paths: Sequence[str]) -> Iterator[int]:
    """Yield the scripts that paths can be next to imported modules, or in folders that are named.

    Every path is tried in every folder: `Path(pkg.__file__).parent` and `cwd=ROOT / "libs" / "a"`
    are two of many forms.
    """
    index = place.index
    known = [node for node in place.loaded if node < len(index.paths)]
    folders = dict.fromkeys(posixpath.dirname(index.paths[node]) for node in known)
    for text in paths:
        folders |= dict.fromkeys(index.folders_named(text, place.folder))
    for text in paths:
        for folder in folders if text.endswith(".py") else ():
            yield from index.files_named(text, folder)
