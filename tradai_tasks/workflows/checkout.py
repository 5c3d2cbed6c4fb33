"""Read from git where a workspace stands: its folder, the default branch, the workflow files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.errors import CommandFailedError, SettingsError
from tradai_tasks.release.tags.ci_event import main_branch_of, read_event
from tradai_tasks.text import safe
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.history import symbolic_ref
from tradai_tasks.vcs.merge_base import default_branch

FOLDER = ".github/workflows"
NOT_A_REPOSITORY = 128  # git's status
_MADE = (".nox/", ".venv/", "__pycache__/", "build/", "dist/")  # by jobs, below the root
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\Z")
_SAFE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]*/)*\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """Where a workspace stands in its repository."""

    top: Path  # the repository's top, where GitHub looks for workflows
    folder: str = ""  # the workspace's folder from there, with a slash; empty for the top
    files: Mapping[str, str]  # texts of the workflow files that are there, by path from the top
    branch: str | None = None  # the default one, if it is known
    unignored: tuple[str, ...] = ()  # folders that jobs make and git does not ignore


def look(root: Path, env: Mapping[str, str]) -> Checkout:
    """Look where the workspace at a root stands.

    Raises:
        CommandFailedError: git failed.
        SettingsError: Its folder has a name that cannot stand in a workflow file.
        ToolMissingError: git is not installed.
    """
    folder = _folder(root)
    # the top of the repository, where GitHub looks for workflows
    top = root.parents[folder.count("/") - 1] if folder else root
    return Checkout(
        top=top,
        folder=folder,
        files=present(top),
        branch=_branch(root, env),
        unignored=_unignored(root),
    )


def present(top: Path) -> dict[str, str]:
    """Return the text of every existing workflow file, by its path from the repository's top."""
    files = sorted([*(top / FOLDER).glob("*.yml"), *(top / FOLDER).glob("*.yaml")])
    # GitHub reads only files, too
    return {
        f"{FOLDER}/{file.name}": file.read_text("utf-8", "replace")
        for file in files
        if file.is_file()
    }


def _folder(root: Path) -> str:
    """Return the workspace's folder in its repository, with a slash; empty for the top.

    A repository that ignores the folder is not its own, such as one of a home's dotfiles.

    Raises:
        CommandFailedError: git failed.
        SettingsError: The folder has a name that cannot stand in a workflow file.
        ToolMissingError: git is not installed.
    """
    done = run_git(root, "rev-parse", "--show-prefix", check=False)
    if done.returncode == NOT_A_REPOSITORY:
        return ""
    if done.returncode:
        raise CommandFailedError(f"git rev-parse: exit status {done.returncode}: {done.error_text}")
    folder = done.text.removesuffix("\n")
    if folder and run_git(root, "check-ignore", "--quiet", ".", check=False).returncode == 0:
        return ""
    if not _SAFE.match(folder):
        raise SettingsError(
            f"{safe(folder)}: workflow files cannot name such a folder; rename it: letters, "
            f"digits, `.`, `_` and `-`"
        )
    return folder


def _branch(root: Path, env: Mapping[str, str]) -> str | None:
    """Return the default branch: as the CI event or the remote says, else `main` or `master`.

    Else it is the current one; None where that is not known, or cannot stand in a workflow file.
    """
    name = main_branch_of(read_event(env))
    if name is None:
        if run_git(root, "rev-parse", "--git-dir", check=False).returncode:
            return None
        git = Git.open(root)
        found = default_branch(git)
        name = found.name if found else (symbolic_ref(git, "HEAD") or "")
    name = name.removeprefix("refs/heads/")
    return name if _BRANCH.match(name) else None


def _unignored(root: Path) -> tuple[str, ...]:
    """Return the folders that a CI job makes and git does not ignore: they would stop a release.

    Raises:
        CommandFailedError: git failed.
        ToolMissingError: git is not installed.
    """
    done = run_git(root, "check-ignore", "--no-index", "--", *_MADE, check=False)
    if done.returncode == NOT_A_REPOSITORY:
        return ()
    if done.returncode > 1:  # 1: it ignores none
        raise CommandFailedError(f"git check-ignore: {done.error_text}")
    return tuple(sorted({*_MADE} - {*done.text.splitlines()}))
