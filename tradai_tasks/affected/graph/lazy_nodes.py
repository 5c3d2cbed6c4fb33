"""The lazy modules (PEP 562) of one snapshot, and the nodes that stand for their attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.parse.facts import Facts, Lazy
from tradai_tasks.affected.resolve.dotted_names import is_parent_init
from tradai_tasks.affected.resolve.lazy_reexports import path_parts, reexported_names, table_of_stub
from tradai_tasks.affected.resolve.module_index import ModuleIndex

LazyAttribute = tuple[int, str]  # (lazy module, name)
EVERY_NAME = "*"  # stands for all names of a lazy module


class LazyModules:
    """Lazy modules by file, with their stubs."""

    def __init__(self, index: ModuleIndex, facts: Sequence[Facts]) -> None:
        self._paths = index.paths
        self._facts = facts
        self._tables: dict[int, Lazy] = {
            number: one.lazy for number, one in enumerate(facts) if one.lazy is not None
        }
        self.stubs = {  # stubs that are read name by name, whatever they import at once
            stub
            for lazy in self._tables
            for stub in index.stub_or_module(index.paths[lazy])
            if index.paths[stub].endswith(".pyi") and stub not in self._tables
        }
        self._tables |= {stub: table_of_stub(facts[stub]) for stub in sorted(self.stubs)}
        self.parts = path_parts(index.paths[number] for number in self._tables)
        # (file, name): a lazy module that the file binds to the name and others import from it
        self.reexported = reexported_names(index.paths, facts, self.parts)
        self._among: dict[tuple[int, ...], tuple[int, ...]] = {}

    def has_same_reexports(self, older: Mapping[int, Facts]) -> bool:
        """Tell whether the re-exported names stay as they are if some files have other facts."""
        if not self.parts or all(o.imports == self._facts[n].imports for n, o in older.items()):
            return True
        facts = [older.get(number, now) for number, now in enumerate(self._facts)]
        return reexported_names(self._paths, facts, self.parts) == self.reexported

    def among(self, files: tuple[int, ...]) -> tuple[int, ...]:
        """Return the lazy modules among the files of a name, without the packages around it."""
        known = self._among.get(files)
        if known is None:
            paths = [self._paths[number] for number in files]
            found = [number for number in files if number in self._tables]
            known = tuple(n for n in found if not is_parent_init(self._paths[n], paths))
            self._among[files] = known
        return known

    def below(self, folders: Iterable[str]) -> list[int]:
        """Return the lazy modules below some folders."""
        starts = [f"{folder}/" for folder in folders]
        return [n for n in self._tables for s in starts if self._paths[n].startswith(s)]

    def references(self, number: int, name: str) -> Iterable[str]:
        """Return what a lazy module refers to for a name, or for `EVERY_NAME`."""
        lazy = self._tables[number]
        if name == EVERY_NAME:
            return {r for refs in lazy.symbols.values() for r in refs} | set(lazy.others)
        if lazy.symbols.get(name):
            return lazy.symbols[name]
        if name in lazy.defined:
            return ()
        return lazy.others  # a name that is only listed comes from wherever the names come from


class LazyAttributes:
    """The attributes that are used of lazy modules; each is a node, numbered after the files."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._nodes: dict[LazyAttribute, int] = {}
        self._linked: set[LazyAttribute] = set()

    @property
    def all(self) -> list[LazyAttribute]:
        """All of them, in the order of their nodes."""
        return list(self._nodes)

    @property
    def next_node(self) -> int:
        """The number of the next node."""
        return self._first + len(self._nodes)

    def node(self, attribute: LazyAttribute) -> int:
        """Return the node of an attribute, a new one where there is none."""
        return self._nodes.setdefault(attribute, self.next_node)

    def nodes(self, modules: Iterable[int], name: str) -> list[int]:
        """Return the nodes of a name in some lazy modules."""
        return [self.node((module, name)) for module in modules]

    def unlinked(self) -> list[LazyAttribute]:
        """Return the attributes whose edges are not collected yet."""
        return [attribute for attribute in self._nodes if attribute not in self._linked]

    def mark_linked(self, attributes: Iterable[LazyAttribute]) -> None:
        """Note that the edges of some attributes are collected."""
        self._linked.update(attributes)
