"""Packages that a lock takes from folders: of this repository, or of another beside it.

They are built from commits: an ignored or uncommitted file would change what runs without a trace.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.errors import BuildFailedError, DirtyTreeError, UncommittedInputError
from tradai_tasks.release.engine.source_export import export_commit
from tradai_tasks.release.libraries.wheel_build import (
    BuildFolder,
    build_env,
    open_build_folder,
    run_build,
)
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.text import listed
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workspace.locks.lock_file import LockFile

_SHOWN = 3  # files that are named
# what tools leave behind, and no program reads as its input
_LEFT = frozenset({"__pycache__", "build", "dist", "wheels", "node_modules", "htmlcov", "logs"})
# of freqtrade's user_data; its strategies and models are inputs
_RESULTS = frozenset({"data", "backtest_results", "hyperopt_results", "plot", "notebooks", "logs"})
_SUFFIXES = frozenset({".pyc", ".pyo", ".pyd", ".so", ".log", ".sqlite", ".lock", ".prof"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PathSource:
    """A package in another repository, by the commit that is checked out there."""

    name: str
    folder: Path
    git: Git  # of the folder
    commit: str

    def check(self) -> None:
        """Check that what is on disk is that commit.

        Raises:
            DirtyTreeError: Something is not committed.
            UncommittedInputError: Git ignores a file there.
        """
        dirty = [entry.path for entry in self.git.status()]
        if dirty:
            raise DirtyTreeError(
                f"{self.name} is taken from {self.folder}, where {listed(dirty, _SHOWN)} is not "
                f"committed; commit it there: what is judged and shipped must be a commit's"
            )
        refuse_ignored(self.git, ".", f"{self.name} is taken from {self.folder}, where ")


def local_folders(lock: LockFile, project: Path) -> dict[str, Path]:
    """Return the folders that a lock builds packages from, by the package's name."""
    found = lock.built_locally(editable=True)
    return {name: (project / path).resolve() for name, path in found.items()}


def path_sources(folders: Mapping[str, Path], root: Path) -> list[PathSource]:
    """Return the packages that are in other repositories, by name.

    Raises:
        NotARepositoryError: A folder is in no repository.
        UnknownRevisionError: A repository has no commit.
    """
    found = []
    for name, folder in sorted(folders.items()):
        if folder.is_relative_to(root.resolve()):
            continue
        if not folder.is_dir():
            raise UncommittedInputError(
                f"{name}: its lock takes it from {folder}, and there is no such folder; clone that "
                f"repository there, or remove its line from [tool.uv.sources] so that it comes "
                f"from the index"
            )
        git = Git.open(folder)
        commit = git.require_commit("HEAD", "make a commit there")
        found.append(PathSource(name=name, folder=folder, git=git, commit=commit))
    return found


def ignored_inputs(git: Git, below: str) -> list[str]:
    """Return the files that git ignores and that a program could read as its input."""
    argv = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", below]
    said = run_git(git.folder, *argv, env=git.env).text
    return sorted(path for path in said.split("\0") if path and _is_input(PurePosixPath(path)))


def refuse_ignored(git: Git, below: str, where: str = "") -> None:
    """Raise UncommittedInputError, which names them, if git ignores inputs."""
    found = ignored_inputs(git, below)
    if found:
        raise UncommittedInputError(
            f"{where}{listed(found, _SHOWN)} is ignored by git, so it is in no commit, though a "
            f"bot would read it there: commit it, or remove it"
        )


def _is_input(path: PurePosixPath) -> bool:
    """Return whether a file may be an input: code, parameters of hyperopt, models, data."""
    folders = path.parts[:-1]
    if path.suffix in _SUFFIXES or any(part.startswith(".") for part in path.parts):
        return False
    if any(part in _LEFT or part.endswith(".egg-info") for part in folders):
        return False
    for folder, inner in zip(folders, (*folders[1:], ""), strict=True):
        if folder == "user_data" and inner in _RESULTS:
            return False
    return True


def build_wheel(folder: Path, place: BuildFolder, *, env: Mapping[str, str], shown: Path) -> Path:
    """Build the wheel of a package and return it; raise BuildFailedError if uv cannot.

    `place` is where the build runs, the package's folder or above; `shown` is for messages.
    """
    inner = folder.relative_to(place.folder)
    name = inner.as_posix().replace("/", "-")
    out = place.folder / "out" / name
    argv = ["uv", "build", "--no-progress", "--wheel", "--no-create-gitignore"]
    argv += ["--out-dir", str(place.seen / "out" / name), str(place.seen / inner)]
    run_build(argv, place, inner.as_posix(), env=env, shown=str(shown))
    made = sorted(out.glob("*.whl"))
    if len(made) != 1:
        raise BuildFailedError(f"{shown}: uv build made {len(made)} wheels; see its build backend")
    return made[0]


@contextmanager
def wheel_of(
    source: PathSource, allowance: Allowance, sandbox: Sandbox | None, hidden: Path | None
) -> Iterator[Path]:
    """Yield the wheel of a package in another repository, built from its commit.

    Raises:
        DirtyTreeError: Something is not committed there.
        UncommittedInputError: Git ignores a file there.
        BuildFailedError: uv could not build it.
    """
    source.check()
    with open_build_folder(sandbox, hidden) as place:
        tree = place.folder / "tree"
        export_commit(source.git, source.commit, tree)
        env = build_env(os.environ, allowance)
        yield build_wheel(tree, place, env=env, shown=source.folder)
