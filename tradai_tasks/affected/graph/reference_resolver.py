"""Resolve names and references in text to nodes of the import graph."""

from __future__ import annotations

from collections.abc import Iterable

from tradai_tasks.affected.graph.lazy_nodes import EVERY_NAME, LazyAttributes, LazyModules
from tradai_tasks.affected.resolve.dotted_names import depth_of
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.resolve.name_search import Resolution


class ReferenceResolver:
    """Finds files and attributes of lazy modules, as seen from a file's folder and member."""

    def __init__(self, index: ModuleIndex, lazy: LazyModules, attributes: LazyAttributes) -> None:
        self._index = index
        self._lazy = lazy
        self._attributes = attributes

    def find(self, dotted: str, folder: str, owner: int) -> Resolution:
        """Look up a dotted name, absolute or relative."""
        if dotted.startswith("."):
            found = self._index.find_relative(dotted, folder, owner)
        else:
            found = self._index.find(dotted, folder, owner)
        changers = self._index.path_changes.package_path_members
        if changers and 0 < found.length < depth_of(dotted):
            if changers.isdisjoint({owner, *(self._index.owners[n] for n in found.files)}):
                return found
            return self._find_rest(dotted, found)
        return found

    def _find_rest(self, dotted: str, found: Resolution) -> Resolution:
        """Look for the rest of a name in any folder: the `__path__` of its package is changed."""
        rest = ".".join(dotted.strip(".").split(".")[found.length :])
        more = self._index.find_anywhere(rest)
        length = depth_of(dotted) if more else found.length
        return Resolution((*found.files, *more), length, found.is_undeclared)

    def nodes_of(self, text: str, folder: str, owner: int) -> set[int]:
        """Return the nodes that a string leads to: "a.b", "a.b:attribute", ".b"."""
        dotted, _, attribute = text.partition(":")
        files, length, _ = self.find(dotted, folder, owner)
        if not files:
            return set()
        found = set(files)
        lazy = self._lazy.among(files)
        if lazy:
            parts = dotted.strip(".").split(".") if dotted.strip(".") else []
            rest = parts[length:] or ([attribute.partition(".")[0]] if attribute else [])
            found.update(self._attributes.nodes(lazy, rest[0] if rest else EVERY_NAME))
        return found

    def targets_of_lazy(self, number: int, name: str) -> set[int]:
        """Return the nodes that a lazy module loads for one of its names."""
        folder = self._index.paths[number].rpartition("/")[0]
        owner = self._index.owners[number]
        found = {number}
        for reference in self._lazy.references(number, name):
            found |= self.nodes_of(reference, folder, owner)
            if not reference.startswith("."):  # the table of a class that puts the dot before it
                dotted = reference.partition(":")[0]
                inner = self.find(f".{dotted}", folder, owner)
                found.update(inner.files if inner.length == depth_of(dotted) else ())
        return found

    def group(self, group: str, folder: str, owner: int) -> set[int]:
        """Return what the entry points of a group ("*" for any) lead to, of every member."""
        targets = (
            target
            for member in self._index.members
            for name, target in member.entry_points
            if group in {"*", name}
        )
        return self._entry_points(targets, folder, owner)

    def entry_points(self, member: Member, number: int, group: str | None = None) -> set[int]:
        """Return what a member's own entry points lead to, seen from its folder."""
        targets = (target for name, target in member.entry_points if group in {None, name})
        return self._entry_points(targets, "" if member.path == "." else member.path, number)

    def _entry_points(self, targets: Iterable[str], folder: str, owner: int) -> set[int]:
        return {
            node
            for target in targets
            for node in self.nodes_of(target.partition("[")[0].strip(), folder, owner)
        }
