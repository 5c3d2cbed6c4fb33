"""Resolve names and references in text to nodes of the import graph."""

from __future__ import annotations

from collections.abc import Iterable

from tradai_tasks.affected.graph.lazy_nodes import EVERY_NAME, LazyModules
from tradai_tasks.affected.parse.dotted_names import depth_of
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.resolve.name_search import Resolution


class ReferenceResolver:
    """Finds files and attributes of lazy modules, as seen from a file's folder and member."""

    def __init__(self, index: ModuleIndex, lazy: LazyModules) -> None:
        self.index = index
        self.lazy = lazy

    def find(self, dotted: str, folder: str, owner: int) -> Resolution:
        """Look up a dotted name, absolute or relative."""
        if dotted.startswith("."):
            found = self.index.find_relative(dotted, folder, owner)
        else:
            found = self.index.find(dotted, folder, owner)
        changers = self.index.path_changes.package_path_members
        if changers and 0 < found.length < depth_of(dotted):
            if changers.isdisjoint({owner, *(self.index.owners[n] for n in found.files)}):
                return found
            # the `__path__` of its package is changed: the rest may lie in any folder
            rest = ".".join(dotted.strip(".").split(".")[found.length :])
            if more := self.index.find_anywhere(rest):
                return Resolution((*found.files, *more), depth_of(dotted), found.is_undeclared)
        return found

    def nodes_of(self, text: str, folder: str, owner: int) -> set[int]:
        """Return the nodes that a string leads to: "a.b", "a.b:attribute", ".b"."""
        dotted, _, attribute = text.partition(":")
        files, length, _ = self.find(dotted, folder, owner)
        if not files:
            return set()
        parts = dotted.strip(".").split(".") if dotted.strip(".") else []
        rest = parts[length:] or ([attribute.partition(".")[0]] if attribute else [])
        return {*files, *self.lazy.nodes_among(files, rest[0] if rest else EVERY_NAME)}

    def targets_of_lazy(self, number: int, name: str) -> set[int]:
        """Return the nodes that a lazy module loads for one of its names."""
        folder = self.index.paths[number].rpartition("/")[0]
        owner = self.index.owners[number]
        found = {number}
        for reference in self.lazy.references(number, name):
            found |= self.nodes_of(reference, folder, owner)
            if not reference.startswith("."):  # the table of a class that puts the dot before it
                dotted = reference.partition(":")[0]
                inner = self.find(f".{dotted}", folder, owner)
                found.update(inner.files if inner.length == depth_of(dotted) else ())
        return found

    def entry_points(
        self, members: Iterable[Member], group: str, folder: str, owner: int
    ) -> set[int]:
        """Return what the entry points of members lead to: those of one group, or of any ("*")."""
        return {
            node
            for member in members
            for name, target in member.entry_points
            if group in {"*", name}
            for node in self.nodes_of(target.partition("[")[0].strip(), folder, owner)
        }
