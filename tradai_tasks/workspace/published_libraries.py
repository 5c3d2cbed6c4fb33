"""Choose the libraries of the workspace that are published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name

from tradai_tasks.errors import BadArgumentsError, SettingsError
from tradai_tasks.settings.publish import PublishSettings
from tradai_tasks.workspace.discovery import Package, Workspace, unknown_package

DEFAULT_LIBRARY = "tradai-strategy"


def library_names(workspace: Workspace, settings: PublishSettings) -> tuple[str, ...]:
    """Return the names that the settings publish, by default `tradai-strategy` if there is one."""
    if settings.libraries is not None:
        return settings.libraries
    return tuple(one.name for one in workspace.packages if one.name == DEFAULT_LIBRARY)


def libraries_of(
    workspace: Workspace, settings: PublishSettings, *, file: str
) -> tuple[Package, ...]:
    """Return the packages that are published.

    Raises:
        SettingsError: They name none, or one that does not exist or cannot be built.
    """
    by_name = {package.name: package for package in workspace.packages}
    names = library_names(workspace, settings)
    if not names:
        raise SettingsError(
            f"{file}: publish.libraries: nothing to publish; name the packages to publish there"
        )
    found: dict[str, Package] = {}
    for position, name in enumerate(names):
        where = f"{file}: publish.libraries[{position}]: {name!r}"
        package = by_name.get(canonicalize_name(name))
        if package is None:
            raise SettingsError(f"{where}: {unknown_package(name, by_name)}")
        if not package.is_installed:
            raise SettingsError(
                f"{where}: {package.path}/pyproject.toml has no [build-system], so there is no "
                f"wheel of it; add one, or take the name out"
            )
        found.setdefault(package.name, package)
    return tuple(found.values())


def chosen(libraries: Sequence[Package], only: Iterable[str]) -> tuple[Package, ...]:
    """Return the libraries with given names, or all; raise BadArgumentsError for an unknown one."""
    by_name = {package.name: package for package in libraries}
    wanted = [str(canonicalize_name(name)) for name in only]
    for name in wanted:
        if name not in by_name:
            raise BadArgumentsError(
                f"--only {name}: none of what is published here; known are {', '.join(by_name)}"
            )
    return tuple(package for name, package in by_name.items() if not wanted or name in wanted)
