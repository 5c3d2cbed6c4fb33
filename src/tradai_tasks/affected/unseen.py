"""Packages whose files git does not show here: nobody can tell what changed in them, or imports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from tradai_tasks.affected.members import dependents_of
from tradai_tasks.affected.select import owner_of
from tradai_tasks.tree import join
from tradai_tasks.workspace import Package, Workspace

__all__ = ["unseen_reasons"]


def unseen_reasons(
    workspace: Workspace,
    files: Collection[str],
    repositories: Collection[str],
    paths: Sequence[str],
    reach: Mapping[str, frozenset[str]],
) -> Iterator[tuple[str, str]]:
    """Yield (package, reason) for each package that git shows no files of, and its dependents.

    One that an ignore rule hides, or that a link leads to outside of the repository, may have
    changed at any time. Of one in a submodule, or in another repository of its own, git says when
    it has; but as its imports are not read, whatever it may import affects it.

    Args:
        workspace: The packages as they are on disk.
        files: The files that git shows.
        repositories: Paths of submodules and other repositories inside this one.
        paths: What has changed.
        reach: Which packages each package can import, itself included.
    """
    for package in workspace.packages:
        if join(package.path, "pyproject.toml") in files:
            continue
        if any(f"{package.path}/".startswith(f"{path}/") for path in repositories):
            reason = _through(package, workspace, paths, reach)
        else:
            reason = f"{package.path}: git does not show its files, so any of them may have changed"
        if reason is None:
            continue
        for name in dependents_of(package.name, reach):
            own = name == package.name
            yield name, reason if own else f"{reason} <- {name} depends on {package.name}"


def _through(
    package: Package,
    workspace: Workspace,
    paths: Sequence[str],
    reach: Mapping[str, frozenset[str]],
) -> str | None:
    """Return how a change may reach a package whose imports are not read; None where none does."""
    for path in paths:
        owner = owner_of(path, workspace)
        if owner is not None and owner.name in reach[package.name]:
            return f"{path} <- {package.path} (a repository of its own, whose imports are not read)"
    return None
