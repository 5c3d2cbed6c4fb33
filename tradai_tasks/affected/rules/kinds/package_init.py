"""The `__init__` files of packages: Python runs them before a module in them."""

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
