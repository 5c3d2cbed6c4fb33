"""Strings that are paths: scripts that are run, folders that are tested, files that are read."""

from __future__ import annotations

from collections.abc import Iterable

from tradai_tasks.affected.parse import import_scanner
from tradai_tasks.affected.parse.line_numbers import line_of_string
from tradai_tasks.affected.resolve.script_paths import scripts_in_places
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
    summary = '`"../a/run.py"`, `ROOT / "libs" / "a" / "x.json"`, folders that are listed or tested'
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
            paths = (*place.facts.paths, *named)
            yield from scripts_in_places(place.index, place.loaded, paths, place.folder)

    def line_of(self, item: str, text: str) -> int:
        """Return the line of the string with the last part of a path."""
        return line_of_string(text, item.rstrip("/").rpartition("/")[2])

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the files of other members that Python code names, to read them."""
        links: Links = {}
        for target, users in readers_by_path(files.index, files.facts, files.blobs).items():
            note(links, target, users, target.rstrip("/").removesuffix("/*.py").rpartition("/")[2])
        return links
