"""Lazy modules (PEP 562) under other names: what a stub tells of them, and who hands them on."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from tradai_tasks.affected.parse.facts import Facts, Lazy

__all__ = ["is_collected", "lazy_stub", "offers", "tops_of"]


def offers(
    paths: Sequence[str], facts: Sequence[Facts], tops: frozenset[str]
) -> frozenset[tuple[int, str]]:
    """Return the names that files give to lazy modules and under which other files take them.

    `import a.lazy as api` in m.py, and `from m import api` in another file: whatever that one
    takes from `api`, the lazy module is asked for. Names alone decide, so that this errs on the
    side of too many.

    Args:
        paths: Files.
        facts: What each of them says.
        tops: The names through which lazy modules can be reached.
    """
    if not tops:
        return frozenset()
    bound = {
        (number, name)
        for number, found in enumerate(facts)
        for module, clauses in found.imports
        for name in _bound(module, clauses, tops)
    }
    stems = {_stem(paths[number]) for number, _ in bound}
    taken = {
        (stem, clause.partition(" ")[0])
        for found in facts
        for module, clauses in found.imports
        if clauses and (stem := module.rpartition(".")[2]) in stems
        for clause in clauses
    }
    return frozenset(
        (number, name)
        for number, name in bound
        if {(_stem(paths[number]), name), (_stem(paths[number]), "*")} & taken
    )


def _bound(module: str, clauses: Iterable[str], tops: frozenset[str]) -> Iterable[str]:
    dotted, _, alias = module.partition(" as ")
    if alias and not tops.isdisjoint(dotted.split(".")):
        yield alias
    for clause in clauses:
        name, _, alias = clause.partition(" as ")
        if name in tops:
            yield alias or name


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return posixpath.basename(folder) if stem == "__init__" else stem


def lazy_stub(facts: Facts) -> Lazy:
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
                reference = f"{module}{'' if module.endswith('.') else '.'}{name}"
                symbols[bound or name] = (*symbols.get(bound or name, ()), reference)
    return Lazy(symbols=symbols, others=tuple(others), defined=frozenset(), complete=True)


def is_collected(path: str) -> bool:
    """Tell whether pytest imports a file by itself, going by its usual names."""
    name = path.rpartition("/")[2]
    return name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py")


def tops_of(lazy: Iterable[str]) -> frozenset[str]:
    """Return the names through which lazy modules can be reached: every part of their paths."""
    parts = {part for path in lazy for part in path.rpartition(".")[0].split("/")}
    return frozenset(parts - {"__init__"})
