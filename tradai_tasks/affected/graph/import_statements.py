"""Edges of import statements: what `import a.b` and `from a import b` load."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import NamedTuple

from tradai_tasks.affected.graph.lazy_nodes import EVERY_NAME, LazyAttributes, LazyModules
from tradai_tasks.affected.graph.module_uses import ModuleBinding, ModuleUses, init_files_of
from tradai_tasks.affected.graph.reference_resolver import ReferenceResolver
from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.resolve.dotted_names import depth_of
from tradai_tasks.affected.resolve.module_index import ModuleIndex


class Importer(NamedTuple):
    """A file whose imports are followed."""

    file: int
    folder: str
    owner: int  # its member
    edges: set[int]  # what it loads, as far as is known


class ImportStatements:
    """Follows the import statements of files."""

    def __init__(
        self,
        index: ModuleIndex,
        lazy: LazyModules,
        attributes: LazyAttributes,
        resolver: ReferenceResolver,
        uses: ModuleUses,
    ) -> None:
        self._index = index
        self._lazy = lazy
        self._attributes = attributes
        self._resolver = resolver
        self._uses = uses
        self.undeclared: dict[int, dict[str, None]] = {}  # file -> modules it should declare

    def follow(self, importer: Importer, statement: Import) -> None:
        """Add what one statement loads to the edges of its file."""
        module, names = statement
        top = module.partition(" ")[0].partition(".")[0]
        if top and not self._index.finds_top(top, importer.folder, importer.owner):
            return  # the standard library, or what is installed
        if names:
            self._follow_from(importer, module, names)
        else:
            self._follow_import(importer, module)

    def _follow_import(self, importer: Importer, clause: str) -> None:
        """Follow `import a.b` or `import a.b as c`."""
        number, folder, owner, edges = importer
        dotted, _, bound = clause.partition(" as ")
        files, length, is_undeclared = self._resolver.find(dotted, folder, owner)
        if is_undeclared:
            self._note_undeclared(number, dotted)
        edges.update(files)
        if (number, bound) in self._lazy.reexported and length == depth_of(dotted):
            edges.update(self._attributes.nodes(self._lazy.among(files), EVERY_NAME))
        if not self._lazy.parts.isdisjoint(dotted.split(".")):
            binding = ModuleBinding(number, bound or dotted, dotted, folder, owner)
            self._uses.bindings.append(binding)

    def _follow_from(self, importer: Importer, module: str, names: Iterable[str]) -> None:
        """Follow `from module import x, y as z`."""
        files, length, is_undeclared = self._resolver.find(module, importer.folder, importer.owner)
        if is_undeclared:
            self._note_undeclared(importer.file, module)
        importer.edges.update(files)
        if length < depth_of(module) and files:
            if not self._index.names_folder(module):  # something that the package makes up
                lazy = self._lazy.among(files)
                importer.edges.update(self._attributes.nodes(lazy, EVERY_NAME))
            files = ()
        for clause in names:
            name, _, bound = clause.partition(" as ")
            if name == "*":
                lazy = self._lazy.among(files)
                importer.edges.update(self._attributes.nodes(lazy, EVERY_NAME))
                importer.edges.update(self._modules_in(files))
            else:
                self._follow_name(importer, module, files, name, bound or name)

    def _follow_name(
        self, importer: Importer, module: str, files: tuple[int, ...], name: str, bound: str
    ) -> None:
        """Follow one name of `from module import name as bound`; `files` are the module's."""
        number, folder, owner, edges = importer
        if lazy := self._lazy.among(files):
            edges.update(self._attributes.nodes(lazy, name))
        dotted = f"{module}{'' if module.endswith('.') else '.'}{name}"
        inner, length, is_undeclared = self._resolver.find(dotted, folder, owner)
        if inner and length == depth_of(dotted):
            if is_undeclared:
                self._note_undeclared(number, dotted)
            edges.update(inner)
            if self._is_reexported(number, inner, name, bound):
                edges.update(self._attributes.nodes(self._lazy.among(inner), EVERY_NAME))
        if name in self._lazy.parts:
            self._uses.bindings.append(ModuleBinding(number, bound, dotted, folder, owner))

    def _is_reexported(self, number: int, files: Iterable[int], name: str, bound: str) -> bool:
        """Tell whether others import a module from here that is not here, or not by that name."""
        path = self._index.paths[number]
        if not path.endswith(("/__init__.py", "/__init__.pyi")):
            return (number, bound) in self._lazy.reexported
        inner = f"{posixpath.dirname(path)}/{name}"
        own = {f"{inner}{end}" for end in (".py", ".pyi", "/__init__.py", "/__init__.pyi")}
        return name != bound or own.isdisjoint(self._index.paths[n] for n in files)

    def _modules_in(self, files: Iterable[int]) -> list[int]:
        """Return a package's own modules: a star import takes those that `__all__` names."""
        found = []
        for number in init_files_of(self._index, files):
            folder = posixpath.dirname(self._index.paths[number])
            found += self._index.by_folder[folder]
            found += self._index.subpackage_inits(folder)
        return found

    def _note_undeclared(self, number: int, dotted: str) -> None:
        self.undeclared.setdefault(number, {})[dotted.partition(".")[0]] = None
