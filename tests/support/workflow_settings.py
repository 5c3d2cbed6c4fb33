"""The workflows that are written for a repository of given files and settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.kinds import KINDS, Kind
from tests.support.project import DictTree
from tests.support.workflow_files import load
from tradai_tasks.repository import read_repository
from tradai_tasks.sessions.core.registry.catalog import fitting_names
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.repository_traits import RepositoryTraits, gather
from tradai_tasks.workflows.selection import workflows


def traits(files: Mapping[str, str], **given: Any) -> tuple[RepositoryTraits, WorkflowsSettings]:
    tree = DictTree(dict(files))
    repository = read_repository(Path("/"), tree)
    settings = repository.settings
    one = gather(
        tree,
        repository.workspace,
        settings,
        sessions=fitting_names(repository),
        noxfile="",
        locks=(),
        **given,
    )
    return one, settings.workflows


def written(files: Mapping[str, str], **given: Any) -> dict[str, dict[str, Any]]:
    """The workflows of a repository, by file."""
    made = workflows(*traits(files, **given))
    return {path.rpartition("/")[2]: load(text) for path, text in made.items()}


def of(kind: str, more: str = "", **given: Any) -> dict[str, dict[str, Any]]:
    return written(with_settings(KINDS[kind], more), **given)


def with_settings(kind: Kind, more: str) -> dict[str, str]:
    files = dict(kind.files)
    file = "tradai-tasks.toml" if "tradai-tasks.toml" in files else "pyproject.toml"
    prefix = "" if file == "tradai-tasks.toml" else "tool.tradai-tasks."
    files[file] += "\n" + more.replace("[+", f"[{prefix}")
    return files


KEPT = '[+workflows]\nexclude = ["ci.yml"]\n'
