"""Collect the edges between files: what each loads when it is imported or run.

Nodes are numbers: first the Python files of the snapshot, then the attributes that are used of lazy
modules (PEP 562).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tradai_tasks.affected.graph.import_statements import Importer, ImportStatements
from tradai_tasks.affected.graph.lazy_nodes import LazyAttribute, LazyAttributes, LazyModules
from tradai_tasks.affected.graph.module_uses import ModuleBinding, ModuleUses, ReadTexts
from tradai_tasks.affected.graph.reference_resolver import ReferenceResolver
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.resolve.file_table import is_collected
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.resolve.script_paths import files_at_path, scripts_in_places


class LinkedFiles(msgspec.Struct, array_like=True, gc=False):
    """The edges of some files, in the form in which another process receives them."""

    edges: dict[int, list[int]]  # file -> nodes
    first: int  # the node of the first of `attributes`
    attributes: list[LazyAttribute]
    undeclared: dict[int, list[str]]  # file -> modules that it should declare
    bindings: list[ModuleBinding]


class Linker:
    """Collects the edges of one snapshot."""

    def __init__(self, index: ModuleIndex, facts: Sequence[Facts]) -> None:
        """Prepare to link files.

        Args:
            index: The Python files, by name.
            facts: Facts of each of them, in the order of the index.
        """
        self.index = index
        self.facts = facts
        self.edges: dict[int, set[int]] = {}
        self.lazy = LazyModules(index, facts)
        self.attributes = LazyAttributes(len(index.paths))
        self.resolver = ReferenceResolver(index, self.lazy, self.attributes)
        self._uses = ModuleUses(index, self.lazy, self.attributes, self.resolver)
        self._imports = ImportStatements(
            index, self.lazy, self.attributes, self.resolver, self._uses
        )

    @property
    def undeclared(self) -> dict[int, dict[str, None]]:
        """File -> modules that it imports and that its member does not declare."""
        return self._imports.undeclared

    def add(self, node: int, targets: Iterable[int]) -> None:
        """Add edges from a node."""
        found = self.edges.setdefault(node, set())
        found.update(targets)
        found.discard(node)

    def restore(
        self,
        edges: Mapping[int, Iterable[int]],
        attributes: Iterable[LazyAttribute],
        targets: Iterable[Iterable[int]],
    ) -> None:
        """Take over what an earlier run has found.

        Args:
            edges: The edges of files that are as they were.
            attributes: The attributes of lazy modules, in the order of their nodes.
            targets: The edges of each of these.
        """
        for attribute, nodes in zip(attributes, targets, strict=True):
            self.edges[self.attributes.node(attribute)] = set(nodes)
            self.attributes.mark_linked([attribute])
        self.edges.update({number: set(nodes) for number, nodes in edges.items()})

    def link_files(self, numbers: Iterable[int]) -> None:
        """Collect the edges of files, except those that only `finish` finds."""
        for number in numbers:
            self._link_file(number, self.facts[number])

    def export(self, numbers: Iterable[int], first: int) -> LinkedFiles:
        """Return the edges of some files in a form that another process can `merge`.

        Args:
            numbers: The files.
            first: The first node that the other does not have.
        """
        return LinkedFiles(
            edges={number: list(self.edges[number]) for number in numbers},
            first=first,
            attributes=self.attributes.all[first - len(self.index.paths) :],
            undeclared={n: list(self.undeclared[n]) for n in numbers if n in self.undeclared},
            bindings=self._uses.bindings,
        )

    def merge(self, linked: LinkedFiles) -> None:
        """Add the edges that another process has collected."""
        nodes = [self.attributes.node(attribute) for attribute in linked.attributes]
        first = linked.first
        for number, found in linked.edges.items():
            self.edges[number] = {n if n < first else nodes[n - first] for n in found}
        for number, names in linked.undeclared.items():
            self.undeclared[number] = dict.fromkeys(names)
        self._uses.bindings += linked.bindings

    def finish(self, read: ReadTexts) -> None:
        """Collect the edges that only the texts of files tell, and those of lazy modules.

        Args:
            read: Reads files that bind a module with lazy ones in it to a name.
        """
        self._follow_uses(read)
        self.link_attributes()

    def link_older(self, older: Mapping[int, Facts], read: ReadTexts) -> None:
        """Add the edges of earlier versions of files.

        Args:
            older: Facts of these versions; none of a stub or a lazy module.
            read: As for `finish`, of the earlier versions.
        """
        noted, self._imports.undeclared = self._imports.undeclared, {}
        for number, facts in older.items():
            self._link_file(number, facts)
        self._follow_uses(read)
        self._imports.undeclared = noted  # no warnings about what is no longer there

    def link_attributes(self) -> None:
        """Collect the edges of attributes of lazy modules that were added since the last time."""
        while unlinked := self.attributes.unlinked():
            for number, name in unlinked:  # one may lead to others
                node = self.attributes.node((number, name))
                self.add(node, self.resolver.targets_of_lazy(number, name))
            self.attributes.mark_linked(unlinked)

    def names(self) -> list[str]:
        """Return the name of each node: a path; "?path:name" for an attribute of a lazy module."""
        paths = self.index.paths
        return [*paths, *(f"?{paths[lazy]}:{name}" for lazy, name in self.attributes.all)]

    def _follow_uses(self, read: ReadTexts) -> None:
        for number, nodes in self._uses.follow(read):
            self.add(number, nodes)

    def _link_file(self, number: int, facts: Facts) -> None:
        index = self.index
        path = index.paths[number]
        folder, owner = path.rpartition("/")[0], index.owners[number]
        found = self.edges.setdefault(number, set())
        found.update(index.parent_inits(path), index.stub_or_module(path))
        if is_collected(path):
            found.update(index.test_setup_files(folder))
        importer = Importer(number, folder, owner, found)
        for statement in () if number in self.lazy.stubs else facts.imports:
            self._imports.follow(importer, statement)
        for text in (*facts.strings, *facts.words):
            found.update(self.resolver.nodes_of(text, folder, owner))
        for prefix in facts.subtrees:
            found.update(index.files_with_prefix(prefix, folder, owner))
        for text in facts.paths:
            found.update(files_at_path(index, text, folder))
            if facts.runs_folders:
                found.update(index.files_below(index.folders_named(text, folder)))
        found.discard(number)
        if facts.is_placed:
            found.update(scripts_in_places(index, found, facts.paths, folder))
        for group in facts.groups:
            found.update(self.resolver.group(group, folder, owner))
        found.discard(number)
