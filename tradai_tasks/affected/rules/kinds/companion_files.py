"""Files that belong to a module: the `__init__` of the packages around it, and its stub."""

from __future__ import annotations

from collections.abc import Iterable

from tradai_tasks.affected.rules.edge_rule import FileRule, Place


class PackageInit(FileRule):
    """Link a module to the `__init__.py` of the package around it: Python runs it first."""

    name = "package"
    order = 10
    summary = "the `__init__.py` of every package around a module"

    def items(self, place: Place) -> Iterable[int]:
        """Return the nodes of the files."""
        return place.index.parent_inits(place.path)

    def link_item(self, item: int, place: Place) -> Iterable[int]:
        """Return the node itself."""
        return (item,)


class StubFile(PackageInit):
    """Link a module and its stub."""

    name = "stub"
    order = 20
    summary = "the `.pyi` file next to a module, and the module of a stub"

    def items(self, place: Place) -> Iterable[int]:
        """Return the nodes of the files."""
        return place.index.stub_or_module(place.path)
