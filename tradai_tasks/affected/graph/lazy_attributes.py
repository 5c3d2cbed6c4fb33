"""Nodes of the import graph for attributes of lazy modules (PEP 562)."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["LazyAttribute", "LazyAttributes"]

LazyAttribute = tuple[int, str]  # (lazy module, name)


class LazyAttributes:
    """The attributes that are used of lazy modules; each is a node, numbered after the files."""

    def __init__(self, first: int) -> None:
        """Begin with none.

        Args:
            first: The number of the first node.
        """
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
