"""Edges for what files take from a module that they bind to a name: `import a.b as m; m.c.d`.

Only modules that may contain lazy ones (PEP 562) are followed; for others, the import says it all.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from tradai_tasks.affected.graph.lazy_nodes import EVERY_NAME
from tradai_tasks.affected.graph.reference_resolver import ReferenceResolver
from tradai_tasks.affected.parse.dotted_names import depth_of, inner_name, is_parent_init
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.kinds.lazy_modules import uses_of

# Returns the texts of files; one that cannot be decoded is left out.
ReadTexts = Callable[[Collection[int]], Mapping[int, str]]


class ModuleBinding(NamedTuple):
    """A name that a file binds to a module in which there may be lazy ones."""

    file: int
    name: str
    dotted: str  # the module
    folder: str  # the file's
    owner: int  # the member that owns the file


def nodes_used(
    resolver: ReferenceResolver, bindings: Collection[ModuleBinding], read: ReadTexts
) -> Iterator[tuple[int, Iterable[int]]]:
    """Yield (file, nodes) for what files take from the modules that they bind."""
    texts = read({binding.file for binding in bindings})
    for binding in bindings:
        name, base = binding.name, binding.dotted
        if "." in name and name == base and not base.startswith("."):
            # `import a.b` binds `a`: what is taken from `a` counts too
            name = base = name.partition(".")[0]
        text = texts.get(binding.file)
        for chain in {()} if text is None else uses_of(text, name):
            for nodes in _follow_chain(resolver, binding, base, chain):
                yield binding.file, nodes


def _follow_chain(
    resolver: ReferenceResolver, binding: ModuleBinding, dotted: str, chain: tuple[str, ...]
) -> Iterator[Iterable[int]]:
    """Yield the nodes that a chain of attributes of a module leads to."""
    index, lazy = resolver.index, resolver.lazy
    files = resolver.find(dotted, binding.folder, binding.owner).files
    for part in chain:
        yield lazy.nodes_among(files, part)
        dotted = inner_name(dotted, part)
        files, length, _ = resolver.find(dotted, binding.folder, binding.owner)
        if not files or length < depth_of(dotted):
            if not index.names_folder(dotted):
                return
            files = ()
        yield files
    yield lazy.nodes_among(files, EVERY_NAME)
    if not chain:  # passed on as a whole, with the lazy modules in it
        inits = init_files_of(index, files)
        yield lazy.nodes_below(posixpath.dirname(index.paths[number]) for number in inits)


def init_files_of(index: ModuleIndex, files: Iterable[int]) -> list[int]:
    """Return the `__init__` files of the package that a name is, without those around it."""
    paths = {number: index.paths[number] for number in files}
    inits = [n for n, path in paths.items() if posixpath.basename(path).startswith("__init__.")]
    return [n for n in inits if not is_parent_init(paths[n], paths.values())]
