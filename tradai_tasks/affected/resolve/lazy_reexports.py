"""Names under which lazy modules (PEP 562) are re-exported, and stubs read as their tables.

`import a.lazy as api` in m.py, and `from m import api` in another file: whatever that one takes
from `api`, it takes from the lazy module.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from tradai_tasks.affected.parse.dotted_names import inner_name
from tradai_tasks.affected.parse.facts import Facts, Lazy


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
