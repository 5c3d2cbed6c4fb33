"""One end of the commit range: its files, and the repository that they make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from tradai_tasks.affected.graph.fact_cache import Cache
from tradai_tasks.affected.graph.fact_loader import all_digests
from tradai_tasks.affected.graph.graph_builder import build_graph
from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.resolve.file_table import is_collected, is_python
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.selection.members import SHAPING, closures, import_members, shape_of
from tradai_tasks.affected.selection.path_rules import Owners
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.snapshot import CommitSnapshot, WorktreeSnapshot
from tradai_tasks.vcs.snapshot_tree import SnapshotTree
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.layout import Layout, layout_of


class Revision(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One end of the commit range: its files, and the repository that they make."""

    snapshot: CommitSnapshot | WorktreeSnapshot
    workspace: Workspace
    same_shape: Revision | None = None  # the other end, where both have the same packages and locks
    settings: Settings | None = None  # where they were read from git
    _layouts: dict[str, Layout] = {}  # folder of a package -> its layout, as far as asked for

    @cached_property
    def tree(self) -> SnapshotTree:
        """The files as a tree."""
        return SnapshotTree(self.snapshot)

    @cached_property
    def closures(self) -> Mapping[str, frozenset[str]]:
        """Which packages each package can import, itself included."""
        return self.same_shape.closures if self.same_shape else closures(self.tree, self.workspace)

    def members(self, cache: Cache) -> tuple[Member, ...]:
        """Return the packages as the import graph takes them: from the cache where it has them."""
        if self.same_shape:
            return self.same_shape.members(cache)
        files = self.snapshot.blobs
        shaping = [path for path in files if path.rpartition("/")[2] in SHAPING]
        digests = all_digests(self.snapshot, shaping, cache)
        shape = shape_of(files, self.snapshot.links, digests, self.workspace)
        known = cache.get_members(shape) if shape else None
        if known is None:
            known = import_members(self.tree, self.workspace, self.closures)
            if shape:
                cache.put_members(shape, known)
        return known

    def graph(self, cache: Cache) -> ImportGraph:
        """Build the import graph of this revision."""
        return build_graph(self.snapshot, self.members(cache), cache=cache, rules=cache.rules)

    def content(self, path: str) -> bytes | None:
        """Return what a file holds; None where there is none."""
        return self.tree.read(path) if self.tree.is_file(path) else None

    @cached_property
    def owners(self) -> Owners:
        """Which package a path lies in at this revision."""
        return Owners(self.workspace)

    @cached_property
    def root_package(self) -> Package | None:
        """The package at the root, if there is one that is installed."""
        packages = self.workspace.packages
        return next((one for one in packages if one.path == "." and one.is_installed), None)

    def owner_of(self, path: str) -> Package | None:
        """Return the package whose code, tests or other files a path is one of.

        Of a package at the root, only the folders of its code and its tests: whether other files
        there are the package's is not certain.
        """
        folders = self.folders_of(self.root_package)
        inside = path.startswith(tuple(f"{folder}/" for folder in folders))
        return self.owners.of(path) or (self.root_package if inside else None)

    def tested_package(self, path: str) -> Package | None:
        """Return the package whose tests a file may be one of; None for others.

        Settings may give tests any name: each module outside the import package may be one.
        """
        owner = self.owner_of(path) if is_python(path) else None
        if owner is None or is_collected(path):
            return owner
        code = tuple(f"{one.path}/" for one in self._layout(owner).imports)
        return None if path.startswith(code) or path.endswith("setup.py") else owner

    def is_loaded(self, path: str) -> bool:
        """Tell whether a path lies in a package's code or tests, not only in its folder."""
        folders = self.folders_of(self.owner_of(path))
        return path.startswith(tuple(f"{folder}/" for folder in folders))

    def folders_of(self, package: Package | None) -> tuple[str, ...]:
        """Return the folders that hold a package's code and its tests."""
        if package is None:
            return ()
        layout = self._layout(package)
        folders = [*(one.path for one in layout.imports), *layout.tests]
        return tuple(one for one in folders if not one.endswith(".py"))

    def _layout(self, package: Package) -> Layout:
        if package.path not in self._layouts:
            nested = frozenset(other.path for other in self.workspace.packages)
            self._layouts[package.path] = layout_of(self.tree, package, nested=nested)
        return self._layouts[package.path]
