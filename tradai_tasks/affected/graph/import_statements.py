"""Edges of import statements: what `import a.b` and `from a import b` load."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from tradai_tasks.affected.graph.lazy_nodes import EVERY_NAME
from tradai_tasks.affected.graph.reference_resolver import ReferenceResolver
from tradai_tasks.affected.parse.dotted_names import depth_of, inner_name, is_parent_init
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.edge_rule import Place
from tradai_tasks.affected.rules.kinds.lazy_modules import uses_of


class ImportStatements:
    """Follows the import statements of files."""

    def __init__(self, resolver: ReferenceResolver) -> None:
        self._index, self._lazy, self._find = resolver.index, resolver.lazy, resolver.find
        self.bindings: list[ModuleBinding] = []
        self.undeclared: dict[int, dict[str, None]] = {}  # file -> modules it should declare

    def follow(self, place: Place, statement: Import) -> Iterator[Iterable[int]]:
        """Yield what one statement of a file loads."""
        module, names = statement
        top = module.partition(" ")[0].partition(".")[0]
        if top and not self._index.finds_top(top, place.folder, place.owner):
            return  # the standard library, or what is installed
        dotted, _, bound = module.partition(" as ")
        files, length, is_undeclared = self._find(dotted, place.folder, place.owner)
        if is_undeclared:
            self._note_undeclared(place, dotted)
        yield files
        is_whole = length == depth_of(dotted)
        if not names:
            if is_whole and (place.number, bound) in self._lazy.reexported:
                yield self._lazy.nodes_among(files, EVERY_NAME)
            if not self._lazy.parts.isdisjoint(dotted.split(".")):
                self._bind(place, bound or dotted, dotted)
        elif files and not is_whole:
            if not self._index.names_folder(dotted):  # something that the package makes up
                yield self._lazy.nodes_among(files, EVERY_NAME)
            files = ()
        for clause in names:
            name, _, bound = clause.partition(" as ")
            if name == "*":
                yield self._lazy.nodes_among(files, EVERY_NAME)
                yield self._modules_in(files)
            else:
                yield self._lazy.nodes_among(files, name)
                yield from self._follow_name(place, inner_name(module, name), name, bound or name)

    def _follow_name(
        self, place: Place, dotted: str, name: str, bound: str
    ) -> Iterator[Iterable[int]]:
        """Follow one name of `from module import name as bound`, where it is a module itself."""
        files, length, is_undeclared = self._find(dotted, place.folder, place.owner)
        if files and length == depth_of(dotted):
            if is_undeclared:
                self._note_undeclared(place, dotted)
            yield files
            if self._is_reexported(place, files, name, bound):
                yield self._lazy.nodes_among(files, EVERY_NAME)
        if name in self._lazy.parts:
            self._bind(place, bound, dotted)

    def _is_reexported(self, place: Place, files: Iterable[int], name: str, bound: str) -> bool:
        """Tell whether others import a module from here that is not here, or not by that name."""
        if not place.path.endswith(("/__init__.py", "/__init__.pyi")):
            return (place.number, bound) in self._lazy.reexported
        inner = f"{place.folder}/{name}"
        own = {f"{inner}{end}" for end in (".py", ".pyi", "/__init__.py", "/__init__.pyi")}
        return name != bound or own.isdisjoint(self._index.paths[n] for n in files)

    def _modules_in(self, files: Iterable[int]) -> list[int]:
        """Return a package's own modules: a star import takes those that `__all__` names."""
        found = []
        for number in init_files_of(self._index, files):
            folder = posixpath.dirname(self._index.paths[number])
            found += self._index.by_folder[folder]
            found += self._index.subpackage_inits.get(folder, ())
        return found

    def _bind(self, place: Place, name: str, dotted: str) -> None:
        self.bindings.append(ModuleBinding(place.number, name, dotted, place.folder, place.owner))

    def _note_undeclared(self, place: Place, dotted: str) -> None:
        self.undeclared.setdefault(place.number, {})[dotted.partition(".")[0]] = None


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
