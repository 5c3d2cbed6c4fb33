"""Say how an edge came to be: by which rule, and where in the file it stands.

The graph keeps its edges alone, in the fewest bytes. Kind and line are found when a chain is shown,
from the facts of the file that loads, and the same whether the edges came from a cache or not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property

import msgspec
from msgspec import structs

from tradai_tasks.affected.graph.import_statements import ReadTexts
from tradai_tasks.affected.graph.linker import Linker
from tradai_tasks.affected.parse.facts import Facts, Reference
from tradai_tasks.affected.parse.line_numbers import line_of_attribute
from tradai_tasks.affected.parse.string_scanner import line_at
from tradai_tasks.affected.rules.edge_rule import (
    Links,
    WorkspaceRule,
    step_text,
)
from tradai_tasks.affected.rules.kinds.import_statement import ImportStatement

_GUESSED = ("guessed",)
BEFORE = ("before the change",)  # of an edge that only the base has


class Edge(msgspec.Struct, frozen=True):
    """One reason why a file may behave differently when another changes."""

    target: str  # the file that is loaded, or "?path:name" for a name of a lazy module
    kind: str  # the name of the rule that found it
    line: int  # in the file that loads; 0 where nothing in it names the target
    certain: bool  # whether it is certain to load the target when it runs
    steps: tuple[str, ...]  # as a chain shows it


class Version(msgspec.Struct, frozen=True):
    """The files of one end of a range, as far as its facts differ from those of the other."""

    facts: Mapping[int, Facts]
    read: ReadTexts
    notes: tuple[str, ...] = ()  # what is said of its edges
    texts: dict[int, str] = {}  # those that are read

    def text(self, number: int) -> str:
        """Return the text of a file; "" of one that cannot be decoded."""
        if number not in self.texts:
            self.texts.update(self.read([number]))
        return self.texts.get(number, "")


class EdgeTrace(msgspec.Struct, frozen=True, kw_only=True, dict=True, eq=False):
    """Finds the rules and lines of edges. All are equal: they add nothing to what a graph says."""

    linker: Linker  # the linked files
    links: Sequence[tuple[WorkspaceRule, Links]]  # what each rule of the workspace has found
    ends: Sequence[Version]  # the facts of all files, and those of files that differ at the base
    read_others: Callable[[Iterable[str]], dict[str, str]]  # reads files that are not Python
    base: EdgeTrace | None = None  # knows the edges that only the base has
    _others: dict[str, str] = {}  # the texts of files that are not Python, as far as they are read
    _known: dict[tuple[str, str], Edge | None] = {}  # what `first` has found

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is one, too."""
        return isinstance(other, EdgeTrace)

    __hash__ = None  # type: ignore[assignment]  # as for every mutable value

    @cached_property
    def named_links(self) -> list[tuple[WorkspaceRule, dict[str, dict[str, str]]]]:
        """What each rule of the workspace has found, by the names of nodes."""
        names = self.linker.names()
        return [
            (rule, {names[n] if isinstance(n, int) else n: users for n, users in found.items()})
            for rule, found in self.links
        ]

    def prepare(self, users: Collection[str]) -> None:
        """Read the files that load others in a few batches: `first` looks into them."""
        ids = self.linker.index.ids
        for end in self.ends:
            end.texts.update(end.read([ids[u] for u in users if ids.get(u, -1) in end.facts]))
        self._others.update(self.read_others([user for user in users if user not in ids]))
        if self.base is not None:
            self.base.prepare(users)

    def united(self, base: EdgeTrace) -> EdgeTrace:
        """Return a trace that also knows the edges that only the base has."""
        ends = [structs.replace(end, notes=BEFORE) for end in base.ends]
        return structs.replace(self, base=structs.replace(base, ends=ends, _known={}), _known={})

    def first(self, target: str, user: str) -> Edge | None:
        """Return the first edge between two nodes, certain ones before guesses; None for none."""
        key = (target, user)
        if key not in self._known:
            found = None
            for edge in self.edges(target, user):
                found = found or edge
                if edge.certain:
                    found = edge
                    break
            if found is None and self.base is not None:
                found = self.base.first(target, user)
            self._known[key] = found
        return self._known[key]

    def edges(self, target: str, user: str) -> Iterable[Edge]:
        """Yield all edges between two nodes, one for each rule."""
        number = self.linker.index.ids.get(user)
        for end in self.ends:
            if number is not None and number in end.facts:
                yield from self._of_file(target, number, end)
        for rule, links in self.named_links:
            text = links.get(target, {}).get(user)
            if text is not None:
                line = self.line_in(user, text) if text else 0
                yield Edge(target, rule.name, line, not rule.guessed, rule.step(user, text, line))

    def _of_file(self, target: str, number: int, end: Version) -> Iterable[Edge]:
        linker, facts, path = self.linker, end.facts[number], self.linker.index.paths[number]
        node = linker.node_of(target)
        if node is None:
            return
        is_found = False
        for rule, item in linker.trace(number, facts, target):
            is_found = True
            line = rule.line_of(item, end.text(number))
            is_guess = rule.guessed or (isinstance(item, Reference) and item.form == "package")
            shown = step_text(path, line, rule.name, *end.notes, *_GUESSED[:is_guess])
            yield Edge(target, rule.name, line, not is_guess, (shown,))
        if not is_found and linker.lazy.parts and node in linker.uses_of(number, facts, end.read):
            name = target.rpartition(":")[2] if target.startswith("?") else ""
            line = line_of_attribute(end.text(number), name) if name else 0
            shown = step_text(path, line, ImportStatement.name, *end.notes)
            yield Edge(target, ImportStatement.name, line, certain=True, steps=(shown,))

    def line_in(self, user: str, text: str) -> int:
        """Return the line of a text, or of its last part, in a file of any kind; 0 for none."""
        number = self.linker.index.ids.get(user)
        content = self._others.get(user, "") if number is None else self.ends[0].text(number)
        place = content.find(text)
        return line_at(content, place if place >= 0 else content.find(text.rpartition(".")[2]))
