"""Hold what recordings show to be loaded against the static import graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.kept_result import KeptResult, decode_result
from tradai_tasks.results.store import Store


def fitting(store: Store, tree: WorkTree, tests: Collection[str]) -> Iterator[KeptResult]:
    """Yield the results of test files whose loaded files are those of the work tree.

    Args:
        store: The store.
        tree: The work tree.
        tests: The test files of the repository, from the root.

    Raises:
        ResultStoreError: The store cannot be used.
    """
    names = [entry.name for entry in store.entries()]
    for result in filter(None, map(decode_result, store.read(names).values())):
        if result.test_file in tests and tree.has_modules(result.inputs, result.digested):
            yield result


def unseen_loads(results: Iterable[KeptResult], graph: ImportGraph) -> list[tuple[str, str]]:
    """Return (test file, loaded file) where a change of the file would not select the tests."""
    loads = {(one.test_file, path) for one in results for path in one.inputs.modules}
    reached = {path: _selected_by(graph, path) for _, path in loads}
    return sorted(
        (test, path)
        for test, path in loads
        if (selected := reached[path]) is not None and graph.owner_of(test) not in selected
    )


def _selected_by(graph: ImportGraph, path: str) -> frozenset[str] | None:
    """Return the members that a change of a file selects; None if it selects everything."""
    if graph.owner_of(path) is None and not graph.accounted([path]):
        return None
    return frozenset(graph.affected_by([path]))
