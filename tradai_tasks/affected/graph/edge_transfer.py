"""The edges of some files, as one process hands them to another."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tradai_tasks.affected.graph.lazy_nodes import Question

__all__ = ["Held", "Linked"]


class Held(NamedTuple):
    """A module that may hold a lazy one, under a name in a file."""

    number: int
    bound: str  # the name there
    dotted: str  # the module
    folder: str
    owner: int


class Linked(msgspec.Struct, array_like=True, gc=False):
    """What one process has collected."""

    edges: dict[int, list[int]]  # file -> nodes
    first: int  # of the nodes that stand for `asked`
    asked: list[Question]
    undeclared: dict[int, list[str]]  # file -> modules that it should declare
    held: list[Held]
