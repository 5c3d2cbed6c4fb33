"""Decide which sessions of the catalog fit a repository, and explain why one does not.

It knows nothing of nox, so that `init` can ask before there is a noxfile.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import msgspec

from tradai_tasks.checks.testing.coverage_scope import shares
from tradai_tasks.checks.testing.suite_detection import Suites, suites_of
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.sessions.core.catalog import CATALOG, Need
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.file_list import files_of
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.inventory import inventory_of
from tradai_tasks.workspace.layout import Layout, layout_of

__all__ = ["Fitting", "fitting_of"]

_CONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
_NO_PLATFORM = "it is for platforms, and this is a strategies repository (see the setting `kind`)"
_WILD = frozenset("*?[")


class Fitting(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The traits of a repository that decide which sessions it has."""

    tree: Tree
    settings: Settings
    workspace: Workspace
    layouts: Mapping[Package, Layout]
    shares: Mapping[Package, Layout]  # the packages with a test session

    def misfit(self, need: Need | None) -> str | None:
        """Return why sessions with a need do not fit and what would add them; None if they fit."""
        lacking = self._lacking(need)
        return None if lacking is None or self._has(need) else lacking

    def sessions(self) -> frozenset[str]:
        """Return the names of the sessions that fit, without packages."""
        return frozenset(entry.name for entry in CATALOG if self.misfit(entry.needs) is None)

    def has_benchmarks(self, package: Package) -> bool:
        """Return whether a test of the package takes the `benchmark` fixture."""
        return package.path in self._suites.benchmarked

    @functools.cached_property
    def _suites(self) -> Suites:
        settings = self.settings
        owned = {package.path: share.tests for package, share in self.shares.items()}
        others = {path: None for layout in self.layouts.values() for path in layout.tests}
        return suites_of(
            self.tree,
            {**owned, "": tuple({**others, "tests": None, "test": None})},
            (settings.contract.marker, settings.integration.marker),
        )

    def _has(self, need: Need | None) -> bool:
        workspace = self.workspace
        match need:
            case "platform":
                return workspace.kind != "strategies"
            case "contract" | "integration":
                table = getattr(self.settings, need)
                # if the settings name the paths of such tests, the session itself checks them
                return workspace.kind != "strategies" and (
                    bool(table.paths) or table.marker in self._suites.marked
                )
            case "benchmarks":
                return any(map(self.has_benchmarks, self.shares))
            case "images":
                return bool(workspace.services) or any(
                    self.tree.is_file(join(one.path, "Dockerfile")) for one in workspace.strategies
                )
            case "devcontainer":
                return any(map(self.tree.is_file, _CONTAINERS))
            case "site":
                return self.tree.is_file("mkdocs.yml")
            case "pages":
                return any(_leads_somewhere(self.tree, one) for one in self.settings.docs.pages)
            case "lambdas" | "services" | "stacks" | "strategies":
                return bool(getattr(workspace, need))
            case None:
                return True

    def _lacking(self, need: Need | None) -> str | None:
        """Return the message for a need that is not met."""
        match need:
            case "platform":
                return _NO_PLATFORM
            case "contract" | "integration" if self.workspace.kind == "strategies":
                return _NO_PLATFORM
            case "contract" | "integration":
                marker = getattr(self.settings, need).marker
                return (
                    f"no test has the marker {marker!r}; give one @pytest.mark.{marker}, or say "
                    f"where they are in the setting {need}.paths"
                )
            case "benchmarks":
                return "no test takes the `benchmark` fixture of pytest-benchmark; write one"
            case "images":
                return "there is no Dockerfile in services/* or in a strategy; add one"
            case "devcontainer":
                return f"there is no {_CONTAINERS[0]}; add one"
            case "site":
                return "there is no mkdocs.yml; add one"
            case "pages":
                return "no page is where the setting docs.pages says; add one, or change it"
            case "lambdas" | "services":
                return f"there is no {need}/*/Dockerfile; add one"
            case "stacks":
                return "there is no Pulumi stack under infra/; add one"
            case "strategies":
                return "there are no strategies; add one, or set `kind`"
            case None:
                return None


def fitting_of(tree: Tree, settings: Settings, workspace: Workspace) -> Fitting:
    """Return the traits of a repository, after looking at the layouts of all packages."""
    nested = frozenset(package.path for package in workspace.packages)
    layouts = {one: layout_of(tree, one, nested=nested) for one in workspace.packages}
    inventory = inventory_of(
        files_of(tree, nested), tree=tree, workspace=workspace, layouts=layouts, settings=settings
    )
    markers = settings.contract.marker, settings.integration.marker
    return Fitting(
        tree=tree,
        settings=settings,
        workspace=workspace,
        layouts=layouts,
        shares=shares(tree, workspace, layouts, inventory, markers),
    )


def _leads_somewhere(tree: Tree, glob: str) -> bool:
    """Return whether a glob may match a file; the session itself checks exactly."""
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    fixed = next((n for n, part in enumerate(parts) if _WILD & {*part}), len(parts))
    if fixed == len(parts):
        return tree.is_file("/".join(parts)) or glob.endswith("/")
    ending = parts[-1].rpartition("*")[2]
    below = "/".join(parts[:fixed]) or "."
    return any(name.endswith(ending) for name in _names(tree, below, deep=parts[fixed:][1:] != []))


def _names(tree: Tree, folder: str, *, deep: bool) -> Iterator[str]:
    yield from tree.files(folder)
    for name in tree.folders(folder) if deep else ():
        if not name.startswith((".", "node_modules")):
            yield from _names(tree, join(folder, name), deep=True)
