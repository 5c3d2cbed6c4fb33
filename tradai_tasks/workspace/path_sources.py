"""Folders that `[tool.uv.sources]` takes packages from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tradai_tasks.errors import PathSourceMissingError
from tradai_tasks.files.file_tree import join
from tradai_tasks.workspace.discovery import Workspace


def require_path_sources(root: Path, workspace: Workspace) -> None:
    """Raise PathSourceMissingError for folders of path sources that do not exist, a line for each.

    uv says "Distribution not found", and neither which package wants it nor what to do.
    """
    documents = {package.path: package.document for package in workspace.packages}
    documents.setdefault(".", workspace.root_document)
    faults = [
        f"{join(path, 'pyproject.toml')}: {name} is taken from {source} ([tool.uv.sources]), and "
        f"there is no {os.path.normpath(root / path / source)}; clone what has it there, or remove "
        f"the line, so that {name} comes from the index"
        for path, document in sorted(documents.items())
        for name, source in missing_path_sources(root / path, document)
    ]
    if faults:
        raise PathSourceMissingError(*faults)


def missing_path_sources(folder: Path, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the packages, with their paths, whose folder or file does not exist."""
    for name, given in document.get("tool", {}).get("uv", {}).get("sources", {}).items():
        for source in given if isinstance(given, list) else [given]:
            path = source.get("path") if isinstance(source, Mapping) else None
            if isinstance(path, str) and not (folder / path).exists():
                yield name, path
