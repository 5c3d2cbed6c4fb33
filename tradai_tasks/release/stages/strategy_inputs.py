"""Check what a strategy's release is made from, before anything runs."""

from __future__ import annotations

from collections.abc import Collection

from tradai_tasks.errors import ConfigSecretError, LockMissingError
from tradai_tasks.files.file_tree import join
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.images.strategy_image import config_faults
from tradai_tasks.release.libraries.path_sources import local_folders, path_sources, refuse_ignored
from tradai_tasks.release.stages.outline import BACKTEST, IMAGE
from tradai_tasks.repository import Repository
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.snapshot import CommitSnapshot
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.locks.lock_file import read_lock


def require_inputs(
    repository: Repository, release: Release, package: Package, active: Collection[str]
) -> None:
    """Check, before anything runs, that all of a strategy is in commits, and that no secret is.

    Raises:
        LockMissingError: Its lock file is not in the commit; one made anew may pin other versions.
        ConfigSecretError: A secret is in it, or in a file that a configuration of it adds.
        BacktestError: freqtrade could not read a file that a configuration adds.
        UncommittedInputError: Git ignores a file that it may read, here or in a repository that it
            takes a package from.
        DirtyTreeError: Such a repository has uncommitted changes.
    """
    git, commit = Git.open(repository.root), release.commit
    snapshot = CommitSnapshot(git, commit)
    lock = join(package.project, "uv.lock")
    if lock not in snapshot.blobs:
        raise LockMissingError(
            f"{lock}: is not in commit {commit[:12]}, so no other clone can make this release "
            f"again; take uv.lock out of .gitignore, commit the file, and tag that"
        )
    config = repository.backtest(package).config
    faults = _config_faults(snapshot, package.path, config)
    if faults:
        raise ConfigSecretError(*faults)
    if not {BACKTEST, IMAGE}.isdisjoint(active):
        refuse_ignored(git, package.path)
        parsed = read_lock(repository.tree, package.project)
        folders = local_folders(parsed, repository.root / package.project)
        for source in path_sources(folders, repository.root):
            source.check()


def _config_faults(snapshot: CommitSnapshot, folder: str, config: str) -> list[str]:
    """Return the secrets in a strategy's folder, its configuration and what that adds."""
    home = "" if folder == "." else f"{folder}/"
    wanted = [
        path
        for path in snapshot.blobs
        if path.startswith(home) and _may_configure(path.rpartition("/")[2])
    ]
    files = {path: text.decode("utf-8", "replace") for path, text in snapshot.read(wanted).items()}

    def read(path: str) -> bytes:
        """Return a file of the commit; an empty one for what the live bot brings."""
        return snapshot.read([path])[path] if path in snapshot.blobs else b"{}"

    return config_faults(files, {}, read, [join(folder, config)])


def _may_configure(name: str) -> bool:
    """Return whether a file of this name may configure freqtrade."""
    return name.endswith((".json", ".env")) or name.startswith((".env", "Dockerfile"))
