"""Find packages whose files git does not list: submodules, ignored folders, links outwards.

Nothing is known of what they import, or whether they changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tradai_tasks.affected.selection.members import dependents_of
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.files.file_tree import join
from tradai_tasks.workspace.discovery import Package


def unlisted_package_reasons(revision: Revision, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (package, reason) for each package of which git lists no files, and its dependents.

    One that an ignore rule hides, or that a link to a place outside the repository leads to, may
    have changed at any time. Of one in a submodule, or in a nested repository, git says when it
    has changed; but as its imports are not read, whatever it may import affects it.
    """
    for package in revision.workspace.packages:
        if join(package.path, "pyproject.toml") in revision.snapshot.blobs:
            continue
        if any(f"{package.path}/".startswith(f"{path}/") for path in revision.snapshot.submodules):
            reason = _through(package, revision, paths)
        else:
            reason = f"{package.path}: git does not show its files, so any of them may have changed"
        if reason is None:
            continue
        for name in dependents_of(package.name, revision.closures):
            own = name == package.name
            yield name, reason if own else f"{reason} <- {name} depends on {package.name}"


def _through(package: Package, revision: Revision, paths: Sequence[str]) -> str | None:
    """Return how a change may reach a package whose imports are not read; None if it does not."""
    for path in paths:
        owner = revision.owners.of(path)
        if owner is not None and owner.name in revision.closures[package.name]:
            return f"{path} <- {package.path} (a repository of its own, whose imports are not read)"
    return None
