"""Stubs next to modules: type checkers read one for the other."""

from __future__ import annotations

from collections.abc import Iterable

from tradai_tasks.affected.rules.edge_rule import Place
from tradai_tasks.affected.rules.kinds.package_init import PackageInit


class StubFile(PackageInit):
    """Link a module and its stub."""

    name = "stub"
    order = 20
    summary = "the `.pyi` file next to a module, and the module of a stub"

    def items(self, place: Place) -> Iterable[int]:
        """Return the nodes of the files."""
        return place.index.stub_or_module(place.path)
