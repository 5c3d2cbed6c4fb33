"""Walk a graph, given as a function, from some of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

_Node = TypeVar("_Node", bound=Hashable)


def walk(
    start: Iterable[_Node], following: Callable[[_Node], Iterable[_Node]]
) -> Iterator[tuple[_Node, _Node | None]]:
    """Yield all nodes that some lead to and these themselves, nearest first.

    Each comes with the node before it on the way; None for the first ones.
    """
    seen: dict[_Node, _Node | None] = dict.fromkeys(start)
    queue = list(seen)
    yield from seen.copy().items()
    for node in queue:
        for other in following(node):
            if other not in seen:
                seen[other] = node
                queue.append(other)
                yield other, node


def reached(start: Iterable[_Node], following: Callable[[_Node], Iterable[_Node]]) -> set[_Node]:
    """Return all nodes that some lead to, and these themselves."""
    return {node for node, _ in walk(start, following)}
