"""The import graph and the walk over it: who is affected by a change, and by which chain."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import pairwise

import msgspec

from tradai_tasks.affected.graph.edge_trace import EdgeTrace
from tradai_tasks.affected.graph.split_costs import Cost, costs
from tradai_tasks.affected.parse.dotted_names import folders_around
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.reachability import walk
from tradai_tasks.affected.rules.edge_rule import step_text
from tradai_tasks.affected.rules.kinds.named_in_text import EXAMPLES
from tradai_tasks.affected.rules.path_facts import SOURCES

# Folders beside an import package that are not installed with it.
_UNINSTALLED = frozenset({"benchmarks", "docs", "examples", "samples", "scripts", "test", "tests"})


class ImportGraph(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Files and what loads them, for one or both ends of a commit range."""

    members: Mapping[str, Member]
    owners: Mapping[str, str]  # file -> member
    # file, or folder with a slash at its end -> files that load it, or name it by its path
    users: Mapping[str, frozenset[str]]
    data_users: Mapping[str, tuple[str, ...]]  # folder -> the Python files directly in it
    dynamic: Mapping[str, str] = {}  # file that may load anything -> why
    # of those, the files of which it is their callers who tell what they load
    passed: frozenset[str] = frozenset()
    # file -> modules that it imports and its package does not declare
    undeclared: Mapping[str, tuple[str, ...]] = {}
    trace: EdgeTrace | None = None  # how the edges came to be
    read_only: frozenset[str] = frozenset()  # files that affect nothing but what names them

    @cached_property
    def widened(self) -> dict[str, str]:
        """Members that are affected by their whole closure, each with the reason."""
        found: dict[str, str] = {}
        for path, why in sorted(self.dynamic.items()):
            owner = self.owner_of(path)
            if owner is not None:
                found.setdefault(owner, f"{path}: {why}")
        return found

    @cached_property
    def _loaders(self) -> dict[str, tuple[str, ...]]:
        """Member -> the files that may load anything of it, for all that can be told."""
        found: dict[str, tuple[str, ...]] = {}
        for path in sorted(self.dynamic):
            owner = self.members.get(self.owner_of(path) or "")
            for name in owner.closure if owner else ():
                found[name] = (*found.get(name, ()), path)
        return found

    def warnings(self, steps: Iterable[str] | None = None) -> tuple[str, ...]:
        """Return what a user should know, one line each.

        Args:
            steps: Files of which only is spoken, as they stand in chains; all if None.
        """
        files = None if steps is None else {part for step in steps for part in _names_in(step)}
        undeclared = [
            f"{path} imports {name}, which its package does not declare"
            for path, names in self.undeclared.items()
            if files is None or path in files
            for name in names
        ]
        wide = [
            f"{name} is affected by all that it can import: {why}"
            for name, why in sorted(self.widened.items())
            if files is None or why.partition(": ")[0] in files
        ]
        return (*undeclared, *wide)

    def owner_of(self, path: str) -> str | None:
        """Return the innermost member around a path."""
        known = self.owners.get(path)
        if known is not None or path.startswith("?"):
            return known
        if path in self.read_only:
            return None
        around = folders_around(path.rpartition("/")[0])
        return next(filter(None, map(self._by_home.get, around)), None)

    @cached_property
    def _by_home(self) -> dict[str, str]:
        return {member.home: name for name, member in self.members.items()}

    def affected_by(self, changed: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the members that a change affects, each with the shortest chain of files.

        A chain begins with the changed path and ends with a file of the member.
        """
        return {
            name: tuple(path for path, _ in chain if not path.startswith("?"))
            for name, chain in self._walk(changed).items()
        }

    def reached(self, changed: Iterable[str]) -> dict[str, str | None]:
        """Return every file that a change reaches, each with the one that it loads.

        The nearest come first; the changed ones have None.
        """
        before: dict[str, str | None] = {}
        self._walk(changed, before)
        found: dict[str, str | None] = {}
        for path, target in before.items():
            last = target
            while last is not None and last.startswith("?"):  # it stands for a question, no file
                last = before[last]
            if not path.startswith("?"):
                found[path] = last
        return found

    def reasons(self, changed: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the members that a change affects, each with its chain as it is shown.

        Each step names the file that loads the one before, with the line and the kind of the edge:
        `a.py`, `b.py:3 (import)`. Where it cannot be told what a file loads, that is the reason.
        """
        found = {}
        chains = self._walk(changed)
        if self.trace:
            nodes = {node for chain in chains.values() for node, why in chain[1:] if not why}
            self.trace.prepare({node for node in nodes if not node.startswith("?")})
        for name, chain in chains.items():
            steps = [chain[0][0]]
            for (target, _), (user, why) in pairwise(chain):
                if not user.startswith("?"):  # what stands for asking a lazy module is no file
                    steps += (_unknown_step(user, why),) if why else self._steps(target, user)
            found[name] = tuple(steps)
        return found

    def _steps(self, target: str, user: str) -> tuple[str, ...]:
        edge = self.trace.first(target, user) if self.trace else None
        if edge is not None:
            return edge.steps
        if user.endswith(EXAMPLES):
            return (user,)
        line = self.trace.line_in(user, posixpath.basename(target)) if self.trace else 0
        if line:
            return (step_text(user, line, "path", "guessed"),)
        return (step_text(user, 0, "package data"),)

    def _walk(
        self, changed: Iterable[str], before: dict[str, str | None] | None = None
    ) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return member -> its chain: of each node the name, and why it may load anything.

        `before` gets the predecessor of each file.
        """
        before = {} if before is None else before
        before.update(dict.fromkeys(changed))
        found: dict[str, tuple[tuple[str, str], ...]] = {}
        outside = self.accounted([*before])  # modules that any member may come to load
        notes: dict[str, str] = {}
        queue = deque(before)
        while queue:
            path = queue.popleft()
            owner = self.owner_of(path)
            if owner is not None and owner not in found:
                found[owner] = _chain(path, before, notes)
            if before[path] is not None and posixpath.basename(path) == "pyproject.toml":
                continue  # it stands for its member, whose project file has not changed
            users = self.users.get(path, frozenset()).union(self._readers(path)).difference(before)
            for user in sorted(users, key=_questions_last):
                before[user] = path
                # what stands for asking a lazy module is no file: it adds nothing to a chain
                (queue.appendleft if user.startswith("?") else queue.append)(user)
            for user in self._loaders_of(path, owner, outside):
                if user in before:
                    continue
                if user in self.passed:  # its member is affected, not all that load it
                    named = self.owner_of(user)
                    if named is not None and named not in found:
                        said = {**notes, user: self.dynamic[user]}
                        found[named] = _chain(user, {**before, user: path}, said)
                    continue
                notes[user] = self.dynamic[user]
                before[user] = path
                queue.append(user)
        return dict(sorted(found.items()))

    def _loaders_of(self, path: str, owner: str | None, outside: frozenset[str]) -> Iterable[str]:
        """Return the files that may load a file for all that can be told: by name, if it has one.

        What no source root holds, or lies in a folder of tests, has none outside its own member.
        """
        if not is_python(path):
            return ()
        if path in outside:
            return self.dynamic
        if owner is None:
            return ()
        loaders = self._loaders.get(owner, ())
        for root in self.members[owner].source_roots if loaders else ():
            start = "" if root in {"", "."} else f"{root}/"
            if path.startswith(start) and path[len(start) :].partition("/")[0] not in _UNINSTALLED:
                return loaders
        return tuple(loader for loader in loaders if self.owner_of(loader) == owner)

    def accounted(self, changed: Iterable[str]) -> frozenset[str]:
        """Return the changed paths outside any member that some member loads."""
        return frozenset(
            path
            for path in changed
            if self.owner_of(path) is None
            and any(self.owner_of(user) is not None for user, _ in self.walk_users(path))
        )

    def walk_users(self, path: str) -> Iterator[tuple[str, str | None]]:
        """Yield a file and what loads it, directly or not, each with what it loads of these."""
        return walk([path], lambda node: self.users.get(node, ()))

    def costs(self) -> tuple[Cost, ...]:
        """Return the files that cost the most selections, dearest first."""
        users: dict[str, AbstractSet[str]] = {
            path: found for path, found in self.users.items() if not path.endswith(("/", SOURCES))
        }
        # what may load anything is loaded by a node for all files that the same ones may load
        nodes: dict[frozenset[str], str] = {}
        for path, owner in self.owners.items() if self.dynamic else ():
            loaders = frozenset(
                self._project_of(user) if user in self.passed else user
                for user in self._loaders_of(path, owner, frozenset())
            )
            if loaders:
                node = nodes.setdefault(loaders, f"?any {len(nodes)}")
                users[path] = users.get(path, frozenset()) | {node}
        users.update((node, loaders) for loaders, node in nodes.items())
        return costs(users, self.owner_of)

    def _project_of(self, path: str) -> str:
        """Return a path that stands for a file's member alone, and that nothing loads."""
        owner = self.owner_of(path)
        return f"{self.members[owner].path}/pyproject.toml" if owner else path

    def _readers(self, path: str) -> tuple[str, ...]:
        """Return the files that may read a data file: modules up to the package folder around it.

        And those that name a folder around it, by a path that leads out of their own member.
        """
        if path.startswith("?") or path.endswith(EXAMPLES) or path in self.read_only:
            return ()
        folder = path.rpartition("/")[0]
        if is_python(path):
            return self._named_above(folder, SOURCES)
        member = self.owner_of(path)
        home = self.members[member].path if member else ""
        found = [*self._named_above(folder, "")]
        while folder and folder != home:
            held = self.data_users.get(folder, ())
            found += held
            if any(posixpath.basename(name).startswith("__init__.") for name in held):
                break
            folder = posixpath.dirname(folder)
        return tuple(found)

    def _named_above(self, folder: str, what: str) -> tuple[str, ...]:
        """Return the files that name a folder or one around it, or what is in these."""
        key = f"{folder}/{what}"
        if key not in self._named:
            around = self._named_above(folder.rpartition("/")[0], what) if folder else ()
            self._named[key] = (*self.users.get(key, ()), *around) if folder else ()
        return self._named[key]

    @cached_property
    def _named(self) -> dict[str, tuple[str, ...]]:
        return {}


def unite(first: ImportGraph, second: ImportGraph) -> ImportGraph:
    """Return the union of the graphs of both ends of a range; `first` is the head."""
    if first == second:
        return first
    users = {path: set(found) for path, found in first.users.items()}
    for path, found in second.users.items():
        users.setdefault(path, set()).update(found)
    members = dict(second.members)
    for name, member in first.members.items():
        old = second.members.get(name)
        closure = member.closure | (old.closure if old else frozenset())
        members[name] = msgspec.structs.replace(member, closure=closure)
    return ImportGraph(
        members=members,
        owners={**second.owners, **first.owners},
        users={path: frozenset(found) for path, found in users.items()},
        data_users={
            folder: tuple(
                sorted({*first.data_users.get(folder, ()), *second.data_users.get(folder, ())})
            )
            for folder in {**first.data_users, **second.data_users}
        },
        dynamic={**second.dynamic, **first.dynamic},
        passed=frozenset(
            path
            for path in first.passed | second.passed
            if all(path in end.passed for end in (first, second) if path in end.dynamic)
        ),
        undeclared=first.undeclared,
        trace=first.trace.united(second.trace) if first.trace and second.trace else None,
    )


def _chain(
    path: str, before: Mapping[str, str | None], notes: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    chain = [path]
    while (last := before[chain[-1]]) is not None:
        chain.append(last)
    return tuple((node, notes.get(node, "")) for node in reversed(chain))


def _unknown_step(user: str, why: str) -> str:
    """Return the step of a file that may load anything: `b.py:5 (import_module() of ...)`."""
    where, colon, what = why.partition(": ")
    is_line = bool(colon) and where.startswith("line ")
    return step_text(user, int(where[5:]), what) if is_line else step_text(user, 0, why)


def _names_in(step: str) -> Iterable[str]:
    """Return what may be the file of a step, which may have a note after it."""
    return step, step.partition(" (")[0], step.partition(":")[0]


def _questions_last(path: str) -> tuple[bool, str]:
    return path.startswith("?"), path
