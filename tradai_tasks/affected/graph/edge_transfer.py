"""The edges that one process has collected, in the form in which another receives them."""

from __future__ import annotations

import msgspec

from tradai_tasks.affected.graph.lazy_attributes import LazyAttribute
from tradai_tasks.affected.graph.module_uses import ModuleBinding

__all__ = ["LinkedFiles"]


class LinkedFiles(msgspec.Struct, array_like=True, gc=False):
    """The edges of some files."""

    edges: dict[int, list[int]]  # file -> nodes
    first: int  # the node of the first of `attributes`
    attributes: list[LazyAttribute]
    undeclared: dict[int, list[str]]  # file -> modules that it should declare
    bindings: list[ModuleBinding]
