"""Collect the edges between files: what each loads when it is imported or run.

Nodes are numbers: first the Python files of the snapshot, then the attributes that are used of lazy
modules (PEP 562).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tradai_tasks.affected.graph.import_statements import ImportStatements, ReadTexts, nodes_used
from tradai_tasks.affected.graph.lazy_nodes import LazyAttribute, LazyModules
from tradai_tasks.affected.graph.reference_resolver import ReferenceResolver
from tradai_tasks.affected.parse.facts import Facts, Import, Reference
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.catalog import RuleSet
from tradai_tasks.affected.rules.edge_rule import EdgeRule, FileRule, Place


class Linker:
    """Collects the edges of one snapshot."""

    def __init__(self, index: ModuleIndex, facts: Sequence[Facts], rules: RuleSet) -> None:
        self.rules = rules
        self.index = index
        self.facts = facts
        self.edges: dict[int, set[int]] = {}
        self.lazy = LazyModules(index, facts)
        self.resolver = ReferenceResolver(index, self.lazy)
        self.imports = ImportStatements(self.resolver)
        self._linked: set[LazyAttribute] = set()  # whose edges are collected

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
        """Take over what an earlier run has found."""
        for attribute, nodes in zip(attributes, targets, strict=True):
            self.edges[self.lazy.node(*attribute)] = set(nodes)
            self._linked.add(attribute)
        self.edges.update({number: set(nodes) for number, nodes in edges.items()})

    def link_files(self, numbers: Iterable[int]) -> None:
        """Collect the edges of files, except those that only `finish` finds."""
        for number in numbers:
            self._link_file(number, self.facts[number])

    def finish(self, read: ReadTexts) -> None:
        """Collect the edges that only the texts of files tell, and those of lazy modules."""
        self._follow_uses(read)
        self.link_attributes()

    def link_older(self, older: Mapping[int, Facts], read: ReadTexts) -> None:
        """Add the edges of earlier versions of files."""
        noted, self.imports.undeclared = self.imports.undeclared, {}
        for number, facts in older.items():
            self._link_file(number, facts)
        self._follow_uses(read)
        self.imports.undeclared = noted  # no warnings about what is no longer there

    def link_attributes(self) -> None:
        """Collect the edges of attributes of lazy modules that were added since the last time."""
        while unlinked := [one for one in self.lazy.nodes if one not in self._linked]:
            for number, name in unlinked:  # one may lead to others
                node = self.lazy.node(number, name)
                self.add(node, self.resolver.targets_of_lazy(number, name))
            self._linked.update(unlinked)

    def names(self) -> list[str]:
        """Return the name of each node: a path; "?path:name" for an attribute of a lazy module."""
        paths = self.index.paths
        return [*paths, *(f"?{paths[lazy]}:{name}" for lazy, name in self.lazy.nodes)]

    def _follow_uses(self, read: ReadTexts) -> None:
        for number, nodes in nodes_used(self.resolver, self.imports.bindings, read):
            self.add(number, nodes)
        self.imports.bindings.clear()

    def follow(self, place: Place, statement: Import) -> Iterator[int]:
        """Yield what an import statement loads; stubs that are read name by name load nothing."""
        if place.number not in self.lazy.stubs:
            for files in self.imports.follow(place, statement):
                yield from files

    def _place(self, number: int, facts: Facts) -> Place:
        return Place(number, facts, self.edges.setdefault(number, set()), self)

    def _items(self, place: Place) -> Iterator[tuple[EdgeRule, Iterable[Any]]]:
        """Yield the rules in their order, each with the items that it links for a file."""
        named: dict[str, list[Reference]] = {}
        for one in place.facts.references:
            named.setdefault(one.kind, []).append(one)
        for rule in self.rules.rules:
            if isinstance(rule, FileRule):
                yield rule, rule.items(place)
            elif rule.name in named:
                yield rule, named[rule.name]

    def _link_file(self, number: int, facts: Facts) -> None:
        place = self._place(number, facts)
        for rule, items in self._items(place):
            for item in items:  # later ones may look at what earlier ones have found
                place.loaded.update(self.rules.link(rule, item, place))
        place.loaded.discard(number)

    def targets(self, number: int, facts: Facts) -> Iterator[tuple[EdgeRule, set[int]]]:
        """Yield the rules that find edges of a file, each with nodes that the file loads."""
        place = self._place(number, facts)
        for rule, items in self._items(place):
            yield rule, {n for item in items for n in self.rules.link(rule, item, place)} - {number}

    def node_of(self, name: str) -> int | None:
        """Return the node of a name that `names` gives; None for a file that is not Python."""
        if not name.startswith("?"):
            return self.index.ids.get(name)
        path, _, attribute = name[1:].rpartition(":")
        return self.lazy.node(self.index.ids[path], attribute)

    def trace(self, number: int, facts: Facts, name: str) -> Iterator[tuple[EdgeRule, Any]]:
        """Yield the rules by which a file loads a node, each with an item that names it."""
        place = self._place(number, facts)
        target = self.node_of(name)
        last = re.split(r"[/:]", name.removesuffix("/__init__.py"))[-1]
        likely = last.partition(".")[0]  # an item with it is the first tried
        for rule, items in self._items(place):
            for item in sorted(items, key=lambda item: likely not in repr(item)):
                if target in set(self.rules.link(rule, item, place)):
                    yield rule, item
                    break

    def uses_of(self, number: int, facts: Facts, read: ReadTexts) -> set[int]:
        """Return what a file loads by attributes of the modules that it imports."""
        place = self._place(number, facts)
        for statement in facts.imports:
            set(place.statement(statement))  # notes the modules that the file binds
        used = [nodes for _, nodes in nodes_used(self.resolver, self.imports.bindings, read)]
        self.imports.bindings.clear()
        return set().union(*used)
