"""Refuse published libraries that require unpublished workspace members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tradai_tasks.errors import UnpublishedRequirementError
from tradai_tasks.release.libraries.distributions import Distribution
from tradai_tasks.workspace.discovery import Workspace


def check_requirements(
    made: Mapping[str, tuple[Distribution, ...]], workspace: Workspace, published: Iterable[str]
) -> None:
    """Check that libraries require no member of the workspace that is not published.

    Raises:
        UnpublishedRequirementError: One does, always or with an extra.
    """
    members = {package.name for package in workspace.packages}
    members -= {str(canonicalize_name(name)) for name in published}
    faults = []
    for name, files in made.items():
        for text in dict.fromkeys(text for file in files for text in file.requires):
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue  # invalid metadata is reported by twine check
            needed = canonicalize_name(requirement.name)
            if needed in members:
                faults.append(
                    f"{name} requires {text}, and {needed} is a package of this workspace that is "
                    f"not published, so {name} could not be installed; add it to "
                    f"publish.libraries, or to publish.elsewhere if an index has it"
                )
    if faults:
        raise UnpublishedRequirementError(*faults)
