"""Edge rules: each finds one kind of edge, from a file to the files that it may load.

A rule of a company is a subclass of `EdgeRule`, handed to `register(edge_rules=[...])`. It says in
which files to look (`words`), what they name (`extract`) and, where that is more than a module or a
path, which files are meant (`link`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from tradai_tasks.affected.parse.facts import FORMS, Facts, Import, Reference
from tradai_tasks.affected.parse.line_numbers import line_of_string
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.source_file import SourceFile

# Node, or the path of a file that is not Python -> the paths of its users, each with the text in
# the user that names it ("" where there is none).
Links = dict[int | str, dict[str, str]]


class Place:
    """A file whose references are linked, and what finds other files as seen from there.

    Files, and attributes of lazy modules, are numbers: nodes of the graph.
    """

    def __init__(self, number: int, facts: Facts, loaded: set[int], linker: Any) -> None:
        self.number = number  # its own node
        self.facts = facts
        self.loaded = loaded  # what it loads, as far as earlier rules have found
        self.index: ModuleIndex = linker.index
        self.path = self.index.paths[number]  # POSIX, from the workspace root
        self.folder = self.path.rpartition("/")[0]
        self.owner = self.index.owners[number]  # the number of its member; -1 for none
        self._linker = linker

    @cached_property
    def folders(self) -> Iterable[str]:
        """The folders of what it loads, as far as earlier rules have found, and those it names.

        Scripts are tried in each: `Path(pkg.__file__).parent` and `cwd=ROOT / "libs" / "a"` are two
        of many forms.
        """
        paths = self.index.paths
        known = [node for node in self.loaded if node < len(paths) and node != self.number]
        found = dict.fromkeys(paths[node].rpartition("/")[0] for node in known)
        named = [one.text for one in self.facts.references if one.form == "file"]
        for text in (*self.facts.paths, *named):
            found |= dict.fromkeys(self.index.folders_named(text, self.folder))
        return found

    def find(self, reference: Reference) -> Iterable[int]:
        """Return what a reference leads to, by its form."""
        text = reference.text
        match reference.form:
            case "module":
                return self.module(text)
            case "package":
                return self.index.files_with_prefix(text, self.folder, self.owner)
            case "group":
                members = self.index.members
                found: set[int] = self._linker.resolver.entry_points(
                    members, text, self.folder, self.owner
                )
                return found
            case _:
                return self.file(text)

    def module(self, text: str) -> Iterable[int]:
        """Return what "a.b", ".b" or "a.b:attribute" leads to."""
        found: set[int] = self._linker.resolver.nodes_of(text, self.folder, self.owner)
        return found

    def statement(self, statement: Import) -> Iterable[int]:
        """Return what an import statement loads."""
        found: Iterable[int] = self._linker.follow(self, statement)
        return found

    def file(self, path: str) -> Iterable[int]:
        """Return the Python file that a path is, or those of a folder whose tests are run."""
        found = self.index.files_named(path, self.folder)
        if self.facts.runs_folders:
            found += self.index.files_below(self.index.folders_named(path, self.folder))
        return found


class EdgeRule:
    """A kind of edge. Subclasses set `name` and `summary` and override `extract`.

    Instances are used for many files, also in other processes: they hold no state of a file.
    """

    name: ClassVar[str] = ""  # shown in reasons and named in settings: "plugin-loader"
    summary: ClassVar[str] = ""  # one line for the documentation
    # Only Python files with one of these texts are looked into; empty: every file.
    words: ClassVar[frozenset[str]] = frozenset()
    guessed: ClassVar[bool] = False  # whether what is named need not be loaded
    order: ClassVar[int] = 50  # among the rules; those of one order go by name

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        """Return what a file names. It depends on the text alone: results are cached by content."""
        return ()

    def link(self, reference: Reference, place: Place) -> Iterable[int]:
        """Return the files that a reference of this rule means, as seen from its file."""
        return place.find(reference)

    def line_of(self, reference: Reference, text: str) -> int:
        """Return the line of a reference in its file's text; 0 where nothing there names it."""
        part = reference.text
        part = part.rstrip("/").rpartition("/")[2] if reference.form == "file" else part
        return reference.line or line_of_string(text, part)


def checked(found: Any, rule: EdgeRule) -> Reference:
    """Return what a rule has found, with the rule's name.

    Raises:
        TypeError: It is no reference, or one of no known form.
    """
    made: Any = found if isinstance(found, Reference) else Reference("")
    is_whole = isinstance(made.text, str) and isinstance(made.line, int)
    if is_whole and made.text and made.form in FORMS:
        return Reference(made.text, made.line, made.form, rule.name)
    raise TypeError(f"{found!r} is no Reference of a text, with a form of {', '.join(FORMS)}")


class FileRule(EdgeRule):
    """A rule of this library that links what every file's facts hold, or where the file lies."""

    def items(self, place: Place) -> Iterable[Any]:
        """Return what there is to link, item by item: references, or what `link` takes."""
        raise NotImplementedError


class WorkspaceFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What rules that look at the whole workspace are given."""

    index: ModuleIndex
    facts: Sequence[tuple[int, Facts]]  # of Python files; a file may come twice, for both ends
    config: Mapping[str, Facts]  # settings of pytest, by path
    named: Mapping[str, Sequence[Facts]]  # data files and documents, at one or both ends
    blobs: Mapping[str, str]  # the paths of all files
    nodes_of: Any  # (text, folder, owner) -> nodes, as `Place.module`
    entry_points: Any  # (members, group or "*", folder, owner) -> nodes


class WorkspaceRule(EdgeRule):
    """A rule of this library whose edges no single file shows: locks, settings, data files."""

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the edges."""
        raise NotImplementedError

    def step(self, user: str, text: str, line: int) -> tuple[str, ...]:
        """Return how an edge is shown in a chain.

        Args:
            user: The path of the file that loads.
            text: The text in it that names what it loads, or "".
            line: Where that stands; 0 where it is not known.
        """
        return (step_text(user, line, self.name, *(("guessed",) if self.guessed else ())),)


def step_text(path: str, line: int, *notes: str) -> str:
    """Return one step of a chain: `b.py:3 (import)`."""
    return f"{path}:{line} ({', '.join(notes)})" if line else f"{path} ({', '.join(notes)})"


def note(links: Links, node: int | str, users: Iterable[str], text: str = "") -> None:
    """Add the users of a node; the first text that names it is kept."""
    found = links.setdefault(node, {})
    for user in users:
        found.setdefault(user, text)
