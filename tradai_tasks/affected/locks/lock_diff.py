"""Compare two versions of uv.lock: which members have a changed resolved closure, and why.

Lock files are compared as data: an entry that is only formatted differently has not changed. From
the changed nodes, the graphs of both versions are walked back to the members that reach them. That
is exact: up to the first changed node on a path, both graphs are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from tradai_tasks.affected.locks.tool_settings_diff import sessions_that_read
from tradai_tasks.affected.resolve.reachability import reached, walk
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.workspace.locks.lock_graph import LockGraph, Node, Part, canonical, parse_lock
from tradai_tasks.workspace.locks.locked_tools import DEFAULT_TOOLS

# Keys of the head whose effect the entries of packages show (uv's settings of the resolution).
_SEEN_IN_ENTRIES = frozenset(
    {"conflicts", "manifest", "options", "required-markers", "requires-python"}
    | {"resolution-markers", "supported-markers"}
)
# Distributions that sessions install in the locked version whoever needs them.
_TOOL_SESSIONS = {name: sessions_that_read(name) or () for name in ("pytest", *DEFAULT_TOOLS)}
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


class LockChange(msgspec.Struct, frozen=True, kw_only=True):
    """Members that a change of a lock file affects, each with the shortest chain as reason."""

    everything: str | None = None  # why all of them
    members: Mapping[str, str] = {}  # name -> reason, sorted by name
    sessions: Mapping[str, str] = {}  # session that installs the root's groups -> reason


class RootGroups(msgspec.Struct, frozen=True, kw_only=True):
    """Who installs the dependency groups and extras of the workspace root."""

    members: Mapping[str, Collection[str]] = {}  # group -> members that install it as well
    sessions: Mapping[str, Collection[str]] = {}  # group -> sessions for all packages
    unknown: str | None = None  # why it cannot be known; then a changed group affects everything


def compare_locks(
    before: bytes | None,
    after: bytes | None,
    *,
    file: str = "uv.lock",
    members: Collection[str] = (),
    root_groups: RootGroups | None = None,
) -> LockChange:
    """Find the members that a change of a lock file affects.

    A member is affected when what is installed for it changes: a package in its resolved closure,
    with all its extras and groups (version, source, hashes of files), an edge in that closure
    (extras and markers too), or the member's own entry. The head of the file (markers, options,
    the list of members) counts by what it changes in the entries.

    Args:
        before: The file at the base; None where there is none.
        after: The file at the head, likewise.
        file: Its path, for messages.
        members: Names of the members that the work tree has; one that neither lock knows is
            affected. For a lock of a single project, that project.
        root_groups: Who installs groups and extras of the workspace root. None where that is not
            known, so that a change of one affects everything.

    Raises:
        BrokenTomlError: The file at the head is broken.
    """
    if before == after:
        return LockChange()
    if after is None:
        return LockChange(everything=f"{file} was removed")
    new = parse_lock(after, file)
    if before is None:
        return LockChange(everything=f"{file} is new")
    try:
        old = parse_lock(before, f"{file} at the base")
    except BrokenTomlError as error:
        return LockChange(everything=f"{error}")
    for key in sorted({*old.head, *new.head} - _SEEN_IN_ENTRIES):
        if old.head.get(key) != new.head.get(key):
            return LockChange(everything=f"{file}: {key} changed")
    if _build_constraints(old) != _build_constraints(new):  # entries do not show what builds
        return LockChange(everything=f"{file}: build constraints changed")
    return _LockComparison(
        old, new, file, root_groups or RootGroups(unknown="serves every session")
    ).result(members)


def _build_constraints(lock: LockGraph) -> Any:
    return json.loads(lock.head["manifest"]).get("build-constraints")


class _LockComparison:
    """Two lock files that can be compared node by node."""

    def __init__(self, old: LockGraph, new: LockGraph, file: str, root_groups: RootGroups) -> None:
        self.old = old
        self.new = new
        self.file = file
        self.members = old.members | new.members
        self.root_groups = root_groups
        self.users = _users(old, new)

    def result(self, members: Collection[str]) -> LockChange:
        changed = sorted(
            node for node in {*self.old.nodes, *self.new.nodes} if not self._is_same(node)
        )
        came_from = dict(walk(changed, lambda node: sorted(self.users.get(node, ()))))
        unreached = self._unreached(changed)
        if unreached is not None:
            return LockChange(
                everything=f"{self.file}: {self._label(unreached)}, which no member reaches"
            )
        reasons: dict[str, str] = {}
        sessions: dict[str, str] = {}
        for node in changed:
            for session in _TOOL_SESSIONS.get(node.package, ()):
                sessions.setdefault(session, self._label(node))
        for node in came_from:  # nearest first
            if self._is_of_root(node):
                reason = self._chain(node, came_from).removesuffix(f" <- {node.package}")
                if self.root_groups.unknown:
                    return LockChange(everything=f"{reason}, which {self.root_groups.unknown}")
                for user in _named(self.root_groups.members, node):
                    reasons.setdefault(user, f"{reason} <- {user}")
                for session in _named(self.root_groups.sessions, node):
                    sessions.setdefault(session, reason)
            if node.package in self.members and node.part.kind != "entry":
                reasons.setdefault(node.package, self._chain(node, came_from))
        for node in changed:  # the member's entry says least, so it comes last
            if node.part.kind == "entry":
                reasons.setdefault(node.package, self._chain(node, came_from))
        for name in sorted(set(members) - self.members):
            reasons.setdefault(name, f"{self.file} has no entry for {name}")
        return LockChange(
            members={name: reasons[name] for name in sorted(reasons)},
            sessions=dict(sorted(sessions.items())),
        )

    def _is_same(self, node: Node) -> bool:
        before, after = self.old.nodes.get(node), self.new.nodes.get(node)
        return before is not None and after is not None and before.equals(after)

    def _unreached(self, changed: Iterable[Node]) -> Node | None:
        """Return a changed node that no member and no group reaches, if there is one."""
        both = (self.old, self.new)
        start = {
            node
            for graph in both
            for node in graph.nodes
            if node.package in self.members or not node.package
        }
        seen = reached(start, lambda node: (n for graph in both for n in graph.edges.get(node, ())))
        return next((node for node in changed if node not in seen), None)

    def _is_of_root(self, node: Node) -> bool:
        """Tell whether a node is a group or an extra of the root of a workspace of several."""
        if not node.package:
            return True
        is_root = node.package in {self.old.root, self.new.root}
        return is_root and len(self.members) > 1 and node.part.kind in {"group", "extra"}

    def _chain(self, node: Node, came_from: Mapping[Node, Node | None]) -> str:
        steps: list[Node] = []
        step: Node | None = node
        while step is not None:
            steps.append(step)
            step = came_from[step]
        names = [self._label(steps[-1])]
        for user in reversed(steps[:-1]):
            shown = _shown(user, self.members)
            if shown != names[-1] and not (len(names) == 1 and user.package == steps[-1].package):
                names.append(shown)
        if node.package and node.package not in names and node.package != steps[-1].package:
            names.append(node.package)
        return " <- ".join(names)

    def _label(self, node: Node) -> str:
        """Describe the change of a node."""
        name, shown = node.package, _shown(node, self.members)
        old, new = self.old.nodes.get(node), self.new.nodes.get(node)
        if node.part.kind == "entry":
            return f"{name}: its entry in {self.file} changed"
        if name in self.members or not name:
            moved = _edge_changes(old.needed if old else [], new.needed if new else [])
            return f"{shown}: dependencies in {self.file} changed{moved}"
        before, after = self.old.versions.get(name, ()), self.new.versions.get(name, ())
        if before != after:
            if not before:
                return f"{name} {', '.join(after)} added"
            if not after:
                return f"{name} {', '.join(before)} removed"
            return f"{name} {', '.join(before)} -> {', '.join(after)}"
        label = f"{shown} {node.version}".rstrip()
        if old is None or new is None:
            return f"{label}: {'extra' if node.part.kind == 'extra' else 'source'} changed"
        moved = _edge_changes(old.needed, new.needed)
        return f"{label}: dependencies changed{moved}" if moved else f"{label}: files changed"


def _named(users: Mapping[str, Collection[str]], node: Node) -> list[str]:
    """Return the users of a group or an extra, whose name the lock has in canonical form."""
    return [
        user
        for name, found in users.items()
        if canonicalize_name(name) == node.part.name
        for user in found
    ]


def _edge_changes(old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]) -> str:
    """Return which edges differ: " (+added, -removed, changed)"; "" where none does."""
    before, after = {canonical(edge) for edge in old}, {canonical(edge) for edge in new}
    removed = {json.loads(text)["name"] for text in before - after}
    added = {json.loads(text)["name"] for text in after - before}
    kept = {json.loads(text)["name"] for text in before & after}
    labels = {
        name: name if name in kept or (name in removed and name in added) else f"{sign}{name}"
        for sign, names in (("-", removed), ("+", added))
        for name in names
    }
    return f" ({', '.join(labels[name] for name in sorted(labels))})" if labels else ""


def _shown(node: Node, members: Collection[str]) -> str:
    """Return the name of a node in a chain."""
    kind, name = node.part
    if not node.package:
        return f"the root's group {name}"
    if kind == "extra":
        return f"{node.package}[{name}]"
    if kind == "group" and node.package in members:
        return f"{node.package}:{name}"
    return node.package


def member_closures(lock: LockGraph) -> dict[str, frozenset[str]]:
    """Return the members that each member can import: itself and those it reaches in the lock.

    All extras and groups of the member count. So does what it declares, even if nothing was
    resolved for it, as under a marker that never holds.
    """
    found = {name: {node.package for node in seen} for name, seen in _reached(lock).items()}
    return {name: frozenset({name, *found[name] & lock.members}) for name in sorted(found)}


def third_party_members(lock: LockGraph) -> dict[str, dict[str, str]]:
    """Return for each member the others that it reaches through a third-party dependency.

    Each comes with the third party that needs it: the first by name.
    """
    return {
        name: {
            target.package: node.package
            for node in sorted(seen, reverse=True)
            if node.package and node.package not in lock.members
            for target in lock.edges.get(node, ())
            if target.package in lock.members
        }
        for name, seen in _reached(lock).items()
    }


def _reached(lock: LockGraph) -> dict[str, set[Node]]:
    """Return the nodes that each member reaches, as far as they lead to members."""
    users = _users(lock)
    parts: dict[str, list[Node]] = {name: [] for name in lock.members}
    for node in lock.nodes:
        if node.package in parts:
            parts[node.package].append(node)
    # few nodes of third parties are among these
    reaching = reached(chain.from_iterable(parts.values()), lambda node: users.get(node, ()))
    needed = {node: [n for n in lock.edges.get(node, ()) if n in reaching] for node in reaching}
    return {
        name: reached(
            [
                *parts[name],
                *(
                    node
                    for declared in lock.declared.get(name, frozenset()) & lock.members
                    for node in parts[declared]
                    if node.part == Part("base")
                ),
            ],
            needed.__getitem__,
        )
        for name in lock.members
    }


def _users(*graphs: LockGraph) -> dict[Node, set[Node]]:
    """Return for each node the nodes that have an edge to it."""
    users: dict[Node, set[Node]] = {}
    for graph in graphs:
        for node, needed in graph.edges.items():
            for target in needed:
                users.setdefault(target, set()).add(node)
    return users


def declared_closures(dependencies: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Return the members that each member can import where there is no lock, itself included.

    Args:
        dependencies: Member -> its requirements as pyproject.toml writes them, of all extras and
            groups; those that name no member are passed over.
    """
    names: dict[str, str] = {canonicalize_name(member): member for member in dependencies}
    direct = {
        member: {names[name] for text in needed if (name := requirement_name(text)) in names}
        for member, needed in dependencies.items()
    }
    return {member: frozenset(reached([member], direct.__getitem__)) for member in sorted(direct)}


def requirement_name(text: str) -> str:
    """Return the name that a requirement begins with; the rest of it does not matter here."""
    found = _REQUIREMENT.match(text)
    return canonicalize_name(found[1]) if found else ""
