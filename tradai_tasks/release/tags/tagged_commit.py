"""Read the workspace of a tagged commit as data, without a checkout."""

from __future__ import annotations

from tradai_tasks.errors import TaggedCommitError, TasksError
from tradai_tasks.files.file_tree import join
from tradai_tasks.release.tags.tag_references import short
from tradai_tasks.release.tags.tag_validation import Versioned
from tradai_tasks.settings.load import load_settings
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.snapshot import CommitSnapshot
from tradai_tasks.vcs.snapshot_tree import SnapshotTree
from tradai_tasks.workspace.discovery import Package, Workspace, discover


def workspace_at(git: Git, tag: str, commit: str) -> tuple[Settings, Workspace]:
    """Return the settings and the workspace of a commit; raise TaggedCommitError if unreadable."""
    tree = SnapshotTree(CommitSnapshot(git, commit))
    try:
        loaded = load_settings(tree)
        return loaded.settings, discover(tree, loaded.settings, settings_file=loaded.file)
    except TasksError as error:
        first = str(error).splitlines()[0]
        raise TaggedCommitError(
            f"tag {tag}: its commit {short(commit)} cannot be read: {first}"
        ) from None


def version_of(package: Package, name: str) -> Versioned:
    """Return a package's version; `name` is its name as `bump` takes it."""
    version = package.document.get("project", {}).get("version")
    return Versioned(
        name=name,
        file=join(package.path, "pyproject.toml"),
        version=version if isinstance(version, str) else None,
    )
