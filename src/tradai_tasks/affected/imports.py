"""Source tree -> import graph: which files a change of a file can reach.

A node is a file, not a module name. The graph says what a member's files load, directly or not;
`affected_by` walks it backwards from what has changed.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tradai_tasks.affected.cache import Cache, Links
from tradai_tasks.affected.costs import Cost, costs
from tradai_tasks.affected.extract import CONFIG_FILES, decode
from tradai_tasks.affected.extraction import all_facts
from tradai_tasks.affected.facts import Facts
from tradai_tasks.affected.links import Linker
from tradai_tasks.affected.model import Member, Snapshot
from tradai_tasks.affected.modules import ModuleIndex, is_python

__all__ = ["ImportGraph", "build_graph", "unite"]

_PLUGIN_GROUP = "pytest11"  # loaded by pytest wherever it is installed


@dataclass(frozen=True, kw_only=True)
class ImportGraph:
    """Files and what loads them, for one or both ends of a commit range."""

    members: Mapping[str, Member]
    owners: Mapping[str, str]  # file -> member
    users: Mapping[str, frozenset[str]]  # file -> files that load it
    data_users: Mapping[str, tuple[str, ...]]  # folder -> the Python files directly in it
    widened: Mapping[str, str] = field(default_factory=dict)  # member -> why
    undeclared: tuple[str, ...] = ()  # warnings, one line each

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, one line each."""
        wide = [
            f"{name} is affected by all that it can import: {why}"
            for name, why in sorted(self.widened.items())
        ]
        return (*self.undeclared, *wide)

    def owner_of(self, path: str) -> str | None:
        """Return the innermost member around a path."""
        known = self.owners.get(path)
        if known is not None or path.startswith("?"):
            return known
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._by_path:
                return self._by_path[folder]
        return self._by_path.get(".")

    @cached_property
    def _by_path(self) -> dict[str, str]:
        return {member.path: name for name, member in self.members.items()}

    def affected_by(self, changed: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the members that a change affects, each with the shortest chain that made it so.

        A chain begins with the changed path and ends with a file of the member.
        """
        changed = tuple(dict.fromkeys(changed))
        before: dict[str, str | None] = {}
        queue: deque[str] = deque()
        for path in changed:
            for start in (path, *self._readers(path)):
                if start not in before:
                    before[start] = None if start == path else path
                    queue.append(start)
        found: dict[str, tuple[str, ...]] = {}
        while queue:
            path = queue.popleft()
            owner = self.owner_of(path)
            if owner is not None and owner not in found:
                found[owner] = _chain(path, before)
            for user in sorted(self.users.get(path, ())):
                if user not in before:
                    before[user] = path
                    queue.append(user)
        self._widen(changed, found)
        return dict(sorted(found.items()))

    def accounted(self, changed: Iterable[str]) -> frozenset[str]:
        """Return the changed paths outside any member that the graph knows a user of."""
        return frozenset(
            path for path in changed if self.owner_of(path) is None and self.users.get(path)
        )

    def costs(self) -> tuple[Cost, ...]:
        """Return the files that cost the most selections, dearest first."""
        return costs(self.users, self.owner_of)

    def _readers(self, path: str) -> tuple[str, ...]:
        """Return the modules that may read a data file: those of the package folder around it."""
        if is_python(path):
            return ()
        folder = posixpath.dirname(path)
        member = self.owner_of(path)
        home = self.members[member].path if member else ""
        while folder and folder != home:
            held = self.data_users.get(folder, ())
            if any(posixpath.basename(name).startswith("__init__.") for name in held):
                return held
            folder = posixpath.dirname(folder)
        return ()

    def _widen(self, changed: Sequence[str], found: dict[str, tuple[str, ...]]) -> None:
        """A member of which it is not known what it imports is affected by its whole closure."""
        for name, why in self.widened.items():
            if name in found or name not in self.members:
                continue
            closure = self.members[name].closure
            path = next((p for p in changed if self.owner_of(p) in closure), None)
            if path is not None:
                found[name] = (path, f"{name} ({why})")


def build_graph(
    snapshot: Snapshot, members: Sequence[Member], *, cache: Cache | None = None
) -> ImportGraph:
    """Build the import graph of one snapshot.

    Args:
        snapshot: The files.
        members: The members of the workspace.
        cache: Where facts are kept between runs; None reads every file.
    """
    ordered = sorted(members, key=lambda member: member.path)
    paths = sorted(path for path in snapshot.blobs if is_python(path))
    config = sorted(p for p in snapshot.blobs if posixpath.basename(p) in CONFIG_FILES)
    by_path = all_facts(snapshot, [*paths, *config], cache)
    index = ModuleIndex(paths, ordered)
    facts = [by_path[path] for path in paths]
    _add_roots(index, facts, {path: by_path[path] for path in config})
    linker = Linker(index, facts, _texts_for_lazy(snapshot, index, facts))
    keys = [f"{path}\0{snapshot.blobs[path]}" for path in paths]
    frame = _frame(index, keys, facts, [f"{path}\0{snapshot.blobs[path]}" for path in config])
    _link(linker, keys, frame, cache)
    _add_settings(linker, index, {path: by_path[path] for path in config})
    return _graph(index, linker, facts)


def _frame(
    index: ModuleIndex, keys: Sequence[str], facts: Sequence[Facts], config: Sequence[str]
) -> str:
    """Return a digest of all that a file's edges depend on beside its own content."""
    lazy = [keys[number] for number, found in enumerate(facts) if found.lazy is not None]
    lazy += [key for key in keys if ".pyi\0" in key]
    members = [
        (m.name, m.path, m.source_roots, sorted(m.closure), m.entry_points) for m in index.members
    ]
    parts = [list(index.paths), members, lazy, sorted(config), sorted(index.more_roots.items())]
    text = repr(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()


def _link(linker: Linker, keys: Sequence[str], frame: str, cache: Cache | None) -> None:
    """Collect the edges: from the cache, as far as the files are the same."""
    stored = cache.get_links(frame) if cache else None
    known: dict[int, tuple[int, ...]] = {}
    if stored is not None:
        linker.preset(stored.asked, stored.answers)
        for number, key in enumerate(keys):
            edges = stored.edges.get(key)
            if edges is not None:
                known[number] = edges
                if key in stored.undeclared:
                    linker.undeclared[number] = dict.fromkeys(stored.undeclared[key])
    linker.link(known)
    if cache is None or len(known) == len(keys):
        return
    links = stored or Links(edges={}, asked=[], answers=[], undeclared={})
    for number, key in enumerate(keys):
        if number not in known:
            links.edges[key] = tuple(sorted(linker.edges[number]))
            if number in linker.undeclared:
                links.undeclared[key] = tuple(linker.undeclared[number])
    if len(links.edges) > 2 * len(keys):  # old versions of files do not pile up
        kept = set(keys)
        links.edges = {key: edges for key, edges in links.edges.items() if key in kept}
    links.asked = linker.asked
    first = len(keys)
    links.answers = [
        tuple(sorted(linker.edges.get(first + n, ()))) for n in range(len(links.asked))
    ]
    cache.put_links(frame, links)


def unite(first: ImportGraph, second: ImportGraph) -> ImportGraph:
    """Return the union of the graphs of both ends of a range; `first` is the head."""
    if first.users == second.users and first.widened == second.widened:
        return first
    users = {path: set(found) for path, found in first.users.items()}
    for path, found in second.users.items():
        users.setdefault(path, set()).update(found)
    members = dict(second.members)
    for name, member in first.members.items():
        old = second.members.get(name)
        closure = member.closure | (old.closure if old else frozenset())
        members[name] = Member(
            name=name,
            path=member.path,
            source_roots=member.source_roots,
            closure=closure,
            entry_points=member.entry_points,
        )
    return ImportGraph(
        members=members,
        owners={**second.owners, **first.owners},
        users={path: frozenset(found) for path, found in users.items()},
        data_users={**second.data_users, **first.data_users},
        widened={**second.widened, **first.widened},
        undeclared=first.undeclared,
    )


def _chain(path: str, before: Mapping[str, str | None]) -> tuple[str, ...]:
    chain = [path]
    while (last := before[chain[-1]]) is not None:
        chain.append(last)
    # nodes that stand for asking a lazy module are no files
    return tuple(part for part in reversed(chain) if not part.startswith("?"))


def _add_roots(index: ModuleIndex, facts: Sequence[Facts], config: Mapping[str, Facts]) -> None:
    """Find further folders on sys.path: pytest's `pythonpath`, and what code puts there."""
    roots: dict[int, set[str]] = {}
    for path, found in config.items():
        folder = posixpath.dirname(path)
        owner = index.owner_of_folder(folder)
        for text in found.paths:
            inner = posixpath.normpath(posixpath.join(folder, text))
            roots.setdefault(owner, set()).add("" if inner == "." else inner)
    movers = {index.owners[number] for number, found in enumerate(facts) if found.moves_path}
    for folder in index.by_folder:
        owner = index.owner_of_folder(folder)
        if owner in movers or -1 in movers:
            roots.setdefault(owner, set()).add(folder)
    for owner, folders in roots.items():
        index.more_roots[owner] = tuple(sorted(folders))


def _texts_for_lazy(
    snapshot: Snapshot, index: ModuleIndex, facts: Sequence[Facts]
) -> dict[int, str]:
    """Read the files that hold a lazy module under a name: what they take from it matters."""
    lazy = {name for n, f in enumerate(facts) if f.lazy for name in _names_of(index, n)}
    if not lazy:
        return {}
    tops = {name.partition(".")[0] for name in lazy}
    wanted = {}
    for number, found in enumerate(facts):
        for module, _ in found.imports:
            if module.startswith(".") or module.partition(".")[0].partition(" ")[0] in tops:
                wanted[index.paths[number]] = number
                break
    texts = snapshot.read(wanted)
    found_texts = {}
    for path, data in texts.items():
        try:
            found_texts[wanted[path]] = decode(data)
        except (LookupError, UnicodeDecodeError):
            continue  # its facts say that it is broken, and its member is widened
    return found_texts


def _names_of(index: ModuleIndex, number: int) -> list[str]:
    path = index.paths[number]
    folder = posixpath.dirname(path)
    stem = posixpath.basename(path).partition(".")[0]
    if stem == "__init__":
        return list(index.dotted_of(folder))
    return [f"{name}.{stem}" for name in index.dotted_of(folder)] or [stem]


def _add_settings(linker: Linker, index: ModuleIndex, config: Mapping[str, Facts]) -> None:
    """Plugins that pytest's settings name are loaded by every file below the settings file."""
    for path, found in config.items():
        folder = posixpath.dirname(path)
        owner = index.owner_of_folder(folder)
        targets = {n for word in found.words for n in linker.refer(word, folder, owner)}
        if not targets:
            continue
        start = f"{folder}/" if folder else ""
        for number, file in enumerate(index.paths):
            if file.startswith(start):
                linker.add(number, targets)


def _graph(index: ModuleIndex, linker: Linker, facts: Sequence[Facts]) -> ImportGraph:
    names = [*index.paths, *(f"?{n}" for n in range(len(index.paths), linker.count))]
    members = {member.name: member for member in index.members}
    users: dict[str, set[str]] = {}
    for node, targets in linker.edges.items():
        for target in targets:
            users.setdefault(names[target], set()).add(names[node])
    owners = {
        path: index.members[owner].name
        for path, owner in zip(index.paths, index.owners, strict=True)
        if owner >= 0
    }
    _add_entry_points(index, linker, users)
    widened: dict[str, str] = {}
    for number, found in enumerate(facts):
        why = found.broken or found.dynamic
        owner = index.owners[number]
        if why and owner >= 0:
            widened.setdefault(index.members[owner].name, f"{index.paths[number]}: {why}")
    return ImportGraph(
        members=members,
        owners=owners,
        users={path: frozenset(found) for path, found in users.items()},
        data_users={
            folder: tuple(index.paths[n] for n in numbers)
            for folder, numbers in index.by_folder.items()
        },
        widened=widened,
        undeclared=tuple(
            f"{index.paths[number]} imports {name}, which its package does not declare"
            for number, names_of in sorted(linker.undeclared.items())
            for name in names_of
        ),
    )


def _add_entry_points(index: ModuleIndex, linker: Linker, users: dict[str, set[str]]) -> None:
    """A member loads its own entry points, and the pytest plugins of all that it installs."""
    names = [*index.paths, *(f"?{n}" for n in range(len(index.paths), linker.count))]
    for number, member in enumerate(index.members):
        for file in linker.entry_points(member, number):
            users.setdefault(names[file], set()).add(_project_file(member))
        for file in linker.entry_points(member, number, _PLUGIN_GROUP):
            for other in index.members:
                if member.name in other.closure:
                    users.setdefault(names[file], set()).add(_project_file(other))


def _project_file(member: Member) -> str:
    return f"{member.path}/pyproject.toml" if member.path != "." else "pyproject.toml"
