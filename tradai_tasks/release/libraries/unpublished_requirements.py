"""Find published libraries that require unpublished workspace members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tradai_tasks.release.libraries.distributions import Distribution
from tradai_tasks.workspace.discovery import Package, Workspace

__all__ = ["unpublished_requirements"]


def unpublished_requirements(
    made: Mapping[str, tuple[Distribution, ...]],
    workspace: Workspace,
    libraries: Iterable[Package],
) -> list[str]:
    """Return a line for each requirement on a workspace member that is not published."""
    published = {package.name for package in libraries}
    members = {package.name for package in workspace.packages} - published
    found = []
    for name, files in made.items():
        for text in files[0].requires:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue  # invalid metadata is reported by twine check
            needed = canonicalize_name(requirement.name)
            if needed in members and "extra" not in str(requirement.marker or ""):
                found.append(
                    f"{name} requires {needed}, a package of this workspace that is not published; "
                    f"unless an index has it, {name} cannot be installed: add it to "
                    f"publish.libraries"
                )
    return found
