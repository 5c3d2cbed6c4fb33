"""Facts of files -> edges between them: what a file loads when it is imported or run.

Nodes are numbers: first the Python files of the snapshot, then, for each name that a lazy module
(PEP 562) can be asked for, one that stands for asking.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tradai_tasks.affected.graph.edge_transfer import Held, Linked
from tradai_tasks.affected.graph.lazy_nodes import Questions
from tradai_tasks.affected.parse.facts import Facts, Import, Lazy
from tradai_tasks.affected.resolve.dotted_names import depth_of, is_around
from tradai_tasks.affected.resolve.lazy_reexports import is_collected, lazy_stub, offers, tops_of
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.resolve.script_paths import Anywhere, by_path, from_places
from tradai_tasks.affected.rules.lazy_modules import uses_of

__all__ = ["Linker", "ReadTexts"]

_WHOLE = "*"  # everything that a lazy module can load
# Returns the texts of files; one that cannot be decoded is left out.
ReadTexts = Callable[[Collection[int]], Mapping[int, str]]


class Linker:
    """Collects the edges of one snapshot."""

    def __init__(self, index: ModuleIndex, facts: Sequence[Facts]) -> None:
        """Prepare to link files.

        Args:
            index: The Python files, by name.
            facts: What each of them says, in the order of the index.
        """
        self.index = index
        self.facts = facts
        self.edges: dict[int, set[int]] = {}
        self.undeclared: dict[int, dict[str, None]] = {}  # file -> names of modules
        self._lazy = {n: f.lazy for n, f in enumerate(facts) if f.lazy is not None}
        self._stubs = {
            n
            for lazy in self._lazy
            for n in self.index.siblings(index.paths[lazy])
            if index.paths[n].endswith(".pyi") and n not in self._lazy
        }
        self._lazy |= {n: lazy_stub(facts[n]) for n in sorted(self._stubs)}
        self._tops = tops_of(index.paths[n] for n in self._lazy)
        # (file, name): modules that a file binds to a name and others take from it by that name
        self.offered = offers(index.paths, facts, self._tops)
        self._anywhere = Anywhere(index.paths)
        self._lazy_of: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.questions = Questions(len(index.paths))
        self._held: list[Held] = []  # what is still to be looked up in the texts of files

    def preset(self, asked: Iterable[tuple[int, str]], answers: Iterable[Iterable[int]]) -> None:
        """Take over what lazy modules were asked for in an earlier run, with the answers."""
        for key, targets in zip(asked, answers, strict=True):
            self.edges[self.questions.node(key)] = set(targets)
            self.questions.answer([key])

    def know(self, known: Mapping[int, Iterable[int]]) -> None:
        """Take over the edges of files that are known already."""
        self.edges.update({number: set(nodes) for number, nodes in known.items()})

    def link_files(self, numbers: Iterable[int]) -> None:
        """Collect the edges of files, those aside that only `finish` finds."""
        for number in numbers:
            self._link_file(number, self.facts[number])

    def given(self, numbers: Iterable[int], first: int) -> Linked:
        """Return what was collected of some files, to be taken by another.

        Args:
            numbers: The files.
            first: The node of the first question that the other does not have.
        """
        return Linked(
            edges={number: list(self.edges[number]) for number in numbers},
            first=first,
            asked=self.questions.asked[first - len(self.index.paths) :],
            undeclared={n: list(self.undeclared[n]) for n in numbers if n in self.undeclared},
            held=self._held,
        )

    def take(self, linked: Linked) -> None:
        """Add what another has collected."""
        nodes = [self.questions.node(question) for question in linked.asked]
        first = linked.first
        for number, found in linked.edges.items():
            self.edges[number] = {n if n < first else nodes[n - first] for n in found}
        for number, names in linked.undeclared.items():
            self.undeclared[number] = dict.fromkeys(names)
        self._held += linked.held

    def finish(self, read: ReadTexts) -> None:
        """Collect what is only in the texts of files, and answer what lazy modules are asked for.

        Args:
            read: Reads files that take names from a lazy module that they hold whole.
        """
        self._look_up(read)
        self.settle()

    def offers_the_same(self, older: Mapping[int, Facts]) -> bool:
        """Tell whether as many names are handed on where some files say something else."""
        if not self._tops:
            return True
        facts = [older.get(number, now) for number, now in enumerate(self.facts)]
        return offers(self.index.paths, facts, self._tops) == self.offered

    def link_older(self, older: Mapping[int, Facts], read: ReadTexts) -> None:
        """Add the edges of what files said before.

        Args:
            older: What they said; not what a stub or a lazy module says.
            read: As for `finish`, of the files as they were.
        """
        noted, self.undeclared = self.undeclared, {}
        for number, facts in older.items():
            self._link_file(number, facts)
        self._look_up(read)
        self.undeclared = noted  # nobody can mend the past

    def settle(self) -> None:
        """Answer what lazy modules were asked for since the last time."""
        while pending := self.questions.pending():
            for lazy, name in pending:  # answering a question may raise others
                self._answer(lazy, name)
            self.questions.answer(pending)

    def names(self) -> list[str]:
        """Return what each node is: a path, or "?path:name" for what a lazy module is asked for."""
        asked = [f"?{self.index.paths[lazy]}:{name}" for lazy, name in self.questions.asked]
        return [*self.index.paths, *asked]

    def add(self, node: int, targets: Iterable[int]) -> None:
        """Add edges from a node."""
        found = self.edges.setdefault(node, set())
        found.update(targets)
        found.discard(node)

    def _link_file(self, number: int, facts: Facts) -> None:
        path = self.index.paths[number]
        folder = path.rpartition("/")[0]
        owner = self.index.owners[number]
        found = self.edges.setdefault(number, set())
        found.update(self.index.parents(path), self.index.siblings(path))
        if is_collected(path):
            found.update(self.index.around_test(folder))
        # the stub of a lazy module is read name by name too, whatever it imports at once
        for statement in () if number in self._stubs else facts.imports:
            self._import(found, number, statement, folder, owner)
        for text in (*facts.strings, *facts.words):
            found.update(self.refer(text, folder, owner))
        for prefix in facts.subtrees:
            found.update(self.index.below(prefix, folder, owner))
        for text in facts.paths:
            found.update(by_path(self.index, text, folder))
            if facts.runs_folders:
                found.update(self.index.under(self.index.folders_named(text, folder)))
        found.discard(number)
        if facts.is_placed:
            found.update(from_places(self.index, found, facts.paths, folder))
        for group in facts.groups:
            found.update(self._group(group, folder, owner))
        found.discard(number)

    def conftests(self, folder: str) -> list[int]:
        """Return every conftest.py from a folder up to the root of the workspace."""
        return [
            n for n in self.index.around_test(folder) if self.index.paths[n].endswith("conftest.py")
        ]

    def _find(self, dotted: str, folder: str, owner: int) -> tuple[tuple[int, ...], int, bool]:
        if dotted.startswith("."):
            found = self.index.relative(dotted, folder, owner)
        else:
            found = self.index.find(dotted, folder, owner)
        if self.index.extenders and 0 < found[1] < depth_of(dotted):
            return self._extended(dotted, owner, found)
        return found

    def _extended(
        self, dotted: str, owner: int, found: tuple[tuple[int, ...], int, bool]
    ) -> tuple[tuple[int, ...], int, bool]:
        """Look for the rest of a name anywhere, where the __path__ of its package is changed."""
        owners = {owner, *(self.index.owners[number] for number in found[0])}
        if not owners & self.index.extenders:
            return found
        rest = ".".join(dotted.strip(".").split(".")[found[1] :])
        more = self._anywhere.find(rest)
        return (*found[0], *more), depth_of(dotted) if more else found[1], found[2]

    def _import(
        self, found: set[int], number: int, statement: Import, folder: str, owner: int
    ) -> None:
        module, names = statement
        top = module.partition(" ")[0].partition(".")[0]
        if top and not self.index.finds_top(top, folder, owner):
            return  # the standard library, or what is installed
        if not names:
            dotted, _, bound = module.partition(" as ")
            files, length, undeclared = self._find(dotted, folder, owner)
            if undeclared:
                self._note(number, dotted)
            found.update(files)
            if (number, bound) in self.offered and length == depth_of(dotted):
                found.update(self.questions.ask(self._lazy_in(files), _WHOLE))
            if not self._tops.isdisjoint(dotted.split(".")):
                self._held.append(Held(number, bound or dotted, dotted, folder, owner))
            return
        files, length, undeclared = self._find(module, folder, owner)
        if undeclared:
            self._note(number, module)
        found.update(files)
        if length < depth_of(module) and files:
            if module not in self.index.namespaces:  # something that the package makes up
                found.update(self.questions.ask(self._lazy_in(files), _WHOLE))
            files = ()
        for clause in names:
            name, _, bound = clause.partition(" as ")
            self._take(found, number, module, name, bound or name, files, folder, owner)

    def _take(  # noqa: PLR0913, PLR0917 - the parts of one clause
        self,
        found: set[int],
        number: int,
        module: str,
        name: str,
        bound: str,
        files: tuple[int, ...],
        folder: str,
        owner: int,
    ) -> None:
        """Follow one name of `from module import name`."""
        if name == "*":
            found.update(self.questions.ask(self._lazy_in(files), _WHOLE))
            found.update(self._children(files))
            return
        if lazy := self._lazy_in(files):
            found.update(self.questions.ask(lazy, name))
        dotted = f"{module}{'' if module.endswith('.') else '.'}{name}"
        inner, length, undeclared = self._find(dotted, folder, owner)
        if inner and length == depth_of(dotted):
            if undeclared:
                self._note(number, dotted)
            found.update(inner)
            if self._is_handed_on(number, inner, name, bound):
                found.update(self.questions.ask(self._lazy_in(inner), _WHOLE))
        if name in self._tops:
            self._held.append(Held(number, bound, dotted, folder, owner))

    def _is_handed_on(self, number: int, files: Iterable[int], name: str, bound: str) -> bool:
        """Tell whether others take a module from here: where it is not, or under another name."""
        path = self.index.paths[number]
        if not path.endswith(("/__init__.py", "/__init__.pyi")):
            return (number, bound) in self.offered
        inner = f"{posixpath.dirname(path)}/{name}"
        own = {f"{inner}{end}" for end in (".py", ".pyi", "/__init__.py", "/__init__.pyi")}
        return name != bound or own.isdisjoint(self.index.paths[n] for n in files)

    def _children(self, files: Iterable[int]) -> list[int]:
        """Return a package's own modules: a star import takes those that `__all__` names."""
        found = []
        for number in self._inits(files):
            folder = posixpath.dirname(self.index.paths[number])
            found += self.index.by_folder[folder]
            found += self.index.packages_in(folder)
        return found

    def _note(self, number: int, dotted: str) -> None:
        self.undeclared.setdefault(number, {})[dotted.partition(".")[0]] = None

    def _lazy_in(self, files: tuple[int, ...]) -> tuple[int, ...]:
        """Return the lazy modules among the files of a name, without the packages around it."""
        known = self._lazy_of.get(files)
        if known is None:
            paths = [self.index.paths[number] for number in files]
            found = [number for number in files if number in self._lazy]
            known = tuple(n for n in found if not is_around(self.index.paths[n], paths))
            self._lazy_of[files] = known
        return known

    def _look_up(self, read: ReadTexts) -> None:
        """Follow what files take from the modules that they hold under a name."""
        texts = read({held.number for held in self._held})
        for number, bound, dotted, folder, owner in self._held:
            name, base = bound, dotted
            if "." in name and name == dotted and not dotted.startswith("."):
                # `import a.b` binds `a`: what is taken from `a` counts too
                name = base = name.partition(".")[0]
            text = texts.get(number)
            for chain in {()} if text is None else uses_of(text, name):
                self._follow_chain(number, base, chain, folder, owner)
        self._held.clear()

    def _follow_chain(
        self, number: int, dotted: str, chain: tuple[str, ...], folder: str, owner: int
    ) -> None:
        files, _, _ = self._find(dotted, folder, owner)
        for part in chain:
            self.add(number, self.questions.ask(self._lazy_in(files), part))
            further = f"{dotted}{'' if dotted.endswith('.') else '.'}{part}"
            inner, length, _ = self._find(further, folder, owner)
            is_module = bool(inner) and length == depth_of(further)
            if not is_module and further not in self.index.namespaces:
                return
            files, dotted = inner if is_module else (), further
            self.add(number, files)
        self.add(number, self.questions.ask(self._lazy_in(files), _WHOLE))
        if not chain:  # handed on as a whole, with the lazy modules in it
            folders = [posixpath.dirname(self.index.paths[n]) for n in self._inits(files)]
            below = [
                n for n in self._lazy for f in folders if self.index.paths[n].startswith(f"{f}/")
            ]
            self.add(number, self.questions.ask(below, _WHOLE))

    def _inits(self, files: Iterable[int]) -> list[int]:
        """Return the `__init__` files of the package that a name is, if it is one."""
        paths = {number: self.index.paths[number] for number in files}
        inits = [n for n, path in paths.items() if posixpath.basename(path).startswith("__init__.")]
        return [n for n in inits if not is_around(paths[n], paths.values())]

    def refer(self, text: str, folder: str, owner: int) -> set[int]:
        """Return what a string that may name a module, or something in one, leads to."""
        dotted, _, attribute = text.partition(":")
        files, length, _ = self._find(dotted, folder, owner)
        if not files:
            return set()
        found = set(files)
        parts = dotted.strip(".").split(".") if dotted.strip(".") else []
        lazy = self._lazy_in(files)
        if lazy:
            rest = parts[length:] or ([attribute.partition(".")[0]] if attribute else [])
            found.update(self.questions.ask(lazy, rest[0] if rest else _WHOLE))
        return found

    def _answer(self, number: int, name: str) -> None:
        """Add what a lazy module loads when it is asked for a name."""
        lazy: Lazy = self._lazy[number]
        node = self.questions.node((number, name))
        path = self.index.paths[number]
        folder, owner = posixpath.dirname(path), self.index.owners[number]
        references: Iterable[str]
        if name == _WHOLE:
            references = {r for refs in lazy.symbols.values() for r in refs} | set(lazy.others)
        elif lazy.symbols.get(name):
            references = lazy.symbols[name]
        elif name in lazy.defined:
            references = ()
        else:  # a name that is only listed comes from wherever the names come from
            references = lazy.others
        self.add(node, [number])
        for reference in references:
            self.add(node, self.refer(reference, folder, owner))
            if not reference.startswith("."):  # the table of a class that puts the dot before it
                dotted = reference.partition(":")[0]
                files, length, _ = self._find(f".{dotted}", folder, owner)
                self.add(node, files if length == depth_of(dotted) else ())

    def _group(self, group: str, folder: str, owner: int) -> set[int]:
        """Return what the entry points of a group lead to, of every member."""
        return {
            file
            for member in self.index.members
            for name, target in member.entry_points
            if group in {"*", name}
            for file in self.refer(target.partition("[")[0].strip(), folder, owner)
        }

    def entry_points(self, member: Member, number: int, group: str | None = None) -> set[int]:
        """Return what a member's own entry points lead to, seen from its folder.

        Args:
            member: The member.
            number: Its place among the members.
            group: Only those of one group.
        """
        folder = "" if member.path == "." else member.path
        return {
            file
            for name, target in member.entry_points
            if group in {None, name}
            for file in self.refer(target.partition("[")[0].strip(), folder, number)
        }
