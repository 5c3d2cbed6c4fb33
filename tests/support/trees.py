"""A tree of files in memory, for discovery without a disk."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Workspace, discover


class MemoryTree:
    """Files by path."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.contents = {path: text.encode() for path, text in files.items()}

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            raise FileNotFoundError(path)
        return self.contents[path]

    def is_file(self, path: str) -> bool:
        return path in self.contents

    def files(self, path: str) -> tuple[str, ...]:
        held = [p for p in self.contents if (posixpath.dirname(p) or ".") == path]
        return tuple(sorted(posixpath.basename(p) for p in held))

    def folders(self, path: str) -> tuple[str, ...]:
        start = "" if path == "." else f"{path}/"
        below = [p[len(start) :] for p in self.contents if p.startswith(start)]
        return tuple(sorted({p.partition("/")[0] for p in below if "/" in p}))


def project(name: str, more: str = "", backend: str = "uv_build") -> str:
    """The text of a pyproject.toml."""
    return (
        f'[project]\nname = "{name}"\nversion = "1.0"\n\n[build-system]\nrequires = []\n'
        f'build-backend = "{backend}"\n\n{more}\n'
    )


def found(files: Mapping[str, str], **settings: Any) -> Workspace:
    """The workspace that some files make."""
    return discover(MemoryTree(files), Settings(**settings))
