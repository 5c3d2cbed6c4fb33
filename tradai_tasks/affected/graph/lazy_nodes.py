"""The lazy modules (PEP 562) of one snapshot, and the nodes that stand for their attributes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.parse.dotted_names import inner_name, is_parent_init
from tradai_tasks.affected.parse.facts import Facts, Lazy
from tradai_tasks.affected.resolve.module_index import ModuleIndex

LazyAttribute = tuple[int, str]  # (lazy module, name)
EVERY_NAME = "*"  # stands for all names of a lazy module


class LazyModules:
    """Lazy modules by file, with their stubs, and the attributes of them that files use.

    Each of these attributes is a node of the graph, numbered after the files.
    """

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
        self.nodes: dict[LazyAttribute, int] = {}  # in the order of their numbers
        self._among: dict[tuple[int, ...], tuple[int, ...]] = {}

    def has_same_reexports(self, older: Mapping[int, Facts]) -> bool:
        """Tell whether the re-exported names stay as they are if some files have other facts."""
        if not self.parts or all(o.imports == self._facts[n].imports for n, o in older.items()):
            return True
        facts = [older.get(number, now) for number, now in enumerate(self._facts)]
        return reexported_names(self._paths, facts, self.parts) == self.reexported

    def node(self, module: int, name: str) -> int:
        """Return the node of an attribute, a new one where there is none."""
        return self.nodes.setdefault((module, name), len(self._paths) + len(self.nodes))

    def nodes_among(self, files: tuple[int, ...], name: str) -> list[int]:
        """Return the nodes of a name in the lazy modules among the files that a name leads to.

        The packages around a module are not meant by its name.
        """
        if not self._tables:
            return []
        if files not in self._among:
            paths = [self._paths[number] for number in files]
            found = [number for number in files if number in self._tables]
            self._among[files] = tuple(
                number for number in found if not is_parent_init(self._paths[number], paths)
            )
        return [self.node(module, name) for module in self._among[files]]

    def nodes_below(self, folders: Iterable[str]) -> list[int]:
        """Return the nodes of all names of the lazy modules below some folders."""
        starts = tuple(f"{folder}/" for folder in folders)
        below = [number for number in self._tables if self._paths[number].startswith(starts)]
        return [self.node(number, EVERY_NAME) for number in below]

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


def reexported_names(
    paths: Sequence[str], facts: Sequence[Facts], parts: frozenset[str]
) -> frozenset[tuple[int, str]]:
    """Return the names that files bind to lazy modules and that other files import from them.

    Names alone decide, so that this errs on the side of too many.

    Returns:
        Pairs of a file, by its number, and a name that it binds.
    """
    if not parts:
        return frozenset()
    bound: set[tuple[int, str]] = set()
    for number, found in enumerate(facts):
        for module, clauses in found.imports:
            if (
                parts.isdisjoint(clauses)
                and " as " not in module
                and " as " not in "".join(clauses)
            ):
                continue  # as most are
            bound.update((number, name) for name in _bound_names(module, clauses, parts))
    stems = {_module_name(paths[number]) for number, _ in bound}
    imported = {
        (stem, clause.partition(" ")[0])
        for found in facts
        for module, clauses in found.imports
        if clauses and (stem := module.rpartition(".")[2]) in stems
        for clause in clauses
    }
    return frozenset(
        (number, name)
        for number, name in bound
        if {(_module_name(paths[number]), name), (_module_name(paths[number]), "*")} & imported
    )


def _bound_names(module: str, clauses: Iterable[str], parts: frozenset[str]) -> Iterable[str]:
    dotted, _, alias = module.partition(" as ")
    if alias and not parts.isdisjoint(dotted.split(".")):
        yield alias
    for clause in clauses:
        name, _, alias = clause.partition(" as ")
        if name in parts:
            yield alias or name


def _module_name(path: str) -> str:
    """Return the last part of the name that a file has as a module."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return posixpath.basename(folder) if stem == "__init__" else stem


def table_of_stub(facts: Facts) -> Lazy:
    """Read the stub (`.pyi`) of a lazy module as a table: which name comes from which module."""
    symbols: dict[str, tuple[str, ...]] = {}
    others: list[str] = []
    for module, names in facts.imports:
        if not names:
            others.append(module.partition(" as ")[0])
        for clause in names:
            name, _, bound = clause.partition(" as ")
            if name == "*":
                others.append(module)
            else:
                found = symbols.get(bound or name, ())
                symbols[bound or name] = (*found, inner_name(module, name))
    return Lazy(symbols=symbols, others=tuple(others), defined=frozenset())


def path_parts(paths: Iterable[str]) -> frozenset[str]:
    """Return every part of the paths of modules: a name for one of them has one of these parts."""
    parts = {part for path in paths for part in path.rpartition(".")[0].split("/")}
    return frozenset(parts - {"__init__"})
