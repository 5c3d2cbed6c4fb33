"""Edges for what files take from a module that they bind to a name: `import a.b as m; m.c.d`.

Only modules that may contain lazy ones (PEP 562) are followed; for others, the import says it all.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from tradai_tasks.affected.graph.lazy_nodes import EVERY_NAME, LazyAttributes, LazyModules
from tradai_tasks.affected.graph.reference_resolver import ReferenceResolver
from tradai_tasks.affected.resolve.dotted_names import depth_of, is_parent_init
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


class ModuleUses:
    """Finds what files take from the modules that they bind."""

    def __init__(
        self,
        index: ModuleIndex,
        lazy: LazyModules,
        attributes: LazyAttributes,
        resolver: ReferenceResolver,
    ) -> None:
        self._index = index
        self._lazy = lazy
        self._attributes = attributes
        self._resolver = resolver
        self.bindings: list[ModuleBinding] = []

    def follow(self, read: ReadTexts) -> Iterator[tuple[int, Iterable[int]]]:
        """Yield (file, nodes) for all bindings so far, and forget them."""
        texts = read({binding.file for binding in self.bindings})
        for binding in self.bindings:
            name, base = binding.name, binding.dotted
            if "." in name and name == base and not base.startswith("."):
                # `import a.b` binds `a`: what is taken from `a` counts too
                name = base = name.partition(".")[0]
            text = texts.get(binding.file)
            for chain in {()} if text is None else uses_of(text, name):
                for nodes in self._follow_chain(binding, base, chain):
                    yield binding.file, nodes
        self.bindings.clear()

    def _follow_chain(
        self, binding: ModuleBinding, dotted: str, chain: tuple[str, ...]
    ) -> Iterator[Iterable[int]]:
        """Yield the nodes that a chain of attributes of a module leads to."""
        files, _, _ = self._resolver.find(dotted, binding.folder, binding.owner)
        for part in chain:
            yield self._attributes.nodes(self._lazy.among(files), part)
            further = f"{dotted}{'' if dotted.endswith('.') else '.'}{part}"
            inner, length, _ = self._resolver.find(further, binding.folder, binding.owner)
            is_module = bool(inner) and length == depth_of(further)
            if not is_module and not self._index.names_folder(further):
                return
            files, dotted = inner if is_module else (), further
            yield files
        yield self._attributes.nodes(self._lazy.among(files), EVERY_NAME)
        if not chain:  # passed on as a whole, with the lazy modules in it
            inits = init_files_of(self._index, files)
            folders = [posixpath.dirname(self._index.paths[number]) for number in inits]
            yield self._attributes.nodes(self._lazy.below(folders), EVERY_NAME)


def init_files_of(index: ModuleIndex, files: Iterable[int]) -> list[int]:
    """Return the `__init__` files of the package that a name is, without those around it."""
    paths = {number: index.paths[number] for number in files}
    inits = [n for n, path in paths.items() if posixpath.basename(path).startswith("__init__.")]
    return [n for n in inits if not is_parent_init(paths[n], paths.values())]
