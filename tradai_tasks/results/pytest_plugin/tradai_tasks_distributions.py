"""Tell which of the repository's own projects something asks about, such as for its version."""

from __future__ import annotations

from json import loads
from typing import Any
from urllib.parse import unquote, urlsplit

from tradai_tasks_system import os, read_file

_ENDING = ".dist-info"
_ENTRY_POINTS = f"{os.sep}entry_points.txt"  # which is part of the environment's digest


class Projects:
    """Editable projects of the repository by the folders that hold their metadata."""

    def __init__(self, paths: Any) -> None:
        self._paths = paths
        self._known: dict[str, str | None] = {}

    def record(self, recorder: Any, kind: str, path: str) -> None:
        """Record the pyproject.toml of each project whose metadata an access shows.

        It counts for the whole process, since some library may remember it for any test file.

        Args:
            recorder: The recorder.
            kind: The kind of the event.
            path: The absolute path, outside of the repository or in an environment.
        """
        before, ending, rest = path.partition(_ENDING)
        folders = [before + ending] if ending and rest != _ENTRY_POINTS else []
        if kind == "listing" and path.endswith("-packages"):  # whose names have the versions
            folders = [f"{path}{os.sep}{name}" for name in os.listdir(path)]
        for folder in folders:
            if folder.endswith(_ENDING) and (project := self._project(folder)):
                recorder.once("project", recorder.process, project)

    def _project(self, folder: str) -> str | None:
        if folder not in self._known:
            self._known[folder] = None  # also while its own file is read, which is an event
            try:
                origin = loads(read_file(f"{folder}{os.sep}direct_url.json"))
                if origin.get("dir_info", {}).get("editable"):
                    home = unquote(urlsplit(origin["url"]).path)
                    self._known[folder] = self._paths[f"{home}{os.sep}pyproject.toml"]
            except (OSError, ValueError, AttributeError, KeyError, TypeError):
                pass  # no editable project
        return self._known[folder]
